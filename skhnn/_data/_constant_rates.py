"""What constant derivatives say about the last weights before anything is fitted."""

from dataclasses import dataclass

import numpy as np

from .._scaling import Scaling
from ..hamiltonians import Equations, LagrangianEquations, Params, gradient_from_field


@dataclass
class KnownWeights:
    """Last weights w (m,) that are known, and which of all are left to fit, (m,) of bool."""

    w: np.ndarray
    free: np.ndarray


def nothing_known(equations: Equations) -> KnownWeights:
    """All last weights are left to fit."""
    m = equations.n_last
    return KnownWeights(np.zeros(m), np.ones(m, dtype=bool))


def known_last_weights(equations: Equations, params: Params, scaling: Scaling) -> KnownWeights:
    """Where the derivative of H by a column is constant, H is linear in it, as far as data say.

    So the coefficient of its linear term is that constant, and all else that depends on the column
    has the weight zero. If it were left to the fit, a ridge would shrink the constant, the
    equations of that derivative would count as evidence, and rounding would move what they hardly
    determine.
    """
    if isinstance(equations, LagrangianEquations):
        return _of_masses(equations, params)
    constant, d = scaling.constant, scaling.n_state // 2
    if np.isnan(constant).all() or not equations.structure.is_canonical:
        return nothing_known(equations)
    g = gradient_from_field(np.nan_to_num(constant))
    w = equations.last_of_quadratic(g, np.zeros((len(g), len(g))))
    rng = np.random.RandomState(0)
    points = 4
    anywhere, rates = rng.normal(size=(points, equations.n_columns)), rng.normal(size=(points, d))
    depends = equations.basis(params, anywhere, rates=rates)[:, ~np.isnan(constant)] != 0.0
    return KnownWeights(w, ~depends.any(axis=(0, 1)))


def _of_masses(equations: LagrangianEquations, params: Params) -> KnownWeights:
    """Masses of kinetic energies that are alike, from which a fit starts.

    Where L has no unit, the coefficient that is the most of the mean of M is held.
    """
    w = equations.unit_masses(params)
    free = np.ones(len(w), dtype=bool)
    if equations.has_free_scale:
        free[np.argmax(np.abs(w))] = False
    return KnownWeights(w, free)
