"""Velocities that are linear in the momenta, which say what the kinetic energy is."""

import numpy as np

from .._data import Problem


def velocities_are_linear(problem: Problem) -> bool:
    """Whether dq/dt = A p + b up to rounding.

    Then H = p' A p / 2 + b' p + V(q) whatever V is, since dH/dp says so, and no other Hamiltonian
    has anything to add.
    """
    layout = problem.layout
    d = layout.n_state // 2
    rows, rounding = 5000, 1e-9
    step = -(-problem.n_samples // rows)
    p, rates = np.array(problem.X[::step, d : 2 * d]), np.asarray(problem.y[::step, :d])
    # Rows for each coefficient: as many as there are of these fit anything.
    rows_per_coefficient = 2
    if not layout.is_canonical or len(p) < rows_per_coefficient * (d + 1):
        return False
    spread = p.std(axis=0)
    p = (p - p.mean(axis=0)) / np.where(spread > 0.0, spread, 1.0)
    A = np.column_stack([p, np.ones(len(p))])
    left = rates - A @ np.linalg.lstsq(A, rates, rcond=None)[0]
    largest = np.abs(rates).max(axis=0)
    return bool((np.abs(left) <= rounding * largest).all())
