"""Networks that are trained: short trainings, to compare Hamiltonians by, and a long one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from .._data import DerivativeFit, Place, Problem, some
from .._solvers import Monitor, SolverOptions, Start, initial_params
from .._solvers._gauss_newton import UNITS, train
from .._solvers._last_weights import settled
from .._solvers._layers import equations_of, filled, units_for
from .._solvers._sampled import Sampling
from .._solvers._soap import solve_soap
from ..hamiltonians import Equations, Hamiltonian, Params
from ._left_out import LeftOut, Model


@dataclass(frozen=True)
class ByGaussNewton:
    """Few rows: by the evidence, which needs none of them left out.

    ``samplings`` are those that won the race, the best first, of every Hamiltonian by its code.
    """

    samplings: Mapping[str, Sequence[Sampling]]
    options: SolverOptions
    units: int = UNITS
    steps: int = 100
    work: float = 2e8  # equations times the square of the weights, for a step of 0.03 s
    n_starts: int = 2

    def admits(self, hamiltonian: Hamiltonian, training: Problem) -> bool:
        """Whether layers that are given are small enough for a step."""
        sampling = self.samplings[repr(hamiltonian)][0]
        equations = self._equations(hamiltonian, training, sampling, 1)
        return _n_weights(equations) <= self._most_weights(training)

    def short(self, hamiltonian: Hamiltonian, training: Problem) -> Model:
        """With half of the units, and less than half of the steps."""
        sampling = self.samplings[repr(hamiltonian)][0]
        steps = 2 * self.steps // 5
        return self._train(hamiltonian, training, sampling, self.units // 2, steps)[0]

    def long(self, hamiltonian: Hamiltonian, training: Problem) -> tuple[Model, float]:
        """From several starts, that of the largest evidence, and its logarithm."""
        found, steps = [], self.options.max_iter or self.steps
        for sampling in self.samplings[repr(hamiltonian)][: self.n_starts]:
            found.append(self._train(hamiltonian, training, sampling, self.units, steps))
            if self.options.is_out_of_time:
                break
        return max(found, key=lambda one: one[1])

    def _train(
        self,
        hamiltonian: Hamiltonian,
        training: Problem,
        sampling: Sampling,
        units: int,
        steps: int,
    ) -> tuple[Model, float]:
        options = self.options
        equations = self._equations(hamiltonian, training, sampling, units)
        params = equations.sample_params(
            training.take(slice(None))[0], options.rng, sampling.method, sampling.scale,
            training.scaling.reads,
        )  # fmt: skip
        monitor = Monitor(0.0, np.inf, verbose=False, deadline=options.deadline)
        monitor.start(equations, params)
        log_evidence = train(training, equations, params, monitor, steps)
        return (equations, monitor.params), log_evidence

    def _equations(
        self, hamiltonian: Hamiltonian, training: Problem, sampling: Sampling, units: int
    ) -> Equations:
        """With so many units, or as many as the work of a step allows."""
        while True:
            n = units_for(hamiltonian, units, training)
            equations = equations_of(filled(hamiltonian, (n,), sampling.activation), training)
            part = self._most_weights(training) / _n_weights(equations)
            if part >= 1.0 or n == 1:
                return equations
            units = min(int(units * part), units - 1)

    def _most_weights(self, training: Problem) -> float:
        return float(np.sqrt(self.work / (training.n_samples * training.n_targets)))


@dataclass(frozen=True)
class BySoap:
    """Many rows: SOAP on minibatches, in single precision, from random weights.

    ``judge`` has rows left out: of all weights on the way, those are kept that are best on them.
    """

    monitor: Monitor
    options: SolverOptions
    judge: Problem
    # Deeper and narrower than one would draw, after comparing at equal time.
    sizes: tuple[int, ...] = (64, 64, 64)
    steps: int = 2400
    steps_of_short: int = 200
    batch: int = 256

    def short(self, hamiltonian: Hamiltonian, training: Problem, activation: str = "silu") -> Model:
        """A training that no one hears of."""
        monitor = Monitor(0.0, np.inf, verbose=False, deadline=self.options.deadline)
        model = self._train(hamiltonian, training, activation, monitor, self.steps_of_short)
        return model[0], settled(training, *model)

    def long(
        self,
        hamiltonian: Hamiltonian,
        training: Problem,
        activation: str,
        at_end: Callable[[Model], None],
    ) -> None:
        """A training that the monitor follows; ``at_end`` gets the model, also if interrupted."""
        monitor = self.monitor
        monitor.forget()
        monitor.n_iter_no_change = np.inf  # the gains of an annealed rate come at the end
        monitor.validation_score = self._score_on_judge()
        try:
            self._train(hamiltonian, training, activation, monitor, self.steps)
        finally:
            assert monitor.equations is not None
            monitor.validation_score = None
            equations = monitor.equations
            at_end((equations, settled(training, equations, monitor.params)))

    def _train(
        self,
        hamiltonian: Hamiltonian,
        training: Problem,
        activation: str,
        monitor: Monitor,
        n_steps: int,
    ) -> Model:
        options, rng = self.options, self.options.rng
        equations = equations_of(filled(hamiltonian, self.sizes, activation), training)
        start = Start(
            hamiltonian, equations,
            partial(initial_params, equations, equations.init_params(rng), training),
        )  # fmt: skip
        monitor.start(start.equations, start.params)
        batch = min(options.batch_size or self.batch, training.n_samples)
        if training.n_samples > n_steps * batch:  # an epoch is then more than all steps
            rows = some(np.arange(training.n_samples), n_steps * batch, rng)
            training = training.subset(rows)
        epochs = max(round(n_steps * batch / training.n_samples), 1)
        if monitor is self.monitor and options.max_iter:
            epochs = options.max_iter
        place = options.place if options.place.is_gpu else Place.on_numpy("float32")
        own = replace(options, place=place, max_iter=epochs, report=[])
        solve_soap(training, start, monitor, own)
        if monitor.status == "interrupted":  # which the solver answered by ending
            raise KeyboardInterrupt
        return equations, monitor.params

    def _score_on_judge(self) -> Callable[[Equations, Params], float]:
        """(equations, params) -> R^2 on the judge.

        After every epoch, so in single precision: 0.24 ms for 400 rows against 0.53.
        """
        place, objectives = Place.on_numpy("float32"), {}

        def score(equations: Equations, params: Params) -> float:
            if id(equations) not in objectives:
                objectives[id(equations)] = DerivativeFit(self.judge, equations, place=place)
            return 1.0 - 2.0 * objectives[id(equations)].loss([place.array(p) for p in params])

        return score


class ShortTrainings:
    """What short trainings leave of rows that they have not seen; each Hamiltonian has one.

    ``models`` are the trained ones (of the last rows left out, where each is in its turn), by the
    code of the Hamiltonian.
    """

    def __init__(self, left_out: LeftOut, trainer: ByGaussNewton | BySoap):
        self.left_out, self.trainer = left_out, trainer
        self.models: dict[str, Model] = {}
        self._squares: dict[str, np.ndarray] = {}

    def squares(self, hamiltonian: Hamiltonian) -> np.ndarray:
        """The squared errors on the groups left out."""
        code, left_out = repr(hamiltonian), self.left_out

        def fit(training: Problem) -> Model:
            self.models[code] = self.trainer.short(hamiltonian, training)
            return self.models[code]

        if code not in self._squares:
            self._squares[code] = left_out.squares(left_out.fields(fit))
        return self._squares[code]


def _n_weights(equations: Equations) -> int:
    return sum(p.size for p in equations.init_params(np.random.RandomState(0)))
