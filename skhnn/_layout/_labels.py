"""What to call columns in a message."""

from collections.abc import Sequence

import numpy as np


def label_of_columns(n_columns: int, names: Sequence[str] | None) -> list[str]:
    """What to call the columns in a message: by their names, or by their indices."""
    return [f"{name!r}" for name in names] if names is not None else [*map(str, range(n_columns))]


def listed(label: Sequence[str], indices: Sequence[int] | np.ndarray) -> str:
    """The names of some columns."""
    return ", ".join(label[k] for k in indices)
