"""The default: try the cheap solver first, then the strong one, and judge by rows left out."""

import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..hamiltonians import HAMILTONIANS, Equations, Hamiltonian, Params
from ._flat import flatten
from ._folds import make_folds, some
from ._form import error_of_linear_velocities, heavy_tail
from ._known import known_last_weights
from ._layers import (
    DEFAULT_ACTIVATION,
    equations_of,
    filled,
    name_and_layers,
    name_of,
    units_for,
)
from ._least_squares import Sampled, describe, search, solve_least_squares
from ._monitor import Monitor
from ._objective import Objective, Place
from ._options import SolverOptions, Start
from ._pool import Scored, fit_by_score, pool, score_models, worth_pooling
from ._problem import Problem
from ._quadratic_start import initial_params
from ._ridge import SLACK, RidgeFit, fit_ridge, reduce
from ._soap import solve_soap
from ._steadiness import Model, determined_beside, deviation, is_steady

# Errors are sqrt(1 - R^2) on rows left out.
# Good enough to look no further.
_GOOD = 3e-4
# Then nothing is left that more rows would average out.
_EXACT = 1e-6
# One part in five is left out, in ten of many rows, of which at most so many are looked at.
_FOLDS, _MANY_FOLDS, _MANY_ROWS, _ROWS_LEFT_OUT = 5, 10, 2000, 4000
# With few rows left out, the best of many sampled models looks better than it is, and needs a lead.
_FEW_LEFT_OUT, _LEAD = 100, 0.9
# Of fewer rows none is left out; of still fewer not even where the layers are given.
_ENOUGH_TO_LEAVE_OUT, _FEWEST_TO_LEAVE_OUT = 40, 10
# Then sampled models of many units are pooled: silu, which goes on growing beyond so few rows, and
# with units that bend more along q than along p, as most energies do. The evidence finds out: 20
# rows of a pendulum with noise, 0.10 against 0.19 without; of the double pendulum 0.66 against 0.69
# (tanh: 0.68 against 0.70).
_UNITS_FOR_FEW, _ACTIVATION_FOR_FEW = 600, "silu"
_SCALES_FOR_FEW: dict[str, tuple[float, ...]] = {"hinge": (1.2,), "pairs": (1.5,)}
_STRETCHES_FOR_FEW = (1.0, 1.5, 2.0, 3.0)
# The trained network: deeper and narrower than one would draw, after comparing at equal time.
_TRAINED_SIZES = (64, 64, 64)
_STEPS, _STEPS_BEFORE_WIDENING = 2400, 1600
# silu goes on growing beyond the data where tanh levels off. tanh leads for 300 steps, silu after
# 600 and by up to 2.6 times at the end; but tanh units are the better ones to sample and add to the
# last layer, by 3 to 5 times (two bodies).
_ACTIVATION, _ACTIVATION_TO_WIDEN = "silu", "tanh"
_BATCH = 256
# Equations for the final least squares, times the square of the unknowns.
_WORK = 1e10
# Noise: see noise. Against noise 100 units had 9 to 49 free unknowns and the error of 50 units,
# within 2 %; where they did not suffice they had 75 and more, and an error lower by 15 % at least.
_WEIGHTS_FOR_NOISE, _EQUATIONS_FOR_NOISE = (50, 100), 8000
_NO_HELP, _FREE_UNKNOWNS, _EQUATIONS_PER_UNKNOWN = 0.9, 0.6, 5.0
_LEAST_NOISE, _MOST_NOISE = 1e-3, 0.5
# Noise beside a fit of many units: see rest_is_noise. Two models that are 0.3 apart are wrong by
# about 0.3 / sqrt(2) each, which adds 2 % to the error that noise makes. (A charge in a magnetic
# field with 3 % of noise: 0.17 apart, and the same error on clean rows as after two trainings.)
_ABOUT_THE_SAME, _AGREEMENT = 1.1, 0.3
# On thin data a sampled network has to be so much better than the trained one, which is smoother.
_HANDICAP = 10.0
# No trained network has a smaller error.
_OUT_OF_REACH = 1e-7
# Forms of H, the simplest one first. The error of velocities linear in the momenta that rounding
# may leave; a form with fewer units than this is not tried.
_FORMS = ("mechanical", "separable", "natural", "mlp")
_LINEAR, _FEWEST_UNITS = 1e-6, 8
# Forms are compared after so many steps; one whose error is up to 1.3 times the smallest is taken
# if it is simpler. (Ratios to the network of everything were 0.5 to 1.1 for double pendulums and a
# system of three coordinates, 3.5 to 5 for relativistic oscillators and vortices.) It stands still
# if all steps leave more than a quarter of that error: right forms left a thirtieth.
_STEPS_TO_REHEARSE, _AS_GOOD, _STANDS_STILL = 200, 1.3, 0.25
# With an error like this a form is doubtful in any case. Three bodies that meet: 0.15 to 0.3
# against 0.09, since speeds tell the network of everything how near they are.
_LARGE = 0.1
# With a larger error of a few sampled units, more of them are not tried, nor in another form. With
# an error below this part of that of a network of everything, a form is worth a training.
_HOPELESS, _WELL_BELOW = 0.1, 0.5
# Scores, on the scale of a log likelihood. Where T is quadratic, "mechanical" led "separable" by 0
# to 5.5 in 24 noisy fits; where it is not, it was behind by 4 to 2000.
_ABOUT_THE_BEST, _CLEAR = 2.0, 10.0
# The last weights of a trained network with more units in the last layer, and the rows it takes.
_WEIGHTS_WHEN_WIDER, _ROWS_TO_WIDEN = 900, 3000
# More sampled units help where sampled units alone came below this error; they are taken if the
# error falls to this part. On thin data the ridge may cost accuracy, for the sake of what is
# beside. The gain can be large, so their activation may have a larger error in the rehearsal.
_SAMPLING_WORKS, _WORTH_WIDENING = 0.2, 0.93
_SLACK_IF_THIN, _IN_FAVOUR = 3.0, 1.2


class OutOfTime(Exception):  # noqa: N818 - it is no error
    """The deadline has passed, and there is a model."""


@dataclass
class Candidate:
    """A fitted model, its error on the rows left out, and how far simulations stray.

    The deviation is in standard deviations; see ``_steadiness``.
    """

    solver: str
    equations: Equations
    params: Params
    error: float
    deviation: float = np.nan  # where it was looked at

    @property
    def model(self) -> tuple[Equations, Params]:
        return self.equations, self.params

    @property
    def name(self) -> str:
        return name_of(self.equations.hamiltonian)


def solve_auto(problem: Problem, start: Start, monitor: Monitor, options: SolverOptions) -> None:
    """Choose between sampled least squares and SOAP; the choice is in ``options.report``.

    1. If velocities are linear in the momenta, H is of the mechanical form; see also 2 and 4.
    2. Where rows are few, or what a few sampled units leave is noise: these, several models pooled,
       of the form with the best score.
    3. Least squares on sampled layers. If its error on the rows left out is small, or models of
       other forms or widths agree so well that it is noise, that is the
       model, refitted to all rows - unless the data are thin (two sampled models agree on them and
       not beside them): then only if simulations from the data stay with the data.
    4. The form, by short trainings.
    5. SOAP, with smaller weights for the largest targets where they have a heavy tail; then, where
       sampled units work, more of them in the last layer by least squares.
    """
    if not start.hamiltonian.layers():  # nothing to sample or to train
        solve_least_squares(problem, start, monitor, options)
        monitor.solver = "least_squares"
        return
    search_ = _Search(problem, start, monitor, options)
    try:
        search_.run()
    except OutOfTime:
        search_.take_best()
    finally:
        # An interruption leaves the best so far.
        if search_.best is not None:
            best = search_.best
            monitor.start(best.equations, best.params)
            monitor.solver = best.solver


class _Search:
    """The state of one run of ``solve_auto``: the best candidate so far."""

    def __init__(self, problem: Problem, start: Start, monitor: Monitor, options: SolverOptions):
        self.problem, self.start, self.monitor, self.options = problem, start, monitor, options
        self.rng = options.rng
        many = problem.n_samples >= _MANY_ROWS
        first, *others = make_folds(problem, _MANY_FOLDS if many else _FOLDS, self.rng)
        left_out = some(first, _ROWS_LEFT_OUT, self.rng)
        is_left_out = np.zeros(problem.n_samples, dtype=bool)
        is_left_out[first if others else []] = True
        self.training = problem.subset(np.flatnonzero(~is_left_out))
        self.left_out = problem.subset(left_out)
        self.hamiltonian = start.hamiltonian
        self.few_left_out = self.left_out.n_samples < _FEW_LEFT_OUT
        self.best: Candidate | None = None
        self.sampled: list[Sampled] = []
        self.thin = self.can_widen = False
        self.velocity_error = np.inf
        self.heavy_tail = heavy_tail(problem)
        self.promising: set[str] = set()
        self.rehearsed: dict[str, float] = {}
        self.began = time.perf_counter()

    def run(self) -> None:
        enough = _FEWEST_TO_LEAVE_OUT if self.start.layers_given else _ENOUGH_TO_LEAVE_OUT
        if self.form_is_open and "mechanical" in self.names:
            self.velocity_error = error_of_linear_velocities(self.problem)
            if self.velocity_error < _LINEAR:
                self.choose_form("mechanical", "velocities are linear in the momenta")
        if self.problem.n_samples < enough:
            self.few()
            return
        if not self.start.layers_given and not self.heavy_tail and self.noise():
            return
        self.sample(_HOPELESS if self.form_is_open else np.inf)
        assert self.best is not None
        if self.form_is_open and not self.thin and _EXACT < self.best.error <= _HOPELESS:
            self.sample_forms()
        if self.thin and self.best.error < _OUT_OF_REACH and is_steady(self.best.deviation):
            self.finish_sampled(self.found, "steady beside thin data")
            return
        if not self.thin and self.best.error <= _GOOD:
            self.finish_sampled(self.found, "good enough")
            return
        if not self.thin and not self.heavy_tail and self.rest_is_noise():
            self.finish_sampled(self.found, "the rest is noise")
            return
        if self.form_is_open and not self.thin:
            self.compare_forms()
        self.train_and_compare()

    def sample(self, hopeless: float = np.inf) -> Candidate:
        """Least squares on sampled layers."""
        found = search(self.training, self.hamiltonian, self.options, 10 * _GOOD, hopeless)
        sampled = self.candidate("least_squares", found[0].equations, found[0].params)
        # With few rows, cross-validation has seen more of them than were left out here.
        by_folds = found[0].fit.error
        sampled.error = by_folds if self.few_left_out else max(sampled.error, by_folds)
        self.sampled += found
        thin = not self.is_determined(found)
        if self.best is None or (sampled.error < self.best.error and not thin):
            self.best, self.found, self.thin = sampled, found[0], thin
            self.can_widen = sampled.error < _SAMPLING_WORKS
        self.judge_and_tell(sampled, another(found), thin=thin)
        return sampled

    def rest_is_noise(self) -> bool:
        """Whether two models that were sampled differently agree far better than with the targets.

        Fitted to all rows, f and g leave f - y and g - y on the rows left out. If they were wrong,
        each in its way, f - g would be about as large. What two of another form or width have in
        common is noise, which no training lowers.
        """
        best = self.found
        others = [
            other
            for other in self.sampled
            if repr(other.equations.hamiltonian) != repr(best.equations.hamiltonian)
            and other.fit.error < _ABOUT_THE_SAME * best.fit.error
        ]
        if not others:
            return False
        other = min(others, key=lambda sampled: sampled.fit.error)
        X, y, c = self.left_out.take(slice(None))
        f, g = (
            sampled.equations.field(self.refit(self.training, sampled)[0], X)
            for sampled in (best, other)
        )
        between, left = (float(c @ (R * R) @ self.problem.scaling.w) for R in (f - g, f - y))
        self.options.tell({"disagreement of sampled models": float(np.sqrt(between / left))})
        return between < _AGREEMENT**2 * left

    def sample_forms(self) -> None:
        """The same with other forms, where a few units of a network of everything did well."""
        assert self.best is not None
        general = self.best.error
        for name in [name for name in ("separable", "natural") if name in self.names]:
            self.hamiltonian = self.named(name)
            if self.sample().error < _WELL_BELOW * general:
                self.promising.add(name)
        self.hamiltonian = self.start.hamiltonian
        if self.best.error <= _GOOD and self.best.name != name_of(self.hamiltonian):
            self.choose_form(self.best.name, "smaller error of sampled layers")

    def compare_forms(self) -> None:
        """Short trainings: the simplest form that is about as good as the best."""
        promising = (self.promising | {"natural", "mlp"}) & self.names
        names = [name for name in _FORMS if name in promising]
        rehearsed = {name: self.rehearse(self.named(name), _ACTIVATION) for name in names}
        limit = _AS_GOOD * min(rehearsed.values())
        # Half of the targets are velocities, on which the simplest form leaves at least this.
        if self.velocity_error / np.sqrt(2.0) <= limit:
            rehearsed = {
                "mechanical": self.rehearse(self.named("mechanical"), _ACTIVATION),
                **rehearsed,
            }
        simplest = next(name for name, error in rehearsed.items() if error <= limit)
        self.rehearsed = rehearsed
        self.choose_form(simplest, "as good as any after a short training", errors=rehearsed)
        self.can_widen |= simplest != "mlp"

    def train_and_compare(self) -> None:
        """SOAP, and the better one of what it finds and the sampled model."""
        assert self.best is not None
        sampled = self.best
        activation = self.activation_to_train()
        trained = self.train(activation)
        if self.is_doubtful(trained):
            curves = self.monitor.curves
            self.choose_form("mlp", "the other form leaves much")
            other = self.train(_ACTIVATION)
            if other.error < trained.error:
                trained = other
            else:
                self.monitor.curves = curves
        if self.is_better(sampled, trained):
            self.finish_sampled(self.found, *self.reason(sampled, "steady beside thin data"))
            return
        self.best = trained
        if activation_of(trained.equations) == _ACTIVATION_TO_WIDEN == activation and (
            trained.error > _GOOD
        ):
            wider = self.widen(trained)
            if wider.error < _WORTH_WIDENING * trained.error and (
                not self.thin or is_steady(wider.deviation) or wider.deviation < trained.deviation
            ):
                trained = wider
        self.finish_trained(trained, *self.reason(trained, "smoother beside thin data"))

    def activation_to_train(self) -> str:
        """That of the units to widen with, where these are worth their while."""
        start, hamiltonian = self.start, self.to_train(self.hamiltonian, _ACTIVATION_TO_WIDEN)
        if (
            not self.can_widen
            or start.layers_given
            or start.activation_given
            or self.training.n_samples <= _ROWS_TO_WIDEN
            or self.units_to_add(hamiltonian) < _FEWEST_UNITS
        ):
            return _ACTIVATION
        name = name_of(self.hamiltonian)
        other = self.rehearsed.get(name) or self.rehearse(self.hamiltonian, _ACTIVATION)
        to_widen = self.rehearse(self.hamiltonian, _ACTIVATION_TO_WIDEN)
        return _ACTIVATION_TO_WIDEN if to_widen < _IN_FAVOUR * other else _ACTIVATION

    def is_doubtful(self, trained: Candidate) -> bool:
        """Whether a form may be wrong: it stands still, or leaves a large part of the targets."""
        name = name_of(self.hamiltonian)
        if not self.start.hamiltonian_is_open or name == "mlp" or self.thin:
            return False
        rehearsed = self.rehearsed.get(name, np.inf)
        return trained.error > min(_STANDS_STILL * rehearsed, _LARGE)

    def is_better(self, sampled: Candidate, trained: Candidate) -> bool:
        """Whether a model with sampled units is the one to take."""
        if not self.thin:
            return sampled.error < trained.error * (_LEAD if self.few_left_out else 1.0)
        steady = [is_steady(candidate.deviation) for candidate in (sampled, trained)]
        if not any(steady):  # then at least one that can be simulated, and otherwise by the error
            steady = [bool(np.isfinite(one.deviation)) for one in (sampled, trained)]
        if steady[0] != steady[1]:
            return steady[0]
        return sampled.error * _HANDICAP < trained.error

    def reason(self, chosen: Candidate, if_thin: str) -> tuple[str, float]:
        """Why it was chosen, and its deviation if that is no good."""
        if not self.thin:
            return "smaller error", 0.0
        if is_steady(chosen.deviation):
            return if_thin, 0.0
        return "smaller error; none is steady beside thin data", chosen.deviation

    @property
    def form_is_open(self) -> bool:
        """Whether the form of H is an outcome, and not known yet."""
        return self.start.hamiltonian_is_open and self.hamiltonian is self.start.hamiltonian

    @property
    def names(self) -> set[str]:
        """Those that the columns admit: momenta that are angles have no quadratic energy."""
        admitted = set()
        for name in _FORMS:
            with contextlib.suppress(ValueError):
                self.named(name).declare(self.problem.n_features, self.problem.periods)
                admitted.add(name)
        return admitted

    def named(self, name: str) -> Hamiltonian:
        """One of those that have names, with the layers and the activation asked for."""
        (asked_for,) = self.start.hamiltonian.layers()
        return HAMILTONIANS[name].map_layers(
            lambda *_: (asked_for.hidden_layer_sizes, asked_for.activation)
        )

    def choose_form(self, name: str, why: str, **more: Any) -> None:
        self.hamiltonian = self.named(name)
        self.options.tell({"hamiltonian": name, "why": why, **more})

    def forms(self, n_weights: int, activation: str = DEFAULT_ACTIVATION) -> list[Hamiltonian]:
        """Those in question, with one layer of about so many last weights."""
        forms = [self.hamiltonian]
        if self.form_is_open:
            forms = [self.named(name) for name in _FORMS if name in self.names]
        units = [units_for(form, n_weights, self.problem) for form in forms]
        return [
            filled(form, (n,), activation)
            for form, n in zip(forms, units, strict=True)
            if n >= _FEWEST_UNITS or len(forms) == 1
        ]

    def few(self) -> None:
        """All rows are fitted, and sampled models pooled by their evidence."""
        problem, options = self.problem, self.options
        rows = np.arange(problem.n_samples)
        if self.start.layers_given:  # and with them the size of the result
            hamiltonian = filled(self.hamiltonian, ())
            found = score_models(problem, hamiltonian, rows, options, "evidence")[:1]
            self.take_pool(found, "too few rows to leave any out")
            return
        pools: list[list[Scored]] = []
        for form in self.forms(_UNITS_FOR_FEW, _ACTIVATION_FOR_FEW):
            if pools and options.is_out_of_time:
                break
            pools.append(
                score_models(
                    problem, form, rows, options, "evidence", _SCALES_FOR_FEW, _STRETCHES_FOR_FEW
                )
            )
        self.take_pool(worth_pooling(simplest_good(pools)), "too few rows to leave any out")

    def noise(self) -> bool:
        """Whether the rest is noise; then sampled models are pooled, and the search is over.

        Twice as many units bring nothing, and the ridge leaves few of the unknowns free: a network
        that is too small uses all of its units, one that is up against noise does not. Judged by
        all rows, with small layers, this is cheap to try: 0.05 s for a form, four where it is open.
        """
        problem, options = self.problem, self.options
        n_rows = max(_EQUATIONS_FOR_NOISE // problem.n_features, 1)
        rows = some(np.arange(problem.n_samples), n_rows, self.rng)
        few, many = _WEIGHTS_FOR_NOISE
        pools = []
        for form in self.forms(many):
            if options.is_out_of_time:
                return False
            pools.append(score_models(problem, form, rows, options, "gcv"))
        if min(models[0].fit.error for models in pools) <= _LEAST_NOISE:
            return False
        found = simplest_good(pools)
        # Where it is not noise alone, a short training has to confirm what the scores say.
        self.promising = {
            name_of(models[0].equations.hamiltonian)
            for models in pools
            if models[0].common > pools[-1][0].common + _CLEAR
        }
        best, n_weights = found[0].fit, found[0].equations.n_last
        if not (
            best.error < _MOST_NOISE
            and best.effective_unknowns < _FREE_UNKNOWNS * n_weights
            and best.effective_unknowns * _EQUATIONS_PER_UNKNOWN < best.n_equations
            and self.is_determined(found)
        ):
            return False
        form = found[0].equations.hamiltonian
        form = form.map_layers(lambda _, activation: ((units_for(form, few, problem),), activation))
        narrow = score_models(problem, form, rows, options, "gcv")
        if narrow[0].fit.error * _NO_HELP >= best.error:
            return False
        models = worth_pooling(found)
        most = int(_WORK / (n_weights**2 * problem.n_features * len(models)))
        if problem.n_samples > n_rows:
            rows = some(np.arange(problem.n_samples), most, self.rng)
            for model in models:
                fit, *_ = fit_by_score(
                    problem, model.equations, model.params, rows, options.penalty, "gcv"
                )
                model.params, model.fit = model.equations.with_last(model.params, fit.w), fit
        self.take_pool(models, "the rest is noise")
        return True

    def check_time(self) -> None:
        """Leave the search when time is over and there is a model."""
        if self.options.is_out_of_time and self.best is not None:
            raise OutOfTime

    def take_best(self) -> None:
        """The best candidate so far, as it is."""
        assert self.best is not None
        if self.best.solver == "least_squares":
            self.forget()
            self.monitor.start(*self.best.model)
            self.monitor(0.5 * self.best.error**2, flatten(self.best.params))
        self.monitor.status = "max_time"

    def take_pool(self, models: list[Scored], why: str) -> None:
        for model in models:
            self.options.tell(describe(model))
        self.take_sampled(*pool(models), models[0].fit, why)

    def candidate(self, solver: str, equations: Equations, params: Params) -> Candidate:
        error = _error(self.left_out, equations, params)
        return Candidate(solver, equations, params, error)

    def is_determined(self, found: Sequence[Sampled]) -> bool:
        first = found[0].equations, found[0].params
        return determined_beside(first, another(found), self.training, self.rng)

    def train(self, activation: str) -> Candidate:
        """SOAP from random weights.

        On thin data every row counts, and rows left out say little about what matters there: the
        weights at the end are taken, not those that were best on a few rows.
        """
        training, judge = self.training, None if self.thin else self.left_out
        if self.thin:
            training = self.problem
        if self.heavy_tail:
            training = training.reweighted(self.heavy_tail)
            judge = judge and judge.reweighted(self.heavy_tail)
            self.options.tell({"solver": "soap", "heavy_tail": True})
        form = self.to_train(self.hamiltonian, activation)
        n_steps = _STEPS_BEFORE_WIDENING if activation == _ACTIVATION_TO_WIDEN else _STEPS
        trained = self.soap(training, form, judge, n_steps)
        self.judge_and_tell(trained, (self.found.equations, self.found.params))
        return trained

    def to_train(self, hamiltonian: Hamiltonian, activation: str) -> Hamiltonian:
        return filled(hamiltonian, _TRAINED_SIZES, activation)

    def rehearse(self, hamiltonian: Hamiltonian, activation: str) -> float:
        """The error of a short training."""
        start = self.from_scratch(self.to_train(hamiltonian, activation), self.training)
        training, options = self.minibatches(self.training, _STEPS_TO_REHEARSE)
        monitor = Monitor(self.monitor.tol, np.inf, verbose=False)
        monitor.start(start.equations, start.params)
        solve_soap(training, start, monitor, options)
        if monitor.status == "interrupted":
            raise KeyboardInterrupt
        self.check_time()
        return self.candidate("soap", start.equations, monitor.params).error

    def from_scratch(self, hamiltonian: Hamiltonian, training: Problem) -> Start:
        equations = equations_of(hamiltonian, training)
        return Start(hamiltonian, equations, initial_params(equations, training, self.rng))

    def minibatches(self, training: Problem, n_steps: int) -> tuple[Problem, SolverOptions]:
        """The rows and the options for about so many steps of SOAP."""
        options = self.options
        place = options.place if options.place.is_gpu else Place.on_numpy("float32")
        batch = min(options.batch_size or _BATCH, training.n_samples)
        if training.n_samples > n_steps * batch:  # an epoch is then more than all steps
            training = training.subset(
                some(np.arange(training.n_samples), n_steps * batch, self.rng)
            )
        epochs = max(round(n_steps * batch / training.n_samples), 1)
        return training, replace(options, place=place, max_iter=epochs, report=[])

    def soap(
        self, training: Problem, form: Hamiltonian, judge: Problem | None, n_steps: int
    ) -> Candidate:
        """SOAP; with a ``judge``, the weights that were best on its rows."""
        monitor, asked_for = self.monitor, self.options.max_iter
        training, options = self.minibatches(training, n_steps)
        options.max_iter = asked_for or options.max_iter
        start = self.from_scratch(form, training)
        monitor.n_iter_no_change = np.inf  # the gains of an annealed rate come at the end
        self.forget()
        monitor.start(start.equations, start.params)
        if judge is not None:
            # After every epoch, so in single precision: 0.24 ms for 400 rows against 0.53.
            left_out = Objective(judge, start.equations, place=Place.on_numpy("float32"))
            monitor.validation_score = lambda _, params: (
                1.0 - 2.0 * left_out.loss([p.astype("float32") for p in params])
            )
        try:
            solve_soap(training, start, monitor, options)
        finally:
            candidate = self.candidate("soap", start.equations, monitor.params)
            if self.best is None or candidate.error < self.best.error:
                self.best = candidate
        if monitor.status == "interrupted":  # which the solver answered by ending
            raise KeyboardInterrupt
        return candidate

    def widen(self, trained: Candidate) -> Candidate:
        """More units, sampled from the activations of the last layer but one; a new readout."""
        rng, training = self.rng, self.training
        X, _, _ = training.take(some(np.arange(training.n_samples), 10_000, rng))
        n_units = self.units_to_add(trained.equations.hamiltonian)
        equations, params = trained.equations.widen(trained.params, X, rng, n_units)
        n_rows = 6 * equations.n_last // training.n_features
        rows = some(np.arange(training.n_samples), n_rows, rng)
        folds = [
            reduce(equations, params, training, part) for part in np.array_split(rows, 5)[::-1]
        ]
        fit = fit_ridge(
            folds,
            self.options.alpha(training),
            around=equations.last(params),
            refit=False,
            slack=_SLACK_IF_THIN if self.thin else SLACK,
        )
        wider = self.candidate("least_squares", equations, equations.with_last(params, fit.w))
        self.judge_and_tell(wider, (self.found.equations, self.found.params), widened=True)
        return wider

    def units_to_add(self, hamiltonian: Hamiltonian) -> int:
        (sizes, *_) = (network.hidden_layer_sizes for network in hamiltonian.layers())
        return units_for(hamiltonian, _WEIGHTS_WHEN_WIDER, self.problem) - int(sizes[-1])

    def judge_and_tell(self, candidate: Candidate, other: Model, **more: Any) -> None:
        if self.thin and not self.options.is_out_of_time:
            candidate.deviation = deviation(candidate.model, self.problem, self.rng, other)
        self.tell(candidate, **more)
        self.check_time()

    def finish_sampled(self, sampled: Sampled, why: str, strays: float = 0.0) -> None:
        """The same layers, with the last weights fitted to all rows."""
        equations, params, fit = sampled.equations, sampled.params, sampled.fit
        self.check_time()
        if fit.error > _EXACT or fit.n_equations < 4 * equations.n_last:
            params, fit = self.refit(self.problem, sampled)  # more rows help
        self.take_sampled(equations, params, fit, why, strays)

    def refit(self, problem: Problem, sampled: Sampled) -> tuple[Params, RidgeFit]:
        """The same layers, with the last weights fitted to all rows of a problem."""
        equations, params = sampled.equations, sampled.params
        most = int(_WORK / (equations.n_last**2 * problem.n_features))
        rows = make_folds(problem, _FOLDS, self.rng)
        rows = [some(part, max(most // len(rows), 1), self.rng) for part in rows]
        known = known_last_weights(equations, params, problem.scaling)
        folds = [reduce(equations, params, problem, part, known) for part in rows]
        fit = fit_ridge(folds, self.options.alpha(problem))
        return equations.with_last(params, fit.w), fit

    def take_sampled(
        self, equations: Equations, params: Params, fit: RidgeFit, why: str, strays: float = 0.0
    ) -> None:
        self.best = Candidate("least_squares", equations, params, fit.error)
        self.conclude(why, strays)
        self.forget()
        self.monitor.start(equations, params)
        self.monitor(0.5 * fit.training_error**2, flatten(params))
        self.monitor.complete()

    def forget(self) -> None:
        """Clear what the monitor has seen of another model."""
        monitor = self.monitor
        monitor.validation_score, monitor.status = None, "max_iter"
        monitor.loss_curve.clear()
        monitor.validation_scores.clear()

    def conclude(self, why: str, strays: float) -> None:
        assert self.best is not None
        entry = {"chosen": self.best.solver, "why": why}
        self.options.tell(entry | ({"strays": strays} if strays else {}))

    def finish_trained(self, trained: Candidate, why: str, strays: float) -> None:
        self.best = trained
        self.conclude(why, strays)
        self.monitor.complete()

    def tell(self, candidate: Candidate, **more: Any) -> None:
        entry = {
            "solver": candidate.solver,
            **name_and_layers(candidate.equations),
            "error": candidate.error,
            **({} if np.isnan(candidate.deviation) else {"deviation": candidate.deviation}),
            **more,
            "seconds": time.perf_counter() - self.began,
        }
        self.options.tell(entry)


def another(found: Sequence[Sampled]) -> Model:
    """The best model that was sampled in another way than the first one."""
    first = found[0]
    other = next((f for f in found if (f.method, f.scale) != (first.method, first.scale)), first)
    return other.equations, other.params


def activation_of(equations: Equations) -> str:
    """That of the first network."""
    return str(equations.networks[0].activation)


def simplest_good(pools: list[list[Scored]]) -> list[Scored]:
    """The models of the simplest form, the first one, whose score is about the best."""
    limit = max(models[0].common for models in pools) - _ABOUT_THE_BEST
    return next(models for models in pools if models[0].common >= limit)


def _error(problem: Problem, equations: Equations, params: Params) -> float:
    objective = Objective(problem, equations, place=Place.on_numpy("float64"))
    return float(np.sqrt(2.0 * objective.loss(params)))
