r"""A network of known functions of the state, times known functions of it.

    h_L(phi(x_on)) W psi(x_psi)

has known maps phi and psi (``_maps.py``), hidden layers h and the last weights W (m, K), which
enter linearly. Without psi K is 1. Where the maps make copies of a row, as of pairs of bodies, the
copies are added up. All derivatives follow from those of the parts:

    gradient   g = phi'^T h'^T W psi + psi'^T W^T h
    along V    V . g = h. W psi + h W psi.,    h. = h' phi' V,    psi. = psi' V
    pullback   the derivative of sum(V . g) by the weights and by x (the Hessian times V)
"""

from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise
from types import ModuleType
from typing import Any

import numpy as np

from ._activations import ACTIVATIONS
from ._layers import Layers, Outer, Params
from ._maps import Map, Standardised
from ._sampling import sample_layer

# Glorot's weights of the first layer are multiplied by this: tanh and sin bend at 1, the others at
# 2. Where data do not determine H, beside the thin curve of one orbit, a smoother start gives a
# smoother H and steadier simulations: over 75 years of Venus and Mars (tanh, 5 seeds) the worst
# position error fell by 1.5 to 1.8 and by 3.5 for gains from 0.3 to 0.5, the median by up to 1.6;
# boxes filled with data are indifferent.
_FIRST_LAYER_GAIN = {
    "tanh": 0.4, "sin": 0.4, "silu": 0.8, "softplus": 0.8, "logistic": 0.8, "quartic": 0.4,
}  # fmt: skip


class Network:
    """The term of the module; params are [W_1, b_1, ..., W_L, b_L, W].

    Parameters
    ----------
    on : sequence of int
        The columns of x that phi reads.
    sizes : tuple of int
        The number of units of each hidden layer.
    activation : str
        The activation.
    phi : Map
        What the first layer reads of them.
    psi, psi_on : Map and sequence of int, or None
        The known factors and the columns that they read.
    """

    #: Whether there are last weights, which it is linear in.
    has_last_weights = True

    def __init__(
        self,
        on: Sequence[int],
        sizes: tuple[int, ...],
        activation: str,
        phi: Map | None = None,
        psi: Map | None = None,
        psi_on: Sequence[int] = (),
    ):
        self.on, self.psi_on = list(on), list(psi_on)
        self._on, self._psi_on = as_slice(self.on), as_slice(self.psi_on)
        self.sizes, self.activation = tuple(sizes), activation
        self.phi, self.psi = phi or Standardised(), psi

    @cached_property
    def n_factors(self) -> int:
        """The number of functions that multiply every unit."""
        return 1 if self.psi is None else self.psi.width(len(self.psi_on))

    @property
    def n_hidden(self) -> int:
        """The number of hidden arrays."""
        return 2 * len(self.sizes)

    @property
    def n_weights(self) -> int:
        """The number of last weights."""
        return self.sizes[-1] * self.n_factors

    @property
    def columns(self) -> list[int]:
        """The columns of x that it depends on."""
        return sorted({*self.on, *self.psi_on})

    @property
    def reads(self) -> list[list[int]]:
        """The columns that each of the functions reads."""
        return [self.columns] * self.n_weights

    def like(self, sizes: Sequence[int] | None = None, activation: str | None = None) -> "Network":
        """The same with other layers."""
        return type(self)(
            self.on, tuple(sizes or self.sizes), activation or self.activation, self.phi,
            self.psi, self.psi_on,
        )  # fmt: skip

    def fit(self, X: np.ndarray, weight: np.ndarray, mu: np.ndarray, s: np.ndarray) -> "Network":
        """The same with the constants of its maps for data like the rows of X.

        ``weight``, (n,), are weights of the rows, ``mu`` and ``s``, (D,), means and scales of the
        columns.
        """
        psi, on = self.psi, self.psi_on
        if psi is not None:
            psi = psi.fit(X[:, on], weight, mu[on], s[on])
        phi = self.phi.fit(X[:, self.on], weight, mu[self.on], s[self.on])
        return type(self)(self.on, self.sizes, self.activation, phi, psi, self.psi_on)

    @property
    def n_inputs(self) -> int:
        """How many columns the first layer reads."""
        return self.phi.width(len(self.on))

    def rescaled(self, s: np.ndarray) -> "Network":
        """The same function of x' = x / s."""
        psi = self.psi and self.psi.rescaled(s[self.psi_on])
        phi = self.phi.rescaled(s[self.on])
        return type(self)(self.on, self.sizes, self.activation, phi, psi, self.psi_on)

    def init(self, rng: np.random.RandomState) -> Params:
        """Random params for standardised inputs.

        Glorot's, as in MLPRegressor. Biases are random as well: with b = 0 a tanh network is odd,
        and data that are symmetric about their mean leave that saddle slowly or not at all.
        """
        widths, params = [self.phi.width(len(self.on)), *self.sizes], []
        for n_in, n_out in pairwise(widths):
            bound = np.sqrt(6.0 / (n_in + n_out))
            params += [rng.uniform(-bound, bound, (n_in, n_out)), rng.uniform(-bound, bound, n_out)]
        params[0] *= _FIRST_LAYER_GAIN[self.activation]
        bound = np.sqrt(6.0 / (widths[-1] + self.n_factors))
        return [*params, rng.uniform(-bound, bound, (widths[-1], self.n_factors))]

    def magnitudes(self, X: np.ndarray, energy: np.ndarray) -> Params:
        """Typical sizes of the params, where the columns of X stand for energies of such sizes.

        Every unit belongs to the energy of one input, in turn, and its last weights are of that
        size. Inputs and units of smaller energies enter it by their part of its own.
        """
        reached = _reached(self.phi, X[:, self.on])
        before = of_inputs = np.max(np.where(reached, energy[self.on], 0.0), axis=1)
        sizes = []
        for n_units in self.sizes:
            own = np.resize(of_inputs, n_units)
            sizes += [np.minimum(before[:, None] / own, 1.0), np.ones(n_units)]
            before = own
        of_factors = np.full(self.n_factors, np.inf)
        if self.psi is not None:
            reached = _reached(self.psi, X[:, self.psi_on])
            of_factors = np.min(np.where(reached, energy[self.psi_on], np.inf), axis=1)
        return [*sizes, np.minimum(before[:, None], of_factors)]

    def sample(
        self,
        X: np.ndarray,
        rng: np.random.RandomState,
        method: str,
        scale: float,
        reads: np.ndarray,
    ) -> Params:
        """Hidden layers drawn from data (``_sampling.py``), and last weights of zero.

        The units depend on those columns of X that ``reads``, (D,) of bool, names. A network of
        pairs reads all bodies, also one that feels no other.
        """
        used = ~(_reached(self.phi, X[:, self.on]) & ~reads[self.on]).any(axis=1)
        if self.phi.copies > 1:
            used[:] = True
        h, hidden = self.phi.at(X[:, self.on], np).z[:, used], []
        for n_units in self.sizes:
            W, b = sample_layer(h, n_units, rng, method, scale)
            method = "hinge" if method == "sparse" else method  # units of a layer have no order
            hidden += [W, b]
            (h,) = ACTIVATIONS[self.activation](h @ W + b, np, 0)
        first = np.zeros((len(used), self.sizes[0]))
        first[used] = hidden[0]
        return [first, *hidden[1:], np.zeros((self.sizes[-1], self.n_factors))]

    def last_of(self, g: np.ndarray, Q: np.ndarray) -> np.ndarray:
        """Zeros (m,): what is quadratic is left to the quadratic energies."""
        return np.zeros(self.n_weights)

    def widen(
        self, params: Params, X: np.ndarray, rng: np.random.RandomState, n_units: int
    ) -> tuple["Network", Params]:
        """The same function with ``n_units`` more, sampled, in the last hidden layer."""
        *before, W_last, b_last, W = params
        z = self.phi.at(X[:, self.on], np).z
        layers = Layers(params[:-1], self.activation, z, np, order=0)
        W_more, b_more = sample_layer(layers.h[-2], n_units, rng, "pairs", 1.0)
        wider = self.like((*self.sizes[:-1], self.sizes[-1] + n_units))
        hidden = [np.hstack([W_last, W_more]), np.concatenate([b_last, b_more])]
        return wider, [*before, *hidden, np.vstack([W, np.zeros((n_units, self.n_factors))])]

    def at(self, params: Params, X: Any, xp: ModuleType, order: int = 1) -> "Evaluated":
        """Evaluated at the rows of X."""
        return Evaluated(self, params, X, xp, order)


class Evaluated:
    """A network at the rows of X, see the module."""

    def __init__(self, term: Network, params: Params, X: Any, xp: ModuleType, order: int):
        *hidden, self.W = params
        self.term, self.xp, self.X, self.n_columns = term, xp, X, X.shape[-1]
        self.f = term.phi.at(X[..., term._on], xp)
        self.layers = Layers(hidden, term.activation, self.f.z, xp, order)
        self.m = None if term.psi is None else term.psi.at(X[..., term._psi_on], xp)
        if order:
            v = self.W[:, 0] if self.m is None else self.m.z @ self.W.T
            self.g, self.u = self.layers.backward(v)

    def value(self) -> Any:
        y = self.layers.output @ self.W
        y = y[..., 0] if self.m is None else (y * self.m.z).sum(-1)
        return self._of_copies(y[..., None])[..., 0]

    def gradient(self) -> Any:
        """(n, D)."""
        of_psi = None if self.m is None else self.m.vjp(self.layers.output @ self.W)
        return self._spread(self.f.vjp(self.g[0]), of_psi)

    def basis(self, n_last: int | None = None) -> Any:
        """The gradients of the functions that the last weights multiply, (n, D, m K).

        By the ``n_last`` last columns only, where that is given.
        """
        along = self._along_units(n_last)
        t, _ = self.layers.along(along[0])
        y = t[-1]
        if self.m is not None:
            y = y[..., :, None] * self.m.z[..., None, :]
            y = y + self.layers.output[..., :, None] * along[1][..., None, :]
            y = y.reshape(*y.shape[:-2], -1)
        return self.xp.moveaxis(self._of_copies(y), 0, -2)

    def pullback(self, V: Any, outer: Outer) -> Params:
        """The derivative of sum(V * gradient) by the params; of every row apart by ``row_by_row``.

        V is (n, D), or (..., n, D).
        """
        return self._pullback(self._cotangents(V), outer, False)[0]

    def hessian_along(self, V: Any) -> Any:
        """The Hessian times V (..., n, D)."""
        (V_phi, V_psi), term = (self._cotangents(V), self.term)
        _, by_z, t = self._pullback((V_phi, V_psi), None, True)
        by_phi = self.f.vjp(by_z)
        curved = self.f.curve(V[..., term._on], self.g[0])
        by_phi = by_phi if curved is None else by_phi + curved
        if self.m is None:
            return self._spread(by_phi, None)
        by_psi = self.m.vjp(t[-1] @ self.W)
        curved = self.m.curve(V[..., term._psi_on], self.layers.output @ self.W)
        return self._spread(by_phi, by_psi if curved is None else by_psi + curved)

    def _pullback(self, along: Any, outer: Outer | None, by_input: bool) -> tuple[Params, Any, Any]:
        V_phi, V_psi = along
        t, tangents = self.layers.along(V_phi)
        h_bar = None if V_psi is None else V_psi @ self.W.T
        d_hidden, by_z = self.layers.pullback(t, tangents, self.g, self.u, h_bar, outer, by_input)
        if outer is None:
            return [], by_z, t
        if V_psi is None:
            return [*d_hidden, outer(t[-1], None)], by_z, t
        assert self.m is not None
        return [*d_hidden, outer(t[-1], self.m.z) + outer(self.layers.output, V_psi)], by_z, t

    def _of_copies(self, y: Any) -> Any:
        """The sum over the copies of every row: (..., n c, k) as (..., n, k)."""
        copies = self.term.phi.copies
        if copies == 1:
            return y
        if self.X.ndim == 1:
            return y.sum(-2)
        return y.reshape(*y.shape[:-2], -1, copies, y.shape[-1]).sum(-2)

    def _cotangents(self, V: Any) -> tuple[Any, Any]:
        """The derivatives of phi and psi along V."""
        V_psi = None if self.m is None else self.m.jvp(V[..., self.term._psi_on])
        return self.f.jvp(V[..., self.term._on]), V_psi

    def _along_units(self, n_last: int | None) -> tuple[Any, Any]:
        """The same along the unit vectors of all columns, or the last ones, (D, n, .)."""
        eye = self.xp.diag(self.xp.ones_like(self.X[(0,) * (self.X.ndim - 1)]))
        if n_last is not None:
            eye = eye[-n_last:]
        if self.X.ndim == 1:
            return self._cotangents(eye)
        V = eye[:, None, :]  # the same for all rows, where that suffices
        is_affine = self.term.phi.is_affine and self.m is None
        return self._cotangents(V if is_affine else V + self.xp.zeros_like(self.X))

    def _spread(self, of_phi: Any, of_psi: Any) -> Any:
        """Derivatives by the columns that are read as derivatives by all, (..., D)."""
        term = self.term
        whole = spread(of_phi, term.on, self.n_columns, self.xp)
        if of_psi is None:
            return whole
        return whole + spread(of_psi, term.psi_on, self.n_columns, self.xp)


def _reached(phi: Map, X: np.ndarray) -> np.ndarray:
    """Which columns of X each output of a map depends on, (k, columns) of bool."""
    point = phi.at(X, np)
    units = np.eye(X.shape[1])[:, None, :] + np.zeros((len(X), 1))
    return np.stack([np.abs(point.jvp(e)).max(axis=0) for e in units]).T > 0.0


def spread(g: Any, on: list[int], n_columns: int, xp: ModuleType) -> Any:
    """g (..., k) at the columns ``on`` of zeros (..., D)."""
    if on == list(range(n_columns)):
        return g
    half = 2 * len(on) == n_columns  # q, or p: without an index
    if half and on == list(range(n_columns // 2)):
        return xp.concatenate([g, xp.zeros_like(g)], axis=-1)
    if half and on == list(range(n_columns // 2, n_columns)):
        return xp.concatenate([xp.zeros_like(g), g], axis=-1)
    padded = xp.concatenate([g, xp.zeros_like(g[..., :1])], axis=-1)
    return padded[..., [on.index(k) if k in on else len(on) for k in range(n_columns)]]


def as_slice(indices: list[int]) -> Any:
    """The same as a slice, which does not copy, where they are consecutive."""
    if indices and indices == list(range(indices[0], indices[-1] + 1)):
        return slice(indices[0], indices[-1] + 1)
    return indices
