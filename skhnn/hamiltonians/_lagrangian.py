r"""The equations of a Lagrangian of positions and velocities, as pure functions of their weights.

    L(q, v) = 1/2 v^T M(q) v + b(q) . v - V(q),    d/dt L_v - L_q = F(q, v, u),
    a = M^-1 (F - E_0),    E_0 = L_vq v - L_q,

for states (q, v): the field is (v, a). L is a sum of the same terms as a Hamiltonian, e l(x - c),
with known masses added and known potential energies subtracted. Its energy is v . L_v - L, its
momenta are p = L_v = M v + b.

With E = M a + E_0 - F, which is linear in the last weights w, the accelerations f that are
predicted for other weights differ by df/dw = -M^-1 dE/dw, at f itself and not at those measured:
these have noise, and would make the masses small.

Where nothing in it is known, L and F have no unit: all weights may be multiplied by a number.
"""

from collections.abc import Callable, Sequence
from functools import cached_property
from types import ModuleType
from typing import Any

import numpy as np

from ._bound_accelerations import bound_accelerations
from ._design import Design
from ._differences import by_column
from ._equations import Equations, Units
from ._euler_lagrange import by_last, directions, inertia, pullback, reads_velocities, rest
from ._evaluated_forces import EvaluatedForces
from ._known import InUnits, KnownEnergy
from ._layers import Outer, Params, row_by_row
from ._layout import Layout
from ._maps import as_like
from ._structure import Structure

_POINTS = 50


class LagrangianEquations(Equations):
    """See the module; the parameters are those of ``Equations``.

    ``v_size``, (d,), has the root mean squares of the velocities.
    """

    v_size: np.ndarray

    @cached_property
    def is_linear(self) -> bool:  # type: ignore[override]
        """Whether the field is linear in the last weights: where all masses are known."""
        params = self.init_params(np.random.RandomState(0))
        rows = np.random.RandomState(0).standard_normal((_POINTS, self.n_columns))
        return not self.mass_basis(params, rows).any()

    def in_units_of(self, units: Units) -> "LagrangianEquations":
        s, c, e, _ = units
        known = [InUnits(known, s, c, e) for known in self.known]
        found = self._rescaled(units, known, self.structure, np.zeros_like(c), 1.0, forwards=True)
        assert isinstance(found, LagrangianEquations)
        found.v_size = self.v_size / self._velocities(s)
        if self.input_matrix is not None:
            found.input_matrix = self.input_matrix * (s[self._inputs] * s[: self._d, None] / e)
        return found

    def in_units_of_the_data(
        self,
        units: Units,
        known: Sequence[KnownEnergy],
        structure: Structure,
        input_matrix: np.ndarray | None,
    ) -> "LagrangianEquations":
        found = super().in_units_of_the_data(units, known, structure, input_matrix)
        assert isinstance(found, LagrangianEquations)
        found.v_size = self.v_size * self._velocities(units.s)
        return found

    def _like(self, *args: Any) -> "LagrangianEquations":
        found = super()._like(*args)
        assert isinstance(found, LagrangianEquations)
        found.v_size = self.v_size
        return found

    def check(self) -> None:
        """Raise ValueError unless every term is one of q times a known function of v."""
        d = self._d
        for network in self.networks:
            if network in self.terms and any(d <= k < 2 * d for k in network.on):
                raise ValueError(
                    "Velocities are in a Lagrangian as 1/2 v' M(q) v + b(q) . v, and no network "
                    f"reads them; got {self.hamiltonian!r}. Use Natural(...), 'mechanical', "
                    "'natural', Radial or Pairwise, or pass momenta in place of velocities."
                )
        if not any(reads_velocities(term, d) for term in (*self.terms, *self.known)):
            raise ValueError(
                f"There is no kinetic energy in {self.hamiltonian!r}. Add Natural(...) or "
                "Kinetic(...)."
            )

    @property
    def has_free_scale(self) -> bool:
        """Whether L is determined but for a factor."""
        return not self.known and self.input_matrix is None

    # --- evaluation --------------------------------------------------------------------------

    def value(self, params: Params, X: Any, xp: ModuleType = np) -> Any:
        """The energy v . L_v - L, (n,), but for its constant."""
        v, d = self._velocities(X), self._d
        evaluated = self._at(params, X, xp, 1)
        learned = sum((at.gradient()[..., d : 2 * d] * v).sum(-1) - at.value() for at in evaluated)
        return self.e * learned + sum(known.value_at(X, xp) for known in self.known)

    def field(self, params: Params, X: Any, xp: ModuleType = np) -> Any:
        """(v, a), (n, 2d)."""
        return self._field_and_inertia(self._at(params, X, xp, 1), params, X, xp)[0]

    def _field_and_inertia(
        self, evaluated: list[Any], params: Params, X: Any, xp: ModuleType
    ) -> tuple[Any, Any]:
        E, M = self._rest(evaluated, X, xp), self._inertia(evaluated, X, xp)
        F = self._force(X, xp)
        if self.forces:
            F = F + self._forces_at(params, X, self._velocities(X), xp, 1).force()
        return self._with_accelerations(X, M, F - E, xp), M

    def field_if_admitted(self, params: Params, X: np.ndarray) -> np.ndarray | None:
        """The field, or None where M is not positive definite at all rows."""
        f, M = self._field_and_inertia(self._at(params, X, np, 1), params, X, np)
        return np.asarray(f) if _are_positive(M) else None

    def field_of_energies(self, params: Params, X: Any, xp: ModuleType = np) -> Any:
        """The same without forces."""
        evaluated = self._at(params, X, xp, 1)
        M = self._inertia(evaluated, X, xp)
        return self._with_accelerations(X, M, -self._rest(evaluated, X, xp), xp)

    def masses(self, params: Params, X: Any, xp: ModuleType = np) -> Any:
        """M(q), (n, d, d)."""
        return self._inertia(self._at(params, X, xp, 1), X, xp)

    def has_masses(self, params: Params, X: np.ndarray) -> bool:
        """Whether M is positive definite at all rows."""
        return _are_positive(self.masses(params, X))

    def momenta(self, params: Params, X: Any, xp: ModuleType = np) -> Any:
        """p = M(q) v + b(q), (n, d)."""
        d = self._d
        learned = sum(at.gradient()[..., d : 2 * d] for at in self._at(params, X, xp, 1))
        p = self.e * learned
        for known in self.known:
            p = p + (known.inertia_at(X, d, xp) * self._velocities(X)[..., None, :]).sum(-1)
        return p

    def velocities(self, params: Params, Z: Any, xp: ModuleType = np) -> Any:
        """v of rows with p in the place of v, (n, d)."""
        d = self._d
        X = xp.concatenate([Z[..., :d], xp.zeros_like(Z[..., :d]), Z[..., 2 * d :]], -1)
        p = Z[..., d : 2 * d] - self.momenta(params, X, xp)
        return _solved(self.masses(params, X, xp), p[..., None], xp)[..., 0]

    def with_velocities(self, params: Params, Z: Any, xp: ModuleType = np) -> Any:
        """Rows (q, v, ...) of rows (q, p, ...)."""
        d = self._d
        v = self.velocities(params, Z, xp)
        return xp.concatenate([Z[..., :d], v, Z[..., 2 * d :]], -1)

    def canonical_field(self, params: Params, Z: Any, xp: ModuleType = np) -> Any:
        """(dq/dt, dp/dt) = (v, L_q + F) at rows (q, p, ...), (n, 2d)."""
        d, X = self._d, self.with_velocities(params, Z, xp)
        evaluated = self._at(params, X, xp, 1)
        slope = self.e * sum(at.gradient()[..., :d] for at in evaluated)
        for known in self.known:
            slope = slope + known.sign_in_lagrangian * known.gradient_at(X, xp)[..., :d]
        F = self._force(X, xp)
        if self.forces:
            F = F + self._forces_at(params, X, self._velocities(X), xp, 1).force()
        return xp.concatenate([self._velocities(X), slope + F], -1)

    def forces_needed(self, params: Params, X: np.ndarray, a: np.ndarray) -> dict[str, np.ndarray]:
        """What E consists of at accelerations a, where inputs are zero; (n, d) each."""
        d, still = self._d, X.copy()
        still[:, d : 2 * d] = 0.0
        evaluated = self._at(params, X, np, 1)
        potential = self._rest(self._at(params, still, np, 1), still, np)
        found = {
            "inertial": (self._inertia(evaluated, X, np) @ a[..., None])[..., 0],
            "coriolis": self._rest(evaluated, X, np) - potential,
            "potential": potential,
            "friction": np.zeros_like(a),
        }
        if self.forces:
            found["friction"] = -self._forces_at(params, X, self._velocities(X), np, 1).force()
        return found

    # --- derivatives by the weights ------------------------------------------------------------

    def basis(self, params: Params, X: Any, xp: ModuleType = np, rates: Any = None) -> Any:
        """The derivatives of the field by the last weights, (n, 2d, m)."""
        return self.jacobian_by_last(params, X)

    def about_last(
        self,
        params: Params,
        X: np.ndarray,
        y: np.ndarray,
        start: np.ndarray,
        own_rates: bool,
        free: np.ndarray,
    ) -> Design:
        """df/dw at the params for A, and y - f + A (w - start) for t."""
        f, A = self.field_and_jacobian_by_last(params, X)
        t = y - f + A @ (self.last(params) - start)
        return Design(t, len(start), A, np.arange(len(start)))

    def implied(
        self, params: Params, X: np.ndarray, y: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """dE/dw, (n, d, m), and what of E is known, (n, d), at measured accelerations."""
        d = self._d
        evaluated, a = self._at(params, X, np, 1), y[:, d:]
        E = self._rest([], X, np) + (self._inertia([], X, np) @ a[..., None])[..., 0]
        return self._by_last(evaluated, params, X, a), E - self._force(X, np)

    def jacobian_by_last(self, params: Params, X: np.ndarray) -> np.ndarray:
        """df/dw, (n, 2d, m): zero of the velocities."""
        return self.field_and_jacobian_by_last(params, X)[1]

    def field_and_jacobian_by_last(
        self, params: Params, X: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        evaluated = self._at(params, X, np, 1)
        f, M = self._field_and_inertia(evaluated, params, X, np)
        J = np.zeros((len(X), self.n_state, self.n_last))
        dE = self._by_last(evaluated, params, X, f[:, self._d :])
        inverse = _solved(M, np.broadcast_to(np.eye(self._d), M.shape), np)
        J[:, self._d :] = -inverse @ dE
        return f, J

    def jacobian_by_hidden(self, params: Params, X: np.ndarray) -> np.ndarray:
        """df/dv by the weights of the hidden layers, (n, 2d, n_weights)."""
        _, pullback = self._field_and_pullback(params, X, np)
        d = self._d
        units = np.eye(self.n_state)[d:, None, :] + np.zeros_like(self._of_state(X))
        parts = pullback(units, row_by_row(len(X)), hidden_only=True)
        J = np.zeros((len(X), self.n_state, sum(p.shape[-1] for p in parts)))
        if parts:
            J[:, d:] = np.moveaxis(np.concatenate(parts, axis=-1), 0, 1)
        return J

    def _field_and_pullback(
        self, params: Params, X: Any, xp: ModuleType
    ) -> tuple[Any, Callable[..., Params]]:
        d, v = self._d, self._velocities(X)
        evaluated = self._at(params, X, xp, 2)
        M, F = self._inertia(evaluated, X, xp), self._force(X, xp)
        forces: EvaluatedForces | None = None
        if self.forces:
            forces = self._forces_at(params, X, v, xp, 2)
            F = F + forces.force()
        field = self._with_accelerations(X, M, F - self._rest(evaluated, X, xp), xp)

        def pulled_back(V: Any, outer: Outer, hidden_only: bool = False) -> Params:
            u = _solved(M, V[..., d : 2 * d, None], xp)[..., 0]
            of_forces: Params = []
            if forces is not None:
                whole = xp.concatenate([xp.zeros_like(u), u], -1)
                of_forces, _ = forces.pullback(whole, outer, hidden_only)
            u = -self.e * u
            along = self._along(X, field[..., d:], xp)
            U, P = directions(X, d, u, xp)
            of_energies: Params = []
            for at in evaluated:
                if hidden_only and not at.term.n_hidden:
                    continue
                found = pullback(at, d, along, U, P, outer)
                of_energies += found[: at.term.n_hidden] if hidden_only else found
            return of_energies + of_forces

        return field, pulled_back

    def jacobian(self, params: Params, X: Any, xp: ModuleType = np) -> Any:
        """The derivatives of the field by the states, (n, 2d, 2d), by differences."""
        return _slopes(self.vector_field(params), np.asarray(X), self.n_state)

    def canonical_jacobian(self, params: Params, Z: np.ndarray) -> np.ndarray:
        """The same of ``canonical_field``."""
        return _slopes(lambda rows: self.canonical_field(params, rows), Z, self.n_state)

    # --- masses --------------------------------------------------------------------------------

    def mass_slopes(self, params: Params, X: np.ndarray) -> np.ndarray:
        """The derivatives of M by the last weights, (n, d, d, m)."""
        d, n = self._d, len(X)
        found = np.zeros((n, d, d, self.n_last))
        for i in range(d):
            for j in range(i + 1):
                found[:, i, j] = found[:, j, i] = self._mass_slope(params, X, i, j)
        return found

    def mass_basis(self, params: Params, X: np.ndarray) -> np.ndarray:
        """The same of the diagonal alone, (n, d, m)."""
        parts = [self._mass_slope(params, X, k, k) for k in range(self._d)]
        return np.stack(parts, axis=1)

    def _mass_slope(self, params: Params, X: np.ndarray, i: int, j: int) -> np.ndarray:
        """The derivatives of M_ij, (n, m)."""
        d, n = self._d, len(X)
        zero = np.zeros_like(X)
        V, P = zero.copy(), zero.copy()
        V[:, d + i] = P[:, d + j] = 1.0
        evaluated = self._at(params, X, np, 1)
        parts = [self.e * by_last(at, d, V, zero, P) for at in evaluated]
        forces = np.zeros((n, self.n_last - sum(part.shape[1] for part in parts)))
        return np.concatenate([*parts, forces], axis=1)

    def unit_masses(self, params: Params) -> np.ndarray:
        """Last weights (m,) with M = diag(1 / v_size^2), as far as coefficients have that.

        Zero where a mass is known.
        """
        w = np.zeros(self.n_last)
        rows = np.random.RandomState(0).standard_normal((_POINTS, self.n_columns))
        B = self.mass_basis(params, rows)
        target = self.v_size**-2.0 - np.diagonal(
            self._inertia([], rows, np) + np.zeros((_POINTS, 1, 1)), axis1=1, axis2=2
        ) * bool(self.known)  # fmt: skip
        coefficients = self.is_quadratic & B.any(axis=(0, 1))
        if self.known and any(known.sign_in_lagrangian > 0 for known in self.known):
            return w
        A = (B * self.v_size[:, None] ** 2)[..., coefficients].reshape(_POINTS * self._d, -1)
        b = np.broadcast_to(target * self.v_size**2, (_POINTS, self._d)).ravel()
        w[coefficients] = np.linalg.lstsq(A, b, rcond=1e-10)[0]
        return w

    def in_unit(self, params: Params, X: np.ndarray) -> Params:
        """The params in the unit in which the first mass, the mean of M_11 over rows, is one.

        As they are where L has a unit.
        """
        if not self.has_free_scale:
            return params
        first = float(np.mean(self.masses(params, X)[:, 0, 0]))
        return self.with_last(params, self.last(params) / first) if first > 0.0 else params

    def trace(self, params: Params, X: np.ndarray) -> np.ndarray:
        """The slopes by the last weights of sum_j v_size_j^2 M_jj, the mean over rows, (m,)."""
        slopes = self.mass_basis(params, X).mean(axis=0)
        return np.asarray(self.v_size**2 @ slopes)

    # --- what depends on what ------------------------------------------------------------------

    def entries(self) -> np.ndarray:
        """All accelerations depend on all masses."""
        return np.arange(self.n_state)[:, None] >= np.full(self.n_last, self._d)

    def vector_field(self, params: Params) -> Callable[[np.ndarray], np.ndarray]:
        return bound_accelerations(self, params) or (lambda x: np.asarray(self.field(params, x)))

    def halves(
        self, params: Params, xp: ModuleType = np
    ) -> tuple[Callable[[Any], Any], Callable[[Any], Any]] | None:
        """p -> dq/dt = M^-1 p and q -> dp/dt, where M is constant and there is no b; or None."""
        d = self._d
        if self.forces or self.n_columns > self.n_state:
            return None
        rows = np.random.RandomState(0).standard_normal((_POINTS, self.n_state))
        rows[:, d:] = 0.0
        M, b = self.masses(params, rows), self.momenta(params, rows)
        rounding = 1e-12
        if max(np.ptp(M, axis=0).max(), np.abs(b).max()) > rounding * np.abs(M).max():
            return None
        inverse = np.linalg.inv(M[0])

        def of_potential(q: Any) -> Any:
            return self.canonical_field(params, xp.concatenate([q, 0.0 * q], -1), xp)[..., d:]

        return (lambda p: p @ as_like(inverse, p, xp)), of_potential

    # --- parts ---------------------------------------------------------------------------------

    @property
    def _d(self) -> int:
        return self.n_state // 2

    @staticmethod
    def scales_of_forces(layout: Layout, s: np.ndarray, f: np.ndarray, e: float) -> np.ndarray:
        d = layout.n_rates  # pi has the units of q
        return np.concatenate([s, f[:d], s[:d]])

    def _velocities(self, X: Any) -> Any:
        return X[..., self._d : 2 * self._d]

    def _along(self, X: Any, a: Any, xp: ModuleType) -> Any:
        """The directions (v, a) of all columns."""
        behind = [xp.zeros_like(X[..., 2 * self._d :])] if self.n_columns > self.n_state else []
        return xp.concatenate([self._velocities(X), a, *behind], -1)

    def _rest(self, evaluated: list[Any], X: Any, xp: ModuleType) -> Any:
        """E_0, (n, d)."""
        d, v = self._d, self._velocities(X)
        V = self._along(X, xp.zeros_like(v), xp)
        E = self.e * sum(rest(at, d, V) for at in evaluated)
        return E + sum(known.rest_at(X, d, xp) for known in self.known) + xp.zeros_like(v)

    def _inertia(self, evaluated: list[Any], X: Any, xp: ModuleType) -> Any:
        """M, (n, d, d)."""
        d = self._d
        M = self.e * sum(inertia(at, d) for at in evaluated)
        none = xp.zeros_like(X[..., :d, None] * X[..., None, :d])
        return M + sum(known.inertia_at(X, d, xp) for known in self.known) + none

    def _force(self, X: Any, xp: ModuleType) -> Any:
        """The known force of inputs, (n, d)."""
        if self.input_matrix is None:
            return xp.zeros_like(self._velocities(X))
        return X[..., self._inputs] @ as_like(self.input_matrix.T, X, xp)

    def _with_accelerations(self, X: Any, M: Any, F: Any, xp: ModuleType) -> Any:
        return xp.concatenate([self._velocities(X), _solved(M, F[..., None], xp)[..., 0]], -1)

    def _by_last(
        self, evaluated: list[Any], params: Params, X: np.ndarray, a: np.ndarray
    ) -> np.ndarray:
        """dE/dw at accelerations a, (n, d, m)."""
        d, n = self._d, len(X)
        along, found = self._along(X, a, np), np.empty((n, d, self.n_last))
        m = sum(term.n_weights for term in self.terms)
        for k in range(d):
            U, P = directions(X, d, np.zeros((n, d)) + np.eye(d)[k])
            start = 0
            for at in evaluated:
                end = start + at.term.n_weights
                np.multiply(by_last(at, d, along, U, P), self.e, out=found[:, k, start:end])
                start = end
        if self.forces:
            of_forces = self._forces_at(params, X, self._velocities(X), np, 1).basis()
            found[:, :, m:] = -np.concatenate(of_forces, axis=-1)
        return found


def _are_positive(M: np.ndarray) -> bool:
    try:
        np.linalg.cholesky(M)
    except np.linalg.LinAlgError:
        return False
    return True


def _solved(M: Any, F: Any, xp: ModuleType) -> Any:
    """M^-1 F, (..., d, m); not a number where an M has no inverse."""
    if xp is not np and xp.compiler.is_compiling():
        return _eliminated(M, F, xp)
    try:
        return xp.linalg.solve(M, F)
    except (np.linalg.LinAlgError, RuntimeError):
        return F * np.nan


def _eliminated(M: Any, F: Any, xp: ModuleType) -> Any:
    """The same by Gauss and Jordan, in operations that ONNX has; masses need no pivots."""
    rows = xp.concatenate([M, F], -1)
    d = M.shape[-1]
    for k in range(d):
        pivot = rows[..., k : k + 1, :] / rows[..., k : k + 1, k : k + 1]
        others = rows - rows[..., :, k : k + 1] * pivot
        rows = xp.concatenate([others[..., :k, :], pivot, others[..., k + 1 :, :]], -2)
    return rows[..., d:]


def _slopes(field: Callable[[np.ndarray], np.ndarray], X: np.ndarray, n_state: int) -> np.ndarray:
    """Central differences by the columns of the state, (n, D, D)."""
    return np.stack([by_column(field, X, k) for k in range(n_state)], axis=-1)
