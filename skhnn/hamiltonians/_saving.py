"""Functions of users, where a model that has them is saved."""

import pickle
import sys
from types import FunctionType
from typing import Any


def refuse_unless_saved(what: str, function: Any) -> None:
    """Raise a PicklingError for a function that pickle, joblib or skops would not find again.

    They write the name of a function; cloudpickle, which joblib uses between processes, writes its
    code, and a copy keeps the function itself.
    """
    if _is_found_by_name(function) or _is_carried_along():
        return
    raise pickle.PicklingError(
        f"{what} is {function!r}, which cannot be saved: a function is saved by its name, and "
        "under this one it would not be found. Define it at the top of a module that can be "
        "imported (no lambda, no function inside of another), or save with cloudpickle, which "
        "writes its code."
    )


def _is_found_by_name(function: Any) -> bool:
    """Whether a function is what its module has under its name, as pickle wants it."""
    if not isinstance(function, FunctionType):  # None, or an object that pickle looks into
        return True
    found: Any = sys.modules.get(function.__module__ or "")
    for name in function.__qualname__.split("."):
        found = getattr(found, name, None)
    return found is function


def _is_carried_along() -> bool:
    """Whether it is cloudpickle or copy that asks for the state."""
    frame: Any = sys._getframe()
    while frame is not None:
        name = frame.f_globals.get("__name__", "")
        if "cloudpickle" in name or name == "copy":
            return True
        frame = frame.f_back
    return False
