r"""Smoothing splines of runs, whose smoothness and noise are those of the largest likelihood.

Every column x of a run is a quintic spline f with knots at the samples, or at every eighth where
they are close to each other, that minimises

    sum_i (x_i - f(t_i))^2 + lambda int f'''(t)^2 dt,

which is the mean of a Gaussian process (a twice integrated Wiener process with unknown start) given
the samples. Its restricted likelihood, with the variance of the noise s^2 profiled out, is

    -2 log L = N log(Q / N) + log |B^T B + lambda P| - rank(P) log lambda,    N = n - 3,

B the B-splines at the samples, P their penalty, Q the minimum. Runs share lambda and s.

References
----------
G. Wahba, "A comparison of GCV and GML for choosing the smoothing parameter in the generalized
spline smoothing problem", Annals of Statistics 13 (1985) 1378-1402.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import linalg, sparse
from scipy.interpolate import BSpline
from scipy.optimize import minimize_scalar

_DEGREE, _ORDER = 5, 3
# lambda, in units of the median step to the fifth: from noise that is no more than rounding to
# kernels of fifty steps. What is smoother has knots farther apart.
_LAMBDAS = 10.0 ** np.arange(-10.0, 11.0)


@dataclass
class Smooth:
    """Splines of one column in all runs, and the standard deviation of its noise.

    ``matrix`` is B^T B + lambda P, banded, of all runs behind another; that of run k begins at
    ``starts[k]``, and ``reach`` is how many of its rows are correlated.
    """

    splines: list[BSpline]
    noise: float
    matrix: np.ndarray
    starts: np.ndarray
    reach: int

    def std(self, run: int, t: np.ndarray, order: int = 0) -> np.ndarray:
        """The posterior standard deviation of a derivative of the spline of a run."""
        spline, first = self.splines[run], int(self.starts[run])
        n = int(self.starts[run + 1]) - first
        if not n:
            return np.full(len(t), np.nan)
        found = np.empty(len(t))
        piece = 256
        for start in range(0, len(t), piece):
            rows = slice(start, start + piece)
            A = _basis_at(np.clip(t[rows], spline.t[0], spline.t[-1]), spline.t, order)
            columns = A.nonzero()[1]
            low = max(int(columns.min()) - self.reach, 0)
            high = min(int(columns.max()) + self.reach + 1, n)
            dense = np.asarray(A[:, low:high].toarray()).T
            own = self.matrix[:, first + low : first + high]
            half = linalg.solveh_banded(own, dense, check_finite=False)
            found[rows] = np.sqrt(np.maximum(np.sum(dense * half, axis=0), 0.0))
        return self.noise * found


def smoothed(times: Sequence[np.ndarray], values: Sequence[np.ndarray], stride: int = 1) -> Smooth:
    """The spline of one column: ``times`` and ``values``, (n,), of every run, NaN where missing.

    Knots are at every ``stride``-th sample.
    """
    kept = [(t[ok], x[ok]) for t, x in zip(times, values, strict=True) for ok in [~np.isnan(x)]]
    steps = np.concatenate([np.diff(t) for t, _ in kept])
    if not len(steps):
        raise ValueError("no run has two values of a column")
    unit = stride * float(np.median(steps))
    # Fewer samples than this are not smoothed.
    fewest = 4
    long = [k for k, (t, _) in enumerate(kept) if len(t) >= fewest]
    splines: list[BSpline] = [_through(t, x) for t, x in kept]
    starts = np.zeros(len(kept) + 1, dtype=int)
    if not long:
        return Smooth(splines, np.nan, np.zeros((_DEGREE + 1, 0)), starts, 0)
    bases = [_basis((kept[k][0] - kept[k][0][0]) / unit, stride) for k in long]
    B = sparse.block_diag([B for _, B, _ in bases], format="csc")
    P = sparse.block_diag([P for *_, P in bases], format="csc")
    # Counted from the mean of every run, lest rounding counts as noise.
    means = [kept[k][1].mean() for k in long]
    x = np.concatenate([kept[k][1] - mean for k, mean in zip(long, means, strict=True)])
    size = float(np.abs(np.concatenate([kept[k][1] for k in long])).max()) or 1.0
    rounding = 1e-13
    least = rounding * size
    normal, penalty = _banded(B.T @ B), _banded(P)
    right, n = B.T @ x, len(x) - _ORDER * len(long)
    rank = B.shape[1] - _ORDER * len(long)

    def fitted(log_lambda: float) -> tuple[float, np.ndarray, float]:
        lam = np.exp(log_lambda)
        try:
            factor = linalg.cholesky_banded(normal + lam * penalty, check_finite=False)
        except np.linalg.LinAlgError:
            return np.inf, right, np.inf
        c = linalg.cho_solve_banded((factor, False), right, check_finite=False)
        Q = float(np.sum((x - B @ c) ** 2) + lam * (c @ (P @ c))) + n * least**2
        volume = 2.0 * np.log(factor[-1]).sum() - rank * log_lambda
        if not Q > 0.0:
            return np.inf, right, np.inf
        return n * np.log(Q / n) + volume, c, Q

    # Where lambda P is larger than B^T B by this factor, nothing is left of the latter.
    largest_lambda = 1e13
    largest = largest_lambda * normal[-1].max() / max(float(np.abs(penalty).max()), 1e-300)
    grid = np.log(_LAMBDAS[max(largest, 10.0 * _LAMBDAS[0]) > _LAMBDAS])
    scores = [fitted(value)[0] for value in grid]
    k = int(np.argmin(scores))
    longest = max(len(kept[run][0]) for run in long)
    first_stride = 8
    if k == len(grid) - 1 and longest > fewest * first_stride * stride:
        return smoothed(times, values, first_stride * stride)
    low, high = grid[max(k - 1, 0)], grid[min(k + 1, len(grid) - 1)]
    with np.errstate(invalid="ignore", over="ignore"):  # the likelihood may have no value
        best = minimize_scalar(
            lambda value: fitted(value)[0], bounds=(low, high), method="bounded",
            options={"xatol": 0.1},
        ).x  # fmt: skip
    _, c, Q = fitted(best)
    ends = np.cumsum([B.shape[1] for _, B, _ in bases])
    for run, mean, (_, own, _), end in zip(long, means, bases, ends, strict=True):
        part = c[end - own.shape[1] : end] + mean
        splines[run] = BSpline(_knots(kept[run][0], stride), part, _DEGREE)
        starts[run + 1] = own.shape[1]
    # The kernel of the spline falls to nothing within so many of its widths, lambda^(1/6).
    widths = 15.0
    reach = int(widths * np.exp(best / (2 * _ORDER))) + 2 * _DEGREE
    matrix = normal + np.exp(best) * penalty
    return Smooth(splines, float(np.sqrt(Q / n)), matrix, np.cumsum(starts), reach)


def _through(t: np.ndarray, x: np.ndarray) -> BSpline:
    """A straight line through few samples."""
    if not len(t):
        return BSpline(np.array([0.0, 1.0]), np.array([np.nan]), 0)
    slope, first = np.polyfit(t - t[0], x, 1) if len(t) > 1 else (0.0, x[0])
    end = t[-1] if len(t) > 1 else t[0] + 1.0
    ends = np.array([first, first + slope * (end - t[0])])
    return BSpline(np.array([t[0], t[0], end, end]), ends, 1)


def _basis(t: np.ndarray, stride: int) -> tuple[np.ndarray, sparse.csr_array, sparse.csr_array]:
    """Knots, the B-splines at samples, and int B_i''' B_j'''."""
    knots = _knots(t, stride)
    nodes, weights = np.polynomial.legendre.leggauss(_DEGREE - _ORDER + 1)
    inner = knots[_DEGREE:-_DEGREE]
    h = np.diff(inner)
    at = (inner[:-1, None] + h[:, None] * (nodes + 1.0) / 2.0).ravel()
    E = _basis_at(at, knots, _ORDER)
    penalty = E.T @ sparse.diags((h[:, None] * weights / 2.0).ravel()) @ E
    return knots, _basis_at(t, knots, 0), penalty


def _knots(t: np.ndarray, stride: int) -> np.ndarray:
    inner = t[: -max(stride // 2, 1) : stride]  # the last piece is not much shorter than others
    return np.concatenate([np.full(_DEGREE, t[0]), inner, np.full(_DEGREE + 1, t[-1])])


def _basis_at(t: np.ndarray, knots: np.ndarray, order: int) -> sparse.csr_array:
    """A derivative of the B-splines at times, (n, n_splines)."""
    D = sparse.csr_array(sparse.eye(len(knots) - _DEGREE - 1))
    for degree in range(_DEGREE, _DEGREE - order, -1):  # the coefficients of the derivative
        width, n = knots[degree + 1 : -1] - knots[1 : -degree - 1], len(knots) - degree - 1
        difference = sparse.eye(n - 1, n, k=1) - sparse.eye(n - 1, n)
        D = sparse.csr_array(sparse.diags(degree / width) @ difference @ D)
        knots = knots[1:-1]
    return sparse.csr_array(BSpline.design_matrix(t, knots, _DEGREE - order)) @ D


def _banded(A: sparse.csr_array) -> np.ndarray:
    """The upper form of a symmetric banded matrix."""
    found = np.zeros((_DEGREE + 1, A.shape[0]))
    for k in range(_DEGREE + 1):
        found[_DEGREE - k, k:] = A.diagonal(k)
    return found
