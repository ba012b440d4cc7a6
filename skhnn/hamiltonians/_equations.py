r"""The equations of motion of a Hamiltonian, as pure functions of their weights.

    dx/dt = S(x) grad H(x) + F(x, v, u),    H(x) = e h(x - c; params) + known energies,

S is J = [[0, I], [-I, 0]] unless another structure is given, h the sum of the networks, of known
functions, and of linear and quadratic energies. Forces F, on dp/dt (with another structure on all
of dx/dt), may depend on the rates v = dq/dt = dH/dp and on inputs u.

The weights travel as ``params``, one flat list of arrays: those of every network, W_1, b_1, ..., W,
then the coefficients of the others, then those of the forces. The last weights W and those
coefficients enter linearly.

A force needs nothing that an energy has not: F is the derivative of an energy pi . F by momenta pi
that are zero. So a term of a force reads further columns (x, v, pi), v in the place of the rates.
"""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from scipy.sparse.csgraph import connected_components

from ._base import Hamiltonian
from ._bound_equations import bound_field, bound_halves
from ._design import Design
from ._evaluated_forces import EvaluatedForces, pulled_back
from ._known import InUnits, KnownEnergy
from ._layers import Outer, Params, row_by_row, summed_over_rows
from ._layout import Layout
from ._maps import as_like
from ._network import Network
from ._quadratic_energies import QuadraticEnergies
from ._structure import Structure
from ._weights import Term, Weighted


class Units(NamedTuple):
    """Units of states, x' = (x - c) / s for all columns, of energies e, and of rates f (D,)."""

    s: np.ndarray
    c: np.ndarray
    e: float
    f: np.ndarray


class Equations(Weighted):
    """See the module. States are (n, D); ``xp`` is numpy or torch, that of params and states.

    Parameters
    ----------
    hamiltonian : Hamiltonian
        What was composed, with its hidden layers.
    terms, forces : sequences of Network, Functions and QuadraticEnergies
        The terms of h, and of pi . F.
    known : sequence of KnownEnergy
        Energies without weights.
    layout : Layout
        What the columns are.
    structure : Structure
        S.
    c : array
        The centre, from which h counts the columns, so that an origin that is far away costs no
        digits.
    e : float
        The unit of h.
    input_matrix : (n_pushed, n_inputs) array or None
        A known G of a force G u.
    """

    #: Whether the field is linear in the last weights.
    is_linear = True

    def __init__(
        self,
        hamiltonian: Hamiltonian,
        terms: Sequence[Term],
        forces: Sequence[Term],
        known: Sequence[KnownEnergy],
        layout: Layout,
        structure: Structure,
        c: np.ndarray,
        e: float,
        input_matrix: np.ndarray | None = None,
    ):
        super().__init__([*terms, *forces])
        self.input_matrix = input_matrix
        self.hamiltonian, self.terms, self.forces = hamiltonian, list(terms), list(forces)
        self.known, self.layout, self.structure = list(known), layout, structure
        self.c, self.e, self._is_off_centre = c, e, bool(c.any())

    @property
    def n_state(self) -> int:
        """The number of columns of the state, D."""
        return self.layout.n_state

    @property
    def n_columns(self) -> int:
        """The number of columns that are read: the state, inputs and parameters."""
        return self.layout.n_columns

    # --- params ------------------------------------------------------------------------------

    def in_units_of(self, units: Units) -> "Equations":
        """The equations of x' = (x - c) / s, h and y': what is trained.

        In single precision x itself may have no digits left, or leave the range of floats. Known
        energies are left out, and so is the known force of inputs, since the targets are without
        them; but not where forces need the true rates.
        """
        s, c, e, f = units
        structure = self.structure.in_units(s[: self.n_state], c[: self.n_state], e, f)
        known = [InUnits(known, s, c, e) for known in self.known] if self.forces else []
        found = self._rescaled(units, known, structure, np.zeros_like(self.c), 1.0, forwards=True)
        found.input_matrix = None
        return found

    def in_units_of_the_data(
        self,
        units: Units,
        known: Sequence[KnownEnergy],
        structure: Structure,
        input_matrix: np.ndarray | None,
    ) -> "Equations":
        """The way back from ``in_units_of``."""
        found = self._rescaled(units, known, structure, units.c, units.e, forwards=False)
        found.input_matrix = input_matrix
        return found

    def _rescaled(
        self,
        units: Units,
        known: Sequence[KnownEnergy],
        structure: Structure,
        c: np.ndarray,
        e: float,
        *,
        forwards: bool,
    ) -> "Equations":
        s, of_forces = units.s, self.scales_of_forces(self.layout, units.s, units.f, units.e)
        if not forwards:
            s, of_forces = 1.0 / s, 1.0 / of_forces
        terms = [term.rescaled(s) for term in self.terms]
        forces = [term.rescaled(of_forces) for term in self.forces]
        return self._like(terms, forces, known, structure, c, e)

    def _like(
        self,
        terms: Sequence[Term],
        forces: Sequence[Term],
        known: Sequence[KnownEnergy],
        structure: Structure,
        c: np.ndarray,
        e: float,
    ) -> "Equations":
        """Equations of the same kind, of other terms."""
        return type(self)(
            self.hamiltonian, terms, forces, known, self.layout, structure, c, e, self.input_matrix
        )

    @staticmethod
    def scales_of_forces(layout: Layout, s: np.ndarray, f: np.ndarray, e: float) -> np.ndarray:
        """The units of the columns (x, v, pi) that forces read."""
        d = layout.n_rates
        return np.concatenate([s, f[:d], e / f[d:]])

    def magnitudes(self, X: np.ndarray, energy: np.ndarray) -> Params:
        """Typical sizes of all weights at the rows of X, whose columns stand for such energies.

        Those of forces, which read further columns, are one.
        """
        of_energies = [p for term in self.terms for p in term.magnitudes(X, energy)]
        rng = np.random.RandomState(0)
        return of_energies + [np.ones_like(p) for term in self.forces for p in term.init(rng)]

    def sample_params(
        self,
        X: np.ndarray,
        rng: np.random.RandomState,
        method: str,
        scale: float,
        reads: np.ndarray | None = None,
    ) -> Params:
        """Hidden layers drawn from states, see ``Network.sample``; last weights of zero."""
        Z, n = X - self.c, X.shape[1]
        reads = np.full(n, True) if reads is None else reads
        sampled = (term.sample(Z, rng, method, scale, reads) for term in self._all_terms)
        return [p for params in sampled for p in params]

    def widen(
        self, params: Params, X: np.ndarray, rng: np.random.RandomState, n_units: int
    ) -> tuple["Equations", Params]:
        """The same function with ``n_units`` more, sampled, in the last layer of every network."""
        Z = X - self.c
        pairs = [term.widen(part, Z, rng, n_units) for term, part in self.split(params)]
        terms: list[Term] = [term for term, _ in pairs]
        layers = [(t.sizes, t.activation) for t in terms if isinstance(t, Network)]
        n = len(self.terms)
        equations = self._like(terms[:n], terms[n:], self.known, self.structure, self.c, self.e)
        equations.hamiltonian = self.hamiltonian.with_layers(layers)
        return equations, [p for _, part in pairs for p in part]

    # --- evaluation --------------------------------------------------------------------------

    def value(self, params: Params, X: Any, xp: ModuleType = np) -> Any:
        """H, (n,), but for its constant; no gradient is computed."""
        learned = sum(at.value() for at in self._at(params, X, xp, 0))
        return self.e * learned + sum(known.value_at(X, xp) for known in self.known)

    def field(self, params: Params, X: Any, xp: ModuleType = np) -> Any:
        """S grad H + F, (n, D)."""
        field = self.field_of_energies(params, X, xp)
        if self.input_matrix is not None:
            G = as_like(self.input_matrix, X, xp)
            field = self._with_force(field, X[..., self._inputs] @ G.T, xp)
        if not self.forces:
            return field
        evaluated = self._forces_at(params, X, self._rates(field), xp, 1)
        return self._with_force(field, evaluated.force(), xp)

    def known_field(self, X: np.ndarray) -> np.ndarray:
        """The part of the field that does not depend on the params, (n, D)."""
        x = self._of_state(X)
        field = self.structure.apply(x, np.zeros_like(x) + self._known_gradient(X, np))
        if self.input_matrix is not None:
            field = self._with_force(field, X[..., self._inputs] @ self.input_matrix.T, np)
        return np.asarray(field)

    def field_and_pullback(
        self, params: Params, X: Any, xp: ModuleType = np
    ) -> tuple[Any, Callable[[Any], Params]]:
        """The learned field, (n, D), and V -> the derivative of sum(V * field) by the params.

        This is the reverse derivative on which every iterative solver runs; no graph is recorded.
        """
        outer = summed_over_rows(xp)
        field, pullback = self._field_and_pullback(params, X, xp)
        return field, lambda V: pullback(V, outer)

    def _field_and_pullback(
        self, params: Params, X: Any, xp: ModuleType
    ) -> tuple[Any, Callable[..., Params]]:
        """The same; the pullback (V, outer) may be that of hidden weights only."""
        x, evaluated = self._of_state(X), self._at(params, X, xp, 2)
        gradient = self._of_state(self._learned_gradient(evaluated)) + self._known_gradient(X, xp)
        field = self.structure.apply(x, gradient, xp)
        forces: EvaluatedForces | None = None
        if self.forces:
            forces = self._forces_at(params, X, self._rates(field), xp, 2)
            field = self._with_force(field, forces.force(), xp)

        def pullback(V: Any, outer: Outer, hidden_only: bool = False) -> Params:
            of_forces: Params = []
            if forces is not None:
                of_forces, V = forces.pullback(V, outer, hidden_only)
            G = self.e * self.structure.transpose(x, V, xp)
            if self.n_columns > self.n_state:
                G = xp.concatenate([G, xp.zeros_like(X[..., self.n_state :]) + 0 * G[..., :1]], -1)
            return pulled_back(evaluated, G, outer, hidden_only) + of_forces

        return field, pullback

    def basis(self, params: Params, X: Any, xp: ModuleType = np, rates: Any = None) -> Any:
        """The fields of the functions that the last weights multiply, (n, D, m).

        Forces have the ``rates`` v, (n, d), where they are given, and otherwise those of the
        params.
        """
        gradients = [self._of_state(at.basis(), -2) for at in self._at(params, X, xp, 1)]
        fields = self._basis_of_energies(X, gradients, xp)
        if not self.forces:
            return fields
        if rates is None and self.layout.n_rates:
            rates = self._rates(self.field_of_energies(params, X, xp))
        return xp.concatenate([fields, self._pushes(params, X, rates, xp)], -1)

    def _pushes(self, params: Params, X: Any, rates: Any, xp: ModuleType) -> Any:
        """The fields that the last weights of forces multiply, at some rates."""
        pushes = xp.concatenate(self._forces_at(params, X, rates, xp, 1).basis(), -1)
        d = self.n_state - self.layout.n_pushed
        return xp.concatenate([xp.zeros_like(pushes[..., :d, :]), pushes], -2) if d else pushes

    def _basis_of_energies(self, X: Any, gradients: list[Any], xp: ModuleType) -> Any:
        if xp is not np or not self.structure.is_canonical:
            G = self.e * xp.concatenate(gradients, axis=-1)
            along = xp.moveaxis(G, -1, 0)  # (m, n, D)
            return xp.moveaxis(self.structure.apply(self._of_state(X), along, xp), 0, -1)
        # In place: a design matrix is the largest array there is.
        d, e, n_last = self.n_state // 2, self.e, sum(G.shape[-1] for G in gradients)
        fields = np.empty((*X.shape[:-1], self.n_state, n_last), dtype=gradients[0].dtype)
        start = 0
        for G in gradients:
            columns = slice(start, start + G.shape[-1])
            np.multiply(G[..., d:, :], e, out=fields[..., :d, columns])
            np.multiply(G[..., :d, :], -e, out=fields[..., d:, columns])
            start = columns.stop
        return fields

    def about_last(
        self,
        params: Params,
        X: np.ndarray,
        y: np.ndarray,
        start: np.ndarray,
        own_rates: bool,
        free: np.ndarray,
    ) -> Design:
        """The equations of the last weights that are ``free``, (m,) of bool; others ``start``.

        Forces see the rates of y, or those of the params, which have less noise.
        """
        ends = np.cumsum([0, *(term.n_weights for term in self._all_terms)])
        of_terms = [np.arange(first, end) for first, end in pairwise(ends.tolist())]
        of_energies = of_terms[: len(self.terms)]
        fields, places = [np.empty((*y.shape, 0))], [np.empty(0, dtype=int)]
        sparse, gradient = None, np.zeros(X.shape)
        evaluated = self._at(self.with_last(params, start), X, np, 1)
        for at, weights in zip(evaluated, of_energies, strict=True):
            if start[weights].any() or not len(weights):
                gradient += at.gradient()
            if isinstance(at.term, QuadraticEnergies) and self.structure.is_canonical:
                sparse = partial(self._entries_of_products, at, weights[0])
            elif free[weights].any():
                fields.append(self._basis_of_energies(X, [self._of_state(at.basis(), -2)], np))
                places.append(weights)
        gradient = self.e * self._of_state(gradient) + self._known_gradient(X, np)
        field = self.structure.apply(self._of_state(X), gradient)
        if self.forces:
            rates = y[:, : self.layout.n_rates]
            if own_rates:
                rates = self._rates(self.field_of_energies(params, X))
            fields.append(self._pushes(params, X, rates, np))
            places.append(weights := np.concatenate(of_terms[len(self.terms) :]))
            field = field + fields[-1] @ start[weights]
        return Design(
            y - field, len(start), np.concatenate(fields, axis=-1), np.concatenate(places), sparse
        )

    def _entries_of_products(
        self, at: Any, first: int, column: int, weights: np.ndarray
    ) -> np.ndarray:
        """Those of the quadratic energies, whose weights begin at ``first``, in one equation."""
        d = self.n_state // 2
        k, sign = (column + d, self.e) if column < d else (column - d, -self.e)
        return sign * np.asarray(at.basis_by(k, weights - first))

    def field_if_admitted(self, params: Params, X: np.ndarray) -> np.ndarray | None:
        """The field, or None if the params make no sense for some rows."""
        return np.asarray(self.field(params, X))

    def jacobian(self, params: Params, X: Any, xp: ModuleType = np) -> Any:
        """The derivatives of the field by the states, (n, D, D)."""
        D = self.n_state
        evaluated = self._at(params, X, xp, 2)
        units = xp.diag(xp.ones_like(X[0]))[:D, None, :] + xp.zeros_like(X)
        along = self.e * sum(at.hessian_along(units) for at in evaluated)
        along = along + sum(known.hessian_along(X, units) for known in self.known)
        x = self._of_state(X)
        J = xp.moveaxis(self.structure.apply(x, self._of_state(along), xp), 0, -1)
        if not self.structure.is_constant:
            gradient = self._of_state(self._learned_gradient(evaluated))
            J = J + self.structure.slope(x, gradient + self._known_gradient(X, xp), xp)
        if not self.forces:
            return J
        rates = self._rates(self.field_of_energies(params, X, xp))
        by_x, by_rates = self._forces_at(params, X, rates, xp, 2).slopes()
        if self.layout.n_rates:
            by_x = by_x + by_rates @ J[..., : self.layout.n_rates, :]
        return self._with_force(J, by_x, xp, axis=-2)

    def jacobian_by_last(self, params: Params, X: np.ndarray) -> np.ndarray:
        """The derivatives of the field by the last weights, (n, D, m), those of forces by v too."""
        if not (self.forces and self.layout.n_rates):
            return np.asarray(self.basis(params, X))
        rates = self._rates(self.field_of_energies(params, X, np))
        A = self.basis(params, X, rates=rates)
        _, by_rates = self._forces_at(params, X, rates, np, 2).slopes()
        through = by_rates @ A[..., : self.layout.n_rates, :]
        return np.asarray(self._with_force(A, through, np, axis=-2))

    def field_and_jacobian_by_last(
        self, params: Params, X: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Both."""
        return self.field(params, X), self.jacobian_by_last(params, X)

    def jacobian_by_hidden(self, params: Params, X: np.ndarray) -> np.ndarray:
        """The derivatives of the field by the weights of the hidden layers, (n, D, n_weights)."""
        _, pullback = self._field_and_pullback(params, X, np)
        units = np.eye(self.n_state)[:, None, :] + np.zeros_like(self._of_state(X))
        parts = pullback(units, row_by_row(len(X)), hidden_only=True)
        if not parts:
            return np.zeros((len(X), self.n_state, 0))
        return np.moveaxis(np.concatenate(parts, axis=-1), 0, 1)

    # --- simulation --------------------------------------------------------------------------

    def vector_field(self, params: Params) -> Callable[[np.ndarray], np.ndarray]:
        """x -> dx/dt with the params bound, for x of shape (D,) or (n, D): the hot path.

        Where there are inputs or parameters, x has their columns too.
        """
        return bound_field(self, params)

    def halves(
        self, params: Params, xp: ModuleType = np
    ) -> tuple[Callable[[Any], Any], Callable[[Any], Any]] | None:
        """p -> dq/dt and q -> dp/dt, (n, d) -> (n, d), where H = T(p) + V(q); None for others."""
        return bound_halves(self, params, xp)

    # --- what depends on what ----------------------------------------------------------------

    def entries(self) -> np.ndarray:
        """Whether a last weight is in the equation of a column, (D, m) of bool.

        dq/dt depends on the weights of what reads p, so the columns are those of the conjugates.
        """
        n, d = self.n_state, self.n_state // 2
        if not self.structure.is_canonical:
            return np.full((n, self.n_last), True)
        reads = [columns for term in self._all_terms for columns in term.reads]
        if not reads:
            return np.zeros((n, 0), dtype=bool)
        n_read = self.n_columns + self.layout.n_rates + self.layout.n_pushed
        read = np.zeros((n_read, len(reads)), dtype=bool)
        read[np.concatenate(reads), np.repeat(np.arange(len(reads)), [len(r) for r in reads])] = (
            True
        )
        n_energies = sum(term.n_weights for term in self.terms)
        found = np.concatenate([read[d:n], read[:d]])
        found[:, n_energies:] = False
        found[d:, n_energies:] = read[self.n_columns + self.layout.n_rates :, n_energies:]
        return found

    def blocks(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Parts of the field that share no weights, (columns, last weights)."""
        entries = self.entries()
        linked = np.hstack([entries, self._entries_of_hidden()])
        _, label = connected_components(linked.astype(int) @ linked.T, directed=False)
        found = []
        for columns in (np.flatnonzero(label == k) for k in range(label.max() + 1)):
            if linked[columns].any():
                found.append((columns, np.flatnonzero(entries[columns].any(axis=0))))
        return found

    def _entries_of_hidden(self) -> np.ndarray:
        """Which columns of the field each term without last weights reaches, (D, terms)."""
        d = self.n_state // 2
        terms = [term for term in self.terms if not term.n_weights]
        read = np.zeros((self.n_columns, len(terms)), dtype=bool)
        for k, term in enumerate(terms):
            read[term.columns, k] = True
        return np.concatenate([read[d : self.n_state], read[:d]])

    # --- parts -------------------------------------------------------------------------------

    @property
    def _inputs(self) -> slice:
        return slice(self.n_state, self.n_state + self.layout.n_inputs)

    def _of_state(self, A: Any, axis: int = -1) -> Any:
        """The columns of the state."""
        if self.n_columns == self.n_state:
            return A
        return A[..., : self.n_state] if axis == -1 else A[..., : self.n_state, :]

    def _at(self, params: Params, X: Any, xp: ModuleType, order: int) -> list[Any]:
        if self._is_off_centre:
            X = X - as_like(self.c, X, xp)
        return [
            term.at(params[part], X, xp, order)
            for term, part in zip(self.terms, self._parts, strict=False)
        ]

    def _forces_at(
        self, params: Params, X: Any, rates: Any, xp: ModuleType, order: int
    ) -> EvaluatedForces:
        if self._is_off_centre:
            X = X - as_like(self.c, X, xp)
        pairs = list(self.split(params))[len(self.terms) :]
        return EvaluatedForces(pairs, self.layout, self.e, X, rates, xp, order)

    def _rates(self, field: Any) -> Any:
        return field[..., : self.layout.n_rates] if self.layout.n_rates else None

    def field_of_energies(self, params: Params, X: Any, xp: ModuleType = np) -> Any:
        """S grad H, (n, D)."""
        gradient = self._of_state(self._learned_gradient(self._at(params, X, xp, 1)))
        gradient = gradient + self._known_gradient(X, xp)
        return self.structure.apply(self._of_state(X), gradient, xp)

    def _with_force(self, field: Any, F: Any, xp: ModuleType, axis: int = -1) -> Any:
        """A field with a force on the last of its rates; for arrays with rates along an axis."""
        if self.layout.n_pushed == self.n_state:
            return field + F
        d = self.n_state - self.layout.n_pushed
        if axis == -1:
            return xp.concatenate([field[..., :d], field[..., d:] + F], -1)
        pushed = field[..., d:, :]
        m = pushed.shape[-1] - F.shape[-1]
        assert m == 0
        return xp.concatenate([field[..., :d, :], pushed + F], -2)

    def _learned_gradient(self, evaluated: list[Any]) -> Any:
        first, *rest = (at.gradient() for at in evaluated)
        for gradient in rest:
            first = first + gradient
        return self.e * first

    def _known_gradient(self, X: Any, xp: ModuleType) -> Any:
        return sum(self._of_state(known.gradient_at(X, xp)) for known in self.known)
