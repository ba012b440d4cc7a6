"""Checks of the parameters of systems, and arrays as tuples, so that systems can be compared."""

from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


def check_positive(system: Any, *names: str) -> None:
    """Refuse a parameter that is not a positive finite number; all parameters without names."""
    for name in names or [field.name for field in fields(system)]:
        value = getattr(system, name)
        if not 0 < value < np.inf:
            raise ValueError(
                f"{name} of {type(system).__name__} must be positive and finite; got {value!r}."
            )


def check_finite(system: Any, *names: str) -> None:
    """Refuse a parameter that is not a finite number."""
    for name in names:
        value = getattr(system, name)
        if not np.isfinite(value):
            raise ValueError(f"{name} of {type(system).__name__} must be finite; got {value!r}.")


def check_not_negative(system: Any, *names: str) -> None:
    """Refuse a parameter that is not a finite number of at least zero."""
    for name in names:
        value = getattr(system, name)
        if not 0 <= value < np.inf:
            raise ValueError(
                f"{name} of {type(system).__name__} must be finite and at least 0; got {value!r}."
            )


def check_choice(system: Any, name: str, choices: tuple[str, ...]) -> None:
    """Refuse a name that is none of the choices."""
    value = getattr(system, name)
    if value not in choices:
        raise ValueError(
            f"{name} of {type(system).__name__} must be one of {choices}; got {value!r}."
        )


def check_count(system: Any, name: str, smallest: int = 1) -> None:
    """Refuse a number of things that is not an integer of at least ``smallest``."""
    value = getattr(system, name)
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError(f"{name} of {type(system).__name__} must be an integer; got {value!r}.")
    if value < smallest:
        raise ValueError(
            f"{name} of {type(system).__name__} must be at least {smallest}; got {value!r}."
        )


def numbers(system: Any, name: str) -> FloatArray:
    """Return a parameter as an array of finite numbers."""
    value = getattr(system, name)
    try:
        array = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise TypeError(
            f"{name} of {type(system).__name__} must be a number or an array of numbers; "
            f"got {value!r}."
        ) from None
    if not np.isfinite(array).all():
        raise ValueError(f"{name} of {type(system).__name__} must be finite; got {value!r}.")
    return array


def each(system: Any, name: str, n: int, what: str, *, may_be_zero: bool = False) -> FloatArray:
    """Return n positive numbers, or numbers of at least zero: one for all, or one for each."""
    array = numbers(system, name)
    if array.shape not in ((), (n,)):
        raise ValueError(
            f"{name} of {type(system).__name__} must be a number or {n} of them, one for each "
            f"{what}; got {getattr(system, name)!r}."
        )
    if not ((array >= 0) if may_be_zero else (array > 0)).all():
        raise ValueError(
            f"{name} of {type(system).__name__} must be "
            f"{'finite and at least 0' if may_be_zero else 'positive and finite'}; "
            f"got {getattr(system, name)!r}."
        )
    return array + np.zeros(n)


def symmetric(system: Any, name: str, matrix: FloatArray) -> FloatArray:
    """Return a square matrix that is symmetric up to rounding."""
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise ValueError(
            f"{name} of {type(system).__name__} must be a square matrix; "
            f"got one of the shape {matrix.shape}."
        )
    difference = np.abs(matrix - matrix.T).max()
    if difference > 1e-12 * np.abs(matrix).max():
        raise ValueError(
            f"{name} of {type(system).__name__} must be symmetric; got a matrix that differs from "
            f"its transpose by {difference:.3g}. Try (matrix + matrix.T) / 2."
        )
    return matrix


def keep(system: Any, **values: Any) -> None:
    """Store fields of a frozen dataclass; arrays become tuples, which can be compared."""
    for name, value in values.items():
        stored = _as_tuples(value.tolist()) if isinstance(value, np.ndarray) else value
        object.__setattr__(system, name, stored)


def _as_tuples(value: Any) -> Any:
    return tuple(_as_tuples(item) for item in value) if isinstance(value, list) else value
