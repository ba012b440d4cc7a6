"""Adam on minibatches, and any optimizer of torch in its place."""

from functools import partial
from typing import Any

import numpy as np

from .._data import Place, Problem, views
from ..hamiltonians import Params
from ._minibatch import solve_minibatch
from ._monitor import Monitor
from ._options import SolverOptions, Start
from ._solver import Solver

_RATE = 0.005


def solve_adam(
    problem: Problem, start: Start, monitor: Monitor, options: SolverOptions
) -> dict[str, np.ndarray]:
    """Minimise with Adam, or with ``options.optimizer``.

    References
    ----------
    D. P. Kingma, J. Ba, "Adam: a method for stochastic optimization", ICLR 2015, algorithm 1.
    """
    rule = Adam if options.optimizer is None else partial(OfTorch, options.optimizer)
    return solve_minibatch(rule, _RATE, problem, start, monitor, options)


class Adam:
    """theta -= rate m / (sqrt v + epsilon), m and v the averages of the gradient and its square."""

    def __init__(
        self,
        theta: Any,
        shapes: list[tuple[int, ...]],
        place: Place,
        state: dict[str, np.ndarray] | None,
    ):
        self.theta, self.xp = theta, place.xp
        if state is None or state.get("m", theta[:0]).shape != tuple(theta.shape):
            self.m, self.v, self.n_steps = theta * 0.0, theta * 0.0, 0
        else:
            self.m, self.v = (place.array(state[key].copy()) for key in "mv")
            self.n_steps = int(state["n_steps"])

    def step(self, gradient: Params, rate: float) -> None:
        g = self.xp.concatenate([d.reshape(-1) for d in gradient])
        self.n_steps += 1
        beta_1, beta_2, epsilon = 0.9, 0.999, 1e-8  # the authors' values, section 2
        self.m *= beta_1
        self.m += (1.0 - beta_1) * g
        self.v *= beta_2
        self.v += (1.0 - beta_2) * (g * g)
        denominator = self.xp.sqrt(self.v / (1.0 - beta_2**self.n_steps))
        denominator += epsilon
        self.theta -= (rate / (1.0 - beta_1**self.n_steps)) * (self.m / denominator)

    def state(self) -> dict[str, Any]:
        return {"m": self.m, "v": self.v, "n_steps": self.xp.asarray(self.n_steps)}


class OfTorch:
    """A class of ``torch.optim``: it sees the layers as its parameters and our gradients."""

    def __init__(
        self,
        optimizer: Any,
        theta: Any,
        shapes: list[tuple[int, ...]],
        place: Place,
        state: dict[str, np.ndarray] | None,
    ):
        self.leaves = [p.requires_grad_() for p in views(theta.detach(), shapes)]
        self.optimizer = optimizer(self.leaves, lr=_RATE)

    def step(self, gradient: Params, rate: float) -> None:
        for leaf, g in zip(self.leaves, gradient, strict=True):
            leaf.grad = g
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.step()

    def state(self) -> dict[str, Any]:
        return {}


ADAM = Solver("adam", solve_adam, needs_torch=True, takes_pieces=True, in_batches=True)
