"""A regression that knows no mechanics: what can be predicted at all is no noise."""

import numpy as np

from .._data import Factor, Problem, triangular
from .._solvers._evidence import solve
from ..hamiltonians._sampling import sample_layer
from ._left_out import LeftOut


def field_without_mechanics(left_out: LeftOut) -> np.ndarray:
    """The field (n, D) on the rows left out, each rate by units of all columns, by the evidence."""
    return np.concatenate([_predicted(training, out) for training, out in left_out.folds])


def _predicted(training: Problem, out: Problem) -> np.ndarray:
    most_units, rows_per_unit, most_rows = 200, 3, 2000
    every = slice(None, None, -(-training.n_samples // most_rows))
    X, y, root = training.equations(every)
    X_out, y_out, _ = out.take(slice(None))
    spread = np.where(X.std(axis=0) > 0.0, X.std(axis=0), 1.0)
    Z, Z_out = (X - X.mean(axis=0)) / spread, (X_out - X.mean(axis=0)) / spread
    n_units, D = min(most_units, len(X) // rows_per_unit), y.shape[1]
    found, best = y_out.copy(), np.full(D, -np.inf)
    varies = np.flatnonzero((training.scaling.w > 0.0) & np.isnan(training.scaling.constant))
    scales = (0.02, 0.06, 0.2, 0.5)
    for scale in scales:
        W, b = sample_layer(Z, n_units, np.random.RandomState(0), "hinge", scale)
        A, A_out = (np.column_stack([np.ones(len(z)), z, np.tanh(z @ W + b)]) for z in (Z, Z_out))
        weights = np.arange(A.shape[1])
        R = triangular(np.column_stack([A, y[:, varies]]) * root[:, varies[:1]])
        for j, column in enumerate(varies):
            own = np.column_stack([R[:, weights], R[:, len(weights) + j]])
            size = float(np.sqrt(np.mean((y[:, column] * root[:, varies[0]]) ** 2))) or 1.0
            own[:, -1] /= size
            factor = Factor(triangular(own), weights, 1 + Z.shape[1], len(X), float(len(X)))
            fit = solve([factor], len(weights))
            if fit.log_evidence > best[column]:
                best[column] = fit.log_evidence
                found[:, column] = size * (A_out @ fit.w)
    return found
