"""Hidden layers drawn from the data: random features for linear least squares.

A hidden layer that is drawn once and never trained leaves a problem that is linear in the last
weights. What matters is that the units bend inside the data. Three ways to see to that:

"hinge"
    w is normal with standard deviation ``scale``, and the hinge w . x + b = 0 passes through a
    random row. Good where the data fill their space.
"pairs"
    w points from one random row to another and the unit bends between the two, so that directions
    follow the data: good near a subspace. The hinge is moved along w by a random amount of up to
    the distance; without this, data that are symmetric about the origin (a circle) give features
    that are odd functions all.
"sparse"
    as "hinge", but every unit reads two columns, all pairs in turn. Energies of mechanics are sums
    of functions of few columns; units that read all of them bring each part of H into every rate
    (the large energy of one body into the small forces on another). Measured with one network of
    columns, as parts of the error of the better of the others: two bodies, one lighter by 1e-7,
    1e-5; elastic pendulum 1/500, chain of four 1/4, Kepler 1/2, where all columns meet in one
    function (double pendulum) 0.9. Three columns gave half of these gains or less.

References
----------
A. Hashemi, H. Schaeffer, R. Shi, U. Topcu, G. Tran, R. Ward, "Generalization bounds for sparse
random feature expansions", Applied and Computational Harmonic Analysis 62 (2023) 310-330
("sparse").

G.-B. Huang, Q.-Y. Zhu, C.-K. Siew, "Extreme learning machine: theory and applications",
Neurocomputing 70 (2006) 489-501 ("hinge").

E. L. Bolager, I. Burak, C. Datar, Q. Sun, F. Dietrich, "Sampling weights of deep neural networks",
NeurIPS 2023 ("pairs"; here with random hinges and uniform pairs).
"""

from itertools import combinations

import numpy as np

#: The scales worth trying, in standardised coordinates. Small ones give polynomials.
SAMPLING_SCALES = {
    "hinge": (0.02, 0.06, 0.2, 0.4, 0.8),
    "pairs": (0.05, 0.15, 0.4, 0.8),
    "sparse": (0.1, 0.3, 0.8),
}
#: How many columns a unit of "sparse" reads; of no more columns it is "hinge".
COLUMNS_OF_SPARSE = 2

# A unit of scale 1 rises by half of tanh's range between its two rows.
_LOG_3 = np.log(3.0)


def _reads(n_units: int, n_columns: int, rng: np.random.RandomState) -> np.ndarray:
    """Which columns every unit reads, (n_units, n_columns): all subsets of the size in turn."""
    subsets = np.array(list(combinations(range(n_columns), COLUMNS_OF_SPARSE)))
    turns = [rng.permutation(len(subsets)) for _ in range(-(-n_units // len(subsets)))]
    reads = np.zeros((n_units, n_columns))
    np.put_along_axis(reads, subsets[np.concatenate(turns)[:n_units]], 1.0, axis=1)
    return reads


def sample_layer(
    X: np.ndarray, n_units: int, rng: np.random.RandomState, method: str, scale: float
) -> tuple[np.ndarray, np.ndarray]:
    """Weights (n_columns, n_units) and biases (n_units,) for inputs like the rows of X."""
    n, n_columns = X.shape
    first = X[rng.randint(n, size=n_units)]
    if method in ("hinge", "sparse"):
        W = scale * rng.standard_normal((n_units, n_columns))
        if method == "sparse" and n_columns > COLUMNS_OF_SPARSE:
            W *= _reads(n_units, n_columns, rng)
        return W.T.copy(), -np.einsum("kj,kj->k", W, first)
    difference = X[rng.randint(n, size=n_units)] - first
    squares = np.einsum("kj,kj->k", difference, difference)
    # Pairs closer than this quantile of the distances do not give steeper units than it would.
    near_fraction = 0.05
    near = np.quantile(squares[squares > 0], near_fraction) if squares.any() else 1.0
    W = scale * _LOG_3 * difference / np.maximum(squares, near)[:, None]
    shift = 0.5 * scale * _LOG_3 * (1.0 - rng.uniform(-1.0, 1.0, n_units))
    return W.T.copy(), -np.einsum("kj,kj->k", W, first) - shift
