"""Whether data are those of a mechanical system: velocities linear in the momenta."""

import numpy as np

from ..hamiltonians import MechanicalHamiltonian
from ._problem import Problem

# The error of the velocities, relative to their spread, that rounding may leave.
_LINEAR = 1e-6
_EQUATIONS, _EQUATIONS_PER_UNKNOWN = 4000, 4
# Momenta that are counted from so many standard deviations away would cost digits, since H has
# their squares.
_FAR = 1e4


def is_mechanical(problem: Problem) -> bool:
    """Whether dq/dt = A p + b with one symmetric matrix A, up to rounding.

    Then H = 1/2 p^T A p + b . p + V(q), whatever V is.
    """
    d, scaling = problem.n_features // 2, problem.scaling
    form = MechanicalHamiltonian((1,))
    n_unknowns = form.init_params(2 * d, np.random.RandomState(0))[-2].size - 1
    n_rows = max(_EQUATIONS, _EQUATIONS_PER_UNKNOWN * n_unknowns) // d
    rows = np.unique(np.linspace(0, problem.n_samples - 1, n_rows).astype(int))
    if len(rows) * d < _EQUATIONS_PER_UNKNOWN * n_unknowns:
        return False
    if np.any(np.abs(scaling.mu[d:]) > _FAR * scaling.s[d:]):
        return False
    Z, G, _ = problem.take(rows)
    if not np.ptp(Z[:, d:], axis=0).any():
        return False
    params = form.sample_params(Z, np.random.RandomState(0), "hinge", 1.0)
    root = np.sqrt(2.0 * scaling.w[d:])[:, None]  # every column of the velocity counts alike
    A = (form.basis(params, Z)[:, d:, 1:] * root).reshape(-1, n_unknowns)
    t = (G[:, d:] * root[:, 0]).ravel()
    residual = t - A @ np.linalg.lstsq(A, t, rcond=None)[0]
    return bool(residual @ residual <= _LINEAR**2 * len(rows))
