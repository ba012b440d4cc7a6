"""The weights of the terms of some equations, one flat list of arrays."""

from collections.abc import Iterator, Sequence

import numpy as np

from ._functions import Functions
from ._layers import Params
from ._network import Network
from ._quadratic_energies import QuadraticEnergies

Term = Network | QuadraticEnergies | Functions


class Weighted:
    """Terms, and where their weights are in the list.

    Parameters
    ----------
    terms : sequence of Term
        The terms, in the order of their weights.
    """

    def __init__(self, terms: Sequence[Term]):
        self._all_terms = list(terms)
        counts = [term.n_hidden + (term.n_weights > 0) for term in terms]
        ends = np.cumsum(counts).tolist()
        self._parts = [slice(end - n, end) for end, n in zip(ends, counts, strict=True)]
        #: Where the last weights are among the params.
        self.last_places = [end - 1 for term, end in zip(terms, ends, strict=True)
                            if term.n_weights]  # fmt: skip

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

    def init_params(self, rng: np.random.RandomState) -> Params:
        """Random weights of the networks, and coefficients of zero."""
        return [p for term in self._all_terms for p in term.init(rng)]

    def last(self, params: Params) -> np.ndarray:
        """The last weights, as a vector."""
        return np.concatenate([np.zeros(0), *(params[k].ravel() for k in self.last_places)])

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

    def split(self, params: Params) -> Iterator[tuple[Term, Params]]:
        """The terms, each with its own params."""
        return ((t, params[part]) for t, part in zip(self._all_terms, self._parts, strict=True))
