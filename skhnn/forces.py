r"""Forces beside a Hamiltonian: friction that is linear, quadratic or cubic in the velocities.

    dp/dt = -dH/dq + F(q, v, u),    v = dq/dt.

Objects hold hyper-parameters only, and add up: ``Damping() + CubicDamping()``. An estimator takes
them as ``HNNRegressor(dissipation=...)``.
"""

from abc import abstractmethod
from itertools import combinations_with_replacement
from typing import Any

import numpy as np

from .hamiltonians import Layout
from .hamiltonians._base import Composed, Declaration, HasLayers
from .hamiltonians._functions import Functions
from .hamiltonians._maps import Beside, Identity, Linear, Map, OddPower, Products
from .hamiltonians._mlp import embedding
from .hamiltonians._network import Network

__all__ = ["CubicDamping", "Damping", "Force", "QuadraticDrag"]


class Force(Composed):
    """A force on the momenta, or a sum of such; see the module.

    A subclass has one method, ``declare``.
    """

    @abstractmethod
    def declare(self, layout: Layout) -> Declaration:
        """The terms, for columns of this layout."""

    def __add__(self, other: "Force") -> "Force":
        if not isinstance(other, Force):
            raise TypeError(f"Only forces can be added to a force; got {other!r}.")
        return Forces(self, other)


class Forces(Force):
    """F = left + right.

    Parameters
    ----------
    left, right : Force
        The two summands, which may be sums themselves.
    """

    def __init__(self, left: Force, right: Force):
        self.left = left
        self.right = right

    def declare(self, layout: Layout) -> Declaration:
        return self.left.declare(layout) + self.right.declare(layout)

    def layers(self) -> list[HasLayers]:
        return [*self.left.layers(), *self.right.layers()]

    def __repr__(self, N_CHAR_MAX: int = 700) -> str:
        return f"{self.left!r} + {self.right!r}"


class Damping(Force):
    r"""F = -Gamma v, friction that is linear in the velocities.

    Parameters
    ----------
    matrix : {"full", "diagonal"}, default="full"
        Gamma is a symmetric matrix, or a number for each coordinate.
    depends_on_q : bool, default=False
        Whether Gamma is a function of q, a network; it is constant otherwise.
    hidden_layer_sizes : sequence of int, default=None
        The number of units of each hidden layer of that network. None leaves it to the estimator.
    activation : {"tanh", "softplus", "silu", "sin", "logistic", "quartic"}, default=None
        The activation. None leaves it to the estimator.

    Examples
    --------
    >>> from skhnn.forces import CubicDamping, Damping
    >>> Damping("diagonal") + CubicDamping()
    Damping(matrix='diagonal') + CubicDamping()
    """

    def __init__(
        self,
        matrix: str = "full",
        depends_on_q: bool = False,
        hidden_layer_sizes: Any = None,
        activation: str | None = None,
    ):
        self.matrix = matrix
        self.depends_on_q = depends_on_q
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation

    def declare(self, layout: Layout) -> Declaration:
        label = "" if self.depends_on_q else "damping"
        friction = _friction(layout, self.matrix, 1, type(self).__name__, label)
        if not self.depends_on_q:
            return friction
        q = layout.of_network("q")
        (term,) = friction.forces
        assert isinstance(term, Functions)
        network = Network(
            q, tuple(self.hidden_layer_sizes or ()), self.activation or "",
            embedding(q, layout.periods), term.phi, term.on,
        )  # fmt: skip
        return Declaration(forces=[network, *friction.forces])

    def layers(self) -> list[Any]:
        return [self] if self.depends_on_q else []


class QuadraticDrag(Force):
    r"""F = -C (\|v\| v), of every coordinate by itself: drag at high speed.

    Parameters
    ----------
    matrix : {"full", "diagonal"}, default="diagonal"
        C is a symmetric matrix, or a number for each coordinate.
    """

    def __init__(self, matrix: str = "diagonal"):
        self.matrix = matrix

    def declare(self, layout: Layout) -> Declaration:
        return _friction(layout, self.matrix, 2, type(self).__name__, "quadratic_drag")


class CubicDamping(Force):
    """F = -C v^3, of every coordinate by itself.

    Parameters
    ----------
    matrix : {"full", "diagonal"}, default="diagonal"
        C is a symmetric matrix, or a number for each coordinate.
    """

    def __init__(self, matrix: str = "diagonal"):
        self.matrix = matrix

    def declare(self, layout: Layout) -> Declaration:
        return _friction(layout, self.matrix, 3, type(self).__name__, "cubic_damping")


class Inputs(Force):
    """F = G u, of the inputs, with G constant or a function of q.

    Parameters
    ----------
    depends_on_q : bool, default=False
        Whether G is a network of q.
    hidden_layer_sizes, activation : default=None
        The layers of that network.
    """

    def __init__(
        self,
        depends_on_q: bool = False,
        hidden_layer_sizes: Any = None,
        activation: str | None = None,
    ):
        self.depends_on_q = depends_on_q
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation

    def declare(self, layout: Layout) -> Declaration:
        on = [*layout.inputs, *layout.pushes]
        n, m = layout.n_inputs, layout.n_pushed
        i, j = (index.ravel() for index in np.indices((n, m)))
        A, B = np.eye(n + m)[:, i], np.eye(n + m)[:, n + j]
        phi = Products(A, np.zeros(n * m), B, np.zeros(n * m))
        reads = [[layout.inputs[a], layout.pushes[b]] for a, b in zip(i, j, strict=True)]
        label = "" if self.depends_on_q else "inputs"
        constant = Functions(on, phi, reads, label=label)
        if not self.depends_on_q:
            return Declaration(forces=[constant], absolute=layout.inputs)
        q = layout.of_network("q")
        network = Network(
            q, tuple(self.hidden_layer_sizes or ()), self.activation or "",
            embedding(q, layout.periods), phi, on,
        )  # fmt: skip
        return Declaration(forces=[network, constant], absolute=layout.inputs)

    def layers(self) -> list[Any]:
        return [self] if self.depends_on_q else []


def _friction(layout: Layout, matrix: str, power: int, name: str, label: str = "") -> Declaration:
    """-pi . C g(v), g(v) = v |v|^(power - 1) of every coordinate, for symmetric C."""
    if not isinstance(matrix, str) or matrix not in ("full", "diagonal"):
        raise ValueError(f"matrix of {name} must be 'full' or 'diagonal'; got {matrix!r}.")
    if not layout.n_rates:
        raise ValueError(
            f"{name} is a force on momenta by the velocities of their coordinates, and with a "
            "structure of one's own there are none. Leave dissipation=None."
        )
    d = layout.n_rates
    pairs = list(combinations_with_replacement(range(d), 2))
    if matrix == "diagonal":
        pairs = [(k, k) for k in range(d)]
    # Products v_i pi_j, then their sums with v_j pi_i.
    i, j = (index.ravel() for index in np.indices((d, d)))
    A, B = -np.eye(2 * d)[:, i], np.eye(2 * d)[:, d + j]
    C = np.array([[1.0 * ({*pair} == {a, b}) for pair in pairs] for a, b in zip(i, j, strict=True)])
    used = C.any(axis=1)
    n = int(used.sum())
    phi: Map = Products(A[:, used], np.zeros(n), B[:, used], np.zeros(n)) >> Linear(C[used])
    if power > 1:
        v, pi = list(range(d)), list(range(d, 2 * d))
        phi = Beside(OddPower(power), v, Identity(), pi) >> phi
    on = [*layout.rates, *layout.pushes]
    reads = [[layout.rates[a], layout.rates[b], layout.pushes[a], layout.pushes[b]]
             for a, b in pairs]  # fmt: skip
    reads = [sorted({*columns}) for columns in reads]
    return Declaration(forces=[Functions(on, phi, reads, label=label)])
