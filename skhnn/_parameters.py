"""Checks of the parameters of the estimator, before any work."""

import warnings
from inspect import signature
from numbers import Integral, Real
from typing import Any

from ._fitted import DTYPES
from ._selection import SOLVERS
from ._solvers import EVERYTHING
from ._validation import (
    check_activation,
    check_choice,
    check_flag,
    check_hidden_layer_sizes,
    check_number,
    check_optimizer,
)
from .forces import Force
from .hamiltonians import HAMILTONIANS, Hamiltonian


def check_parameters(estimator: Any) -> None:
    """Raise ValueError or TypeError where a parameter is invalid."""
    _check_hamiltonian(estimator)
    _check_training(estimator)
    check_choice("coordinates", estimator.coordinates, ("auto", "canonical", "velocities"))
    for name in ("n_inputs", "n_parameters"):
        check_number(name, getattr(estimator, name), Integral, 0)
    _check_forces(estimator)
    if estimator.noise_std is not None:
        _check_solver_for_noise(estimator)


def _check_hamiltonian(estimator: Any) -> None:
    given = estimator.hamiltonian
    if isinstance(given, type) and issubclass(given, Hamiltonian):
        name = given.__name__
        raise TypeError(f"hamiltonian must be an object, {name}(); got the class {name}.")
    if not isinstance(given, (Hamiltonian, str)):
        raise ValueError(
            f"hamiltonian must be one of {['auto', *HAMILTONIANS]} or an object of "
            "skhnn.hamiltonians, such as MLP('q'), or Known(function) of a function; got "
            f"{given!r}."
        )
    if not isinstance(given, Hamiltonian):
        check_choice("hamiltonian", given, ["auto", *HAMILTONIANS])
    if estimator.hidden_layer_sizes is not None:
        check_hidden_layer_sizes(estimator.hidden_layer_sizes)
    if estimator.activation != "auto":
        check_activation(estimator.activation)


def _check_training(estimator: Any) -> None:
    check_choice("solver", estimator.solver, list(SOLVERS))
    check_choice("dtype", estimator.dtype, DTYPES)
    check_choice("learning_rate", estimator.learning_rate, ("cosine", "constant"))
    for name in ("early_stopping", "shuffle", "warm_start", "verbose"):
        check_flag(name, getattr(estimator, name))
    if not (isinstance(estimator.batch_size, str) and estimator.batch_size == "auto"):
        check_number("batch_size", estimator.batch_size, Integral, 1)
    check_number("alpha", estimator.alpha, Real, 0)
    if estimator.learning_rate_init is not None:
        check_number("learning_rate_init", estimator.learning_rate_init, Real, 0, inclusive=False)
    if estimator.max_iter is not None:
        check_number("max_iter", estimator.max_iter, Integral, 1)
    if estimator.max_time is not None:
        check_number("max_time", estimator.max_time, Real, 0, inclusive=False)
    check_number("tol", estimator.tol, Real, 0, 1)
    check_number("n_iter_no_change", estimator.n_iter_no_change, Integral, 1)
    check_number("validation_fraction", estimator.validation_fraction, Real, 0, 1, inclusive=False)
    if estimator.optimizer is not None:
        check_optimizer(estimator.optimizer, estimator.solver)


def _check_forces(estimator: Any) -> None:
    given = estimator.dissipation
    if isinstance(given, type) and issubclass(given, Force):
        raise TypeError(f"dissipation must be an object, {given.__name__}(); got the class.")
    if given is not None and not isinstance(given, Force):
        check_choice("dissipation", given, ("linear", "mlp", "auto"))
    if isinstance(given, str) and given == "auto" and not SOLVERS[estimator.solver].chooses:
        raise ValueError(
            f"dissipation='auto' is chosen by solver='auto'; got solver={estimator.solver!r}. Say "
            "dissipation=None or 'linear'."
        )
    if estimator.input_matrix is not None and not estimator.n_inputs:
        raise ValueError("input_matrix needs n_inputs, the number of columns u behind the state.")


def _check_solver_for_noise(estimator: Any) -> None:
    solver = SOLVERS[estimator.solver]
    if solver.trains and not solver.chooses:
        raise ValueError(
            "noise_std needs solver='auto' or 'least_squares', which find the states with H; "
            f"got solver={estimator.solver!r}."
        )
    if estimator.warm_start:
        raise ValueError("noise_std and warm_start=True exclude each other.")


def warn_about_options(estimator: Any) -> None:
    """Name the parameters that differ from their defaults and have no effect."""
    defaults = {name: p.default for name, p in signature(type(estimator)).parameters.items()}
    params = estimator.get_params(deep=False)
    changed = {
        name
        for name, default in defaults.items()
        if name in params and not _is_same(params[name], default)
    }
    early_stopping, is_noisy = bool(estimator.early_stopping), estimator.noise_std is not None
    if is_noisy:  # states and weights are found together, by evidence
        idle = sorted(changed & {*EVERYTHING, "device"})
    else:
        judges = early_stopping or estimator.learning_rate == "constant"
        idle = SOLVERS[estimator.solver].without_effect(changed, early_stopping, judges)
    if idle:
        how = "noise_std" if is_noisy else f"solver={estimator.solver!r}"
        if not (is_noisy or early_stopping):
            how += " and early_stopping=False"
        warnings.warn(
            f"{', '.join(idle)} {'has' if len(idle) == 1 else 'have'} no effect with {how}. Leave "
            f"the default{'' if is_noisy else ', or choose another solver'}.",
            stacklevel=4,
        )


def _is_same(value: Any, default: Any) -> bool:
    return value is default or (type(value) is type(default) and value == default)
