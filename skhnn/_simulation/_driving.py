"""Inputs and parameters along a simulation, as functions of the time."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.interpolate import CubicSpline

from .._validation import check_choice

#: What is between samples.
BETWEEN = ("hold", "linear", "cubic")


@dataclass(frozen=True)
class Driving:
    """The columns behind the state as a function of the time; ``constant`` where they are that.

    ``samples``, (n, n_columns), are values on the way.
    """

    at: Callable[[float], np.ndarray]
    constant: np.ndarray | None = None
    samples: np.ndarray | None = None

    @classmethod
    def constantly(cls, values: np.ndarray) -> "Driving":
        """The same values at all times."""
        return cls(lambda time: values, values, values[None])

    @classmethod
    def of(
        cls, given: dict[str, Any], n_columns: dict[str, int], t: np.ndarray, between: str
    ) -> "Driving | None":
        """Of what was given for "u" and "parameters", for models with so many columns of each."""
        check_choice("between", between, BETWEEN)
        parts = [
            part
            for name, n in n_columns.items()
            if (part := _of_one(name, given[name], n, t, between)) is not None
        ]
        if not parts:
            return None
        if all(part.constant is not None for part in parts):
            return cls.constantly(np.concatenate([part.constant for part in parts]))

        def at(time: float) -> np.ndarray:
            return np.concatenate([part.at(time) for part in parts])

        # At most so many values on the way are looked at.
        samples = 100
        some = t[:: -(-len(t) // samples)]
        return cls(at, None, np.array([at(float(time)) for time in some]))


def times_of(t: Any) -> np.ndarray:
    """The times as one vector, before they are checked."""
    try:
        return np.atleast_1d(np.asarray(t, dtype=float)).ravel()
    except (TypeError, ValueError):  # which the check of t will say
        return np.zeros(1)


def _of_one(name: str, given: Any, n: int, t: np.ndarray, between: str) -> Driving | None:
    """A callable, constant values, or one row for each time of ``t``."""
    if not n:
        if given is not None:
            raise ValueError(f"{name} is for models with such columns, and this one has none.")
        return None
    if given is None:
        raise ValueError(
            f"This model needs {name}: simulate(x0, t, {name}=...), {n} value(s) at every time, as "
            "an array over t, constants, or a function of the time."
        )
    if callable(given):
        return _of_function(name, given, n, float(t[0]))
    values = np.asarray(given, dtype=float)
    if not np.isfinite(values).all():
        raise ValueError(f"{name} must be finite; got NaN or infinity.")
    if values.ndim < 2 and values.size == n:
        return Driving.constantly(values.reshape(n))
    if values.ndim == 1 and n == 1:
        values = values[:, None]
    if values.shape != (len(t), n):
        raise ValueError(
            f"{name} must have shape ({len(t)}, {n}), one row for each time t, or be {n} "
            f"constant(s) or a function of the time; got shape {values.shape}."
        )
    order = np.argsort(t)
    return Driving(_between(t[order], values[order], between))


def _of_function(name: str, given: Any, n: int, t0: float) -> Driving:
    def at(time: float) -> np.ndarray:
        values = np.ravel(np.asarray(given(time), dtype=float))
        if values.shape != (n,) or not np.isfinite(values).all():
            raise ValueError(
                f"{name} must return {n} finite value(s) for a time; got {values} at t={time:g}."
            )
        return values

    at(t0)
    return Driving(at)


def _between(t: np.ndarray, values: np.ndarray, how: str) -> Callable[[float], np.ndarray]:
    """Samples (n_times, n) as a function of the time."""
    if how == "cubic":
        return CubicSpline(t, values)

    def linear(time: float) -> np.ndarray:
        return np.array([np.interp(time, t, column) for column in values.T])

    def held(time: float) -> np.ndarray:
        k = int(np.searchsorted(t, time, side="right")) - 1
        return np.asarray(values[min(max(k, 0), len(t) - 1)])

    return linear if how == "linear" else held
