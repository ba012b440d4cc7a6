"""What constant targets say about the last weights before anything is fitted."""

from dataclasses import dataclass

import numpy as np

from ..hamiltonians import Hamiltonian, Params

_POINTS = 4


@dataclass
class Known:
    """Last weights w (m,) that are known, and which of all are left to fit, (m,) of bool."""

    w: np.ndarray
    free: np.ndarray


def nothing_known(params: Params) -> Known:
    """All last weights are left to fit."""
    m = params[-2].size
    return Known(np.zeros(m), np.ones(m, dtype=bool))


def known_last_weights(hamiltonian: Hamiltonian, params: Params, constant: np.ndarray) -> Known:
    """Where the targets of a coordinate are constant, H is linear in it, as far as the data say.

    So the coefficient of its linear term is that constant, and all else that depends on the
    coordinate has the weight zero. If it were left to the fit, a ridge would shrink the constant,
    the equations of that coordinate would count as evidence, and rounding would move what they
    hardly determine.

    ``constant``, (2d,), has those targets, and NaN for the others.
    """
    g = np.nan_to_num(constant)
    w = np.ravel(hamiltonian.last_of_quadratic(params, g, np.zeros((len(g), len(g)))))
    if np.isnan(constant).all():
        return nothing_known(params)
    anywhere = np.random.RandomState(0).normal(size=(_POINTS, len(constant)))
    depends = hamiltonian.basis(params, anywhere)[:, ~np.isnan(constant)] != 0.0
    return Known(w, ~depends.any(axis=(0, 1)))
