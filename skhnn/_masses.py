r"""Which masses the data do not determine: other ones that predict the same accelerations.

Of all changes of the masses, the other weights being refitted, those are looked for that change the
accelerations least for a relative change of M of one: the smallest singular values s of

    J x,    |L^-1 dM L^-T| = 1,    M = L L^T,

with J the derivatives of the accelerations by the mass weights, less what the others can make up
for. A direction is undetermined if a change of 30 % along it costs less than a hundredth of the
mean squared error, or less than 1e-4 of the spread of the accelerations (that of a cart-pole whose
angle is not declared costs 3e-5, as functions of the angle are met so well only). The common scale
is left out where nothing fixes it: that is always free.
"""

from collections.abc import Sequence

import numpy as np

from ._data import Problem, some
from .hamiltonians import LagrangianEquations, Params


def undetermined_masses(
    problem: Problem, equations: LagrangianEquations, params: Params
) -> list[np.ndarray]:
    """Relative changes of M, L^-1 dM L^-T (d, d), means over rows, that do not show in the data."""
    most_rows = 600
    rows = some(np.arange(problem.n_samples), most_rows, np.random.RandomState(0))
    X, y, root = problem.equations(rows)
    d = equations.layout.n_rates
    J = (equations.jacobian_by_last(params, X) * root[..., None])[:, d:]
    r = ((y - equations.field(params, X)) * root)[:, d:]
    J = J.reshape(-1, J.shape[2]) / np.sqrt(J.shape[0] * d)
    error = float(np.sqrt(np.mean(r**2)))
    M = equations.masses(params, X)
    positive = np.linalg.eigvalsh(M)[:, 0] > 0.0  # at the rows of a fit, not quite at all others
    if not positive.any():
        return []
    M, dM = M[positive], equations.mass_slopes(params, X[positive])
    inverse = np.linalg.inv(np.linalg.cholesky(M))
    B = np.einsum("nai,nijm,nbj->nabm", inverse, dM, inverse)
    is_mass = B.any(axis=(0, 1, 2))
    B, others = B[..., is_mass], J[:, ~is_mass]
    J = J[:, is_mass]
    if others.shape[1]:
        ridge = 1e-10 * np.linalg.norm(others) * np.eye(others.shape[1])
        Q = np.linalg.qr(np.vstack([others, ridge]))[0][: len(others)]
        J = J - Q @ (Q.T @ J)
    flat = B.reshape(-1, B.shape[-1]) / np.sqrt(len(M) * d)
    _, size, Vt = np.linalg.svd(flat, full_matrices=False)
    tiny = 1e-9
    kept = size > tiny * size[0]
    basis = Vt[kept].T / size[kept]
    if equations.has_free_scale:
        w = equations.last(params)[is_mass]
        along = np.linalg.lstsq(basis, w, rcond=None)[0]
        basis = basis @ np.linalg.svd(along[None])[2][1:].T
    if not basis.shape[1]:
        return []
    _, s, Vt = np.linalg.svd(J @ basis, full_matrices=True)
    s = np.concatenate([s, np.zeros(basis.shape[1] - len(s))])
    found = []
    # Changes that are large at a few rows only, or of one sign here and another there, are no
    # masses.
    of_mean = 0.3
    most = 4
    largest_change, of_error, visible = 0.3, 0.1, 1e-4
    for k in range(len(s) - 1, max(len(s) - 1 - most, -1), -1):
        change = B @ (basis @ Vt[k])
        mean = change.mean(axis=0)
        largest = np.abs(np.linalg.eigvalsh(change)).max()
        step = min(largest_change, 0.7 / largest)
        if s[k] * step > max(of_error * error, visible):
            break
        if np.linalg.norm(mean) > of_mean * np.sqrt(d) and step > 0.1 * largest_change:
            found.append(mean)
    return found


def std_if_undetermined(
    masses: np.ndarray, std: np.ndarray, changes: Sequence[np.ndarray], *, has_free_scale: bool
) -> np.ndarray:
    """Standard errors of masses (d, d), infinite where ``changes`` of them do not show.

    With a free scale masses are relative to the first.
    """
    found, size = std.copy(), np.sqrt(np.abs(np.outer(np.diag(masses), np.diag(masses))))
    if changes and np.linalg.eigvalsh(masses)[0] <= 0.0:  # these are no masses
        return np.full_like(std, np.inf)
    # A mass that such a change, of size one, moves by more than this part is not determined either.
    touched = 1e-2
    for change in changes:
        L = np.linalg.cholesky(masses)
        dM = L @ change @ L.T
        if has_free_scale:
            dM = dM - masses * dM[0, 0] / masses[0, 0]
        found[np.abs(dM) > touched * np.linalg.norm(change) * size] = np.inf
    return found


def sentence_of(change: np.ndarray, label: Sequence[str]) -> str:
    """What is not known, in words."""
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
    return f"{what} does not show in these data: predictions hold, energies and masses do not"
