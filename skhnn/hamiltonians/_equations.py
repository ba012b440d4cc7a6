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

from collections.abc import Callable, Iterator, Sequence
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from ._base import Hamiltonian
from ._bound import bound, bound_force
from ._functions import Functions
from ._known import InUnits, KnownEnergy
from ._layers import Outer, Params, row_by_row, summed_over_rows
from ._layout import Layout
from ._maps import Standardised, as_like
from ._network import Network
from ._quadratic_energies import QuadraticEnergies
from ._structure import Canonical, Structure

Term = Network | QuadraticEnergies | Functions


class Units(NamedTuple):
    """Units of states, x' = (x - c) / s for all columns, of energies e, and of rates f (D,)."""

    s: np.ndarray
    c: np.ndarray
    e: float
    f: np.ndarray


class Equations:
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
        self.input_matrix = input_matrix
        self.hamiltonian, self.terms, self.forces = hamiltonian, list(terms), list(forces)
        self.known, self.layout, self.structure = list(known), layout, structure
        self.c, self.e, self._is_off_centre = c, e, bool(c.any())
        counts = [term.n_hidden + 1 for term in self._all_terms]
        ends = np.cumsum(counts).tolist()
        self._parts = [slice(end - n, end) for end, n in zip(ends, counts, strict=True)]
        #: Where the last weights are among the params.
        self.last_places = [end - 1 for end in ends]

    @property
    def n_state(self) -> int:
        """The number of columns of the state, D."""
        return self.layout.n_state

    @property
    def n_columns(self) -> int:
        """The number of columns that are read: the state, inputs and parameters."""
        return self.layout.n_columns

    @property
    def networks(self) -> list[Network]:
        """The terms that have hidden layers."""
        return [term for term in self._all_terms if isinstance(term, Network)]

    @property
    def width(self) -> int:
        """The number of units of the widest layer; it sizes the pieces of an evaluation."""
        widest = (max(net.sizes) * net.phi.copies for net in self.networks)
        return max(widest, default=1)

    @property
    def n_last(self) -> int:
        """The number of last weights."""
        return sum(term.n_weights for term in self._all_terms)

    @property
    def is_quadratic(self) -> np.ndarray:
        """Which of the last weights are coefficients of known functions, (n_last,) of bool."""
        return np.concatenate([np.full(t.n_weights, t.n_hidden == 0) for t in self._all_terms])

    @property
    def _all_terms(self) -> list[Term]:
        return [*self.terms, *self.forces]

    # --- params ------------------------------------------------------------------------------

    def init_params(self, rng: np.random.RandomState) -> Params:
        """Random weights of the networks, and coefficients of zero."""
        return [p for term in self._all_terms for p in term.init(rng)]

    def last(self, params: Params) -> np.ndarray:
        """The last weights, as a vector."""
        return np.concatenate([params[k].ravel() for k in self.last_places])

    def with_last(self, params: Params, w: np.ndarray) -> Params:
        """Params with other last weights, given as a vector."""
        params, start = list(params), 0
        for k in self.last_places:
            size = params[k].size
            params[k] = w[start : start + size].reshape(params[k].shape)
            start += size
        return params

    def hidden(self, params: Params) -> Params:
        """The weights and biases of the hidden layers."""
        return [p for k, p in enumerate(params) if k not in self.last_places]

    def with_hidden(self, params: Params, hidden: Params) -> Params:
        """Params with other hidden layers."""
        rest = iter(hidden)
        return [p if k in self.last_places else next(rest) for k, p in enumerate(params)]

    def last_of_quadratic(self, g: np.ndarray, Q: np.ndarray) -> np.ndarray:
        """The last weights of g . z + 1/2 z^T Q z, z the standardised states, where admitted."""
        return np.concatenate([term.last_of(g, Q) for term in self._all_terms])

    def in_units_of(self, units: Units) -> "Equations":
        """The equations of x' = (x - c) / s, h and y': what is trained.

        In single precision x itself may have no digits left, or leave the range of floats. Known
        energies are left out, and so is the known force of inputs, since the targets are without
        them; but not where forces need the true rates.
        """
        s, c, e, f = units
        structure = self.structure.in_units(s[: self.n_state], c[: self.n_state], e, f)
        known = [InUnits(known, s, c, e) for known in self.known] if self.forces else []
        return self._rescaled(units, known, structure, np.zeros_like(self.c), 1.0, forwards=True)

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
        s, f = units.s, units.f
        d = self.layout.n_rates
        of_forces = np.concatenate([s, f[:d], units.e / f[d:]])
        if not forwards:
            s, of_forces = 1.0 / s, 1.0 / of_forces
        terms = [term.rescaled(s) for term in self.terms]
        forces = [term.rescaled(of_forces) for term in self.forces]
        return Equations(self.hamiltonian, terms, forces, known, self.layout, structure, c, e)

    def as_one_network(
        self, params: Params, constant: float
    ) -> tuple[list[np.ndarray], list[np.ndarray]] | None:
        """Weights and biases of H where it is one network of x - c beside quadratic energies.

        None for others. See ``Model.layers``.
        """
        if len(self.networks) != 1 or self.known or self.forces:
            return None
        (network,) = self.networks
        phi = network.phi
        is_plain = network.psi is None and isinstance(phi, Standardised)
        if not is_plain or any(isinstance(term, Functions) for term in self.terms):
            return None
        assert isinstance(phi, Standardised)
        *hidden, W = params[: 2 * len(network.sizes) + 1]
        mu, s = phi.constants.values()
        first = hidden[0] / s[:, None]
        b = hidden[1] - mu @ first
        last = [self.e * W]
        if len(self.terms) > 1:
            (quadratic,) = (t for t in self.terms if isinstance(t, QuadraticEnergies))
            g, Q = quadratic.folded(params[-1:], self.e)
            last.append(quadratic.last_of(g, Q)[:, None])
        return (
            [first, *hidden[2::2], np.concatenate(last)],
            [b, *hidden[3::2], np.concatenate([[constant], self.c])],
        )

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
        equations = Equations(
            self.hamiltonian.with_layers(layers), terms[:n], terms[n:], self.known, self.layout,
            self.structure, self.c, self.e, self.input_matrix,
        )  # fmt: skip
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
        return self._with_force(field, self._force(evaluated), xp)

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
        forces: list[Any] = []
        if self.forces:
            forces = self._forces_at(params, X, self._rates(field), xp, 2)
            field = self._with_force(field, self._force(forces), xp)

        def of_terms(terms: list[Any], V: Any, outer: Outer, hidden_only: bool) -> Params:
            if not hidden_only:
                return [p for at in terms for p in at.pullback(V, outer)]
            return [p for at in terms if at.term.n_hidden for p in at.pullback(V, outer)[:-1]]

        def pullback(V: Any, outer: Outer, hidden_only: bool = False) -> Params:
            of_forces: Params = []
            if forces:
                V_ext = self._on_forces(self.e * V[..., self._pushed], X, xp)
                of_forces = of_terms(forces, V_ext, outer, hidden_only)
                V = self._through_rates(V, forces, V_ext, xp)
            G = self.e * self.structure.transpose(x, V, xp)
            if self.n_columns > self.n_state:
                G = xp.concatenate([G, xp.zeros_like(X[..., self.n_state :]) + 0 * G[..., :1]], -1)
            return of_terms(evaluated, G, outer, hidden_only) + of_forces

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
        evaluated = self._forces_at(params, X, rates, xp, 1)
        pushes = [self.e * at.basis(self.layout.n_pushed) for at in evaluated]
        d = self.n_state - self.layout.n_pushed
        pushes = [xp.concatenate([xp.zeros_like(B[..., :d, :]), B], -2) if d else B for B in pushes]
        return xp.concatenate([fields, *pushes], -1)

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
        by_x, by_rates = self._force_slopes(self._forces_at(params, X, rates, xp, 2), X, xp)
        of_force = (
            by_x + by_rates @ J[..., : self.layout.n_rates, :] if self.layout.n_rates else by_x
        )
        return self._with_force(J, of_force, xp, axis=-2)

    def jacobian_by_last(self, params: Params, X: np.ndarray) -> np.ndarray:
        """The derivatives of the field by the last weights, (n, D, m), those of forces by v too."""
        A = self.basis(params, X)
        if not (self.forces and self.layout.n_rates):
            return np.asarray(A)
        rates = self._rates(self.field_of_energies(params, X, np))
        _, by_rates = self._force_slopes(self._forces_at(params, X, rates, np, 2), X, np)
        through = by_rates @ A[..., : self.layout.n_rates, :]
        return np.asarray(self._with_force(A, through, np, axis=-2))

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
        n, pairs = len(self.terms), list(self.split(params))
        columns, structure = range(self.n_columns), self.structure
        if structure.is_canonical and self.n_columns == self.n_state:
            learned = bound(pairs[:n], columns, self.c, self.e, structure_out)
        else:
            gradient = bound(pairs[:n], columns, self.c, self.e, lambda g: g)

            def learned(x: np.ndarray) -> np.ndarray:
                state = self._of_state(x)
                return np.asarray(structure.apply(state, self._of_state(gradient(x))))

        has_known = bool(self.known) or self.input_matrix is not None
        if not (has_known or self.forces):
            return learned
        force = None
        if self.forces:
            of = self.layout
            force = bound_force(pairs[n:], of.n_rates, of.n_pushed, self.c, self.e)

        def field(x: np.ndarray) -> np.ndarray:
            f = learned(x)
            if has_known:  # what users write gets rows
                rows = x.reshape(-1, self.n_columns)
                f += self.known_field(rows).reshape(f.shape)
            if force is not None:
                f[..., self._pushed] += force(x, f[..., : self.layout.n_rates])
            return f

        return field

    def halves(
        self, params: Params, xp: ModuleType = np
    ) -> tuple[Callable[[Any], Any], Callable[[Any], Any]] | None:
        """p -> dq/dt and q -> dp/dt, (n, d) -> (n, d), where H = T(p) + V(q); None for others."""
        n, d = self.n_columns, self.n_columns // 2
        reads = [known.columns for known in self.known]
        is_plain = self.structure.is_canonical and not self.forces and n == self.n_state
        if not is_plain or any(min(b) < d <= max(b) for b in (*self._coupled(), *reads)):
            return None
        of_p = [(t, part) for t, part in self.split(params) if max(t.columns) >= d]
        of_q = [(t, part) for t, part in self.split(params) if min(t.columns) < d]
        if xp is np:
            q, p = range(d), range(d, 2 * d)
            velocity = bound(of_p, p, self.c, self.e, lambda g: g)
            force = bound(of_q, q, self.c, self.e, lambda g: -g)
            if not self.known:
                return velocity, force

            def of_known(x: np.ndarray) -> np.ndarray:
                both = np.concatenate([x, x], axis=-1)
                return self.known_field(both.reshape(-1, n)).reshape(both.shape)

            return (
                lambda p: velocity(p) + of_known(p)[..., :d],
                lambda q: force(q) + of_known(q)[..., d:],
            )

        def half(x: Any, of_p: bool) -> Any:
            field = self.field(params, xp.concatenate([x, x], axis=-1), xp)
            return field[..., :d] if of_p else field[..., d:]

        return lambda p: half(p, True), lambda q: half(q, False)

    # --- what depends on what ----------------------------------------------------------------

    def blocks(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Parts of ``basis`` that share neither rows nor columns: (columns of the field, weights).

        dq/dt depends on the weights of what reads p, so the columns are those of the conjugates.
        """
        if not self.structure.is_canonical:
            return [(np.arange(self.n_state), np.arange(self.n_last))]
        owner = np.concatenate([np.array(self._owners(t), dtype=int) for t in self._all_terms])
        n, found = self.n_state, []
        for columns in self._coupled():
            weights = np.flatnonzero(np.isin(owner, columns))
            if len(weights):
                state = np.array([k for k in columns if k < n], dtype=int)
                found.append(((state + n // 2) % n, weights))
        return found

    def _coupled(self) -> list[list[int]]:
        """Sets of columns of the state that no term couples with others."""
        label = np.arange(self.n_state)
        for term in self._all_terms:
            links = self._pushed_conjugates(term) if term in self.forces else term.links
            for i, j in links:
                if max(i, j) < self.n_state:
                    label[label == label[j]] = label[i]
        return [np.flatnonzero(label == k).tolist() for k in dict.fromkeys(label.tolist())]

    def _owners(self, term: Term) -> list[int]:
        """A column of the state that each of the last weights of a term belongs to."""
        if term in self.forces:
            return [self._pushed_conjugates(term)[0][0]] * term.n_weights
        return term.owners

    def _pushed_conjugates(self, term: Term) -> list[tuple[int, int]]:
        """Pairs of the coordinates whose momenta a force acts on."""
        first = self.n_columns + self.layout.n_rates
        q = [k - first for k in term.columns if k >= first]
        return [(q[0], k) for k in q]

    # --- parts -------------------------------------------------------------------------------

    @property
    def _inputs(self) -> slice:
        return slice(self.n_state, self.n_state + self.layout.n_inputs)

    @property
    def _pushed(self) -> slice:
        return slice(self.n_state - self.layout.n_pushed, None)

    def split(self, params: Params) -> Iterator[tuple[Term, Params]]:
        """The terms, each with its own params."""
        return ((t, params[part]) for t, part in zip(self._all_terms, self._parts, strict=True))

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
    ) -> list[Any]:
        if self._is_off_centre:
            X = X - as_like(self.c, X, xp)
        pi = xp.zeros_like(X[..., : self.layout.n_pushed])
        X = xp.concatenate([X, pi] if rates is None else [X, rates, pi], -1)
        parts = self._parts[len(self.terms) :]
        return [
            term.at(params[part], X, xp, order)
            for term, part in zip(self.forces, parts, strict=True)
        ]

    def _rates(self, field: Any) -> Any:
        return field[..., : self.layout.n_rates] if self.layout.n_rates else None

    def field_of_energies(self, params: Params, X: Any, xp: ModuleType = np) -> Any:
        """S grad H, (n, D)."""
        gradient = self._of_state(self._learned_gradient(self._at(params, X, xp, 1)))
        gradient = gradient + self._known_gradient(X, xp)
        return self.structure.apply(self._of_state(X), gradient, xp)

    def _force(self, evaluated: list[Any]) -> Any:
        """F, (n, n_pushed)."""
        return self.e * sum(at.gradient()[..., -self.layout.n_pushed :] for at in evaluated)

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

    def _on_forces(self, V: Any, X: Any, xp: ModuleType) -> Any:
        """V (..., n_pushed) along pi, zeros along (x, v)."""
        zero = xp.zeros_like(X) + xp.zeros_like(V[..., :1])
        rates = xp.zeros_like(V[..., : self.layout.n_rates])
        return xp.concatenate([zero, rates, V], -1)

    def _through_rates(self, V: Any, forces: list[Any], V_ext: Any, xp: ModuleType) -> Any:
        """V and what it pulls back through the rates that forces depend on."""
        if not self.layout.n_rates:
            return V
        first = self.n_columns
        by_rates = sum(at.hessian_along(V_ext) for at in forces)[
            ..., first : first + self.layout.n_rates
        ]
        return xp.concatenate(
            [V[..., : self.layout.n_rates] + by_rates, V[..., self.layout.n_rates :]], -1
        )

    def _force_slopes(self, forces: list[Any], X: Any, xp: ModuleType) -> tuple[Any, Any]:
        """The derivatives of F by x (n, n_pushed, D) and by v (n, n_pushed, d)."""
        eye = xp.diag(xp.ones_like(X[0, :1]).repeat(self.layout.n_pushed))
        units = eye[:, None, :] + xp.zeros_like(X[..., :1])
        along = self._on_forces(self.e * units, X, xp)
        slopes = xp.moveaxis(sum(at.hessian_along(along) for at in forces), 0, -2)
        first = self.n_columns
        return slopes[..., : self.n_state], slopes[..., first : first + self.layout.n_rates]

    def _learned_gradient(self, evaluated: list[Any]) -> Any:
        first, *rest = (at.gradient() for at in evaluated)
        for gradient in rest:
            first = first + gradient
        return self.e * first

    def _known_gradient(self, X: Any, xp: ModuleType) -> Any:
        return sum(self._of_state(known.gradient_at(X, xp)) for known in self.known)


def structure_out(g: np.ndarray) -> np.ndarray:
    """J g."""
    return np.asarray(Canonical().apply(None, g))


def equations_for(
    hamiltonian: Hamiltonian,
    X: np.ndarray,
    weight: np.ndarray,
    *,
    mu: np.ndarray,
    units: Units,
    layout: Layout,
    structure: Structure,
) -> Equations:
    """The equations of a Hamiltonian whose hidden layers are all given, for data like these.

    Parameters
    ----------
    hamiltonian : Hamiltonian
        What was composed.
    X, weight : (n, n_columns) and (n,) arrays
        Typical rows, and their weights.
    mu : (n_columns,) array
        The means of the columns.
    units : Units
        The scales of the columns; c is mu, but of a periodic column a multiple of its period, and
        zero of one that is ``absolute``; the unit of h; and those of the rates.
    layout : Layout
        What the columns are.
    structure : Structure
        S, in the units of the data.
    """
    declared = hamiltonian.declare(layout)
    s, c, e, f = units
    if not (declared.networks or declared.pairs or declared.functions):
        raise ValueError(
            f"There is nothing to learn in hamiltonian={hamiltonian!r}. Add a network or quadratic "
            "energies, such as MLP(); a known system is simulated by skhnn.simulate as it is."
        )
    terms: list[Term] = [network.fit(X - c, weight, mu - c, s) for network in declared.networks]
    terms += [functions.fit(X - c, weight, mu - c, s) for functions in declared.functions]
    if declared.pairs:
        quadratic = QuadraticEnergies(layout.n_columns, declared.pairs, layout.n_state)
        terms.append(quadratic.standardised(mu - c, s))
    forces: list[Term] = []
    if declared.forces:
        # Rates of the size of their unit stand for those of the data.
        d = layout.n_state // 2 if structure.is_canonical else 0
        rates = f[:d] * np.random.RandomState(0).standard_normal((len(X), d))
        rows = np.hstack([X - c, rates, np.zeros((len(X), layout.n_state - d))])
        mean = np.concatenate([mu - c, np.zeros(layout.n_state)])
        spread = np.concatenate([s, f[:d], e / f[d:]])
        forces = [term.fit(rows, weight, mean, spread) for term in declared.forces]
    return Equations(hamiltonian, terms, forces, declared.known, layout, structure, c, e)
