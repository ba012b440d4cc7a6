"""Where a solver computes: on numpy, or on a device of torch."""

from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Place:
    """``xp`` is numpy or torch, ``device`` that of torch."""

    xp: ModuleType
    device: Any
    dtype: str

    @classmethod
    def on_torch(cls, device: Any, dtype: str) -> "Place":
        """Tensors on a device."""
        import torch

        return cls(torch, device, dtype)

    @classmethod
    def on_numpy(cls, dtype: str = "float64") -> "Place":
        """Arrays in the memory of the host."""
        return cls(np, None, dtype)

    def array(self, values: np.ndarray) -> Any:
        """A numpy array in its place; a copy only where it has to be one."""
        if self.xp is np:
            return np.asarray(values, dtype=self.dtype)
        dtype = getattr(self.xp, self.dtype)
        values = np.ascontiguousarray(values)
        if not values.flags.writeable:  # torch warns of tensors on read-only memory
            values = values.copy()
        return self.xp.as_tensor(values, dtype=dtype, device=self.device)

    def to_numpy(self, array: Any) -> np.ndarray:
        """A float64 copy on the host."""
        if self.xp is np:
            return np.array(array, dtype=float)
        return array.detach().cpu().double().numpy().copy()

    @property
    def is_gpu(self) -> bool:
        """Whether it is neither numpy nor a tensor on the CPU."""
        return self.xp is not np and self.device.type != "cpu"
