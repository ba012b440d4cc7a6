"""The bridge to torch. Only this module and the solvers import it, and only when called."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from .hamiltonians import Equations
from .integrators._system import System

if TYPE_CHECKING:
    import torch

    from ._data import Place

_ROWS_AT_ONCE = 2**16

# Up to this width the matrices of a piece of rows are too small to be shared out between threads:
# they wait for each other, on a busy machine for most of the time (2 cores, (64, 64): 3 to 40 times
# slower than one thread).
_WIDTH_FOR_ONE_THREAD = 256


def resolve_device(device: Any, dtype: str) -> "torch.device":
    """Turn the parameter ``device`` into a torch device that exists on this machine.

    Raises
    ------
    ValueError
        If the name is not one that torch knows, if the machine has no such device, or if it cannot
        compute in ``dtype``.
    ImportError
        If torch is not installed.
    """
    try:
        import torch
    except ImportError as error:
        raise ImportError(
            "Training needs torch, which is not installed: pip install torch. (A fitted model "
            "predicts and simulates without it.)"
        ) from error

    present = available_devices()
    if isinstance(device, str) and device == "auto":
        return torch.device("cuda:0" if "cuda:0" in present else "cpu")
    try:
        resolved = torch.device(device)
    except (RuntimeError, TypeError) as error:
        raise ValueError(
            f"Unknown device {device!r}; pass 'auto' or one that torch knows, of which this "
            f"machine has {present}."
        ) from error
    name = "cuda:0" if str(resolved) == "cuda" else str(resolved)
    if resolved.type == "mps" and dtype == "float64":
        raise ValueError(
            "The device 'mps' computes in float32 only; pass dtype='float32' or device='cpu'."
        )
    if name not in present:
        raise ValueError(
            f"The device {name!r} was asked for, but this machine has {present}. Pass one of "
            "these, or device='auto' to take a GPU where there is one."
        )
    return torch.device(name)


def available_devices() -> list[str]:
    """The names of the devices that torch can use here, "cpu" first."""
    import torch

    devices = ["cpu", *(f"cuda:{index}" for index in range(torch.cuda.device_count()))]
    if torch.backends.mps.is_available():
        devices.append("mps")
    return devices


@contextmanager
def sensible_threads(width: int, place: "Place") -> Iterator[None]:
    """One thread for torch while a narrow network is trained on the CPU; then as before.

    Every thread has a number of its own, and a new thread takes over the one that was set last. So
    a thread that comes in while others are inside may find their one; it leaves with the number
    that the first of them had found. (A thread that uses torch for the first time meanwhile, and
    is never in here, keeps one.)
    """
    if place.xp is np or place.is_gpu or width > _WIDTH_FOR_ONE_THREAD:
        yield
        return
    import torch

    with _TORCH.lock:
        before = torch.get_num_threads()
        if _TORCH.n_inside == 0:
            _TORCH.before = before
        if before == 1:
            before = _TORCH.before
        _TORCH.n_inside += 1
        torch.set_num_threads(1)
    try:
        yield
    finally:
        with _TORCH.lock:
            _TORCH.n_inside -= 1
            torch.set_num_threads(before)


class _Inside:
    """How many threads are in ``sensible_threads``, and the number the first of them found."""

    lock = threading.Lock()
    n_inside, before = 0, 1


_TORCH = _Inside()


def is_present(device: str) -> bool:
    """Whether torch is installed and this machine has the device."""
    try:
        return device in available_devices()
    except ImportError:
        return False


def evaluate_on_device(
    method: Callable[..., Any],
    params: list[np.ndarray],
    X: np.ndarray,
    device: str,
    rows_at_once: int = _ROWS_AT_ONCE,
) -> np.ndarray:
    """method(params, X, torch) for numpy arrays, computed on a device in pieces."""
    import torch

    # Apple's devices have no double precision.
    dtype = torch.float32 if device.startswith("mps") else torch.float64
    tensors = [torch.as_tensor(p, device=device, dtype=dtype) for p in params]
    pieces = []
    for start in range(0, len(X), rows_at_once):
        rows = torch.as_tensor(X[start : start + rows_at_once], device=device, dtype=dtype)
        pieces.append(method(tensors, rows, torch).cpu().double().numpy())
    return np.concatenate(pieces)


def system_on_device(
    equations: Equations,
    params: list[np.ndarray],
    device: str,
    size: float,
    scale: float = 1.0,
    shift: Any = 0.0,
) -> System:
    """The equations of motion on tensors of a device, for the methods with fixed steps.

    They are those of x, the Hamiltonian one of ``scale`` x + ``shift``.
    """
    import torch

    dtype = torch.float32 if device.startswith("mps") else torch.float64
    tensors = [torch.as_tensor(p, device=device, dtype=dtype) for p in params]
    halves = equations.halves(tensors, torch)
    b = torch.as_tensor(np.broadcast_to(shift, equations.n_columns).copy()).to(device, dtype)
    b_q, b_p = b.chunk(2)
    return System(
        lambda t, X: equations.field(tensors, scale * X + b, torch),
        lambda t, X: scale * equations.jacobian(tensors, scale * X + b, torch),
        None if halves is None else lambda t, p: halves[0](scale * p + b_p),
        None if halves is None else lambda t, q: halves[1](scale * q + b_q),
        xp=torch,
        size=size,
        device=torch.device(device),
        dtype=dtype,
    )
