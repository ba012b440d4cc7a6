"""Velocities that are linear in the momenta, which say what the kinetic energy is."""

import numpy as np

from .._data import Problem

_ROWS, _ROUNDING = 5000, 1e-9
# Rows for each coefficient: as many as there are of these fit anything.
_ROWS_PER_COEFFICIENT = 2


def velocities_are_linear(problem: Problem) -> bool:
    """Whether dq/dt = A p + b up to rounding.

    Then H = p' A p / 2 + b' p + V(q) whatever V is, since dH/dp says so, and no other Hamiltonian
    has anything to add.
    """
    layout = problem.layout
    d = layout.n_state // 2
    step = -(-problem.n_samples // _ROWS)
    p, rates = np.array(problem.X[::step, d : 2 * d]), np.asarray(problem.y[::step, :d])
    if not layout.is_canonical or len(p) < _ROWS_PER_COEFFICIENT * (d + 1):
        return False
    spread = p.std(axis=0)
    p = (p - p.mean(axis=0)) / np.where(spread > 0.0, spread, 1.0)
    A = np.column_stack([p, np.ones(len(p))])
    left = rates - A @ np.linalg.lstsq(A, rates, rcond=None)[0]
    largest = np.abs(rates).max(axis=0)
    return bool((np.abs(left) <= _ROUNDING * largest).all())
