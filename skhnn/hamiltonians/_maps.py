r"""Known maps z = f(x), with what the chain rule of second order needs.

A map evaluated at the rows of x (n, k) is a ``Point``:

    z            f(x), (n, m)
    jvp(V)       f'(x) V, the derivative along directions V (..., n, k)
    vjp(g)       f'(x)^T g, (..., n, k) for g (..., n, m)
    curve(V, g)  the derivative by x of g . f'(x) V; None where f' is constant
    bend(V, W)   f''(x) [V, W], the second derivative along two directions; None likewise

Five primitives have derivatives written out: the identity, standardised columns, products of affine
functions, cosine and sine, and maps side by side. What a Hamiltonian reads is declared from them.
The same lines run on numpy and on torch.
"""

from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np


class Point(NamedTuple):
    """A map at some rows; see the module."""

    z: Any
    jvp: Callable[[Any], Any]
    vjp: Callable[[Any], Any]
    curve: Callable[[Any, Any], Any]
    bend: Callable[[Any, Any], Any] | None = None


class Map:
    """The contract: ``at``. Constants that depend on data are set by ``fit``, in a new map."""

    #: Whether f' is constant; then directions may be the same for all rows, (..., 1, k).
    is_affine = False
    #: How many rows of z there are for each row of x.
    copies = 1

    def fit(
        self,
        x: np.ndarray,
        weight: np.ndarray,
        mu: np.ndarray | None = None,
        s: np.ndarray | None = None,
    ) -> "Map":
        """The map for data like the rows of x; itself, where it has no constants to set.

        ``weight``, (n,), are weights of the rows; ``mu`` and ``s``, (k,), means and scales of the
        columns, if they are known.
        """
        return self

    def rescaled(self, s: np.ndarray) -> "Map":
        """The same function of x' = x / s."""
        raise NotImplementedError

    def at(self, x: Any, xp: ModuleType) -> Point:
        """The map at the rows of x, of numpy or torch (``xp``)."""
        raise NotImplementedError

    def width(self, n_columns: int) -> int:
        """The number of columns of z."""
        apart = np.arange(1.0, n_columns + 1.0)[None]  # a distance of zero has no logarithm
        return int(self.at(apart, np).z.shape[1])

    def __rshift__(self, after: "Map") -> "Map":
        return Chain(self, after)


class WithConstants(Map):
    """A map with constant arrays, placed where its rows are."""

    def __init__(self, **constants: Any):
        self.constants = {name: np.asarray(c, dtype=float) for name, c in constants.items()}

    def placed(self, like: Any, xp: ModuleType) -> list[Any]:
        """The constants in the kind, precision and place of an array, in their order."""
        return [as_like(c, like, xp) for c in self.constants.values()]


class Identity(Map):
    """z = x."""

    is_affine = True

    def rescaled(self, s: np.ndarray) -> Map:
        return Standardised(0.0 * s, 1.0 / s)

    def at(self, x: Any, xp: ModuleType) -> Point:
        return Point(x, _same, _same, _straight, _straight)


class Standardised(WithConstants):
    """z = (x - mu) / s; ``fit`` makes z of mean zero and variance one."""

    is_affine = True

    def __init__(self, mu: Any = 0.0, s: Any = 1.0):
        super().__init__(mu=mu, s=s)
        self.is_identity = not np.any(mu) and bool(np.all(np.equal(s, 1.0)))

    def fit(
        self,
        x: np.ndarray,
        weight: np.ndarray,
        mu: np.ndarray | None = None,
        s: np.ndarray | None = None,
    ) -> "Standardised":
        if mu is None:
            mu = np.average(x, axis=0, weights=weight)
        if s is None:
            s = np.sqrt(np.average((x - mu) ** 2, axis=0, weights=weight))
            s = np.where(s > 0.0, s, 1.0)
        return Standardised(mu, s)

    def rescaled(self, s: np.ndarray) -> "Standardised":
        mu, own = self.constants.values()
        return Standardised(mu / s, own / s)

    def at(self, x: Any, xp: ModuleType) -> Point:
        if self.is_identity:
            return Point(x, _same, _same, _straight, _straight)
        mu, s = self.placed(x, xp)
        return Point((x - mu) / s, lambda V: V / s, lambda g: g / s, _straight, _straight)


class Products(WithConstants):
    """z = (x A + a) * (x B + b), element by element."""

    def __init__(self, A: Any, a: Any, B: Any, b: Any):
        super().__init__(A=A, a=a, B=B, b=b)

    def rescaled(self, s: np.ndarray) -> "Products":
        A, a, B, b = self.constants.values()
        return Products(s[:, None] * A, a, s[:, None] * B, b)

    def at(self, x: Any, xp: ModuleType) -> Point:
        A, a, B, b = self.placed(x, xp)
        first, second = x @ A + a, x @ B + b
        return Point(
            first * second,
            lambda V: (V @ A) * second + first * (V @ B),
            lambda g: (g * second) @ A.T + (g * first) @ B.T,
            lambda V, g: (g * (V @ B)) @ A.T + (g * (V @ A)) @ B.T,
            lambda V, W: (V @ A) * (W @ B) + (W @ A) * (V @ B),
        )


class Linear(WithConstants):
    """z = x C."""

    is_affine = True

    def __init__(self, C: Any):
        super().__init__(C=C)

    def rescaled(self, s: np.ndarray) -> "Linear":
        return Linear(s[:, None] * self.constants["C"])

    def at(self, x: Any, xp: ModuleType) -> Point:
        (C,) = self.placed(x, xp)
        return Point(x @ C, lambda V: V @ C, lambda g: g @ C.T, _straight, _straight)


class OddPower(WithConstants):
    """z = scale x |x|^(n - 1), element by element, for n of two or more."""

    def __init__(self, n: int, scale: Any = 1.0):
        super().__init__(scale=scale)
        self.n = n

    def rescaled(self, s: np.ndarray) -> "OddPower":
        return OddPower(self.n, self.constants["scale"] * s**self.n)

    def at(self, x: Any, xp: ModuleType) -> Point:
        (scale,) = self.placed(x, xp)
        n, size = self.n, xp.abs(x)
        slope = n * scale * size ** (n - 1)
        bend = n * (n - 1) * scale * size ** (n - 2) * xp.sign(x)
        return Point(
            scale * x * size ** (n - 1),
            lambda V: slope * V,
            lambda g: slope * g,
            lambda V, g: bend * V * g,
            lambda V, W: bend * V * W,
        )


class Angles(WithConstants):
    """z = (cos(rate x), sin(rate x)), for angles of the periods 2 pi / rate."""

    def __init__(self, rate: Any):
        super().__init__(rate=rate)

    def rescaled(self, s: np.ndarray) -> "Angles":
        return Angles(self.constants["rate"] * s)

    def at(self, x: Any, xp: ModuleType) -> Point:
        (rate,) = self.placed(x, xp)
        c, s = xp.cos(rate * x), xp.sin(rate * x)
        k = x.shape[-1]
        return Point(
            xp.concatenate([c, s], axis=-1),
            lambda V: xp.concatenate([-s * (rate * V), c * (rate * V)], axis=-1),
            lambda g: rate * (c * g[..., k:] - s * g[..., :k]),
            lambda V, g: -(rate * rate) * V * (c * g[..., :k] + s * g[..., k:]),
            lambda V, W: xp.concatenate([-c, -s], axis=-1) * _twice(rate * rate * V * W, xp),
        )


class Beside(Map):
    """z = (f(x_1), g(x_2)) of disjoint columns of x, given by their indices."""

    def __init__(self, f: Map, of_f: Sequence[int], g: Map, of_g: Sequence[int]):
        self.f, self.of_f, self.g, self.of_g = f, list(of_f), g, list(of_g)
        self._order = np.argsort([*self.of_f, *self.of_g]).tolist()

    def fit(
        self,
        x: np.ndarray,
        weight: np.ndarray,
        mu: np.ndarray | None = None,
        s: np.ndarray | None = None,
    ) -> "Beside":
        f, g = (
            part.fit(x[:, on], weight, *(None if a is None else a[on] for a in (mu, s)))
            for part, on in ((self.f, self.of_f), (self.g, self.of_g))
        )
        return Beside(f, self.of_f, g, self.of_g)

    def rescaled(self, s: np.ndarray) -> "Beside":
        f, g = self.f.rescaled(s[self.of_f]), self.g.rescaled(s[self.of_g])
        return Beside(f, self.of_f, g, self.of_g)

    def at(self, x: Any, xp: ModuleType) -> Point:
        F, G = self.f.at(x[..., self.of_f], xp), self.g.at(x[..., self.of_g], xp)
        m = F.z.shape[-1]

        def back(of_f: Any, of_g: Any) -> Any:
            return xp.concatenate([of_f, of_g], axis=-1)[..., self._order]

        def curve(V: Any, g: Any) -> Any:
            V_f, V_g = V[..., self.of_f], V[..., self.of_g]
            of_f, of_g = F.curve(V_f, g[..., :m]), G.curve(V_g, g[..., m:])
            if of_f is None and of_g is None:
                return None
            some = of_f if of_f is not None else of_g
            zero = xp.zeros_like(some[..., :1])
            of_f = zero + xp.zeros_like(V_f) if of_f is None else of_f
            of_g = zero + xp.zeros_like(V_g) if of_g is None else of_g
            return back(of_f, of_g)

        def bend(V: Any, W: Any) -> Any:
            of_f, of_g = (
                bent(part, V[..., on], W[..., on]) for part, on in ((F, self.of_f), (G, self.of_g))
            )
            if of_f is None and of_g is None:
                return None
            along = xp.zeros_like((V * W)[..., :1])
            of_f = along + xp.zeros_like(F.z) if of_f is None else of_f
            of_g = along + xp.zeros_like(G.z) if of_g is None else of_g
            return xp.concatenate([of_f, of_g], axis=-1)

        return Point(
            xp.concatenate([F.z, G.z], axis=-1),
            lambda V: xp.concatenate([F.jvp(V[..., self.of_f]), G.jvp(V[..., self.of_g])], axis=-1),
            lambda g: back(F.vjp(g[..., :m]), G.vjp(g[..., m:])),
            curve,
            bend,
        )


class Chain(Map):
    """z = g(f(x))."""

    def __init__(self, f: Map, g: Map):
        self.f, self.g = f, g
        self.is_affine = f.is_affine and g.is_affine
        self.copies = f.copies * g.copies

    def fit(
        self,
        x: np.ndarray,
        weight: np.ndarray,
        mu: np.ndarray | None = None,
        s: np.ndarray | None = None,
    ) -> "Chain":
        f = self.f.fit(x, weight, mu, s)
        return Chain(f, self.g.fit(f.at(x, np).z, np.repeat(weight, f.copies)))

    def rescaled(self, s: np.ndarray) -> "Chain":
        return Chain(self.f.rescaled(s), self.g)

    def at(self, x: Any, xp: ModuleType) -> Point:
        F = self.f.at(x, xp)
        G = self.g.at(F.z, xp)

        def curve(V: Any, g: Any) -> Any:
            of_g, of_f = G.curve(F.jvp(V), g), F.curve(V, G.vjp(g))
            if of_g is None:
                return of_f
            return F.vjp(of_g) if of_f is None else F.vjp(of_g) + of_f

        def bend(V: Any, W: Any) -> Any:
            of_g, of_f = bent(G, F.jvp(V), F.jvp(W)), bent(F, V, W)
            if of_f is None:
                return of_g
            return G.jvp(of_f) if of_g is None else of_g + G.jvp(of_f)

        return Point(G.z, lambda V: G.jvp(F.jvp(V)), lambda g: F.vjp(G.vjp(g)), curve, bend)


def monomials(k: int, degrees: Sequence[int] = (0, 1, 2)) -> Products:
    """The products P_i P_j, i <= j, of P = (1, x_1, ..., x_k), those of some degrees."""
    P = np.vstack([np.zeros(k), np.eye(k)])
    i, j = np.triu_indices(k + 1)
    used = np.isin((i > 0).astype(int) + (j > 0), degrees)
    i, j = i[used], j[used]
    return Products(P[i].T, i == 0, P[j].T, j == 0)


def outer(m: int, n: int) -> Products:
    """The products x_i y_j of (x, y), m and n columns."""
    i, j = (index.ravel() for index in np.indices((m, n)))
    E, none = np.eye(m + n), np.zeros(m * n)
    return Products(E[:, i], none, E[:, m + j], none)


def as_like(values: np.ndarray, like: Any, xp: ModuleType) -> Any:
    """A numpy array in the kind, precision and place of another array."""
    if xp is np:
        return np.asarray(values, dtype=like.dtype)
    return like.new_tensor(values)


def _same(V: Any) -> Any:
    return V


def _straight(V: Any, g: Any) -> Any:
    return None


def _twice(x: Any, xp: ModuleType) -> Any:
    return xp.concatenate([x, x], axis=-1)


def bent(point: Point, V: Any, W: Any) -> Any:
    if point.bend is None:
        raise NotImplementedError("This map has no second derivative along two directions.")
    return point.bend(V, W)
