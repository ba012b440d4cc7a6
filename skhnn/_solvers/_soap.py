"""SOAP: Adam in the eigenbasis of Shampoo's preconditioner."""

from typing import Any

import numpy as np

from .._data import Place, Problem
from ..hamiltonians import Params
from ._minibatch import solve_minibatch
from ._monitor import Monitor
from ._options import SolverOptions, Start
from ._solver import Solver

_BETA_1 = _BETA_2 = _BETA_SHAMPOO = 0.95  # the authors' values


def solve_soap(
    problem: Problem, start: Start, monitor: Monitor, options: SolverOptions
) -> dict[str, np.ndarray]:
    """Minimise with SOAP on minibatches.

    References
    ----------
    N. Vyas, D. Morwani, R. Zhao, M. Kwun, I. Shapira, D. Brandfonbrener, L. Janson, S. Kakade,
    "SOAP: improving and stabilizing Shampoo using Adam", ICLR 2025, algorithm 3.
    """
    rate = 0.02
    return solve_minibatch(Soap, rate, problem, start, monitor, options)


class Soap:
    """One block per layer, its weights and biases as the rows of one matrix."""

    def __init__(
        self,
        theta: Any,
        shapes: list[tuple[int, ...]],
        place: Place,
        state: dict[str, np.ndarray] | None,
    ):
        # Weights and the biases behind them, contiguous in theta, are the rows of one matrix.
        self.layers = [
            (k, k + 1 < len(shapes) and len(shapes[k + 1]) == 1)
            for k, shape in enumerate(shapes)
            if len(shape) == 2
        ]
        ends = np.cumsum([int(np.prod(shape)) for shape in shapes])
        self.blocks = []
        for k, has_biases in self.layers:
            begin = ends[k] - int(np.prod(shapes[k]))
            rows = theta[begin : ends[k + has_biases]].reshape(-1, shapes[k][1])
            self.blocks.append(_Block(rows, place))
        self.xp = place.xp
        for name, array in (state or {}).items():
            key, block = name.split("_", 1)[0], int(name.rsplit("_", 1)[1])
            self.blocks[block].restore(key, array)

    def step(self, gradient: Params, rate: float) -> None:
        for (k, has_biases), block in zip(self.layers, self.blocks, strict=True):
            G = gradient[k]
            if has_biases:
                G = self.xp.concatenate([G, gradient[k + 1][None]])
            block.step(G, rate)

    def state(self) -> dict[str, Any]:
        return {
            f"{name}_{k}": array
            for k, block in enumerate(self.blocks)
            for name, array in block.state().items()
        }


class _Side:
    """One side of a block: the average C of G G^T (or G^T G) and its eigenvectors Q."""

    def __init__(self, C: Any, xp: Any):
        self.C, self.xp = C, xp
        # The first C has a low rank. What is added makes the rest of the basis definite, so that
        # numpy and torch take the same one.
        n = len(C)
        order = xp.ones_like(C[0]).cumsum(0) / n
        definite = C + xp.diag(order * (1e-4 * xp.trace(C) / n))
        if not bool(xp.isfinite(definite).all()):  # the run has diverged, as the monitor will see
            definite = xp.diag(order)
        self.Q = xp.flip(xp.linalg.eigh(definite)[1], (1,))

    def average(self, C: Any) -> None:
        self.C *= _BETA_SHAMPOO
        self.C += (1.0 - _BETA_SHAMPOO) * C

    def turn(self) -> tuple[Any, Any]:
        """One step of the power iteration; the new order of the columns, and new^T old."""
        P = self.C @ self.Q
        order = self.xp.argsort(-(self.Q * P).sum(0))
        old = self.Q[:, order]
        self.Q = self.xp.linalg.qr(P[:, order])[0]
        return order, self.Q.T @ old


class _Block:
    """The state of SOAP for one matrix; m and v are averages in the rotated coordinates."""

    def __init__(self, theta: Any, place: Place):
        self.theta, self.place = theta, place
        self.m, self.v, self.n_steps = theta * 0.0, theta * 0.0, 0
        self.sides: list[_Side | None] = [None, None]

    def step(self, G: Any, rate: float) -> None:
        products = [G @ G.T if self._turns(0) else None, G.T @ G if self._turns(1) else None]
        epsilon = 1e-8
        # Steps between two turns of the basis: 5 to 50 gave the same errors, 25 most of the time
        # that 50 saves.
        turn_every = 25
        if self.n_steps == 0:  # as the authors do: the first gradient only makes the basis
            self.sides = [None if C is None else _Side(C, self.place.xp) for C in products]
        else:
            for side, C in zip(self.sides, products, strict=True):
                if side is not None:
                    side.average(C)
            g = self._rotate(G)
            self.m *= _BETA_1
            self.m += (1.0 - _BETA_1) * g
            self.v *= _BETA_2
            self.v += (1.0 - _BETA_2) * (g * g)
            k = self.n_steps
            factor = rate * (1.0 - _BETA_2**k) ** 0.5 / (1.0 - _BETA_1**k)
            denominator = self.place.xp.sqrt(self.v)
            denominator += epsilon
            self.theta -= factor * self._rotate_back(self.m / denominator)
            if k % turn_every == 0:
                self._turn()
        self.n_steps += 1

    def _turns(self, axis: int) -> bool:
        # A side longer than this keeps its own coordinates: its factor would cost more than the
        # network.
        longest_side = 1024
        return 1 < self.theta.shape[axis] <= longest_side

    def _rotate(self, G: Any) -> Any:
        left, right = self.sides
        G = G if left is None else left.Q.T @ G
        return G if right is None else G @ right.Q

    def _rotate_back(self, G: Any) -> Any:
        left, right = self.sides
        G = G if left is None else left.Q @ G
        return G if right is None else G @ right.Q.T

    def _turn(self) -> None:
        left, right = self.sides
        if left is not None:
            order, turned = left.turn()
            self.m, self.v = turned @ self.m[order], self.v[order]
        if right is not None:
            order, turned = right.turn()
            self.m, self.v = self.m[:, order] @ turned.T, self.v[:, order]

    def state(self) -> dict[str, Any]:
        found = {"m": self.m, "v": self.v, "n": self.place.xp.asarray(float(self.n_steps))}
        for name, side in zip("LR", self.sides, strict=True):
            if side is not None:
                found |= {name: side.C, f"Q{name}": side.Q}
        return found

    def restore(self, key: str, array: np.ndarray) -> None:
        placed = self.place.array(array.copy())
        if key == "n":
            self.n_steps = int(array)
        elif key in ("m", "v"):
            setattr(self, key, placed)
        else:
            axis = "LR".index(key[-1])
            side = self.sides[axis] or object.__new__(_Side)
            side.xp = self.place.xp
            setattr(side, "Q" if key[0] == "Q" else "C", placed)
            self.sides[axis] = side


SOAP = Solver("soap", solve_soap, needs_torch=True, takes_pieces=True, in_batches=True)
