"""The coefficient of determination of a vector field."""

import numpy as np
from sklearn.metrics import r2_score

from ._columns import Columns, is_constant, rounding_of_derivatives


def field_score(
    X: np.ndarray, y: np.ndarray, predicted: np.ndarray, weight: np.ndarray | None = None
) -> float:
    """R^2 of derivatives, the mean over the columns, without those that are constant.

    Relative to a spread that is rounding every error is large, and one such column would decide
    about the mean of all. If every column is constant, the score is 1 where all are right up to
    rounding and 0 elsewhere.

    Parameters
    ----------
    X, y, predicted : (n, 2d) arrays
        States, their derivatives, and what the model says of them.
    weight : (n,) array or None
        Weights of the rows.
    """
    of_X, of_y = Columns.of(X, weight), Columns.of(y, weight)
    varies = ~is_constant(of_X, of_y)
    if varies.any() or len(y) < 2:  # of a single row, as scikit-learn warns, there is no R^2
        used = varies if varies.any() else slice(None)
        return float(r2_score(y[:, used], predicted[:, used], sample_weight=weight))
    error = np.abs(predicted - y).max(axis=0)
    return float(np.all(error <= rounding_of_derivatives(of_X, of_y)))
