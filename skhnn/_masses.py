r"""Which masses the data do not determine: other ones that predict the same accelerations.

Of all changes of the masses, the other weights being refitted, those are looked for that change the
accelerations least for a relative change of M of one: the smallest singular values s of

    J x,    |L^-1 dM L^-T| = 1,    M = L L^T,

with J the derivatives of the accelerations by the mass weights, less what the others can make up
for; all weights have priors. A direction is undetermined if a change of 30 % along it is below
three standard errors, or costs less than 1e-4 of the spread of the accelerations (that of a
cart-pole whose angle is not declared costs 3e-5, as functions of the angle are met so well only).
The common scale is left out where nothing fixes it: that is always free.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ._data import Problem, some
from .hamiltonians import LagrangianEquations, Params

# What costs less than this part of the spread of accelerations does not show.
_VISIBLE = 1e-4


def undetermined_masses(
    problem: Problem, equations: LagrangianEquations, params: Params
) -> list[np.ndarray]:
    """Relative changes of M, L^-1 dM L^-T (d, d), means over rows, that do not show in the data."""
    rows = _Rows.of(problem, equations, params)
    changes = _Changes.of(equations, params, rows.X)
    if changes is None:
        return []
    return _not_shown(rows, rows.J, equations.last(params), changes)


def other_constant_masses(
    problem: Problem, equations: LagrangianEquations, params: Params
) -> list[np.ndarray]:
    """The same of masses that are constant, among all constant ones, whatever form these have.

    The masses are those of L (1 + x) L^T with a symmetric matrix x, in place of their own weights.
    """
    rows = _Rows.of(problem, equations, params)
    d = equations.layout.n_rates
    if not equations.has_masses(params, rows.X[:1]):
        return []
    L = np.linalg.cholesky(equations.masses(params, rows.X[:1])[0])
    i, j = np.triu_indices(d)
    of_each = np.zeros((d, d, len(i)))
    of_each[i, j, np.arange(len(i))] = of_each[j, i, np.arange(len(i))] = 1.0
    # M a = F: with dM = L x L^T accelerations change by -L^-T x L^T a.
    by_masses = -np.einsum("ia,abk,nb->nik", np.linalg.inv(L).T, of_each, rows.accelerations @ L)
    own = equations.mass_slopes(params, rows.X[:1]).any(axis=(0, 1, 2))
    w = np.concatenate([equations.last(params)[~own], np.where(i == j, 1.0, 0.0)])
    is_mass = np.arange(len(w)) >= np.sum(~own)
    has_free_scale = equations.has_free_scale or equations.input_matrix is None
    changes = _Changes.among(of_each[None], is_mass, w, has_free_scale=has_free_scale)
    if changes is None:
        return []
    J = np.concatenate([rows.J[..., ~own], by_masses * rows.root[..., None]], axis=-1)
    return _not_shown(rows, J, w, changes)


class _Rows(NamedTuple):
    """Some rows: X, roots of weights (n, d), accelerations by the model, slopes, what is left."""

    X: np.ndarray
    root: np.ndarray
    accelerations: np.ndarray
    J: np.ndarray  # (n, d, m) by the last weights, weighted
    left: np.ndarray  # (n, d), weighted

    @classmethod
    def of(cls, problem: Problem, equations: LagrangianEquations, params: Params) -> "_Rows":
        most_rows = 600
        rows = some(np.arange(problem.n_samples), most_rows, np.random.RandomState(0))
        X, y, root = problem.equations(rows)
        d = equations.layout.n_rates
        field, J = equations.field_and_jacobian_by_last(params, X)
        root = (root + np.zeros_like(y))[:, d:]
        left = (y - field)[:, d:] * root
        return cls(X, root, field[:, d:], J[:, d:] * root[..., None], left)


def _not_shown(rows: _Rows, J: np.ndarray, w: np.ndarray, changes: "_Changes") -> list[np.ndarray]:
    """The changes of masses that cost little beside other weights, of slopes J and values w."""
    n = rows.left.size
    error = float(np.sqrt(np.mean(rows.left**2)))
    J = J.reshape(n, -1) / np.sqrt(n)
    costs, error = _costs(J, w, changes.is_mass, changes.basis, error, _VISIBLE)
    return changes.that_cost_little(costs, error / np.sqrt(n))


def undetermined_by_posterior(
    equations: LagrangianEquations,
    params: Params,
    X: np.ndarray,
    root: np.ndarray,
    standard_error: float,
) -> list[np.ndarray]:
    """The same by the covariance root root^T of all last weights, with states X of a joint fit.

    ``standard_error`` is that of the mean of so many values, relative to their spread.
    """
    changes = _Changes.of(equations, params, X)
    if changes is None:
        return []
    # A change dw costs |u| standard errors, with the smallest u for which it is root u; those that
    # no u makes are held. What changes no ratio of masses is free to make up for what others cost.
    U, s, _ = np.linalg.svd(root[changes.is_mass])
    held = 1e-9
    size = np.full(len(U), held * s[0])
    size[: len(s)] = np.maximum(s, held * s[0])
    costs, of_none = ((U.T @ dw) / size[:, None] for dw in (changes.basis, changes.of_none))
    Q = np.linalg.qr(of_none)[0]
    costs -= Q @ (Q.T @ costs)
    return changes.that_cost_little(costs * standard_error, standard_error)


class _Changes(NamedTuple):
    """Relative changes of M at some rows by its weights.

    ``basis`` are changes of weights of size one, and ``of_none`` those that change no M at all, or
    its scale alone, where nothing fixes that.
    """

    of_weights: np.ndarray  # (n, d, d, k)
    is_mass: np.ndarray
    basis: np.ndarray  # (k, r)
    of_none: np.ndarray  # (k, k - r)

    @classmethod
    def of(cls, equations: LagrangianEquations, params: Params, X: np.ndarray) -> "_Changes | None":
        """None where nothing can change but the common scale that nothing fixes."""
        M = equations.masses(params, X)
        positive = np.linalg.eigvalsh(M)[:, 0] > 0.0  # at the rows of a fit, not quite at others
        if not positive.any():
            return None
        M, dM = M[positive], equations.mass_slopes(params, X[positive])
        inverse = np.linalg.inv(np.linalg.cholesky(M))
        B = np.einsum("nai,nijm,nbj->nabm", inverse, dM, inverse)
        is_mass = B.any(axis=(0, 1, 2))
        w = equations.last(params)
        return cls.among(B[..., is_mass], is_mass, w, has_free_scale=equations.has_free_scale)

    @classmethod
    def among(
        cls, B: np.ndarray, is_mass: np.ndarray, w: np.ndarray, *, has_free_scale: bool
    ) -> "_Changes | None":
        """Those by weights w[is_mass], whose slopes are B, (n, d, d, k)."""
        flat = B.reshape(-1, B.shape[-1]) / np.sqrt(B.shape[0] * B.shape[1])
        _, size, Vt = np.linalg.svd(np.linalg.qr(flat, mode="r"))
        tiny = 1e-9
        kept = np.arange(len(Vt)) < np.sum(size > tiny * size[0])
        basis, of_none = Vt[kept].T / size[: kept.sum()], Vt[~kept].T
        if has_free_scale:
            along = np.linalg.lstsq(basis, w[is_mass], rcond=None)[0]
            basis = basis @ np.linalg.svd(along[None])[2][1:].T
            of_none = np.column_stack([of_none, w[is_mass]])
        return cls(B, is_mass, basis, of_none) if basis.shape[1] else None

    def that_cost_little(self, costs: np.ndarray, standard_error: float) -> list[np.ndarray]:
        """Those whose costs, (n, r) of the basis, are below three standard errors or invisible."""
        _, s, Vt = np.linalg.svd(costs, full_matrices=False)
        B, d, found = self.of_weights, self.of_weights.shape[1], []
        # Changes that are large at a few rows only, or of one sign here and another there, are no
        # masses.
        of_mean = 0.3
        most = 4
        largest_change, standard_errors = 0.3, 3.0
        for k in range(len(s) - 1, max(len(s) - 1 - most, -1), -1):
            change = B @ (self.basis @ Vt[k])
            mean = change.mean(axis=0)
            largest = np.abs(np.linalg.eigvalsh(change)).max()
            step = min(largest_change, 0.7 / largest)
            if s[k] * step > max(standard_errors * standard_error, _VISIBLE):
                break
            if np.linalg.norm(mean) > of_mean * np.sqrt(d) and step > 0.1 * largest_change:
                found.append(mean)
        return found


def _costs(
    J: np.ndarray,
    w: np.ndarray,
    is_mass: np.ndarray,
    basis: np.ndarray,
    error: float,
    smallest: float,
) -> tuple[np.ndarray, float]:
    """What changes of masses cost, the least squares over other weights that make up for them.

    J (n, m) are slopes by all last weights w (m,), and ``basis`` (k, r) are changes of the k that
    masses have. Each weight has a prior as wide as all of its kind, masses and others, are
    together, so that to change all by a part of themselves costs that part of a standard error. The
    ``error`` is that of an equation, or the ``smallest`` one; it is returned, beside the costs
    (n + m, r), with what has been fitted to it taken into account.
    """
    n, others = len(J), J[:, ~is_mass]
    of_masses, of_others = _norm(w[is_mass]), _norm(w[~is_mass])
    squares = np.linalg.svd(others, compute_uv=False) ** 2
    of_row = error
    # Each round has the prior by the error of the one before; after three it changes no more.
    for _ in range(3):
        unit = max(error, smallest) / np.sqrt(n)
        determined = np.sum(squares / (squares + (unit / of_others) ** 2))
        error = of_row / np.sqrt(1.0 - determined / n)
    unit = max(error, smallest) / np.sqrt(n)
    m = others.shape[1]
    Q = np.linalg.qr(np.vstack([others, unit / of_others * np.eye(m)]))[0]
    changes = np.vstack([J[:, is_mass] @ basis, np.zeros((m, basis.shape[1]))])
    changes -= Q @ (Q[:n].T @ changes[:n])
    return np.vstack([changes, unit / of_masses * basis]), error


def _norm(w: np.ndarray) -> float:
    """The length of w, or what is as good as none where there are none."""
    return float(np.linalg.norm(w)) or 1e-100


def std_if_undetermined(
    masses: np.ndarray, std: np.ndarray, changes: Sequence[np.ndarray], *, has_free_scale: bool
) -> np.ndarray:
    """Standard errors of masses (d, d), infinite where ``changes`` of them do not show.

    With a free scale masses are relative to the first.
    """
    found, size = std.copy(), np.sqrt(np.abs(np.outer(np.diag(masses), np.diag(masses))))
    if changes and np.linalg.eigvalsh(masses)[0] <= 0.0:  # these are no masses
        return np.full_like(std, np.inf)
    # A mass that such a change, of size one, moves by more than this part is not determined either;
    # nor is one between masses that are not, if it moves in proportion, by so many standard errors.
    touched, standard_errors = 1e-2, 10.0
    for change in changes:
        L = np.linalg.cholesky(masses)
        dM = L @ change @ L.T
        if has_free_scale:
            dM = dM - masses * dM[0, 0] / masses[0, 0]
        dM = np.abs(dM) / np.linalg.norm(change)
        is_touched = dM > touched * size
        of_such = np.add.outer(np.diag(is_touched), np.diag(is_touched))
        in_proportion = (dM > touched * np.abs(masses)) & (dM > standard_errors * std)
        found[is_touched | (of_such & in_proportion)] = np.inf
    return found


def sentences_of(
    changes: Sequence[np.ndarray], label: Sequence[str], *, predicts: bool = True
) -> list[str]:
    """What is not known, in words, each once; and whether predictions hold."""
    hold = "predictions hold, energies and masses do not" if predicts else "masses are not known"
    found = dict.fromkeys(_what_of(change, label) for change in changes)
    return [f"{what} does not show in these data: {hold}" for what in found]


def _what_of(change: np.ndarray, label: Sequence[str]) -> str:
    of_each = np.diag(change)
    i, j = int(np.argmax(of_each)), int(np.argmin(of_each))
    apart = change - np.diag(of_each)
    a, b = divmod(int(np.argmax(np.abs(apart))), len(change))
    if np.ptp(of_each) > np.abs(apart[a, b]) and i != j:
        what = f"The ratio of the masses of {label[min(i, j)]} and {label[max(i, j)]}"
    elif len(change) == 1 or apart[a, b] == 0.0:
        what = f"The mass of {label[0]}"
    else:
        what = f"The mass that couples {label[min(a, b)]} and {label[max(a, b)]}"
    return what
