"""A fitted Hamiltonian as the equations that ``simulate`` integrates."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from ._chunks import evaluate_in_chunks
from ._model import Model
from ._simulation import ROWS_AT_ONCE, Canonical, Driving, Dynamics
from ._support import Support
from ._torch import evaluate_on_device, system_on_device
from .hamiltonians import LagrangianEquations


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
    equations = model.equations
    common: dict[str, Any] = {
        "scale": spread, "support": support, "check": check, "is_network": True,
        "beside_energies": _beside_energies(model),
    }  # fmt: skip
    if isinstance(equations, LagrangianEquations):
        return _of_velocities(model, equations, driving, common)
    if driving is not None:
        return _driven(model, model.bind(), equations.jacobian, driving, **common)
    return _autonomous(model, device_for, scale, shift, common)


def _autonomous(
    model: Model,
    device_for: Callable[[int], str | None],
    scale: float,
    shift: Any,
    common: dict[str, Any],
) -> Dynamics:
    """The equations of x where there is nothing but the state."""
    equations, params, spread = model.equations, model.params, common["scale"]
    field, halves, n = model.bind(), equations.halves(params), len(spread)
    if scale != 1.0 or np.any(shift):
        spread = spread / abs(scale)
        common |= {"scale": spread, "support": _moved(common["support"], scale, shift)}
        q, p = np.split(np.broadcast_to(np.asarray(shift, dtype=float), n), 2)
        field = _after(field, scale, shift)
        halves = halves and (_after(halves[0], scale, p), _after(halves[1], scale, q))

    # Trajectories advanced at once where the field is evaluated on a device.
    rows_on_a_device = 50_000

    def field_of_many(n_trajectories: int) -> tuple[Callable[[np.ndarray], np.ndarray], int]:
        device = device_for(n_trajectories)
        if device is not None:
            return lambda X: evaluate_on_device(
                equations.field, params, scale * X + shift, device
            ), rows_on_a_device
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
        jacobian=lambda X: scale * model.jacobian(scale * X + shift),
        energy=lambda X: model.energy(scale * X + shift) / scale,
        halves=halves,
        place=place,
        field_of_many=field_of_many,
        **common,
    )


def _moved(support: Support | None, scale: float, shift: Any) -> Support | None:
    """Where the data are in x, which is (z - shift) / scale."""
    if support is None:
        return None
    s = support.s / scale  # distances do not care for its sign
    return replace(support, mu=(support.mu - shift) / scale, s=s)


def _beside_energies(model: Model) -> str:
    """What a model has that a splitting of H does not know."""
    if model.equations.layout.has_velocities:
        return ""
    structure = model.equations.structure
    if not structure.is_canonical:
        return "a structure of its own" if structure.is_constant else "a structure S(x)"
    if model.equations.forces:
        return "friction or inputs"
    return "inputs or parameters" if model.equations.n_columns > model.equations.n_state else ""


def _of_velocities(
    model: Model, equations: LagrangianEquations, driving: Driving | None, common: dict[str, Any]
) -> Dynamics:
    """The equations of (q, v), and for methods with fixed steps those of (q, p)."""
    params, layout = model.params, equations.layout
    if driving is None:
        driving = Driving.constantly(np.zeros(0))
    behind = driving.constant
    if behind is None:  # momenta depend on parameters only
        behind = np.zeros(layout.n_inputs + layout.n_parameters)
    if equations.forces or layout.n_inputs:
        common["beside_energies"] = "friction or inputs"
    found = _driven(model, model.bind(), equations.jacobian, driving, **common)
    if not equations.is_linear:
        found.has_positive_masses = lambda X: equations.has_masses(params, _with(X, behind))
    if driving.constant is not None or not layout.n_parameters:
        inner = _driven(
            model, lambda z: np.asarray(equations.canonical_field(params, z)),
            equations.canonical_jacobian, driving, **common,
        )  # fmt: skip
        d = layout.n_rates
        inner.halves = equations.halves(params)
        if inner.halves is None and not inner.beside_energies:
            inner.beside_energies = "masses that depend on q, or a force that turns velocities"
        found.canonical = Canonical(
            inner,
            lambda X: np.hstack([X[:, :d], equations.momenta(params, _with(X, behind))]),
            lambda Z: np.asarray(equations.with_velocities(params, _with(Z, behind))[:, : 2 * d]),
        )
    return found


def _with(x: np.ndarray, values: np.ndarray) -> np.ndarray:
    """States x with the columns behind them."""
    return np.concatenate([x, np.broadcast_to(values, (*x.shape[:-1], values.shape[-1]))], -1)


def _driven(
    model: Model,
    field: Callable[[np.ndarray], np.ndarray],
    jacobian: Callable[..., Any],
    driving: Driving,
    **common: Any,
) -> Dynamics:
    """The equations with inputs and parameters that are given, constant or functions of time."""
    params, n, constant = model.params, model.equations.n_state, driving.constant
    if constant is not None:
        return Dynamics(
            lambda x: field(_with(x, constant)),
            n,
            jacobian=lambda X: np.asarray(jacobian(params, _with(X, constant))),
            energy=lambda X: model.energy(_with(X, constant)),
            **common,
        )

    def at(t: Any, x: np.ndarray) -> np.ndarray:
        values = np.stack([driving.at(float(time)) for time in np.ravel(t)])
        if np.size(t) > 1:  # one for each stage of x (s, m, D)
            values = values[:, None]
        return field(_with(x, values if np.size(t) > 1 else values[0]))

    return Dynamics(at, n, depends_on_time=True, **common)


def _after(
    function: Callable[[np.ndarray], np.ndarray], scale: float, shift: Any
) -> Callable[[np.ndarray], np.ndarray]:
    """x -> function(scale x + shift)."""
    return lambda x: function(scale * x + shift)
