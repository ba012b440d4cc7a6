"""The bridge to torch. Only this module and the solvers import it, and only when called."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


def resolve_device(device: Any, dtype: str) -> "torch.device":
    """Turn the parameter ``device`` into a torch device that exists on this machine.

    Raises
    ------
    ValueError
        If the name is not one that torch knows, if the machine has no such device, or if it cannot
        compute in ``dtype``.
    """
    import torch

    present = available_devices()
    if isinstance(device, str) and device == "auto":
        return torch.device("cuda" if "cuda:0" in present else "cpu")
    try:
        resolved = torch.device(device)
    except (RuntimeError, TypeError) as error:
        raise ValueError(
            f"Unknown device {device!r}; pass 'auto' or one that torch knows, of which this "
            f"machine has {present}."
        ) from error
    name = str(resolved)
    if name not in present and f"{name}:0" not in present:
        raise ValueError(
            f"The device {name!r} was asked for, but this machine has {present}. Pass one of "
            "these, or device='auto' to take a GPU where there is one."
        )
    if resolved.type == "mps" and dtype == "float64":
        raise ValueError(
            "The device 'mps' computes in float32 only; pass dtype='float32' or device='cpu'."
        )
    return resolved


def available_devices() -> list[str]:
    """The names of the devices that torch can use here, "cpu" first."""
    import torch

    devices = ["cpu", *(f"cuda:{index}" for index in range(torch.cuda.device_count()))]
    if torch.backends.mps.is_available():
        devices.append("mps")
    return devices
