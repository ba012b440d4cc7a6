"""Typical sizes of the weights, where parts of a system have very different energies.

The steps of Adam and SOAP are of one size for all weights, as are the random weights they start
from. A light body beside a heavy one has a small part of H: of units that read both, the slopes by
the columns of the heavy body would have to cancel in the forces on the light one. So weights are
trained relative to sizes at which every force is of its own size.

Two pendulums with masses of 1 and m = 1e-2, 1e-4, 1e-7, one network of all columns: 1 - R^2 after
SOAP is 5e-8, as for m = 1; it was 3e-3, 6e-3 and 15. The double pendulum with masses of 1 and 0.01
has 0.7 of the error that it had, a cart with a pole of 0.01 of its mass 0.7 (medians, two seeds).
"""

import numpy as np

from .._data import Problem
from ..hamiltonians import Equations, Params

_TINY = float(np.finfo(np.float32).tiny)


def magnitudes(equations: Equations, problem: Problem) -> Params:
    """The sizes, for every param: powers of ten, at most one."""
    energy = np.ones(problem.n_features)
    # Energies that differ by less than this are left to the training: beginning with a ratio of 3
    # made errors of systems with ratios of 4 to 10 1.0 to 1.4 times as large.
    alike = 10.0
    if problem.structure.is_canonical and equations.is_linear:
        of_column = problem.scaling.weights_of_gradient**-0.5
        of_column = np.maximum(of_column, np.roll(of_column, len(of_column) // 2))  # q, p alike
        of_column /= of_column.max()
        small = of_column * alike <= 1.0
        power = 10.0 ** np.round(np.log10(of_column))
        energy[: len(small)] = np.where(small, np.maximum(power, _TINY), 1.0)
    rows = 50
    X, _, _ = problem.take(slice(None, None, -(-problem.n_samples // rows)))
    return equations.magnitudes(X, energy)
