"""What a solver reports to while it runs, and what is left when it ends, however it ends."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .._data import flatten, views
from ..hamiltonians import Equations, Params


@dataclass
class FitResult:
    """The outcome of a solver.

    ``solver`` is the one that made the weights. ``status`` is "converged", "completed" (an annealed
    rate reached zero), "max_iter", "max_time", "stopped", "interrupted" or "diverged". ``state`` is
    what the solver wants back to continue where it ended, as numpy arrays, or None. ``report`` has
    one entry for each step of the way. ``problem`` has the rows in the units of the params, and
    ``noise``, (D,) of bool, says which derivatives were taken for noise about a constant; ``loss``
    is that of the others on the rows trained on. ``left_out`` is the typical error on rows left
    out, in units of the spread of the targets, where models were compared by these.
    """

    equations: Equations
    params: Params
    solver: str
    status: str
    n_iter: int
    loss_curve: list[float]
    validation_scores: list[float] | None = None
    state: dict[str, np.ndarray] | None = None
    report: list[dict[str, Any]] = field(default_factory=list)
    problem: Any = None
    noise: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=bool))
    gains_energy: bool = False
    loss: float = np.nan
    left_out: float = np.nan


@dataclass
class Monitor:
    """Records the loss of every iteration, keeps the weights worth keeping, says when to stop.

    Without a hold-out the weights of the last finite iteration are kept, and the solver has
    converged when ``n_iter_no_change`` iterations together lowered the loss by less than the
    fraction ``tol``. With one (``validation_score``), the weights of the best score are kept, and
    the solver stops when ``n_iter_no_change`` iterations brought none better by ``tol`` of 1 - R^2.

    Parameters
    ----------
    tol, n_iter_no_change, verbose
        As in ``HNNRegressor``.
    validation_score : callable or None
        (equations, params) -> R^2 on the hold-out.
    end_iteration : callable or None
        Called after every iteration with the equations, their params and whether another iteration
        follows; True asks the solver to stop.
    judges_loss : bool
        Whether a loss that stands still ends the training. It does not where the rate is annealed:
        the last gains come at the end.
    deadline : float
        The time of ``time.perf_counter`` after which the solver is asked to stop.
    left_out : float
        The typical error on rows left out, where the solver knows it.
    """

    tol: float
    n_iter_no_change: float
    verbose: bool
    validation_score: Callable[[Equations, Params], float] | None = None
    end_iteration: Callable[[Equations, Params, bool], bool] | None = None
    judges_loss: bool = True
    deadline: float = np.inf
    loss_curve: list[float] = field(default_factory=list)
    validation_scores: list[float] = field(default_factory=list)
    status: str = "max_iter"
    left_out: float = np.nan
    solver: str = ""
    equations: Equations | None = None
    theta: np.ndarray | None = None
    _shapes: list[tuple[int, ...]] = field(default_factory=list)
    _reference: float = np.inf
    _since: int = 0

    def start(self, equations: Equations, params: Params) -> None:
        """Take the model that training starts from; weights that follow are of its kind."""
        self.equations, self.theta = equations, flatten(params)
        self._shapes = [p.shape for p in params]

    @property
    def params(self) -> Params:
        """The params worth keeping, so far."""
        assert self.theta is not None
        return [p.copy() for p in views(self.theta, self._shapes)]

    def __call__(self, loss: float, theta: np.ndarray) -> bool:
        """Take the loss and the weights of one iteration; True asks the solver to stop."""
        if not (np.isfinite(loss) and np.isfinite(theta).all()):
            self.status = "diverged"
            return True
        assert self.equations is not None
        self.loss_curve.append(float(loss))
        error = float(loss)
        keep = True
        params = views(theta, self._shapes)
        if self.validation_score is not None:
            score = self.validation_score(self.equations, params)
            keep = score > max(self.validation_scores, default=-np.inf)
            self.validation_scores.append(score)
            error = 1.0 - score
        if keep:
            self.theta = theta.copy()
        if error < self._reference * (1.0 - self.tol):
            self._reference, self._since = error, 0
        else:
            self._since += 1
        judges = self.judges_loss or self.validation_score is not None
        if judges and self._since >= self.n_iter_no_change:
            self.status = "converged"
        elif time.perf_counter() > self.deadline:
            self.status = "max_time"
        self._print()
        goes_on = self.status == "max_iter"
        if self.end_iteration is not None and self.end_iteration(self.equations, params, goes_on):
            self.status = "stopped"
        return self.status != "max_iter"

    def forget(self) -> None:
        """Clear what was seen of another model."""
        self.validation_score, self.status = None, "max_iter"
        self.loss_curve.clear()
        self.validation_scores.clear()

    @property
    def curves(self) -> tuple[list[float], list[float]]:
        """The losses and the scores so far."""
        return self.loss_curve.copy(), self.validation_scores.copy()

    @curves.setter
    def curves(self, curves: tuple[list[float], list[float]]) -> None:
        self.loss_curve[:], self.validation_scores[:] = curves

    def finish(self, loss: float, theta: np.ndarray) -> None:
        """Take the solver's own word that no further progress is possible."""
        if not self.loss_curve:
            self(loss, theta)
        if self.status == "max_iter":
            self.status = "converged"

    def complete(self) -> None:
        """The solver has come to its end, be it in the last moment."""
        if self.status in ("max_iter", "max_time"):
            self.status = "completed"

    def _print(self) -> None:
        if not self.verbose:
            return
        line = f"Iteration {len(self.loss_curve)}, loss = {self.loss_curve[-1]:.8e}"
        if self.validation_scores:
            line += f", validation score = {self.validation_scores[-1]:.8f}"
        print(line)
        if self.status == "converged":
            print(
                f"No improvement by tol={self.tol:g} for {self.n_iter_no_change} iterations. "
                "Stopping."
            )
