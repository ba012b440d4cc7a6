"""The default: try the cheap solver first, then the strong one, and judge by rows left out."""

import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.base import clone

from ..hamiltonians import Hamiltonian, Params
from ._flat import flatten
from ._folds import make_folds, some
from ._least_squares import Sampled, search
from ._monitor import Monitor
from ._objective import Objective, Place
from ._options import SolverOptions, Start
from ._problem import Problem
from ._ridge import RidgeFit, fit_ridge, reduce
from ._soap import solve_soap
from ._steadiness import determined_beside, deviation, is_steady

# Errors are sqrt(1 - R^2) on rows left out.
# Good enough to look no further.
_GOOD = 3e-4
# One part in five is left out, in ten of many rows, of which at most so many are looked at.
_FOLDS, _MANY_FOLDS, _MANY_ROWS, _ROWS_LEFT_OUT = 5, 10, 2000, 4000
# With few rows left out, the best of many sampled models looks better than it is, and needs a lead.
_FEW_LEFT_OUT, _LEAD = 100, 0.9
# Fewer rows are interpolated.
_ENOUGH_TO_LEAVE_OUT = 10
_UNITS_TO_INTERPOLATE, _RIDGE_TO_INTERPOLATE = 200, 1e-12
# The trained network: deeper and narrower than one would draw, after comparing at equal time.
_TRAINED_SIZES = (64, 64, 64)
_STEPS = 2800
# silu goes on growing beyond the data where tanh levels off. tanh leads for 300 steps, silu after
# 600 and by up to 2.6 times at the end; but tanh units are the better ones to sample and add to the
# last layer, by 3 to 5 times (two bodies).
_ACTIVATION, _ACTIVATION_TO_WIDEN = "silu", "tanh"
_BATCH = 256
# Equations for the final least squares, times the square of the unknowns.
_WORK = 1e10
# Noise: see is_noise. Measured on 200 units: 10 to 60 free unknowns against noise of 10 %, 110 and
# more where the units did not suffice.
_NO_HELP, _FREE_UNKNOWNS, _ROWS_PER_UNKNOWN, _MOST_NOISE = 0.9, 0.4, 5.0, 0.5
# Targets are heavy-tailed if the rms of a column exceeds its median magnitude by this factor. It is
# 5 to 9 for three bodies that meet, and at most 2.3 for the other systems of the benchmark.
_HEAVY_TAIL, _ROWS_OF_TAIL = 3.0, 20_000
# On thin data a sampled network has to be so much better than the trained one, which is smoother.
_HANDICAP = 10.0
# No trained network has a smaller error.
_OUT_OF_REACH = 1e-7
# Units added to the last layer of a trained network, and the rows it takes.
_EXTRA_UNITS, _ROWS_TO_WIDEN = 1000, 3000
# More sampled units help where sampled units alone came below this error.
_SAMPLING_WORKS = 0.1


@dataclass
class Candidate:
    """A fitted model, its error on the rows left out, and how far simulations stray."""

    solver: str
    hamiltonian: Hamiltonian
    params: Params
    error: float
    deviation: float | None = None

    @property
    def model(self) -> tuple[Hamiltonian, Params]:
        return self.hamiltonian, self.params


def solve_auto(problem: Problem, start: Start, monitor: Monitor, options: SolverOptions) -> None:
    """Choose between sampled least squares and SOAP; the choice is in ``options.report``.

    1. Least squares on sampled layers. If its error on the rows left out is small, or what is left
       is noise, that is the model, refitted to all rows -
    2. unless the data are thin (two sampled models agree on them and not beside them): then only if
       simulations from the data stay with the data.
    3. Otherwise SOAP, with smaller weights for the largest targets where they have a heavy tail;
       then, where sampled units work, more of them in the last layer by least squares.
    """
    search_ = _Search(problem, start, monitor, options)
    try:
        search_.run()
    finally:
        # An interruption leaves the best so far.
        if search_.best is not None:
            best = search_.best
            monitor.start(best.hamiltonian, best.params)
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
        self.best: Candidate | None = None
        self.began = time.perf_counter()

    def run(self) -> None:
        start = self.start
        if self.problem.n_samples < _ENOUGH_TO_LEAVE_OUT:
            self.interpolate()
            return
        found = search(
            self.training, start.hamiltonian, start.layers_given, self.options, 10 * _GOOD
        )
        sampled = self.candidate("least_squares", found[0].hamiltonian, found[0].params)
        # With few rows, cross-validation has seen more of them than were left out here.
        few = self.left_out.n_samples < _FEW_LEFT_OUT
        by_folds = found[0].fit.error
        sampled.error = by_folds if few else max(sampled.error, by_folds)
        self.best = sampled
        thin = not self.is_determined(found)
        if thin:
            sampled.deviation = deviation(sampled.model, self.problem, self.rng)
        noise = self.is_noise(found)
        self.tell(sampled, thin=thin, noise=noise)
        done = noise or sampled.error <= _GOOD
        if done and not thin:
            self.finish_sampled(found[0], "the rest is noise" if noise else "good enough")
            return
        if thin and sampled.error < _OUT_OF_REACH and is_steady(sampled.deviation or 0.0):
            self.finish_sampled(found[0], "steady beside thin data")
            return
        many = self.training.n_samples > _ROWS_TO_WIDEN
        can_widen = many and not thin and sampled.error < _SAMPLING_WORKS
        trained = self.train(thin, _ACTIVATION_TO_WIDEN if can_widen else _ACTIVATION)
        if thin:
            trained.deviation = deviation(trained.model, self.problem, self.rng)
        self.tell(trained)
        if thin:
            steady = [is_steady(c.deviation) for c in (sampled, trained)]  # type: ignore[arg-type]
            if steady == [True, False] or (
                steady[0] == steady[1] and sampled.error * _HANDICAP < trained.error
            ):
                self.finish_sampled(found[0], "steady beside thin data")
                return
            self.finish_trained(trained, "smoother beside thin data")
            return
        if sampled.error < trained.error * (_LEAD if few else 1.0):
            self.finish_sampled(found[0], "smaller error")
            return
        self.best = trained
        if can_widen and trained.error > _GOOD:
            wider = self.widen(trained)
            self.tell(wider, widened=True)
            if wider.error < 0.93 * trained.error:
                trained = wider
        self.finish_trained(trained, "smaller error")

    def interpolate(self) -> None:
        """The smoothest sampled model through so few rows that none can be left out."""
        form = self.start.hamiltonian
        if not self.start.layers_given:
            form = clone(form).set_params(hidden_layer_sizes=(_UNITS_TO_INTERPOLATE,))
        Z, _, _ = self.problem.take(slice(None))
        params = form.sample_params(Z, self.rng, "hinge", 0.2)
        fold = reduce(form, params, self.problem, np.arange(self.problem.n_samples))
        ridge = _RIDGE_TO_INTERPOLATE * float(np.sum(fold.R[:, :-1] ** 2))
        fit = fit_ridge([fold], max(ridge, self.options.alpha(self.problem)))
        params = [*params[:-2], fit.w[:, None], params[-1]]
        self.take_sampled(form, params, fit, "too few rows to leave any out")

    def candidate(self, solver: str, hamiltonian: Hamiltonian, params: Params) -> Candidate:
        error = _error(self.left_out, hamiltonian, params)
        return Candidate(solver, hamiltonian, params, error)

    def is_determined(self, found: list[Sampled]) -> bool:
        first = found[0]
        other = next(
            (f for f in found if (f.method, f.scale) != (first.method, first.scale)), first
        )
        models = [(f.hamiltonian, f.params) for f in (first, other)]
        return determined_beside(models[0], models[1], self.training, self.rng)

    def is_noise(self, found: list[Sampled]) -> bool:
        """Wider layers brought nothing, and the ridge leaves few of the unknowns free.

        A network that is too small uses all of its units, one that is up against noise does not.
        """
        widths = sorted({f.hamiltonian.hidden_layer_sizes for f in found})
        if len(widths) < 2:
            return False
        narrow, wide = (
            min(
                (f.fit for f in found if f.hamiltonian.hidden_layer_sizes == width),
                key=lambda fit: fit.error,
            )
            for width in widths[:2]
        )
        unknowns = narrow.effective_unknowns
        return bool(
            wide.first_error > _NO_HELP * narrow.first_error  # on the same rows
            and narrow.training_error > _NO_HELP * narrow.error
            and unknowns < _FREE_UNKNOWNS * len(narrow.w)
            and unknowns * _ROWS_PER_UNKNOWN < narrow.n_equations
            and narrow.error < _MOST_NOISE
        )

    def train(self, on_all_rows: bool, activation: str) -> Candidate:
        """SOAP from random weights.

        On thin data every row counts, and rows left out say little about what matters there: the
        weights at the end are taken, not those that were best on a few rows.
        """
        training, judge = self.training, None if on_all_rows else self.left_out
        _, G, _ = training.take(some(np.arange(training.n_samples), _ROWS_OF_TAIL, self.rng))
        typical = np.maximum(np.median(np.abs(G), axis=0), np.finfo(float).tiny)
        heavy = bool((np.sqrt(np.mean(G**2, axis=0)) / typical).max() > _HEAVY_TAIL)
        if on_all_rows:
            training = self.problem
        if heavy:
            size = float(np.median(np.sqrt((G**2) @ training.scaling.w)))
            training = training.reweighted(size)
            judge = judge and judge.reweighted(size)
            self.options.report.append({"solver": "soap", "heavy_tail": True})
        form = self.start.hamiltonian
        if not self.start.layers_given:
            form = clone(form).set_params(hidden_layer_sizes=_TRAINED_SIZES)
        if not self.start.activation_given:
            form = clone(form).set_params(activation=activation)
        return self.soap(training, form, judge)

    def soap(self, training: Problem, form: Hamiltonian, judge: Problem | None) -> Candidate:
        """SOAP; with a ``judge``, the weights that were best on its rows."""
        options, monitor = self.options, self.monitor
        place = options.place
        if not place.is_gpu:
            place = Place.on_numpy("float32")
        batch = min(options.batch_size or _BATCH, training.n_samples)
        if training.n_samples > _STEPS * batch:  # an epoch is then more than all steps
            training = training.subset(
                some(np.arange(training.n_samples), _STEPS * batch, self.rng)
            )
        epochs = -(-_STEPS // -(-training.n_samples // batch))
        options = replace(options, place=place, max_iter=options.max_iter or epochs, report=[])
        params = form.init_params(training.n_features, self.rng)
        monitor.n_iter_no_change = np.inf  # the gains of an annealed rate come at the end
        self.forget()
        monitor.start(form, params)
        if judge is not None:
            monitor.validation_score = lambda h, params: 1.0 - _error(judge, h, params) ** 2
        try:
            solve_soap(training, Start(form, params), monitor, options)
        finally:
            candidate = self.candidate("soap", form, monitor.params)
            if self.best is None or candidate.error < self.best.error:
                self.best = candidate
        if monitor.status == "interrupted":  # which the solver answered by ending
            raise KeyboardInterrupt
        return candidate

    def widen(self, trained: Candidate) -> Candidate:
        """More units, sampled from the activations of the last layer but one; a new readout."""
        rng, training = self.rng, self.training
        Z, _, _ = training.take(some(np.arange(training.n_samples), 10_000, rng))
        form, params = trained.hamiltonian.widen(trained.params, Z, rng, _EXTRA_UNITS)
        n_rows = 8 * params[-2].size // training.n_features
        rows = some(np.arange(training.n_samples), n_rows, rng)
        folds = [reduce(form, params, training, part) for part in np.array_split(rows, 5)[::-1]]
        fit = fit_ridge(folds, self.options.alpha(training), around=params[-2][:, 0], refit=False)
        params = [*params[:-2], fit.w[:, None], params[-1]]
        return self.candidate("least_squares", form, params)

    def finish_sampled(self, sampled: Sampled, why: str) -> None:
        """The same layers, with the last weights fitted to all rows."""
        problem, options = self.problem, self.options
        form, params, fit = sampled.hamiltonian, sampled.params, sampled.fit
        if fit.error <= _GOOD and fit.n_equations >= 4 * params[-2].size:
            self.take_sampled(form, params, fit, why)  # more rows would not help
            return
        most = int(_WORK / (params[-2].size ** 2 * problem.n_features))
        rows = make_folds(problem, _FOLDS, self.rng)
        rows = [some(part, max(most // len(rows), 1), self.rng) for part in rows]
        folds = [reduce(form, params, problem, part) for part in rows]
        fit = fit_ridge(folds, options.alpha(problem))
        params = [*params[:-2], fit.w[:, None], params[-1]]
        self.take_sampled(form, params, fit, why)

    def take_sampled(self, form: Hamiltonian, params: Params, fit: RidgeFit, why: str) -> None:
        self.best = Candidate("least_squares", form, params, fit.error)
        self.options.report.append({"chosen": "least_squares", "why": why})
        self.forget()
        self.monitor.start(form, params)
        self.monitor(0.5 * fit.training_error**2, flatten(params))
        self.monitor.complete()

    def forget(self) -> None:
        """Clear what the monitor has seen of another model."""
        monitor = self.monitor
        monitor.validation_score, monitor.status = None, "max_iter"
        monitor.loss_curve.clear()
        monitor.validation_scores.clear()

    def finish_trained(self, trained: Candidate, why: str) -> None:
        self.best = trained
        self.options.report.append({"chosen": trained.solver, "why": why})
        self.monitor.complete()

    def tell(self, candidate: Candidate, **more: Any) -> None:
        entry = {
            "solver": candidate.solver,
            "hidden_layer_sizes": candidate.hamiltonian.hidden_layer_sizes,
            "activation": candidate.hamiltonian.activation,
            "error": candidate.error,
            **({} if candidate.deviation is None else {"deviation": candidate.deviation}),
            **more,
            "seconds": time.perf_counter() - self.began,
        }
        self.options.report.append(entry)
        if self.options.verbose:
            print(
                "auto: "
                + ", ".join(
                    f"{k}={v:.3g}" if isinstance(v, float) else f"{k}={v}" for k, v in entry.items()
                )
            )


def _error(problem: Problem, hamiltonian: Hamiltonian, params: Params) -> float:
    objective = Objective(problem, hamiltonian, place=Place.on_numpy("float64"))
    return float(np.sqrt(2.0 * objective.loss(params)))
