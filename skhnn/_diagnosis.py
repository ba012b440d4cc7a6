r"""Whether the derivatives are those of a Hamiltonian system at all.

A field f = dx/dt has a Hamiltonian if and only if the matrix J^T Df is symmetric everywhere. What
no Hamiltonian has is its antisymmetric part; the sum of its entries (q_i, p_i) is minus half the
divergence of f, which friction makes negative. So linear fields f = J A x with an antisymmetric A
are fitted *together with* a Hamiltonian, to rows left out:

    J^T y = grad H(x) + A x + noise,    grad H = B(x) w,

with known functions B: the linear and quadratic energies and sampled units. A fit of A to what a
flexible H has left would be too late: along an orbit H can imitate much of a friction. Instead y
and the columns of A x are each regressed on B, on other rows than those for which the remainder is
taken, and one remainder then explains the other (Chernozhukov et al.). The coefficients have
standard errors by runs, or by blocks of neighbouring rows.

Three conditions together make an alarm, since significance alone would not do: on clean data, what
H leaves is an approximation error, and everything is significant.

1. Rows left out gain by A, by more than ``_STANDARD_ERRORS`` of the gain.
2. They gain a larger part of the error than by twice as many units in H: it is A and not a poor H
   that was missing.
3. The gain is a part of the variance that is worth a word, or nearly all of what is left.

Nonlinear departures (velocities in place of the momenta of a double pendulum) show in a second
comparison: a regression of y on the same kind of units without any mechanics, each column for
itself, must not be far better than H and all that a finished fit has found.

benchmarks/diagnosis.py has the rates of false alarms and of detections.

References
----------
V. Chernozhukov, D. Chetverikov, M. Demirer, E. Duflo, C. Hansen, W. Newey, J. Robins,
"Double/debiased machine learning for treatment and structural parameters", The Econometrics Journal
21 (2018) C1-C68, definition 3.2 (partially linear regression, cross-fitted).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ._solvers import Problem
from ._solvers._folds import make_folds, some
from .hamiltonians import gradient_from_field
from .hamiltonians._sampling import sample_layer

# An alarm needs a gain of so many standard errors. Of 728 canonical data sets two had more and met
# the other conditions, both of 60 to 80 rows, which ``_EQUATIONS_PER_UNKNOWN`` now leaves out.
_STANDARD_ERRORS = 4.0
# A part of the variance to speak of, or nearly all of what a Hamiltonian leaves. (In 60 years of
# Saturn, Jupiter leaves such terms 75 % of 4.8e-6; a damping of 0.01 is 3e-5 for a pendulum.)
_RELEVANT, _NEARLY_ALL = 1e-5, 0.9
# Equations looked at, and the fewest for every unknown.
_EQUATIONS, _EQUATIONS_PER_UNKNOWN = 6000, 10
# Kinds of units for H, the best of which is taken by rows left out: functions of q or of all of x,
# by the scale of ``sample_layer``.
_KINDS = (("q", 0.4), ("q", 1.0), ("x", 0.2), ("x", 0.6))
_UNITS, _UNITS_WITHOUT_MECHANICS, _FOLDS = 120, 300, 5
_ROWS_PER_UNIT = 3
# With fewer units than this for each column H is no H to compare with: of 80 rows on two Kepler
# orbits, with one unit a column, a false alarm.
_FEWEST_UNITS = 4
_RIDGES = 10.0 ** np.arange(-15.0, 1.1, 1.0)
# Fewer runs than this say too little about the spread between runs; blocks of rows then do.
_FEWEST_RUNS, _BLOCKS = 8, 50
# A mean squared error, relative to the variance, that may be rounding.
_ROUNDING = 1e-20
# A regression without mechanics has to come below this part of the mean squared error; where the
# second half of X is exactly the rate of the first one, H = v^2/2 + V(q) is known to be meant. What
# a default fit leaves of canonical data without noise was 9 % (three bodies) and below 2 % of
# others; of velocities in place of momenta at least 8 %.
_WITHOUT_MECHANICS, _WITHOUT_MECHANICS_OF_VELOCITIES = 0.25, 0.5
_LEFT_BY_H = 0.05**2
# Beyond this ratio of the energies of two columns, a network of both loses the smaller one in the
# rounding of the larger: of two pendulums with masses 1 and 1e-7 sampled layers of both fitted the
# lighter one to 2.6 % (mass 1: 2e-7).
MOST_ENERGIES = 1e4
# With a finished model so much better than H here, its remainder is looked at.
_BETTER = 0.25


@dataclass(frozen=True)
class _Rows:
    """Some rows as equations of the fit: one for each row and column, weighted as in the loss.

    ``fold``, ``block`` and ``cluster`` name the part to be left out, the block of neighbouring rows
    of a run, and the run (of few runs the block) of every equation.
    """

    problem: Problem
    Z: np.ndarray  # (n, 2d), standardised states
    target: np.ndarray  # (n * 2d,), weighted targets of grad H
    root: np.ndarray  # (n, 2d), the square roots of the weights
    fold: np.ndarray
    block: np.ndarray
    cluster: np.ndarray
    n_runs: int | None

    @classmethod
    def of(cls, problem: Problem, rng: np.random.RandomState) -> "_Rows":
        n_rows = max(_EQUATIONS // problem.n_features, 1)
        problem = problem.subset(some(np.arange(problem.n_samples), n_rows, rng))
        Z, G, c = problem.gradients()
        root = np.sqrt(c)[:, None] * np.sqrt(problem.scaling.weights_of_gradient)
        fold = np.empty(len(Z), dtype=int)
        for k, rows in enumerate(make_folds(problem, _FOLDS, rng)):
            fold[rows] = k
        groups = problem.groups_of_rows()
        n_runs = None if groups is None else len(np.unique(groups))
        block = cluster = np.arange(len(Z)) // max(len(Z) // _BLOCKS, 1)
        if groups is not None and n_runs is not None:
            runs = np.unique(groups, return_inverse=True)[1]
            block = np.unique(np.column_stack([runs, block]), axis=0, return_inverse=True)[1]
            cluster = runs if n_runs >= _FEWEST_RUNS else block.ravel()
        d2 = Z.shape[1]
        fold, block, cluster = (label.ravel().repeat(d2) for label in (fold, block, cluster))
        return cls(problem, Z, (G * root).ravel(), root, fold, block, cluster, n_runs)

    def equations(self, gradients: np.ndarray) -> np.ndarray:
        """Weighted columns (n * 2d, m) from functions with values (n, 2d, m)."""
        return (gradients * self.root[..., None]).reshape(-1, gradients.shape[2])

    def targets(self, field: np.ndarray) -> np.ndarray:
        """The weighted targets that correspond to a field dx/dt, (n, 2d)."""
        return (gradient_from_field(self.problem.scaling.field(field)) * self.root).ravel()


@dataclass(frozen=True)
class _Gain:
    """What rows left out gain by further columns, as a part of their mean squared error."""

    share: float
    standard_errors: float
    coefficients: np.ndarray  # (k,)
    std: np.ndarray  # (k,)

    def is_clear(self, error: float, by_more_units: float) -> bool:
        """Whether it is beyond chance, beyond what more units would bring, and of any weight.

        ``error`` is the mean squared error that it is a share of.
        """
        return (
            self.standard_errors > _STANDARD_ERRORS
            and self.share > by_more_units
            and (self.share > _NEARLY_ALL or self.share * error > _RELEVANT)
        )


def departure_from_hamiltonian(
    problem: Problem,
    predict: Callable[[np.ndarray], np.ndarray],
    label: Sequence[str],
    *,
    is_thorough: bool = True,
) -> str | None:
    """What the data have that no Hamiltonian of these columns has, as a sentence; None if nothing.

    None as well where there are too few rows to tell.

    Parameters
    ----------
    problem : Problem
        The rows, their weights and groups.
    predict : callable
        The field of the fitted model, (n, 2d) -> (n, 2d).
    label : sequence of str
        The names of the columns.
    is_thorough : bool
        Whether the fit was one that a regression without mechanics may be compared with.
    """
    rng = np.random.RandomState(0)  # of its own: the fit must not depend on the diagnosis
    rows = _Rows.of(problem, rng)
    d2 = rows.Z.shape[1]
    n_units = min(_UNITS, len(rows.target) // _EQUATIONS_PER_UNKNOWN - d2 * (d2 + 3))
    if n_units < _FEWEST_UNITS * d2 or len(np.unique(rows.fold)) < _FOLDS:
        return None
    left = rows.target - rows.targets(predict(rows.problem.rows(slice(None))[0]))
    energies = _energies(rows, n_units, rng)
    half = energies[:, : energies.shape[1] - n_units // 2]
    targets = np.column_stack([rows.target, left])
    columns, first, second = _antisymmetric(rows.Z)
    B = np.column_stack([targets, rows.equations(columns)])
    remainders, columns = np.split(_crossfit(energies, B, rows.fold), [2], axis=1)
    errors = np.sum(remainders**2, axis=0)
    of_half = np.sum(_crossfit(half, targets, rows.fold) ** 2, axis=0)
    by_more_units = 1.0 - errors / np.maximum(of_half, np.finfo(float).tiny)
    of_model = _squares(left)
    # The second time by what the model leaves, where that is far less.
    worth_a_look = [errors[0] > _ROUNDING, _ROUNDING < of_model < _BETTER * errors[0]]
    for k in np.flatnonzero(worth_a_look):
        gain = _gain(rows, columns, remainders[:, k])
        if gain.is_clear(errors[k], by_more_units[k]):
            damping = _gain(rows, columns[:, second == first + d2 // 2], remainders[:, k])
            if damping.is_clear(errors[k], by_more_units[k]) and damping.share > 0.5 * gain.share:
                return _say_friction(rows, damping, label)
            return _say_asymmetry(rows, gain, first, second, label)
    if not is_thorough or problem.scaling.range_of_energies > MOST_ENERGIES:
        return None
    left_by_H = min(errors[0], of_model)
    if left_by_H < _LEFT_BY_H:
        return None
    return _beaten_without_mechanics(rows, left_by_H, by_more_units[0], rng)


def _energies(rows: _Rows, n_units: int, rng: np.random.RandomState) -> np.ndarray:
    """Columns of linear, quadratic and sampled energies, of the kind that leaves the least."""
    d2 = rows.Z.shape[1]
    quadratic = rows.equations(_quadratic(rows.Z))
    kinds = []
    for reads, scale in _KINDS:
        used = slice(d2 // 2) if reads == "q" else slice(None)
        W = np.zeros((d2, n_units))
        W[used], b = sample_layer(rows.Z[:, used], n_units, rng, "hinge", scale)
        slopes = 1.0 - np.tanh(rows.Z @ W + b) ** 2
        kinds.append(np.hstack([quadratic, rows.equations(W * slopes[:, None, :])]))
    errors = [_squares(_crossfit(A, rows.target[:, None], rows.fold)) for A in kinds]
    return kinds[int(np.argmin(errors))]


def _quadratic(Z: np.ndarray) -> np.ndarray:
    """The gradients of z_i and of z_i z_j, i <= j, (n, 2d, m)."""
    n, d2 = Z.shape
    i, j = np.triu_indices(d2)
    columns = np.zeros((n, d2, d2 + len(i)))
    columns[:, np.arange(d2), np.arange(d2)] = 1.0
    k = d2 + np.arange(len(i))
    columns[:, i, k] += Z[:, j]
    columns[:, j, k] += Z[:, i]
    return columns


def _antisymmetric(Z: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A z for A = e_i e_j^T - e_j e_i^T, i < j, (n, 2d, k), with i and j, (k,).

    Of many columns only the pairs (q_i, p_i), which make up the divergence.
    """
    n, d2 = Z.shape
    i, j = np.triu_indices(d2, 1)
    if len(i) * _EQUATIONS_PER_UNKNOWN > Z.size // 4:
        i, j = np.arange(d2 // 2), np.arange(d2 // 2, d2)
    columns = np.zeros((n, d2, len(i)))
    k = np.arange(len(i))
    columns[:, i, k] = Z[:, j]
    columns[:, j, k] = -Z[:, i]
    return columns, i, j


def _crossfit(A: np.ndarray, B: np.ndarray, fold: np.ndarray) -> np.ndarray:
    """B less its regression on A, (n, k), every fold with the weights of the other folds.

    Each column of B has the ridge that leaves the least. By normal equations, which lose what
    is smaller than 1e-8 of the whole: less than what is told.
    """
    folds = [fold == f for f in np.unique(fold)]
    grams = [A[f].T @ A[f] for f in folds]
    moments = [A[f].T @ B[f] for f in folds]
    gram, moment = sum(grams), sum(moments)
    squares, left = 0.0, []
    for f, own_gram, own_moment in zip(folds, grams, moments, strict=True):
        s, V = np.linalg.eigh(gram - own_gram)
        denominator = np.maximum(s, 0.0) + _RIDGES[:, None] * s[-1]
        q = V.T @ (moment - own_moment)
        path = V @ (q / denominator[..., None])  # (ridges, m, k)
        left.append(B[f] - A[f] @ path)  # (ridges, n of the fold, k)
        squares = squares + np.sum(left[-1] ** 2, axis=1)
    best = np.argmin(squares, axis=0)
    result = np.empty_like(B)
    for f, of_ridges in zip(folds, left, strict=True):
        result[f] = of_ridges[best, :, np.arange(B.shape[1])].T
    return result


def _gain(rows: _Rows, columns: np.ndarray, remainder: np.ndarray) -> _Gain:
    """What a remainder loses on rows left out by its regression on the remainders of columns.

    The standard errors of the coefficients are those for errors that are correlated within a
    cluster ("sandwich").
    """
    explained = np.empty_like(remainder)
    for f in np.unique(rows.fold):
        out = rows.fold == f
        explained[out] = columns[out] @ _solve(columns[~out], remainder[~out])
    # By blocks: runs of other amplitudes gain unequally, and then tell little about the mean gain.
    n_blocks, n_clusters = rows.block.max() + 1, rows.cluster.max() + 1
    gains = np.bincount(rows.block, remainder**2 - (remainder - explained) ** 2, n_blocks)
    error = np.std(gains, ddof=1) * np.sqrt(n_blocks)
    coefficients = _solve(columns, remainder)
    scores = columns * (remainder - columns @ coefficients)[:, None]
    by_cluster = np.stack([np.bincount(rows.cluster, u, n_clusters) for u in scores.T], axis=1)
    bread = np.linalg.pinv(columns.T @ columns, hermitian=True)
    variances = np.einsum("ij,kj,ki->i", bread, by_cluster.T @ by_cluster, bread)
    variances *= n_clusters / (n_clusters - 1)
    return _Gain(
        float(gains.sum() / (remainder @ remainder)),
        float(gains.sum() / error) if error else 0.0,
        coefficients,
        np.sqrt(np.maximum(variances, 0.0)),
    )


def _solve(A: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Least squares; directions in which the columns hardly differ get nothing."""
    return np.asarray(np.linalg.lstsq(A, b, rcond=1e-6)[0])


def _squares(a: np.ndarray) -> float:
    return float(np.sum(a * a))


def _beaten_without_mechanics(
    rows: _Rows,
    left_by_H: float,
    by_more_units: float,
    rng: np.random.RandomState,
) -> str | None:
    """A sentence where a regression without mechanics is far better; both on rows left out."""
    n, d2 = rows.Z.shape
    n_units = min(_UNITS_WITHOUT_MECHANICS, n // _ROWS_PER_UNIT)
    # The weights of columns are constants, which the regression of each column may ignore.
    target, root, fold = rows.target.reshape(n, d2), rows.root[:, :1], rows.fold[::d2]
    best = np.inf
    for scale in (scale for reads, scale in _KINDS if reads == "x"):
        W, b = sample_layer(rows.Z, n_units, rng, "hinge", scale)
        values = np.column_stack([np.ones(n), rows.Z, np.tanh(rows.Z @ W + b)])
        best = min(best, _squares(_crossfit(values * root, target, fold)))
    X, y, _ = rows.problem.rows(slice(None))
    of_velocities = rates_are_second_half(X, y)
    limit = _WITHOUT_MECHANICS_OF_VELOCITIES if of_velocities else _WITHOUT_MECHANICS
    if best >= limit * left_by_H or best >= (1.0 - by_more_units) * left_by_H:
        return None
    return (
        f"No Hamiltonian of these columns was found: it leaves {np.sqrt(left_by_H):.1%} of the "
        f"derivatives (root mean square), a regression without mechanics {np.sqrt(best):.1%}, on "
        f"rows left out. {_causes(of_velocities)}"
    )


def rates_are_second_half(X: np.ndarray, y: np.ndarray) -> bool:
    """Whether dq/dt is the second half of X up to rounding: these are velocities."""
    d = X.shape[1] // 2
    return bool(np.allclose(y[:, :d], X[:, d:], rtol=1e-9, atol=1e-12 * np.abs(X[:, d:]).max()))


def _say_friction(rows: _Rows, gain: _Gain, label: Sequence[str]) -> str:
    """The damping rates: dp_i/dt has -gamma_i p_i beside what a Hamiltonian gives."""
    d = rows.Z.shape[1] // 2
    s, e = rows.problem.scaling.s, rows.problem.scaling.e
    rates = 2.0 * e / (s[:d] * s[d:])
    found = ", ".join(
        f"{rate:.3g} +- {std:.1g}" + (f" (of column {label[k + d]})" if d > 1 else "")
        for k, (rate, std) in enumerate(
            zip(gain.coefficients * rates, gain.std * rates, strict=True)
        )
    )
    total = float(gain.coefficients @ rates)
    what = "friction" if total > 0 else "a gain of energy (negative damping)"
    return (
        f"The derivatives have {what}, which no Hamiltonian has: a damping of {found} per unit of "
        f"time{_of_few_runs(rows)}. The model leaves it out, and its simulations keep their "
        "energy. Subtract a friction F(x) that you know from y and simulate the sum, "
        "skhnn.simulate(lambda x: model.predict(x) + F(x), x0, t)"
    )


def _say_asymmetry(
    rows: _Rows, gain: _Gain, first: np.ndarray, second: np.ndarray, label: Sequence[str]
) -> str:
    """The clearest entry of the antisymmetric part of J^T Df, and what may be behind it."""
    s, e = rows.problem.scaling.s, rows.problem.scaling.e
    X, y, _ = rows.problem.rows(slice(None))
    d = len(s) // 2
    k = int(np.argmax(np.abs(gain.coefficients) / np.maximum(gain.std, 1e-300)))
    i, j = int(first[k]), int(second[k])
    size = 2.0 * e / (s[i] * s[j])
    # The target of dH/dq_i is -dp_i/dt, that of dH/dp_i is dq_i/dt, so the sign may differ.
    rates = [label[(k + d) % (2 * d)] for k in (i, j)]
    relation = "equal to" if (i < d) == (j < d) else "the opposite of"
    return (
        f"No Hamiltonian of these columns has these derivatives. For any H, the slope of the rate "
        f"of column {rates[0]} along column {label[j]} is {relation} that of the rate of column "
        f"{rates[1]} along column {label[i]}; here they miss that by "
        f"{size * abs(gain.coefficients[k]):.3g} +- {size * gain.std[k]:.1g}"
        f"{_of_few_runs(rows)}. Linear terms that are not Hamiltonian "
        f"explain {gain.share:.0%} of what H leaves on rows left out. "
        + _causes(rates_are_second_half(X, y))
    )


def _causes(of_velocities: bool) -> str:
    if of_velocities:
        return (
            "The second half of X is the rate of the first one: velocities in place of momenta? "
            "Then every mass has to be the same, and known masses make it right: p = m v, dp/dt = "
            "m dv/dt (p = M(q) v in general). Otherwise: friction, a drive, a rotating frame, "
            "units that differ between coordinates, or a coordinate that is missing"
        )
    return (
        "Check that the momenta belong to the coordinates (not velocities of unknown masses, not "
        "those of a rotating frame), that q_i times p_i has the same unit for all i, that the "
        "columns are in the order q, then p, and that nothing is missing (friction, a drive, a "
        "coordinate)"
    )


def _of_few_runs(rows: _Rows) -> str:
    if rows.n_runs is None or rows.n_runs >= _FEWEST_RUNS:
        return ""
    return f" (from {rows.n_runs} runs only: take the error for a lower bound)"
