"""A known system with friction and with forces from outside."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ._checks import FloatArray, keep, numbers, symmetric
from ._hamiltonian import HamiltonianSystem

Matrix = float | Sequence[float] | Sequence[Sequence[float]]


@dataclass(frozen=True)
class Forced:
    """A Hamiltonian system with friction and inputs, which keeps its energy no more.

    dq/dt = v = dH/dp,  dp/dt = -dH/dq - Gamma v + G u,  so that  dH/dt = -v . Gamma v + v . G u

    What is left out is zero: friction without ``damping``, forces without an input u.

    Parameters
    ----------
    system : HamiltonianSystem
        The system without forces, of d degrees of freedom.
    damping : float, sequence of d floats or matrix (d, d), default=0.0
        Gamma, symmetric and positive semi-definite: one number for all coordinates, one for
        each, or a matrix.
    input_matrix : matrix (d, m) or None, default=None
        G, the generalised forces of m inputs; None for no inputs.

    Raises
    ------
    ValueError
        If ``damping`` is not symmetric or would bring energy, or the shapes do not fit the system.
    TypeError
        If the system has no coordinates and momenta.

    Examples
    --------
    A pendulum with friction, and a torque of 2 at its pivot:

    >>> from skhnn.systems import Forced, Pendulum
    >>> driven = Forced(Pendulum(), damping=0.1, input_matrix=[[1.0]])
    >>> driven.vector_field([0.0, 1.0])
    array([ 1. , -0.1])
    >>> driven.vector_field([0.0, 1.0], u=[2.0])
    array([1. , 1.9])
    >>> driven.power([[0.0, 1.0]], u=[[2.0]])
    array([1.9])
    """

    system: HamiltonianSystem
    damping: Matrix = 0.0
    input_matrix: Sequence[Sequence[float]] | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.system, HamiltonianSystem):
            raise TypeError(
                "system of Forced must be a HamiltonianSystem, with coordinates and momenta; "
                f"got {self.system!r}."
            )
        keep(self, damping=self._check_damping())
        if self.input_matrix is not None:
            keep(self, input_matrix=self._check_input_matrix())

    def _check_damping(self) -> FloatArray:
        damping, d = numbers(self, "damping"), self.n_dof
        if damping.shape not in ((), (d,), (d, d)):
            raise ValueError(
                f"damping of Forced must be a number, {d} of them, or a matrix ({d}, {d}) for "
                f"{type(self.system).__name__}; got the shape {damping.shape}."
            )
        matrix = symmetric(self, "damping", damping * np.eye(d) if damping.ndim < 2 else damping)
        smallest = np.linalg.eigvalsh(matrix).min()
        if smallest < -1e-12 * np.abs(matrix).max():
            raise ValueError(
                "damping of Forced must be positive semi-definite: friction takes energy; got "
                f"the eigenvalue {smallest:.3g}."
            )
        return damping

    def _check_input_matrix(self) -> FloatArray:
        G = numbers(self, "input_matrix")
        if G.ndim != 2 or len(G) != self.n_dof or G.size == 0:
            raise ValueError(
                f"input_matrix of Forced must have {self.n_dof} rows, one for each coordinate of "
                f"{type(self.system).__name__}, and a column for each input; got the shape "
                f"{G.shape}."
            )
        return G

    @property
    def n_dof(self) -> int:
        """Number d of degrees of freedom."""
        return self.system.n_dof

    @property
    def n_columns(self) -> int:
        """Number of columns of a state, 2d, without inputs."""
        return self.system.n_columns

    @property
    def n_inputs(self) -> int:
        """Number m of inputs."""
        return 0 if self.input_matrix is None else len(self.input_matrix[0])

    @property
    def feature_names(self) -> list[str]:
        """Names of the 2d columns of a state."""
        return self.system.feature_names

    @property
    def velocity_names(self) -> list[str]:
        """Names of the 2d columns of (q, v)."""
        return self.system.velocity_names

    @property
    def input_names(self) -> list[str]:
        """Names of the m inputs: u or u_1..u_m."""
        return ["u"] if self.n_inputs == 1 else [f"u_{i}" for i in range(1, self.n_inputs + 1)]

    def energy(self, X: ArrayLike) -> FloatArray:
        """H of the system without forces: (..., 2d) to (...)."""
        return self.system.energy(X)

    def gradient(self, X: ArrayLike) -> FloatArray:
        """(dH/dq, dH/dp) of the system without forces; both are (..., 2d)."""
        return self.system.gradient(X)

    def velocity(self, X: ArrayLike) -> FloatArray:
        """v = dq/dt = dH/dp: (..., 2d) to (..., d)."""
        return self.system.velocity(X)

    def to_velocities(self, X: ArrayLike) -> FloatArray:
        """(q, v) of canonical states (q, p); both are (..., 2d)."""
        return self.system.to_velocities(X)

    def vector_field(self, X: ArrayLike, u: ArrayLike | None = None) -> FloatArray:
        """(v, -dH/dq - Gamma v + G u): states (..., 2d) and inputs (..., m) to (..., 2d)."""
        field = self.system.vector_field(X)
        force = self._force(field[..., : self.n_dof], u)
        return field + np.concatenate([np.zeros_like(force), force], axis=-1)

    def velocity_field(self, X: ArrayLike, u: ArrayLike | None = None) -> FloatArray:
        """(v, a) at canonical states (..., 2d) under inputs (..., m): the derivative of (q, v)."""
        return self.system._velocity_field_along(X, self.vector_field(X, u))

    def power(self, X: ArrayLike, u: ArrayLike | None = None) -> FloatArray:
        """dH/dt = -v . Gamma v + v . G u: states (..., 2d) and inputs (..., m) to (...)."""
        v = self.velocity(X)
        return np.sum(v * self._force(v, u), axis=-1)

    def _force(self, v: FloatArray, u: ArrayLike | None) -> FloatArray:
        """-Gamma v + G u: (..., d)."""
        damping = np.asarray(self.damping)
        friction = -(v @ damping if damping.ndim == 2 else damping * v)
        if u is None:
            return friction
        u = np.asarray(u, dtype=np.float64)
        if u.ndim == 0 or u.shape[-1] != self.n_inputs:
            raise ValueError(
                f"u must have {self.n_inputs} columns, one for each column of input_matrix; got "
                f"the shape {u.shape}."
            )
        if self.n_inputs == 0:
            return friction
        return friction + u @ np.asarray(self.input_matrix).T
