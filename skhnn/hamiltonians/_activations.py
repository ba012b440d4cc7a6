"""Activations sigma with the two derivatives that a Hamiltonian network needs.

The vector field contains sigma' and its derivative with respect to the weights contains sigma'', so
an activation must be smooth. The rectifier is not: with it grad H is piecewise constant and does
not depend on the biases of the last hidden layer except through jumps (see ``REFUSED``).
"""

from collections.abc import Callable
from types import ModuleType
from typing import Any

Activation = Callable[[Any, ModuleType, int], tuple[Any, ...]]


def _logistic_function(a: Any, xp: ModuleType) -> Any:
    # 1 / (1 + exp(-a)) without overflow, in terms of a function that numpy and torch share.
    return 0.5 * (1.0 + xp.tanh(0.5 * a))


def tanh(a: Any, xp: ModuleType, order: int) -> tuple[Any, ...]:
    """sigma(a) = tanh a."""
    h = xp.tanh(a)
    if order == 0:
        return (h,)
    slope = 1.0 - h * h
    return (h, slope) if order == 1 else (h, slope, -2.0 * h * slope)


def logistic(a: Any, xp: ModuleType, order: int) -> tuple[Any, ...]:
    """sigma(a) = 1 / (1 + exp(-a))."""
    h = _logistic_function(a, xp)
    if order == 0:
        return (h,)
    slope = h * (1.0 - h)
    return (h, slope) if order == 1 else (h, slope, slope * (1.0 - 2.0 * h))


def softplus(a: Any, xp: ModuleType, order: int) -> tuple[Any, ...]:
    """sigma(a) = log(1 + exp a)."""
    small = xp.exp(-abs(a))  # at most one: no overflow
    h = xp.log(1.0 + small)
    h += 0.5 * (a + abs(a))
    if order == 0:
        return (h,)
    slope = xp.where(a > 0, 1.0, small) / (1.0 + small)
    return (h, slope) if order == 1 else (h, slope, slope * (1.0 - slope))


def silu(a: Any, xp: ModuleType, order: int) -> tuple[Any, ...]:
    """sigma(a) = a / (1 + exp(-a))."""
    s = _logistic_function(a, xp)
    h = a * s
    if order == 0:
        return (h,)
    rest = h - h * s
    slope = s + rest
    return (h, slope) if order == 1 else (h, slope, rest + 2.0 * s * (1.0 - slope))


def sin(a: Any, xp: ModuleType, order: int) -> tuple[Any, ...]:
    """sigma(a) = sin a."""
    h = xp.sin(a)
    if order == 0:
        return (h,)
    slope = xp.cos(a)
    return (h, slope) if order == 1 else (h, slope, -h)


def quartic(a: Any, xp: ModuleType, order: int) -> tuple[Any, ...]:
    """sigma(a) = a^4; a layer of such units is a polynomial of fourth degree."""
    square = a * a
    h = square * square
    if order == 0:
        return (h,)
    slope = 4.0 * a * square
    return (h, slope) if order == 1 else (h, slope, 12.0 * square)


#: name -> f(a, xp, order), which returns (sigma,), (sigma, sigma') or (sigma, sigma', sigma'').
ACTIVATIONS: dict[str, Activation] = {
    "tanh": tanh,
    "softplus": softplus,
    "silu": silu,
    "sin": sin,
    "logistic": logistic,
    "quartic": quartic,
}

#: Activations that people ask for and that cannot work, with the reason.
REFUSED = {
    "relu": "its Hamiltonian is piecewise linear, so the vector field is piecewise constant and "
    "its derivative with respect to the biases vanishes",
    "identity": "its Hamiltonian is linear, so the vector field is one constant vector",
}
