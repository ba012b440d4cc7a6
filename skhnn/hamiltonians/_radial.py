"""A body in the field of a centre."""

from typing import Any

import numpy as np

from ._base import Declaration, HasLayers
from ._distances import Log, Squares
from ._functions import Functions
from ._kinetic import Kinetic, inverse_of, kinetic_of_bodies
from ._layout import Layout
from ._maps import Standardised
from ._network import Network


class Radial(HasLayers):
    r"""H = p^2 / (2 m) + V(r), one body of any dimension, at a distance r from the origin.

    V is a network of log r^2, beside an energy proportional to r^2. With one mass rotations change
    nothing, and angular momentum is conserved exactly.

    Parameters
    ----------
    mass : float, {"diagonal", "full"} or array-like, default=None
        m, positive; None learns it. Or that of each direction, (d,), or a matrix (d, d), T = p^T
        M^{-1} p / 2, learned as "diagonal" and "full", see :class:`Kinetic`.
    hidden_layer_sizes : sequence of int, default=None
        The number of units of each hidden layer. None leaves it to the estimator.
    activation : {"tanh", "softplus", "silu", "sin", "logistic", "quartic"}, default=None
        The activation. None leaves it to the estimator.

    Examples
    --------
    >>> import numpy as np
    >>> from skhnn import HNNRegressor
    >>> from skhnn.datasets import make_kepler
    >>> from skhnn.hamiltonians import Radial
    >>> X, y = make_kepler(200, random_state=0, return_X_y=True)
    >>> model = HNNRegressor(hamiltonian=Radial(), random_state=0).fit(X, y)
    >>> far = model.energy([[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0]])
    >>> bool(np.isclose(far[0], far[1], rtol=1e-13))
    True
    """

    def __init__(
        self,
        mass: Any = None,
        hidden_layer_sizes: Any = None,
        activation: str | None = None,
    ):
        self.mass = mass
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation

    def declare(self, layout: Layout) -> Declaration:
        q, p, angles = layout.find("q"), layout.find("p"), sorted(layout.periods)
        if angles:
            raise ValueError(f"Radial reads lengths, and columns {angles} are angles.")
        d = len(q)
        square = Squares(np.ones((d, 1)))
        network = Network(
            q, tuple(self.hidden_layer_sizes or ()), self.activation or "",
            square >> Log() >> Standardised(),
        )  # fmt: skip
        kinetic = self._kinetic(p, layout)
        harmonic = Declaration(functions=[Functions(q, square, [q])], absolute=q)
        return kinetic + harmonic + Declaration([network], absolute=q)

    def _kinetic(self, p: list[int], layout: Layout) -> Declaration:
        mass = self.mass
        if mass is None:
            return kinetic_of_bodies([p], None, layout=layout)
        if isinstance(mass, str):
            if mass not in ("diagonal", "full"):
                raise ValueError(
                    f"mass must be 'diagonal', 'full', a number or an array; got {mass!r}."
                )
            return Kinetic(mass).declare(layout)
        inverse_of(mass, len(p))
        if np.ndim(mass):
            return Kinetic(mass).declare(layout)
        return kinetic_of_bodies([p], [mass], layout=layout)
