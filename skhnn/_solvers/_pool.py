"""Sampled models judged by the rows they are fitted to, and pooled: for few rows, and for noise.

A candidate is the least squares A w = t on sampled units, N equations, with a ridge r:

    w = V s q / (s^2 + r),    A = U s V^T,    q = U^T t,    k = sum s^2 / (s^2 + r) free unknowns.

Two scores say, on the scale of a log likelihood, what it is worth on other rows:

    evidence:  -N/2 log((|A w - t|^2 + r |w|^2) / N) - 1/2 sum log(1 + s^2 / r),
    gcv:       -N/2 log(|A w - t|^2 / N / (1 - gamma k / N)^2).

The evidence is that of a Gaussian process whose covariance is A A^T. It is the one that can be
trusted with fewer equations than unknowns: with 20 rows, generalised cross-validation chose models
5 to 100 times worse. With enough rows and noise it is the other one that is better, by up to 15 %.

The models are then averaged, with weights exp((score - best) / 4): the fourth root of what the
scores say if taken at their word, since candidates err alike. Over eight noisy problems that was at
worst 1 % worse than the best model alone, and 5 to 10 % better where many are nearly as good.

References
----------
G. H. Golub, M. Heath, G. Wahba, "Generalized cross-validation as a method for choosing a good ridge
parameter", Technometrics 21 (1979) 215-223 (gamma = 1; a larger one guards against chance).

D. J. C. MacKay, "Bayesian interpolation", Neural Computation 4 (1992) 415-447 (the evidence).
"""

import itertools
from dataclasses import dataclass

import numpy as np

from ..hamiltonians import SAMPLING_SCALES, Equations, Hamiltonian, Params
from ._known import Known, known_last_weights
from ._layers import equations_of
from ._least_squares import Sampled
from ._options import SolverOptions
from ._problem import Problem
from ._ridge import RidgeFit, svd, triangular

# As multiples of the largest s^2; where s^2 is that of A^T A, it is known to rounding only. That is
# five times as fast, and enough unless the weights of columns differ by more than this.
_RIDGES = 10.0 ** np.arange(-26.0, 2.1, 0.5)
_RIDGES_OF_SQUARES = 10.0 ** np.arange(-14.0, 1.1, 0.5)
_RANGE_FOR_SQUARES = 100.0
_GAMMA, _LEAST_LEFT = 1.4, 0.05
_TEMPERATURE = 4.0
# Models with a smaller weight, relative to the largest, are left out, and so are those beyond a
# number that keeps the result quick to evaluate.
_SMALLEST_WEIGHT, _MOST_MODELS = 0.05, 8
# A residual that is rounding says nothing more.
_ROUNDING = 1e-28
_TINY = np.finfo(float).tiny


@dataclass
class Scored(Sampled):
    """A sampled model with its score, and the one by which it compares with other forms."""

    score: float = -np.inf
    common: float = -np.inf


def score_models(
    problem: Problem,
    hamiltonian: Hamiltonian,
    rows: np.ndarray,
    options: SolverOptions,
    by: str,
    more_scales: dict[str, tuple[float, ...]] | None = None,
    stretches: tuple[float, ...] = (1.0,),
) -> list[Scored]:
    """One model for every way to sample the hidden layers, the best one first.

    Out of time, there is one model at least.

    With a stretch f the layers are sampled from (f q, p / f).
    """
    equations = equations_of(hamiltonian, problem)
    X, _, _ = problem.take(rows)
    d, reads = problem.n_features // 2, problem.scaling.reads
    found: list[Scored] = []
    for method, scales in SAMPLING_SCALES.items():
        pairs = itertools.product((*scales, *(more_scales or {}).get(method, ())), stretches)
        for scale, stretch in pairs:
            if found and options.is_out_of_time:
                break
            s = np.repeat([1.0 / stretch, stretch], d)
            params = equations.sample_params(X, options.rng, method, scale, reads, s)
            fit, *scores = fit_by_score(problem, equations, params, rows, options.penalty, by)
            params = equations.with_last(params, fit.w)
            found.append(Scored(equations, params, fit, method, scale, *scores))
    return sorted(found, key=lambda model: -model.score)


def fit_by_score(
    problem: Problem,
    equations: Equations,
    params: Params,
    rows: np.ndarray,
    penalty: float,
    by: str,
) -> tuple[RidgeFit, float, float]:
    """The last weights, with the ridges of the largest score, and the scores.

    Parts of the equations that do not share unknowns have a ridge each, and a noise each in the
    first score; in the second one the noise is common to all.
    """
    constant = problem.scaling.constant
    known = known_last_weights(equations, params, problem.scaling)
    w, parts = known.w.copy(), []
    unknown = _unknown_parts(equations, known, np.isnan(constant))
    if not unknown:  # H is linear, and every model is exact
        return RidgeFit(w, 0.0, 0.0, 0.0, 0.0, len(rows) * len(constant)), 0.0, 0.0
    for columns, weights in unknown:
        V, s2, b, t2, n_equations, ridges = _spectrum(
            problem, equations, params, rows, columns, weights
        )
        part, rotated = _best_ridge(s2, b, t2, n_equations, ridges, penalty, by)
        w[weights] = V @ rotated
        parts.append(part)
    error = sum(part.error for part in parts)
    n_equations = sum(part.n_equations for part in parts)
    fit = RidgeFit(
        w,
        parts[0].ridge,
        float(np.sqrt(sum(part.gcv for part in parts))),
        float(np.sqrt(sum(part.squares for part in parts))),
        sum(part.free for part in parts),
        n_equations,
    )
    flexible = sum(part.score for part in parts)
    common = sum(part.volume for part in parts) - 0.5 * n_equations * np.log(error / n_equations)
    return fit, flexible, float(common)


@dataclass
class _Part:
    """One part at its best ridge. Its score is volume - N/2 log(error / N)."""

    ridge: float
    gcv: float
    squares: float
    free: float
    n_equations: int
    error: float
    volume: float

    @property
    def score(self) -> float:
        return float(self.volume - 0.5 * self.n_equations * np.log(self.error / self.n_equations))


def _best_ridge(
    s2: np.ndarray,
    b: np.ndarray,
    t2: float,
    n_equations: int,
    relative: np.ndarray,
    penalty: float,
    by: str,
) -> tuple[_Part, np.ndarray]:
    """The part, and V^T w."""
    ridges = np.maximum(relative * s2.max(), max(penalty, _TINY))[:, None]
    W = b / (s2 + ridges)
    squares = np.maximum(t2 - 2.0 * (W @ b) + (W * W) @ s2, _ROUNDING * t2 + _TINY)
    free = (s2 / (s2 + ridges)).sum(axis=1)
    left = 1.0 - _GAMMA * free / n_equations
    gcv = squares / np.maximum(left, _LEAST_LEFT) ** 2
    # What interpolates leaves nothing to judge by, and does not count.
    errors, volumes = np.where(left > _LEAST_LEFT, gcv, np.inf), np.zeros(len(gcv))
    if by == "evidence":
        errors = squares + ridges[:, 0] * (W * W).sum(axis=1)
        volumes = -0.5 * np.log1p(s2 / ridges).sum(axis=1)
    parts = [
        _Part(r, g, s, f, n_equations, e, v)
        for r, g, s, f, e, v in np.column_stack(
            [ridges[:, 0], gcv, squares, free, errors, volumes]
        ).tolist()
    ]
    k = int(np.argmax([part.score for part in parts]))
    return parts[k], W[k]


def pool(models: list[Scored]) -> tuple[Equations, Params]:
    """The mean of the models, weighted by their scores, as one Hamiltonian."""
    weights = _weights(models)
    return models[0].equations.mean([model.params for model in models], weights / weights.sum())


def worth_pooling(models: list[Scored]) -> list[Scored]:
    """Those whose weight counts; ``models`` are sorted, the best one first."""
    counts = _weights(models[:_MOST_MODELS]) >= _SMALLEST_WEIGHT
    return [model for model, keep in zip(models, counts, strict=False) if keep]


def _weights(models: list[Scored]) -> np.ndarray:
    scores = np.array([model.score for model in models])
    return np.exp((scores - scores.max()) / _TEMPERATURE)


def _unknown_parts(
    equations: Equations, known: Known, varies: np.ndarray
) -> list[tuple[np.ndarray, np.ndarray]]:
    """The blocks of the equations, without what is known."""
    parts = [
        (columns[varies[columns]], weights[known.free[weights]])
        for columns, weights in equations.blocks()
    ]
    return [part for part in parts if len(part[0]) and len(part[1])]


def _spectrum(
    problem: Problem,
    equations: Equations,
    params: Params,
    rows: np.ndarray,
    columns: np.ndarray,
    weights: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float, int, np.ndarray]:
    """V, s^2, s q, |t|^2 and N of some of the equations and unknowns, and the ridges to try."""
    m, n_equations = len(weights), len(rows) * len(columns)
    root_w = np.sqrt(problem.scaling.w[columns])
    total = float(problem.take(rows)[2].sum())

    def rows_of(part: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        X, y, c = problem.take(part)
        root = np.sqrt(c / total)[:, None] * root_w
        A = equations.basis(params, X)[:, columns[:, None], weights] * root[..., None]
        return A.reshape(-1, m), (y[:, columns] * root).ravel()

    step = max(8 * m // problem.n_features, 64)
    pieces = (rows[start : start + step] for start in range(0, len(rows), step))
    if n_equations > m and problem.scaling.range_of_energies < _RANGE_FOR_SQUARES:
        gram, b, t2 = np.zeros((m, m)), np.zeros(m), 0.0
        for A, t in map(rows_of, pieces):
            gram += A.T @ A
            b += A.T @ t
            t2 += float(t @ t)
        s2, V = np.linalg.eigh(gram)
        return V, np.maximum(s2, 0.0), V.T @ b, t2, n_equations, _RIDGES_OF_SQUARES
    R = np.zeros((0, m + 1))
    for piece in pieces:
        R = triangular(np.concatenate([R, np.column_stack(rows_of(piece))]))
    U, s, Vt = svd(R[:, :m])
    t2 = float(R[:, m] @ R[:, m])
    return Vt.T, s**2, s * (U.T @ R[:, m]), t2, n_equations, _RIDGES
