"""Kinetic energies of masses that are known, or learned."""

from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import numpy as np

from ._base import Declaration, HasLayers
from ._differences import by_column
from ._distances import Squares
from ._functions import Functions
from ._inertia import Inertia
from ._known import KnownEnergy
from ._layout import Layout
from ._maps import Standardised, as_like
from ._mlp import embedding
from ._network import spread


class Kinetic(HasLayers):
    r"""T = 1/2 p^T M^{-1} p, the kinetic energy of masses that are known, or learned.

    Parameters
    ----------
    mass : {"full", "diagonal", "q"}, float, array-like or callable, default="full"
        M: a number for all momenta, (d,) one for each, (d, d) a symmetric positive definite
        matrix; of velocities (``coordinates="velocities"``) also a function M(q), from
        coordinates (n, d) to matrices (n, d, d). Or learned: "full" a symmetric matrix (with
        b . p, as for momenta that are counted from anywhere), "diagonal" a mass for each momentum,
        "q" a matrix that depends on q and is positive definite everywhere, whatever is learned:
        M^{-1} = L L^T, L lower triangular with a positive diagonal (for (q, p), and solvers that
        train hidden layers; ``MLP("q") * Quadratic("p")`` is more accurate, and its masses need
        not be positive away from the data).
    columns : {"q", "p"} or sequence of int, default="p"
        The columns of the momenta.
    hidden_layer_sizes : sequence of int, default=None
        The number of units of each hidden layer, for ``mass="q"``. None leaves it to the
        estimator.
    activation : {"tanh", "softplus", "silu", "sin", "logistic", "quartic"}, default=None
        The activation, for ``mass="q"``. None leaves it to the estimator.
    periodic : sequence of int or mapping, default=None
        Columns of q that are angles, of period 2 pi, or {column: period}, for ``mass="q"``.

    Examples
    --------
    >>> from skhnn.hamiltonians import MLP, Kinetic
    >>> Kinetic([1.0, 2.5]) + MLP("q")
    Kinetic(mass=[1.0, 2.5]) + MLP(columns='q')
    """

    def __init__(
        self,
        mass: Any = "full",
        columns: Any = "p",
        hidden_layer_sizes: Any = None,
        activation: str | None = None,
        periodic: Any = None,
    ):
        self.mass = mass
        self.columns = columns
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.periodic = periodic

    def layers(self) -> list[HasLayers]:
        return [self] if isinstance(self.mass, str) and self.mass == "q" else []

    def declare(self, layout: Layout) -> Declaration:
        on = layout.find(self.columns)
        around = [k for k in on if k in layout.periods]
        if around:
            raise ValueError(f"Columns {around} are periodic, and momenta with a mass are not.")
        if callable(self.mass):
            if not layout.has_velocities or on != layout.find("p"):
                raise ValueError(
                    "mass as a function of q is for velocities, coordinates='velocities'; for "
                    "(q, p) write Known(function) of 1/2 p' M(q)^-1 p."
                )
            return Declaration(known=[KnownMass(self.mass, len(on))])
        if isinstance(self.mass, str):
            if self.mass not in ("full", "diagonal", "q"):
                raise ValueError(
                    "mass must be 'full', 'diagonal', 'q', a number or an array; got "
                    f"{self.mass!r}."
                )
            if self.mass == "q":
                return self._of_q(on, layout)
            if self.mass == "full":
                return Declaration(pairs=[(i, j) for i in on for j in on if i <= j])
            return kinetic_of_bodies([[k] for k in on], None, layout=layout)
        A = inverse_of(self.mass, len(on))
        return Declaration(
            known=[KineticEnergy(on, np.linalg.inv(A) if layout.has_velocities else A)]
        )

    def _of_q(self, on: list[int], layout: Layout) -> Declaration:
        """Masses that are positive definite by construction."""
        if layout.has_velocities:
            raise ValueError(
                "Kinetic('q') is for (q, p). Of velocities take Natural('q'), whose masses are "
                "looked at where there are data, and along simulations."
            )
        q = layout.of_network("q")
        periods = layout.common_periods(self.periodic, q)
        if set(q) & set(on):
            raise ValueError(f"Columns {sorted(set(q) & set(on))} cannot be q and momenta at once.")
        term = Inertia(
            q, tuple(self.hidden_layer_sizes or ()), self.activation or "", embedding(q, periods),
            Standardised(), on,
        )  # fmt: skip
        return Declaration([term], periods=periods, absolute=on)


def inverse_of(mass: Any, d: int) -> np.ndarray:
    """M^-1 (d, d) of a mass, of d masses, or of a matrix; ValueError unless it is positive."""
    given = np.asarray(mass, dtype=float)
    if given.ndim == 0:
        given = np.full(d, given)
    M = np.diag(given) if given.ndim == 1 else given
    if M.shape != (d, d):
        raise ValueError(
            f"mass must be a number, {d} numbers or a matrix ({d}, {d}), of {d} momenta; got shape "
            f"{given.shape}."
        )
    if not (np.isfinite(M).all() and np.allclose(M, M.T) and np.linalg.eigvalsh(M)[0] > 0.0):
        raise ValueError(f"mass must be positive (a matrix positive definite); got {mass!r}.")
    return np.asarray(np.linalg.inv(M))


def kinetic_of_bodies(
    bodies: Sequence[Sequence[int]],
    masses: Sequence[float] | None,
    kinds: Sequence[int] = (),
    *,
    layout: Layout,
) -> Declaration:
    """Sum |p_i|^2 / 2 m_i of bodies with these columns of momenta; the masses given, or learned.

    Of velocities sum m_i |v_i|^2 / 2.
    Bodies of one kind, a number for each body, have one mass to learn; without kinds each its own.
    """
    columns = [k for body in bodies for k in body]
    of_body = np.repeat(np.arange(len(bodies)), [len(body) for body in bodies])
    if masses is not None:
        m = np.asarray(masses, dtype=float)[of_body]
        A = np.diag(m if layout.has_velocities else 1.0 / m)
        return Declaration(known=[KineticEnergy(columns, A)], absolute=columns)
    kind = np.asarray(kinds if len(kinds) else np.arange(len(bodies)))[of_body]
    M = 0.5 * (kind[:, None] == np.arange(kind.max() + 1))
    reads = [[columns[k] for k in np.flatnonzero(of_kind)] for of_kind in M.T]
    return Declaration(functions=[Functions(columns, Squares(M), reads)], absolute=columns)


class KineticEnergy(KnownEnergy):
    """1/2 p^T A p of the columns ``on``, A (k, k) known; of velocities in the place of p too."""

    sign_in_lagrangian = 1.0

    def __init__(self, on: Sequence[int], A: np.ndarray):
        self.columns, self.A = list(on), A

    def value_at(self, X: Any, xp: ModuleType) -> Any:
        p = X[..., self.columns]
        return 0.5 * (p * (p @ as_like(self.A, X, xp))).sum(-1)

    def gradient_at(self, X: Any, xp: ModuleType) -> Any:
        slope = X[..., self.columns] @ as_like(self.A, X, xp)
        return spread(slope, self.columns, X.shape[-1], xp)

    def hessian_along(self, X: np.ndarray, V: np.ndarray) -> np.ndarray:
        along = V[..., self.columns] @ self.A + np.zeros_like(X[..., self.columns])
        return np.asarray(spread(along, self.columns, X.shape[-1], np))

    def rest_at(self, X: Any, d: int, xp: ModuleType) -> Any:
        return xp.zeros_like(X[..., :d])

    def inertia_at(self, X: Any, d: int, xp: ModuleType) -> Any:
        M = np.zeros((d, d))
        on = np.array(self.columns) - d
        M[np.ix_(on, on)] = self.A
        return as_like(M, X, xp) + xp.zeros_like(X[..., :d, None] * X[..., None, :d])


class KnownMass(KnownEnergy):
    """1/2 v^T M(q) v of velocities, M a known function, (n, d) -> (n, d, d), of ndarrays."""

    sign_in_lagrangian = 1.0

    def __init__(self, function: Callable[[np.ndarray], np.ndarray], d: int):
        self.function, self.d, self.columns = function, d, list(range(2 * d))

    def check(self, X: np.ndarray) -> None:
        M, d = self._mass(X), self.d
        if M.shape != (len(X), d, d):
            raise ValueError(
                f"mass as a function takes coordinates (n, {d}) and returns matrices (n, {d}, {d});"
                f" got shape {M.shape} for n = {len(X)}."
            )
        symmetric = np.allclose(M, np.swapaxes(M, 1, 2))
        if not (np.isfinite(M).all() and symmetric and np.linalg.eigvalsh(M).min() > 0.0):
            raise ValueError("mass must be symmetric and positive definite at the data; it is not.")

    def value_at(self, X: Any, xp: ModuleType) -> Any:
        return 0.5 * (X[..., self.d : 2 * self.d] * self._momenta(X, xp)).sum(-1)

    def gradient_at(self, X: Any, xp: ModuleType) -> Any:
        behind = xp.zeros_like(X[..., 2 * self.d :])
        by_q = [
            0.5 * (X[..., self.d : 2 * self.d] * slope).sum(-1)[..., None]
            for slope in self._slopes(X, xp)
        ]
        return xp.concatenate([*by_q, self._momenta(X, xp), behind], -1)

    def rest_at(self, X: Any, d: int, xp: ModuleType) -> Any:
        v, slopes = X[..., d : 2 * d], self._slopes(X, xp)  # dM/dq_k v
        along = sum(v[..., k, None] * slope for k, slope in enumerate(slopes))
        return along - self.gradient_at(X, xp)[..., :d]

    def inertia_at(self, X: Any, d: int, xp: ModuleType) -> Any:
        return as_like(self._mass(_numpy(X, xp)), X, xp)

    def _mass(self, X: np.ndarray) -> np.ndarray:
        q = np.array(X[..., : self.d], dtype=float)  # a copy, which functions may write to
        M = np.asarray(self.function(q.reshape(-1, self.d)), dtype=float)
        return M.reshape(*q.shape[:-1], *M.shape[1:]) if M.ndim == 3 else M

    def _momenta(self, X: Any, xp: ModuleType) -> Any:
        M = as_like(self._mass(_numpy(X, xp)), X, xp)
        return (M * X[..., None, self.d : 2 * self.d]).sum(-1)

    def _slopes(self, X: Any, xp: ModuleType) -> list[Any]:
        """The derivatives of M by every coordinate, times v, by differences."""
        rows, found = _numpy(X, xp), []
        for k in range(self.d):
            by_q = as_like(by_column(self._mass, rows, k), X, xp)
            found.append((by_q * X[..., None, self.d : 2 * self.d]).sum(-1))
        return found


def _numpy(X: Any, xp: ModuleType) -> np.ndarray:
    return X if xp is np else X.detach().cpu().double().numpy()
