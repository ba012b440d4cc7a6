"""Checks of the options of ``simulate`` that belong to methods and fields."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import scipy.integrate
from scipy.integrate import OdeSolver

from .. import integrators
from ._dynamics import Dynamics
from ._errors import warn

#: The names of methods: those of scipy, then our own.
METHODS = (
    "DOP853", "RK45", "RK23", "Radau", "BDF", "LSODA",
    *(name for name in integrators.__all__ if name != "FixedStepSolver"),
)  # fmt: skip

RTOL = 1e-9


def check_method(method: Any) -> Any:
    """A solver class, from a name or a class."""
    if isinstance(method, type) and issubclass(method, OdeSolver):
        return method
    for name in METHODS:
        if isinstance(method, str) and _plain(method) == _plain(name):
            return getattr(integrators, name, None) or getattr(scipy.integrate, name)
    raise ValueError(
        f"Unknown method {method!r}; choose one of {list(METHODS)} or pass a subclass of "
        "scipy.integrate.OdeSolver."
    )


def _plain(name: str) -> str:
    """Upper case and underscores do not matter: "gauss_legendre4" is GaussLegendre4."""
    return name.lower().replace("_", "").replace("-", "")


def check_events(events: Any) -> list[Callable[..., Any]]:
    if events is None:
        return []
    functions = [events] if callable(events) else events
    if not isinstance(functions, Sequence) or not all(map(callable, functions)):
        raise TypeError(f"events must be a function (t, x) -> float or several; got {events!r}.")
    return list(functions)


def check_options(
    solver: type, is_fixed: bool, rtol: float, atol: Any, first_step: Any, step_size: Any
) -> None:
    """Refuse or name options that the method does not have."""
    if not is_fixed and step_size is not None:
        raise ValueError(
            f"step_size is for methods with fixed steps; {solver.__name__} chooses its steps. Use "
            "max_step and rtol, or a method of skhnn.integrators."
        )
    if is_fixed:
        given = {"rtol": rtol != RTOL, "atol": atol is not None, "first_step": first_step}
        idle = [name for name, value in given.items() if value]
        if idle:
            warn(
                f"{', '.join(idle)} {'has' if len(idle) == 1 else 'have'} no effect with "
                f"{solver.__name__}, whose steps have one length: step_size sets the accuracy.",
            )


def check_shown(events: Sequence[Callable[..., Any]], dense_output: bool) -> None:
    """Name what is computed and would be thrown away without the result object."""
    lost = ["events"] if events and not any(getattr(g, "terminal", 0) for g in events) else []
    lost += ["dense_output"] if dense_output else []
    if lost:
        verb = "has" if lost == ["dense_output"] else "have"
        warn(
            f"{' and '.join(lost)} {verb} no effect on the states alone: pass return_solution=True."
        )


def at_least_rounding(rtol: float) -> float:
    # solve_ivp warns below 100 times the rounding of a float, and uses that instead.
    smallest_rtol = 2.3e-14
    if rtol >= smallest_rtol:
        return rtol
    warn(
        f"rtol={rtol:g} is below the rounding of floating-point numbers; {smallest_rtol:g} is "
        "used.",
    )
    return smallest_rtol


def default_atol(dynamics: Dynamics, X0: np.ndarray, rtol: float) -> np.ndarray:
    """Absolute tolerances, (m, 2d), so that a trajectory does not depend on the others."""
    if dynamics.scale is not None:
        return np.tile(0.01 * rtol * dynamics.scale, (len(X0), 1))
    largest = np.abs(X0).max(axis=1, keepdims=True)
    return np.tile(0.01 * rtol * np.where(largest > 0, largest, 1.0), X0.shape[1])


def warn_of_conservation(dynamics: Dynamics, solver: Any) -> None:
    """Say where a method that conserves the energy of others does not conserve that of a model."""
    if solver.scheme.conserves_energy and dynamics.beside_energies == "a structure S(x)":
        warn(
            f"{solver.__name__} conserves H where S is constant; with a structure S(x) its error "
            "is that of its order.",
        )


def check_separable(dynamics: Dynamics, X0: np.ndarray, name: str, t: float = 0.0) -> None:
    """Refuse a splitting method unless dq/dt depends on p alone and dp/dt on q alone, at time t."""
    if dynamics.halves is not None:
        return
    alternative = (
        "Take an implicit method, 'GaussLegendre4' or 'ImplicitMidpoint', or 'Tao', which is "
        "explicit"
    )
    if dynamics.beside_energies:
        raise ValueError(
            f"{name} is for H = T(p) + V(q) alone, and this model has {dynamics.beside_energies}. "
            "Take an implicit method, 'GaussLegendre4' or 'ImplicitMidpoint', or 'DOP853'."
        )
    if dynamics.is_network:
        raise ValueError(
            f"{name} splits H into T(p) + V(q), and a network H(q, p) is not separable: the result "
            f"would be wrong. {alternative}; or fit with HNNRegressor(hamiltonian='separable') if "
            "the system is of that form."
        )
    d = X0.shape[1] // 2
    x = X0[:: -(-len(X0) // 10)]
    size = np.abs(x).max() or 1.0
    field = partial(dynamics.since(t), 0.0)
    f = field(x)
    aside = 1e-3 * size * np.cos(1.0 + np.arange(x.size)).reshape(x.shape)
    # A field that changes by less than this fraction does not depend on a coordinate.
    independent = 1e-9
    for half in (slice(None, d), slice(d, None)):
        other = x.copy()
        other[:, half] += aside[:, half]
        change = np.abs(field(other) - f)
        # dq/dt must not change with q, nor dp/dt with p
        if change[:, half].max() > independent * max(np.abs(f).max(), change.max()):
            raise ValueError(
                f"{name} needs a field whose dq/dt depends on p alone and whose dp/dt on q alone, "
                f"H = T(p) + V(q); this one is not separable: the result would be wrong. "
                f"{alternative}."
            )
