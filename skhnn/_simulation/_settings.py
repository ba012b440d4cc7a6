"""The options of ``simulate``, checked."""

from collections.abc import Callable
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

import numpy as np

from .._validation import check_choice, check_flag, check_number, check_tolerances
from ..integrators import FixedStepSolver
from ._dynamics import Dynamics
from ._options import (
    at_least_rounding,
    check_events,
    check_method,
    check_options,
    check_shown,
    default_atol,
)


@dataclass(frozen=True)
class Settings:
    """How to integrate: a class of scipy, what it takes, and what else was asked for.

    ``options`` are those of methods that choose their steps.
    """

    solver: Any
    events: list[Callable[..., Any]]
    dense_output: bool
    return_solution: bool
    on_failure: str
    verbose: bool
    step_size: float | None
    max_step: float
    options: dict[str, Any]

    @property
    def is_fixed(self) -> bool:
        """Whether the steps have one length."""
        return issubclass(self.solver, FixedStepSolver)

    @classmethod
    def checked(
        cls, dynamics: Dynamics, X0: np.ndarray, *, method: Any, rtol: Any, atol: Any, events: Any,
        max_step: Any, first_step: Any, step_size: Any, max_nfev: Any, dense_output: Any,
        return_solution: Any, on_failure: Any, verbose: Any,
    ) -> "Settings":  # fmt: skip
        """The options as they were given; raises ValueError or TypeError."""
        solver = check_method(method)
        rtol, atol, max_step = check_tolerances(rtol, atol, max_step, X0.shape[1])
        functions = check_events(events)
        check_choice("on_failure", on_failure, ("raise", "nan", "truncate"))
        flags = {"dense_output": dense_output, "return_solution": return_solution}
        for name, flag in {**flags, "verbose": verbose}.items():
            check_flag(name, flag)
        for name, length in (("first_step", first_step), ("step_size", step_size)):
            if length is not None:
                check_number(name, length, Real, 0, inclusive=False)
        if max_nfev is not None:
            check_number("max_nfev", max_nfev, Integral, 1)
        is_fixed = issubclass(solver, FixedStepSolver)
        check_options(solver, is_fixed, rtol, atol, first_step, step_size)
        if not return_solution:
            check_shown(functions, bool(dense_output))
        if atol is None:
            atol = default_atol(dynamics, X0, rtol)
        options = {
            "rtol": at_least_rounding(rtol),
            "atol": np.broadcast_to(atol, X0.shape),
            "max_step": max_step,
            "first_step": first_step,
            "max_nfev": np.inf if max_nfev is None else max_nfev,
        }
        return cls(solver, functions, bool(dense_output), bool(return_solution), on_failure,
                   bool(verbose), step_size, max_step, options)  # fmt: skip
