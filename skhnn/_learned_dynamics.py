"""A fitted Hamiltonian as the equations that ``simulate`` integrates."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from ._chunks import evaluate_in_chunks
from ._simulation import ROWS_AT_ONCE, Dynamics
from ._support import Support
from ._torch import evaluate_on_device, system_on_device
from .hamiltonians import Hamiltonian, Params, field_from_gradient

# Trajectories advanced at once where the field is evaluated on a device.
_ROWS_ON_A_DEVICE = 50_000


def learned_dynamics(
    form: Hamiltonian,
    params: Params,
    *,
    spread: np.ndarray,
    support: Support | None,
    check: Callable[[Any], np.ndarray],
    device_for: Callable[[int], str | None],
    scale: float = 1.0,
    shift: Any = 0.0,
) -> Dynamics:
    """The equations of x, where the network is a function of z = scale x + shift.

    The field f(x) = J grad h(z) is that of H(x) = h(scale x + shift) / scale, which is folded into
    the weights.

    Parameters
    ----------
    form, params : Hamiltonian and list of arrays
        h.
    spread : (2d,) array
        The standard deviations of z in the training data.
    support : Support or None
        Where the training data are, in z.
    check : callable
        Turns a data frame of states into an array.
    device_for : callable
        The number of trajectories -> the device to evaluate on, None for the CPU.
    scale, shift : float and (2d,) array
        From x to z.
    """
    n = len(spread)
    if scale != 1.0 or np.any(shift):
        constant = params[-1][0] / scale
        params = form.fold(params, -np.asarray(shift) / scale, np.full(n, 1 / scale), 1 / scale)
        params[-1][0] = constant
        spread = spread / abs(scale)
        if support is not None:
            s = support.s / scale  # distances do not care for its sign
            support = replace(support, mu=(support.mu - shift) / scale, s=s)
    field, halves = form.vector_field(params), form.halves(params)

    def field_of_many(n_trajectories: int) -> tuple[Callable[[np.ndarray], np.ndarray], int]:
        device = device_for(n_trajectories)
        if device is not None:
            return lambda X: field_from_gradient(
                evaluate_on_device(form.gradient, params, X, device)
            ), _ROWS_ON_A_DEVICE
        return lambda X: evaluate_in_chunks(field, X, np.empty_like(X), form.width), ROWS_AT_ONCE

    def place(n_trajectories: int) -> Any:
        device = device_for(n_trajectories)
        if device is None:
            return None
        return system_on_device(form, params, device, size=float(spread.max()))

    return Dynamics(
        field,
        n,
        check=check,
        # J times the Hessian of H
        jacobian=lambda X: field_from_gradient(form.hessian(params, X)).swapaxes(-1, -2),
        energy=lambda X: evaluate_in_chunks(
            partial(form.value, params), X, np.empty(len(X)), form.width
        ),
        halves=halves,
        scale=spread,
        support=support,
        place=place,
        field_of_many=field_of_many,
        is_network=True,
    )
