r"""The equations of motion of a Hamiltonian, as pure functions of its weights.

    dx/dt = J grad H(x),    H(x) = e h(x - c; params) + known energies,

h the sum of the networks and of the linear and quadratic energies. The weights travel as
``params``, one flat list of arrays: those of every network, W_1, b_1, ..., W, then the coefficients
of the quadratic energies. The last weights W and those coefficients enter linearly.
"""

from collections.abc import Callable, Iterator, Sequence
from types import ModuleType
from typing import Any

import numpy as np

from ._base import Hamiltonian, Periods, columns_of
from ._bound import bound
from ._known import Known
from ._layers import Params, row_by_row, summed_over_rows
from ._maps import Standardised, as_like
from ._network import Network
from ._quadratic_energies import QuadraticEnergies
from ._structure import field_from_gradient, gradient_from_field

Term = Network | QuadraticEnergies


class Equations:
    """See the module. States are (n, 2d); ``xp`` is numpy or torch, that of params and states.

    Parameters
    ----------
    hamiltonian : Hamiltonian
        What was composed, with its hidden layers.
    terms : sequence of Network and QuadraticEnergies
        The terms of h.
    known : sequence of Known
        Energies without weights.
    c : (2d,) array
        The centre, from which h counts states, so that an origin that is far away costs no digits.
    e : float
        The unit of h.
    """

    def __init__(
        self,
        hamiltonian: Hamiltonian,
        terms: Sequence[Term],
        known: Sequence[Known],
        c: np.ndarray,
        e: float,
    ):
        self.hamiltonian, self.terms, self.known = hamiltonian, list(terms), list(known)
        self.c, self.e, self._is_off_centre = c, e, bool(c.any())
        counts = [term.n_hidden + 1 for term in self.terms]
        ends = np.cumsum(counts).tolist()
        self._parts = [slice(end - n, end) for end, n in zip(ends, counts, strict=True)]
        #: Where the last weights are among the params.
        self.last_places = [end - 1 for end in ends]

    @property
    def n_columns(self) -> int:
        """The number of columns of the states, 2d."""
        return len(self.c)

    @property
    def networks(self) -> list[Network]:
        """The terms that have hidden layers."""
        return [term for term in self.terms if isinstance(term, Network)]

    @property
    def width(self) -> int:
        """The number of units of the widest layer; it sizes the pieces of an evaluation."""
        return max((max(network.sizes) for network in self.networks), default=1)

    @property
    def n_last(self) -> int:
        """The number of last weights."""
        return sum(term.n_weights for term in self.terms)

    @property
    def is_quadratic(self) -> np.ndarray:
        """Which of the last weights are coefficients of quadratic energies, (n_last,) of bool."""
        return np.concatenate([np.full(t.n_weights, t.n_hidden == 0) for t in self.terms])

    # --- params ------------------------------------------------------------------------------

    def init_params(self, rng: np.random.RandomState) -> Params:
        """Random weights of the networks, and quadratic energies of zero."""
        return [p for term in self.terms for p in term.init(rng)]

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
        return np.concatenate([term.last_of(g, Q) for term in self.terms])

    def in_units_of(self, s: np.ndarray) -> "Equations":
        """The equations of x' = (x - c) / s and h, without known energies: what is trained.

        In single precision x itself may have no digits left, or leave the range of floats.
        """
        terms = [term.rescaled(s) for term in self.terms]
        return Equations(self.hamiltonian, terms, (), np.zeros_like(self.c), 1.0)

    def in_units_of_the_data(
        self, s: np.ndarray, c: np.ndarray, e: float, known: Sequence[Known]
    ) -> "Equations":
        """The way back from ``in_units_of(s)``."""
        terms = [term.rescaled(1.0 / s) for term in self.terms]
        return Equations(self.hamiltonian, terms, known, c, e)

    def as_one_network(
        self, params: Params, constant: float
    ) -> tuple[list[np.ndarray], list[np.ndarray]] | None:
        """Weights and biases of H where it is one network of x - c beside quadratic energies.

        None for others. See ``Model.layers``.
        """
        if len(self.networks) != 1 or self.known:
            return None
        (network,) = self.networks
        phi = network.phi
        if network.psi is not None or not isinstance(phi, Standardised):
            return None
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
        sampled = (term.sample(Z, rng, method, scale, reads) for term in self.terms)
        return [p for params in sampled for p in params]

    def widen(
        self, params: Params, X: np.ndarray, rng: np.random.RandomState, n_units: int
    ) -> tuple["Equations", Params]:
        """The same function with ``n_units`` more, sampled, in the last layer of every network."""
        Z = X - self.c
        return self._of([term.widen(part, Z, rng, n_units) for term, part in self._split(params)])

    def _of(self, pairs: Sequence[tuple[Term, Params]]) -> tuple["Equations", Params]:
        """The equations of these terms, and their params together."""
        terms = [term for term, _ in pairs]
        layers = [(t.sizes, t.activation) for t in terms if isinstance(t, Network)]
        hamiltonian = self.hamiltonian.with_layers(layers)
        params = [p for _, part in pairs for p in part]
        return Equations(hamiltonian, terms, self.known, self.c, self.e), params

    # --- evaluation --------------------------------------------------------------------------

    def value(self, params: Params, X: Any, xp: ModuleType = np) -> Any:
        """H, (n,), but for its constant; no gradient is computed."""
        learned = sum(at.value() for at in self._at(params, X, xp, 0))
        return self.e * learned + sum(known.value_at(X, xp) for known in self.known)

    def field(self, params: Params, X: Any, xp: ModuleType = np) -> Any:
        """J grad H, (n, 2d)."""
        learned = self._learned_gradient(self._at(params, X, xp, 1))
        return field_from_gradient(learned + self._known_gradient(X, xp), xp)

    def known_field(self, X: np.ndarray) -> np.ndarray:
        """The part of the field that does not depend on the params, (n, 2d)."""
        return field_from_gradient(np.zeros_like(X) + self._known_gradient(X, np))

    def _known_field_of(self, x: np.ndarray) -> np.ndarray:
        """The same for states of any shape (..., 2d): what users write gets rows."""
        return self.known_field(x.reshape(-1, self.n_columns)).reshape(x.shape)

    def field_and_pullback(
        self, params: Params, X: Any, xp: ModuleType = np
    ) -> tuple[Any, Callable[[Any], Params]]:
        """The learned field, (n, 2d), and V -> the derivative of sum(V * field) by the params.

        This is the reverse derivative on which every iterative solver runs; no graph is recorded.
        """
        evaluated = self._at(params, X, xp, 2)
        outer = summed_over_rows(X, xp)

        def pullback(V: Any) -> Params:
            V = self.e * gradient_from_field(V, xp)  # J^T V
            return [p for at in evaluated for p in at.pullback(V, outer)]

        return field_from_gradient(self._learned_gradient(evaluated), xp), pullback

    def basis(self, params: Params, X: Any, xp: ModuleType = np) -> Any:
        """The fields of the functions that the last weights multiply, (n, 2d, m)."""
        gradients = [at.basis() for at in self._at(params, X, xp, 1)]
        d, e = self.n_columns // 2, self.e
        if xp is not np:
            G = e * xp.concatenate(gradients, axis=-1)
            return xp.concatenate([G[..., d:, :], -G[..., :d, :]], axis=-2)
        # In place: a design matrix is the largest array there is.
        fields = np.empty((*X.shape, self.n_last), dtype=gradients[0].dtype)
        start = 0
        for G in gradients:
            columns = slice(start, start + G.shape[-1])
            np.multiply(G[..., d:, :], e, out=fields[..., :d, columns])
            np.multiply(G[..., :d, :], -e, out=fields[..., d:, columns])
            start = columns.stop
        return fields

    def jacobian(self, params: Params, X: Any, xp: ModuleType = np) -> Any:
        """The derivatives of the field by the states, (n, 2d, 2d)."""
        units = xp.diag(xp.ones_like(X[0]))[:, None, :] + xp.zeros_like(X)
        along = self.e * sum(at.hessian_along(units) for at in self._at(params, X, xp, 2))
        along = along + sum(known.hessian_along(X, units) for known in self.known)
        return xp.moveaxis(field_from_gradient(along, xp), 0, -1)

    def jacobian_by_hidden(self, params: Params, X: np.ndarray) -> np.ndarray:
        """The derivatives of the field by the weights of the hidden layers, (n, 2d, n_weights)."""
        outer = row_by_row(np)
        units = self.e * gradient_from_field(np.eye(self.n_columns))[:, None, :] + np.zeros_like(X)
        parts = []
        for at, part in zip(self._at(params, X, np, 2), self._parts, strict=True):
            if part.stop - part.start > 1:
                parts += at.pullback(units, outer)[:-1]
        return np.moveaxis(np.concatenate(parts, axis=-1), 0, 1)

    def vector_field(self, params: Params) -> Callable[[np.ndarray], np.ndarray]:
        """x -> dx/dt with the params bound, for x of shape (2d,) or (n, 2d): the hot path."""
        terms = list(self._split(params))
        learned = bound(terms, range(self.n_columns), self.c, self.e, field_from_gradient)
        if not self.known:
            return learned

        def field(x: np.ndarray) -> np.ndarray:
            return learned(x) + self._known_field_of(x)

        return field

    def halves(
        self, params: Params, xp: ModuleType = np
    ) -> tuple[Callable[[Any], Any], Callable[[Any], Any]] | None:
        """p -> dq/dt and q -> dp/dt, (n, d) -> (n, d), where H = T(p) + V(q); None for others."""
        d = self.n_columns // 2
        n = self.n_columns
        reads = [columns_of(known.columns, n) for known in self.known]
        if any(min(b) < d <= max(b) for b in (*self._coupled(), *reads)):
            return None
        of_p = [(t, part) for t, part in self._split(params) if max(t.columns) >= d]
        of_q = [(t, part) for t, part in self._split(params) if min(t.columns) < d]
        if xp is np:
            q, p = range(d), range(d, 2 * d)
            velocity = bound(of_p, p, self.c, self.e, lambda g: g)
            force = bound(of_q, q, self.c, self.e, lambda g: -g)
            if not self.known:
                return velocity, force

            def of_known(x: np.ndarray) -> np.ndarray:
                return self._known_field_of(np.concatenate([x, x], axis=-1))

            return (
                lambda p: velocity(p) + of_known(p)[..., :d],
                lambda q: force(q) + of_known(q)[..., d:],
            )

        def half(x: Any, of_p: bool) -> Any:
            field = self.field(params, xp.concatenate([x, x], axis=-1), xp)
            return field[..., :d] if of_p else field[..., d:]

        return lambda p: half(p, True), lambda q: half(q, False)

    def blocks(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Parts of ``basis`` that share neither rows nor columns: (columns of the field, weights).

        dq/dt depends on the weights of what reads p, so the columns are those of the conjugates.
        """
        owner = np.concatenate([self._owners(term) for term in self.terms])
        n, found = self.n_columns, []
        for columns in self._coupled():
            weights = np.flatnonzero(np.isin(owner, columns))
            if len(weights):
                found.append(((np.array(columns) + n // 2) % n, weights))
        return found

    def _coupled(self) -> list[list[int]]:
        """Sets of columns that no term couples with others."""
        label = np.arange(self.n_columns)
        links = [pair for term in self.terms if isinstance(term, QuadraticEnergies)
                 for pair in term.pairs]  # fmt: skip
        links += [(n.columns[0], k) for n in self.networks for k in n.columns]
        for i, j in links:
            label[label == label[j]] = label[i]
        return [np.flatnonzero(label == k).tolist() for k in dict.fromkeys(label.tolist())]

    def _owners(self, term: Term) -> np.ndarray:
        """A column that each of the last weights of a term belongs to."""
        if isinstance(term, Network):
            return np.full(term.n_weights, term.columns[0])
        return np.array([*term.columns, *(i for i, _ in term.pairs)], dtype=int)

    def _split(self, params: Params) -> Iterator[tuple[Term, Params]]:
        return ((t, params[part]) for t, part in zip(self.terms, self._parts, strict=True))

    def _at(self, params: Params, X: Any, xp: ModuleType, order: int) -> list[Any]:
        if self._is_off_centre:
            X = X - as_like(self.c, X, xp)
        return [term.at(part, X, xp, order) for term, part in self._split(params)]

    def _learned_gradient(self, evaluated: list[Any]) -> Any:
        first, *rest = (at.gradient() for at in evaluated)
        for gradient in rest:
            first = first + gradient
        return self.e * first

    def _known_gradient(self, X: Any, xp: ModuleType) -> Any:
        return sum(known.gradient_at(X, xp) for known in self.known)


def equations_for(
    hamiltonian: Hamiltonian,
    X: np.ndarray,
    weight: np.ndarray,
    *,
    s: np.ndarray,
    mu: np.ndarray,
    e: float,
    c: np.ndarray,
    periods: Periods,
) -> Equations:
    """The equations of a Hamiltonian whose hidden layers are all given, for data like these.

    Parameters
    ----------
    hamiltonian : Hamiltonian
        What was composed.
    X, weight : (n, 2d) and (n,) arrays
        Typical states, and their weights.
    s, mu : (2d,) arrays
        The scales and means of the columns.
    e : float
        The unit of h.
    c : (2d,) array
        The centre: mu, but of a periodic column a multiple of its period.
    periods : mapping
        Those of the estimator, {column: period}.
    """
    declared = hamiltonian.declare(X.shape[1], periods)
    if not (declared.networks or declared.pairs):
        raise ValueError(
            f"There is nothing to learn in hamiltonian={hamiltonian!r}. Add a network or quadratic "
            "energies, such as MLP(); a known system is simulated by skhnn.simulate as it is."
        )
    terms: list[Term] = [network.fit(X - c, weight, mu - c, s) for network in declared.networks]
    if declared.pairs:
        quadratic = QuadraticEnergies(X.shape[1], declared.pairs)
        terms.append(quadratic.standardised(mu - c, s))
    return Equations(hamiltonian, terms, declared.known, c, e)
