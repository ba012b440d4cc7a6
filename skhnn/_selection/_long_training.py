"""A long training by SOAP, and then more units, which are sampled, in the last layer."""

from dataclasses import dataclass

import numpy as np

from .._data import some
from .._solvers import SolverOptions
from .._solvers._last_weights import fit_last_weights
from .._solvers._layers import units_for
from ..hamiltonians import Hamiltonian
from ._budget import Budget
from ._candidate import Candidate
from ._found import Found
from ._left_out import LeftOut, Model
from ._rule import error_of
from ._trained import BySoap

# Equations for each last weight when units are added.
_EQUATIONS_PER_WEIGHT = 12


@dataclass(frozen=True)
class LongTraining:
    """Of one Hamiltonian after another. Whether the ``activation_is_open`` or was asked for."""

    trainer: BySoap
    left_out: LeftOut
    options: SolverOptions
    budget: Budget
    found: Found
    activation_is_open: bool

    def candidates(self, hamiltonian: Hamiltonian, squares: np.ndarray) -> list[Candidate]:
        """The trained model, and the one with more units.

        ``squares`` are what a short training left of the groups left out.
        """
        trained: list[Candidate] = []

        def keep(model: Model, **more: bool) -> None:
            squares = self.left_out.squares_of(model)
            trained.append(Candidate.trained("soap", model, squares, self.trainer.monitor))
            self.found.keep(trained[-1], **more)

        activation = self._activation(hamiltonian, squares)
        self.trainer.long(hamiltonian, self.left_out.training, activation, keep)
        if activation == "tanh":
            n_weights = self.budget.last_weights
            keep(self._widened(trained[0].model, n_weights, _EQUATIONS_PER_WEIGHT), widened=True)
        return trained

    def _activation(self, hamiltonian: Hamiltonian, squares: np.ndarray) -> str:
        """silu, which trained networks are best with, unless tanh with more units is far better.

        Units of silu are no good to add (two bodies: 3 to 5 times the error with units of tanh).
        """
        training, n_weights = self.left_out.training, self.budget.last_weights_of_short
        n_units = units_for(hamiltonian, n_weights, training)
        if not self.activation_is_open or n_units <= self.trainer.sizes[-1]:
            return "silu"
        model = self.trainer.short(hamiltonian, training, "tanh")
        # Steps for masses in that comparison, as in a race; all of them took 12 s for six
        # coordinates.
        steps_of_short = 2
        # Equations for each of them, of which half as many judge: 12 took twice the time and led to
        # the same choices.
        equations_of_short = 6
        wider = self._widened(model, n_weights, equations_of_short, steps_of_short)
        # Units of tanh that are added after a short training lower the error to less than this part
        # of that with silu where they end far better, too: 0.01 to 0.43 where they ended with 0.006
        # to 0.3 of it (double pendulum, two bodies), 0.6 to 1.4 where they ended with 1.5 to 10
        # times as much (a top, a chain).
        far_better = 0.5
        is_far_better = error_of(self.left_out.squares_of(wider)) < far_better * error_of(squares)
        return "tanh" if is_far_better else "silu"

    def _widened(
        self, model: Model, n_weights: int, per_weight: int, n_steps: int | None = None
    ) -> Model:
        """More units, sampled from the activations of the last layer but one; a new readout.

        It is fitted to so many equations ``per_weight``; masses take at most ``n_steps``.
        """
        (equations, params), rng = model, self.options.rng
        training = self.left_out.training
        X, _, _ = training.take(some(np.arange(training.n_samples), 10_000, rng))
        n_units = units_for(equations.hamiltonian, n_weights, training)
        sizes = equations.networks[0].sizes
        equations, params = equations.widen(params, X, rng, n_units - sizes[-1])
        n_rows = per_weight * equations.n_last // training.n_targets
        rows = some(np.arange(training.n_samples), n_rows, rng)
        _, judge = self.left_out.folds[0]
        judge = judge.subset(some(np.arange(judge.n_samples), n_rows // 2, rng))
        fit = fit_last_weights(
            training, equations, params, rows,
            alpha=self.options.alpha(training), around=equations.last(params), judge=judge,
            n_steps=n_steps,
        )  # fmt: skip
        return equations, equations.with_last(params, fit.w)
