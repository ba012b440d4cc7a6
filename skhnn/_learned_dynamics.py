"""A fitted Hamiltonian as the equations that ``simulate`` integrates."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from ._chunks import evaluate_in_chunks
from ._model import Model
from ._simulation import ROWS_AT_ONCE, Driving, Dynamics
from ._support import Support
from ._torch import evaluate_on_device, system_on_device

# Trajectories advanced at once where the field is evaluated on a device.
_ROWS_ON_A_DEVICE = 50_000


def learned_dynamics(
    model: Model,
    *,
    spread: np.ndarray,
    support: Support | None,
    check: Callable[[Any], np.ndarray],
    device_for: Callable[[int], str | None],
    scale: float = 1.0,
    shift: Any = 0.0,
    driving: Driving | None = None,
) -> Dynamics:
    """The equations of x, where the model is one of z = scale x + shift.

    The field is that of H(x) = h(scale x + shift) / scale, f(x) = J grad h(z).

    Parameters
    ----------
    model : Model
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
    driving : Driving or None
        The columns behind the state, inputs and parameters.
    """
    n, equations, params = len(spread), model.equations, model.params
    beside = _beside_energies(model)
    if driving is not None:
        return _driven(
            model, driving, spread=spread, support=support, check=check, beside_energies=beside
        )
    field, halves = model.bind(), equations.halves(params)
    moves = scale != 1.0 or bool(np.any(shift))
    if moves:
        spread = spread / abs(scale)
        if support is not None:
            s = support.s / scale  # distances do not care for its sign
            support = replace(support, mu=(support.mu - shift) / scale, s=s)
        q, p = np.split(np.broadcast_to(np.asarray(shift, dtype=float), n), 2)
        field = _after(field, scale, shift)
        halves = halves and (_after(halves[0], scale, p), _after(halves[1], scale, q))

    def field_of_many(n_trajectories: int) -> tuple[Callable[[np.ndarray], np.ndarray], int]:
        device = device_for(n_trajectories)
        if device is not None:
            return lambda X: evaluate_on_device(
                equations.field, params, scale * X + shift, device
            ), _ROWS_ON_A_DEVICE
        return lambda X: evaluate_in_chunks(
            field, X, np.empty_like(X), equations.width
        ), ROWS_AT_ONCE

    def place(n_trajectories: int) -> Any:
        device = device_for(n_trajectories)
        if device is None:
            return None
        size = float(spread.max())
        return system_on_device(equations, params, device, size=size, scale=scale, shift=shift)

    return Dynamics(
        field,
        n,
        check=check,
        jacobian=lambda X: scale * model.jacobian(scale * X + shift),
        energy=lambda X: model.energy(scale * X + shift) / scale,
        halves=halves,
        scale=spread,
        support=support,
        place=place,
        field_of_many=field_of_many,
        is_network=True,
        beside_energies=beside,
    )


def _beside_energies(model: Model) -> str:
    """What a model has that a splitting of H does not know."""
    structure = model.equations.structure
    if not structure.is_canonical:
        return "a structure of its own" if structure.is_constant else "a structure S(x)"
    if model.equations.forces:
        return "friction or inputs"
    return "inputs or parameters" if model.equations.n_columns > model.equations.n_state else ""


def _driven(
    model: Model,
    driving: Driving,
    *,
    spread: np.ndarray,
    support: Support | None,
    check: Callable[[Any], np.ndarray],
    beside_energies: str,
) -> Dynamics:
    """The equations with inputs and parameters that are given, constant or functions of time."""
    field, equations, params = model.bind(), model.equations, model.params
    constant = driving.constant

    def rows(x: np.ndarray, values: np.ndarray) -> np.ndarray:
        """States x with the columns behind them."""
        return np.concatenate([x, np.broadcast_to(values, (*x.shape[:-1], values.shape[-1]))], -1)

    common: dict[str, Any] = {
        "check": check, "scale": spread, "support": support, "beside_energies": beside_energies
    }  # fmt: skip
    if constant is not None:
        return Dynamics(
            lambda x: field(rows(x, constant)),
            equations.n_state,
            jacobian=lambda X: np.asarray(equations.jacobian(params, rows(X, constant))),
            energy=lambda X: model.energy(rows(X, constant)),
            is_network=True,
            **common,
        )

    def at(t: Any, x: np.ndarray) -> np.ndarray:
        values = np.stack([driving.at(float(time)) for time in np.ravel(t)])
        if np.size(t) > 1:  # one for each stage of x (s, m, D)
            values = values[:, None]
        return field(rows(x, values if np.size(t) > 1 else values[0]))

    return Dynamics(at, equations.n_state, is_network=True, depends_on_time=True, **common)


def _after(
    function: Callable[[np.ndarray], np.ndarray], scale: float, shift: Any
) -> Callable[[np.ndarray], np.ndarray]:
    """x -> function(scale x + shift)."""
    return lambda x: function(scale * x + shift)
