"""A name that is both a parameter and a method of an estimator."""

from collections.abc import Callable
from functools import update_wrapper
from types import MethodType
from typing import Any


class MethodAndParameter:
    """A method that shares its name with a parameter of the constructor.

    ``HNNRegressor(hamiltonian="separable")`` says what H is like, ``model.hamiltonian(X)`` is its
    value: both are what one would call them. What is assigned is the parameter, kept in the
    dictionary of the object like any other; what is read is the method. ``get_params`` of the
    estimator has to take the parameter from the dictionary.
    """

    def __init__(self, method: Callable[..., Any]):
        self.method = method
        update_wrapper(self, method)  # type: ignore[arg-type]

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self.method if instance is None else MethodType(self.method, instance)

    def __set__(self, instance: Any, value: Any) -> None:
        instance.__dict__[self.method.__name__] = value
