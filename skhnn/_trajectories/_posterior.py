r"""What is not known of the model of a joint fit.

The posterior of the last weights knows the noise, and not what the hidden layers cannot express.
Other layers tell. If each has an error of its own, of the same size, the squares of their
differences are twice that,

    var f = G C G^T + 1/2 mean_k (f_k - f_0)^2,    G = df/dw,

with f_0 the chosen layers, and f_k others, fitted to the same runs, which may be some of all.

Simulations for a band are of the chosen layers or of others, each half of the time.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .._solvers._directions import Directions
from ..hamiltonians import Equations, Params
from ._joint import JointFit


@dataclass(frozen=True)
class Weights:
    """The last weights of some equations: along ``free`` they have the covariance root root^T.

    Equations and params are in the units of the data.
    """

    equations: Equations
    params: Params
    free: Directions
    root: np.ndarray

    @classmethod
    def of(cls, joint: JointFit, kappa: float) -> "Weights":
        """Those of a joint fit, with a covariance that is ``kappa`` times as large."""
        return cls(joint.equations, joint.params, joint.free, joint.root * np.sqrt(kappa))

    def variance(self, X: np.ndarray) -> np.ndarray:
        """That of the field at rows X, (n, D)."""
        n, D, m = len(X), self.equations.n_state, max(len(self.free), 1)
        # Values of derivatives by the weights at a time.
        values = 2_000_000
        found, step = np.empty((n, D)), max(values // (m * D), 16)
        for first in range(0, n, step):
            rows = slice(first, first + step)
            G = self.free.of(self.equations.jacobian_by_last(self.params, X[rows])) @ self.root
            found[rows] = (G**2).sum(axis=-1)
        return found

    def draw(self, rng: np.random.RandomState) -> tuple[Equations, Params]:
        """A model of the posterior."""
        w = self.equations.last(self.params)
        change = self.free.full(self.root @ rng.standard_normal(self.root.shape[1]), len(w))
        return self.equations, self.equations.with_last(self.params, w + change)


@dataclass(frozen=True)
class Posterior:
    """See the module: the chosen weights, and those that are compared with the others."""

    chosen: Weights
    compared: Weights
    others: Sequence[Weights] = ()

    def std_of_field(self, X: np.ndarray) -> np.ndarray:
        """The standard deviations of the field at rows X, (n, D)."""
        variance, field = self.chosen.variance(X), _field(self.compared, X)
        for one in self.others:
            variance += 0.5 * (_field(one, X) - field) ** 2 / len(self.others)
        return np.asarray(np.sqrt(variance))

    def draw(self, rng: np.random.RandomState, k: int) -> tuple[Equations, Params]:
        """The k-th model for a band."""
        if k % 2 and self.others:
            return self.others[k // 2 % len(self.others)].draw(rng)
        return self.chosen.draw(rng)


def _field(weights: Weights, X: np.ndarray) -> np.ndarray:
    return np.asarray(weights.equations.field(weights.params, X))
