"""Predators and their prey, in numbers."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ._checks import FloatArray, check_positive
from ._poisson import PoissonSystem


@dataclass(frozen=True)
class PredatorPrey(PoissonSystem):
    """The equations of Lotka and Volterra, in the numbers of prey x and of predators y.

    dx/dt = x (a - b y),  dy/dt = y (c x - d)

    H(x, y) = c x - d log x + b y - a log y,  S(x, y) = x y [[0, -1], [1, 0]]

    x and y are positive; elsewhere H is not defined. All orbits are closed, around the rest
    at x = d / c, y = a / b. In log x and log y the system would be canonical.

    Parameters
    ----------
    growth : float, default=1.0
        Rate a > 0 at which prey grows.
    predation : float, default=1.0
        Rate b > 0 at which one predator takes prey.
    conversion : float, default=1.0
        Rate c > 0 at which predators grow for each of the prey.
    mortality : float, default=1.0
        Rate d > 0 at which predators die.

    Raises
    ------
    ValueError
        If a parameter is not positive and finite.

    Examples
    --------
    >>> from skhnn.systems import PredatorPrey
    >>> system = PredatorPrey(growth=2.0, predation=0.5)
    >>> system.vector_field([[1.0, 4.0], [3.0, 2.0]])
    array([[0., 0.],
           [3., 4.]])
    >>> system.feature_names
    ['prey', 'predators']
    """

    growth: float = 1.0
    predation: float = 1.0
    conversion: float = 1.0
    mortality: float = 1.0

    def __post_init__(self) -> None:
        check_positive(self)

    @property
    def n_columns(self) -> int:
        """Number of columns of a state, 2."""
        return 2

    @property
    def feature_names(self) -> list[str]:
        """Names of the 2 columns: prey, predators."""
        return ["prey", "predators"]

    def structure(self, X: ArrayLike) -> FloatArray:
        """S = x y [[0, -1], [1, 0]]: (..., 2) to (..., 2, 2)."""
        product = np.prod(self._checked(X), axis=-1)[..., np.newaxis, np.newaxis]
        return product * np.array([[0.0, -1.0], [1.0, 0.0]])

    def energy(self, X: ArrayLike) -> FloatArray:
        """H = c x - d log x + b y - a log y: (..., 2) to (...)."""
        X = self._checked(X)
        linear = X @ np.array([self.conversion, self.predation])
        return linear - np.log(X) @ np.array([self.mortality, self.growth])

    def gradient(self, X: ArrayLike) -> FloatArray:
        """(c - d / x, b - a / y), of the shape (..., 2) of X."""
        linear = np.array([self.conversion, self.predation])
        return linear - np.array([self.mortality, self.growth]) / self._checked(X)
