"""What the data say about a model.

``Problem`` has the rows in the units of a fit. ``DerivativeFit`` brings them together with
equations, and has the numbers that solvers ask for: the loss and its gradient, the triangular
factors of the equations of the last weights, and the linearised equations of all weights.
"""

from ._constant_rates import KnownWeights, known_last_weights, nothing_known
from ._derivative_fit import DerivativeFit, Part, Shared
from ._factor import Factor, triangular
from ._flat import flatten, views
from ._folds import FEWEST_RUNS, blocks_of, clusters_of, labels_of, make_folds, some
from ._place import Place
from ._problem import Problem

__all__ = [
    "FEWEST_RUNS",
    "DerivativeFit",
    "Factor",
    "KnownWeights",
    "Part",
    "Place",
    "Problem",
    "Shared",
    "blocks_of",
    "clusters_of",
    "flatten",
    "known_last_weights",
    "labels_of",
    "make_folds",
    "nothing_known",
    "some",
    "triangular",
    "views",
]
