"""A natural system of positions and velocities: masses, a potential, a magnetic field."""

from itertools import combinations, product
from typing import Any

import numpy as np

from ._base import Declaration, Hamiltonian, HasLayers
from ._composition import WithForces
from ._functions import Functions
from ._kinetic import Kinetic
from ._layout import Layout, Periods
from ._maps import Angles, Beside, Linear, Map, Products, Standardised, monomials, outer
from ._mlp import embedding
from ._network import Network


class Natural(HasLayers):
    r"""L = 1/2 v^T M(q) v + b(q) . v - V(q), with H = 1/2 (p - b)^T M^-1 (p - b) + V.

    For positions and velocities, ``HNNRegressor(coordinates="velocities")``. V, and what depends on
    q of M and b, is a network of q, beside functions of degree two in q (of an angle, in cosine and
    sine); V has sums of three angles and more, as heights of links of an arm, too.

    Parameters
    ----------
    mass : {"full", "diagonal", "q"}, float, array-like or callable, default="full"
        M: "full" a constant symmetric matrix, "diagonal" a mass for each coordinate, "q" a
        symmetric matrix that depends on q; all learned. Or known: a number for all coordinates,
        (d,) one for each, a matrix (d, d), or a function M(q) of coordinates (n, d) that returns
        matrices (n, d, d).
    gyroscopic : {None, "constant", "q"}, default=None
        b: none, that of a constant magnetic field or rate of rotation, or any function of q.
    hidden_layer_sizes : sequence of int, default=None
        The number of units of each hidden layer. None leaves it to the estimator.
    activation : {"tanh", "softplus", "silu", "sin", "logistic", "quartic"}, default=None
        The activation. None leaves it to the estimator.
    periodic : sequence of int or mapping, default=None
        Columns that are angles, of period 2 pi, or {column: period}.

    Examples
    --------
    >>> from skhnn import HNNRegressor
    >>> from skhnn.hamiltonians import Natural
    >>> model = HNNRegressor(hamiltonian=Natural("diagonal"), coordinates="velocities")
    """

    def __init__(
        self,
        mass: Any = "full",
        gyroscopic: str | None = None,
        hidden_layer_sizes: Any = None,
        activation: str | None = None,
        periodic: Any = None,
    ):
        self.mass = mass
        self.gyroscopic = gyroscopic
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.periodic = periodic

    def declare(self, layout: Layout) -> Declaration:
        self._check(layout)
        q, v = layout.of_network("q"), layout.find("p")
        periods = layout.common_periods(self.periodic, q)
        straight = [k for k in layout.find("q") if k not in periods]
        # V, and its linear and quadratic energies
        degrees, pairs = [0], {(i, j) for i in straight for j in straight if i <= j}
        known: list[Any] = []
        if isinstance(self.mass, str):
            is_diagonal = self.mass == "diagonal"
            pairs |= {(i, j) for i in v for j in v if i == j or (i < j and not is_diagonal)}
        else:
            known = Kinetic(self.mass).declare(layout).known
        if isinstance(self.mass, str) and self.mass == "q":
            degrees.append(2)
        if self.gyroscopic:
            d = len(v)
            pairs |= {(i, d + j) if i in straight else (j, d + i)
                      for i in range(d) for j in range(i + 1, d)
                      if i in straight or j in straight}  # fmt: skip
        if self.gyroscopic == "q":
            degrees.append(1)
        psi = monomials(len(v), degrees)
        network = Network(
            q, tuple(self.hidden_layer_sizes or ()), self.activation or "", embedding(q, periods),
            *((Standardised() >> psi, v) if len(degrees) > 1 else ()),
        )  # fmt: skip
        found = Declaration([network], known=known, periods=periods, absolute=v)
        found.pairs = pairs
        found.functions = [
            *_of_degree_two(q, v, periods, psi, degrees),
            *_of_sums_of_angles(q, periods),
        ]
        return found

    def _check(self, layout: Layout) -> None:
        if not layout.has_velocities:
            raise ValueError(
                "Natural(...) is for positions and velocities, coordinates='velocities'. For (q, "
                "p) use hamiltonian='mechanical' or 'natural'."
            )
        if isinstance(self.mass, str) and self.mass not in ("full", "diagonal", "q"):
            raise ValueError(
                "mass must be 'full', 'diagonal', 'q', a number, an array or a function; got "
                f"{self.mass!r}."
            )
        if self.gyroscopic not in (None, "constant", "q"):
            raise ValueError(
                f"gyroscopic must be None, 'constant' or 'q'; got {self.gyroscopic!r}."
            )


def has_constant_masses(hamiltonian: Hamiltonian) -> bool:
    """Whether it is a ``Natural``, perhaps with forces, of masses that are constant, without b."""
    natural = natural_of(hamiltonian)
    if natural is None or natural.gyroscopic:
        return False
    return not callable(natural.mass) and not (
        isinstance(natural.mass, str) and natural.mass == "q"
    )


def natural_of(hamiltonian: Hamiltonian) -> Natural | None:
    """The ``Natural`` that it is, perhaps with forces; None if it is none."""
    if isinstance(hamiltonian, WithForces):
        hamiltonian = hamiltonian.hamiltonian
    return hamiltonian if isinstance(hamiltonian, Natural) else None


def _of_degree_two(
    q: list[int], v: list[int], periods: Periods, psi: Products, degrees: list[int]
) -> list[Functions]:
    """Products of functions of q up to degree two and monomials of v, where they are not too many.

    Without what the linear and quadratic energies have.
    """
    k, d = len(q), len(v)
    angles = [i for i, column in enumerate(q) if column in periods]
    straight = [i for i in range(k) if i not in angles]
    if not angles and len(degrees) == 1:
        return []
    inner: Map = Standardised()
    n_read = k
    if angles:
        round_ = Angles(2.0 * np.pi / np.array([periods[q[i]] for i in angles]))
        inner = Beside(round_, angles, Standardised(), straight) if straight else round_
        n_read = k + len(angles)
    n_round = 2 * len(angles)
    # Functions of q of degree two beside the units, as long as there are not more coefficients.
    most_coefficients = 400
    for highest in ([1, 2], [1]):
        of_q = monomials(n_read, highest)
        used = _used(n_read, n_round, len(angles), highest, whole=len(degrees) > 1)
        A, a, B, b = of_q.constants.values()
        of_q = Products(A[:, used], a[used], B[:, used], b[used])
        n_q, n_v = int(used.sum()), psi.constants["A"].shape[1]
        if n_q * n_v <= most_coefficients:
            break
    else:
        return []
    of_both = Beside(inner >> of_q, list(range(k)), Standardised() >> psi, list(range(k, k + d)))
    n = n_q * n_v
    phi = of_both >> outer(n_q, n_v)
    return [Functions([*q, *v], phi, [[*q, *v]] * n)]


def _of_sums_of_angles(q: list[int], periods: Periods) -> list[Functions]:
    """Cosines and sines of sums and differences of three angles and more, where they are not many.

    The height of a link is one of a sum of all angles between it and the ground.
    """
    angles = [i for i in q if i in periods]
    most_functions = 400
    C: list[np.ndarray] = []
    for n in range(3, len(angles) + 1):
        signs = np.array([(1.0, *rest) for rest in product((1.0, -1.0), repeat=n - 1)])
        chosen = [np.eye(len(angles))[list(some)] for some in combinations(range(len(angles)), n)]
        sums = [row for some in chosen for row in signs @ some]
        if 2 * (len(C) + len(sums)) > most_functions:
            break
        C += sums
    if not C:
        return []
    rates = 2.0 * np.pi / np.array([periods[i] for i in angles])
    phi = Linear(rates[:, None] * np.array(C).T) >> Angles(np.ones(len(C)))
    return [Functions(angles, phi, [angles] * (2 * len(C)))]


def _used(
    n_read: int, n_round: int, n_angles: int, degrees: list[int], *, whole: bool
) -> np.ndarray:
    """Which monomials are wanted: no sin^2, and of V alone those that an angle is in."""
    i, j = np.triu_indices(n_read + 1)
    degree = (i > 0).astype(int) + (j > 0)
    kept = np.isin(degree, degrees)
    i, j = i[kept] - 1, j[kept] - 1
    is_sine = (n_angles <= i) & (i < n_round) & (i == j)
    reads_angle = (i >= 0) & (i < n_round) | (j < n_round)
    return ~is_sine & (reads_angle | whole)
