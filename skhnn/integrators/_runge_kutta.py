r"""Implicit Runge-Kutta methods: the stage equations and how they are solved.

A step solves Z_i = h sum_j a_ij f(t + c_j h, x + Z_j) for the s stages and ends at x + h sum_j b_j
f(t + c_j h, x + Z_j).

References
----------
E. Hairer, C. Lubich, G. Wanner, "Geometric Numerical Integration", 2nd ed., Springer 2006, sections
II.1 (methods), VIII.6 (starting values and iterations).

E. Hairer, R. I. McLachlan, A. Razakarivony, "Achieving Brouwer's law with implicit Runge-Kutta
methods", BIT 48 (2008) 231-243 (iterate until rounding stops the progress).
"""

from typing import Any

import numpy as np

from ._scheme import NotConvergedError, Scheme
from ._system import System


class ImplicitRungeKutta(Scheme):
    """A method given by its coefficients.

    The stages are found by fixed-point iteration, or where that is slow, and the Jacobian of the
    field is known, by Newton's method with the Jacobian at the start of the step.
    """

    needs_halves = False

    def __init__(
        self,
        A: Any,
        b: Any,
        c: Any,
        order: int,
        steps_per_period: int,
        conserves_energy: bool = False,
    ):
        self.conserves_energy = conserves_energy
        self.A, self.b, self.c = (np.asarray(a, dtype=float) for a in (A, b, c))
        self.order, self.steps_per_period = order, steps_per_period
        # The polynomial through (0, 0) and (c_i, Z_i), at 1 + c_j, less its value at 1: the guess
        # for the stages of the next step.
        powers = np.arange(len(self.c) + 1)
        nodes = np.concatenate([[0.0], self.c])[:, None] ** powers
        ahead = (1.0 + self.c)[:, None] ** powers - 1.0
        self.extrapolate = (ahead @ np.linalg.inv(nodes))[:, 1:]

    def advance(self, system: System, t: Any, x: Any, h: Any, memory: Any) -> tuple[Any, Any]:
        A, b, c = (self._as(system, a, x) for a in (self.A, self.b, self.c))
        times = t + c[:, None, None] * h
        if memory is None:
            Z = c[:, None, None] * (h * system(t, x))
        else:
            Z = _mix(self._as(system, self.extrapolate, x), memory)
        solve = None
        previous = smallest = np.inf
        n_stalled = 0
        size = abs(x).max(-1)[0] if system.xp is not np else np.abs(x).max(axis=-1)
        size = size + system.size
        size = size + (size == 0)
        # Relative change of the stages that counts as converged.
        converged = 1e-15
        # Changes that no longer shrink are rounding in the field: at once where they are as small
        # as in exact fields, after a few iterations more where they are as small as in networks
        # with large weights.
        stalled = ((1e-13, 1), (1e-9, 3))
        most_iterations = 50
        # The fixed-point iteration is left for Newton's where its change shrinks by less than this.
        slow = 0.3
        for k in range(most_iterations):
            F = system(times, x + Z)
            change = h * _mix(A, F) - Z
            if solve is not None:
                change = solve(change)
            Z = Z + change
            by_row = _largest(change, system) / size
            largest = float(by_row.max())
            n_stalled = 0 if largest < smallest else n_stalled + 1
            smallest = min(smallest, largest)
            if largest <= converged or any(
                smallest <= close and n_stalled >= n for close, n in stalled
            ):
                break
            if not largest < np.inf:
                raise NotConvergedError(
                    "the vector field is not finite there.", _to_numpy(~(by_row < np.inf)), True
                )
            is_slow = k and largest > max(slow * previous, stalled[-1][0])
            if is_slow and solve is None and system.jacobian is not None:
                solve = self._newton(system, t, x, h)
                largest = np.inf
            previous = largest
        else:
            raise NotConvergedError(
                f"the implicit equations of the step were not solved in {most_iterations} "
                "iterations: take a smaller step_size"
                + ("." if system.jacobian is not None else ", or pass the Jacobian, jac."),
                _to_numpy(by_row > stalled[-1][0]),
            )
        # f at the stages follows from them only where A is invertible; one more evaluation is
        # cheaper than the loss of digits.
        return x + h * _mix(b[None], system(times, x + Z))[0], Z

    def select(self, memory: Any, index: Any) -> Any:
        return memory[:, index]

    def _newton(self, system: System, t: Any, x: Any, h: Any) -> Any:
        """The map residual -> (I - h A (x) J)^-1 residual, J at the start of the step."""
        assert system.jacobian is not None
        xp, s = system.xp, len(self.c)
        m, n = x.shape
        J = system.jacobian(t, x)
        A = self._as(system, self.A, x)
        length = h if isinstance(h, float) else h.reshape(m, 1, 1, 1, 1)
        M = -length * A[None, :, None, :, None] * J[:, None, :, None, :]
        M = M.reshape(m, s * n, s * n) + xp.eye(s * n, dtype=x.dtype, **_where(x, system))
        try:
            inverse = xp.linalg.inv(M)
        except np.linalg.LinAlgError:
            rows = np.array([not np.linalg.cond(a) < 1e15 for a in M])
            raise NotConvergedError(
                "the equations of the step are singular: take a smaller step_size.", rows
            ) from None

        def solve(residual: Any) -> Any:
            stacked = residual.swapaxes(0, 1).reshape(m, s * n, 1)
            return (inverse @ stacked).reshape(m, s, n).swapaxes(0, 1)

        return solve

    @staticmethod
    def _as(system: System, array: np.ndarray, like: Any) -> Any:
        if system.xp is np:
            return array
        return system.xp.as_tensor(array, dtype=like.dtype, device=like.device)


def _mix(A: Any, stages: Any) -> Any:
    """sum_j a_ij stages_j."""
    return (A @ stages.reshape(len(stages), -1)).reshape(len(A), *stages.shape[1:])


def _largest(change: Any, system: System) -> Any:
    """The largest entry of every trajectory over stages and coordinates, (m,); NaN if any is."""
    if system.xp is np:
        return np.abs(change).max(axis=(0, 2))
    return change.abs().amax(dim=(0, 2))


def _to_numpy(mask: Any) -> np.ndarray:
    return mask if isinstance(mask, np.ndarray) else mask.cpu().numpy()


def _where(x: Any, system: System) -> dict[str, Any]:
    return {} if system.xp is np else {"device": x.device}


def gauss_legendre(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights of the Gauss-Legendre quadrature with n points on [0, 1]."""
    nodes, weights = np.polynomial.legendre.leggauss(n)
    return 0.5 * (nodes + 1.0), 0.5 * weights


def collocation(n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A, b, c of the method of Gauss with n stages, of order 2n: a_ij = int_0^c_i l_j."""
    c, b = gauss_legendre(n)
    powers = np.arange(n)
    lagrange = np.linalg.inv(c[:, None] ** powers)  # column j: coefficients of l_j
    A = (c[:, None] ** (powers + 1) / (powers + 1)) @ lagrange
    return A, b, c
