"""What a fit says of how it ended, if not well."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from ._selection import SOLVERS
from ._solvers import FitResult, Solver
from ._solvers._layers import name_of

#: A fit that has converged with a larger loss, R2 below 0.8, is worth a word.
POOR_LOSS = 0.1


def warn_unless_converged(estimator: Any, result: FitResult, found: Sequence[str] = ()) -> None:
    """Say how training ended, if not well, and what to do.

    What was ``found`` out about the data, and told, is the likeliest cause of a poor fit.
    """
    last = result.report[-1] if result.report else {}
    if "strays" in last:
        is_mechanical = name_of(result.equations.hamiltonian) == "mechanical"
        of_all = "none is steady" in last["why"]
        of_thin = of_thin_data(last["strays"], of_all=of_all, is_mechanical=is_mechanical)
        warnings.warn(f"{of_thin}.", stacklevel=4)
    end = _End.of(estimator, result, found)
    sentence = getattr(end, result.status, end.fine)()
    if sentence is not None:
        asked_for, by = estimator.solver, end.solver.name
        name = f"{asked_for!r}" if asked_for == by else f"{asked_for!r} (the model is by {by!r})"
        warnings.warn(f"solver={name} {sentence}.", ConvergenceWarning, stacklevel=4)


def of_few_rows(result: FitResult) -> str | None:
    """On a model that fits the rows trained on, and not those left out; or rows are hardly any."""
    problem, more = result.problem, "More rows help, or a Hamiltonian that knows more of the system"
    if problem.n_samples < problem.n_features:
        return (
            f"X has {problem.n_samples} rows of {problem.n_features} columns: too few to tell how "
            f"well other states are predicted. {more}"
        )
    # An error on rows left out that is worth a word; and of rows trained on so little is left, as a
    # part of the squares, where rows are too few: a body that was not recorded left 0.38 of them,
    # and 0.69 of others.
    much, little = 0.1, 0.1
    left_out = result.left_out  # not a number where nothing was left out
    if not (left_out > much and 2.0 * result.loss < little * left_out**2):
        return None
    return (
        f"Rows left out are predicted with an error of {result.left_out:.2g} of their spread, rows "
        f"trained on with {np.sqrt(2.0 * result.loss):.2g}: there are too few rows for what is to "
        f"be learned, or runs that differ from all others. {more} (hamiltonian='mechanical' if the "
        "masses are constant, Radial, Known)"
    )


def of_thin_data(strays: float, *, of_all: bool, is_mechanical: bool) -> str:
    """On a model of thin data whose simulations leave these by ``strays``, as those ``of_all``."""
    far = "cannot be finished"
    if np.isfinite(strays):
        far = f"leave them by {strays:.2g} standard deviations"
    more = (
        "a Hamiltonian that knows more of the system (hamiltonians.Radial for one body about a "
        "centre, Known)"
        if is_mechanical
        else "a simpler Hamiltonian (hamiltonian='mechanical' if the masses are constant)"
    )
    return (
        "The data are thin, like an orbit, and do not determine H beside them: "
        f"{'of all models tried, ' if of_all else ''}simulations that start on the data {far} "
        "within ten characteristic times. The model may be right on the data and simulations are "
        "not to be trusted further than that. More orbits help, of other energies or shapes, or "
        f"{more}"
    )


NO_STATES = (
    "No states that follow the learned dynamics were found for all of these runs; what is returned "
    "is where the search ended. Are they of the same system, with the times in t right, and no "
    "rows far apart?"
)


def of_joint_fit(status: str, n_steps: int, max_time: float | None) -> str:
    """On a joint fit of states and Hamiltonian that did not converge."""
    ends = {
        "max_time": f"at max_time={max_time} s",
        "interrupted": "by Ctrl-C",
        "max_iter": f"after {n_steps} steps",
        "failed": "where a step led nowhere",
        "some_runs": "with some of the runs, as the fit to all of them led nowhere",
    }
    advice = "More runs, a simpler hamiltonian or angles declared (periodic) may help"
    if status in ("max_time", "interrupted"):
        advice = (
            "What comes later was perhaps not tried (other Hamiltonians, friction, mixed "
            "velocities), and noise_std_ has the errors of the model too. Give it more time"
        )
    return (
        f"The joint fit of states and Hamiltonian ended {ends[status]}, before it converged; the "
        f"model so far is kept. {advice}."
    )


def of_residuals(kappa: float) -> str:
    """On residuals whose sums have kappa times the variance of white noise."""
    return (
        f"What the model leaves of neighbouring rows is alike (variances are {kappa:.1f} times "
        "those of white noise): the model lacks something (friction, an input, an angle that is "
        "not declared, times that are not those of the rows?), random forces push it "
        "(noise='process'), or the noise is correlated. "
        "Standard errors take account of correlated noise, not of what lacks"
    )


TOO_FEW_VALUES = (
    "The starts of the runs and the weights take all of the measured values, so that nothing is "
    "left to tell the noise by: noise_std_ and the standard errors mean nothing, and any "
    "Hamiltonian would have fitted. Runs need more rows"
)

NO_RANDOM_FORCES = (
    "No joint fit with random forces (noise='process') came to an end: the model is that of "
    "noise='white'. More rows, or a simpler Hamiltonian, may help"
)


def of_calibration(S: np.ndarray) -> str:
    """On measured velocities S dq/dt."""
    shown = np.array2string(S, precision=3, suppress_small=True)
    return (
        "The measured velocities are not the rates of the positions: they are S dq/dt with "
        f"S = {shown} (calibration_). States, predictions and simulations have dq/dt"
    )


def loss_that_counts(result: FitResult) -> tuple[float, str]:
    """The loss, of the rows held out where that is larger or the other is small, and its rows."""
    if result.validation_scores:
        left_out = 0.5 * (1.0 - max(result.validation_scores))
        if left_out > result.loss or result.loss <= POOR_LOSS:
            return left_out, "left out"
    return result.loss, "trained on"


@dataclass
class _End:
    """How a training ended; a method for each status, with the sentence on it, or None."""

    estimator: Any
    solver: Solver
    n_iter: int
    loss: float
    where: str
    found: Sequence[str]

    @classmethod
    def of(cls, estimator: Any, result: FitResult, found: Sequence[str]) -> "_End":
        """With the loss that says more."""
        solver, (loss, where) = SOLVERS[estimator.solver_], loss_that_counts(result)
        return cls(estimator, solver, result.n_iter, loss, where, found)

    def fine(self) -> None:
        """Nothing to say."""

    def max_iter(self) -> str:
        est = self.estimator
        return (
            f"stopped at max_iter={self.n_iter} while the loss, now {est.loss_:.2e} (1 - R2 = "
            f"{2 * est.loss_:.1e}), still fell by more than the fraction tol={est.tol:g} in "
            f"{est.n_iter_no_change} iterations. If this is not good enough, increase max_iter or "
            "fit again with warm_start=True; if it is, a larger tol stops earlier"
        )

    def max_time(self) -> str:
        goes_on = " or fit again with warm_start=True to go on" if self.solver.trains else ""
        unknown = ""
        if self.estimator.dissipation is None:
            unknown = (
                " What no Hamiltonian of the columns has (friction, velocities in place of "
                "momenta) was not looked for, which may not show in R2."
            )
        return (
            f"stopped at max_time={self.estimator.max_time:g} s with the best model so far, R2 = "
            f"{1 - 2 * self.loss:.6g} on the rows {self.where}; fit_report_ has what was tried."
            f"{unknown} If this is not good enough, increase max_time{goes_on}"
        )

    def interrupted(self) -> str:
        return (
            f"was interrupted after {self.n_iter} iterations. The model has the weights reached "
            "so far; fit again with warm_start=True to go on"
        )

    def diverged(self) -> str:
        advice = "alpha may be too large for these sample weights"
        if self.solver.in_batches:
            advice = "lower learning_rate_init, or use 'lbfgs'"
        return (
            f"stopped after {self.n_iter} iterations because the loss was no longer finite. The "
            f"model has the last finite weights; {advice}"
        )

    def completed(self) -> str | None:
        if not self.solver.in_batches:
            return self.converged()
        if self.loss <= POOR_LOSS:
            return None
        return (
            f"came to the end of its {self.n_iter} epochs at R2 = {1 - 2 * self.loss:.2f} on the "
            f"rows {self.where}. {self._causes()}, or this was too short: increase max_iter, or "
            "leave it to the solver with max_iter=None"
        )

    def converged(self) -> str | None:
        if self.loss <= POOR_LOSS:
            return None
        other = f"or {self.estimator.hamiltonian_!r} cannot follow it: pass another hamiltonian"
        if self.solver.trains and self.estimator.solver == self.solver.name:
            other = (
                "or this is a plateau of the loss: try a larger n_iter_no_change, another "
                "random_state or more units"
            )
        return (
            f"stopped improving at R2 = {1 - 2 * self.loss:.2f} on the rows {self.where}. "
            f"{self._causes()}, {other}"
        )

    def _causes(self) -> str:
        """The beginning of a sentence about what may be behind a poor fit."""
        if self.found:
            what = self.found[0].split(". ")[0]  # all of it was said before
            return f"The likely cause: {what}. Otherwise the rest of the derivatives is noise"
        return (
            "Either the rest of the derivatives is noise or not Hamiltonian (friction, a drive, "
            "columns in another order than q, p)"
        )
