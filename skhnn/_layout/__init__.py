"""What the rows say about the meaning of the columns, before anything is fitted."""

from ._angles import wrapped_angles
from ._labels import label_of_columns
from ._suspicions import at_rest, still_inputs, suspicions

__all__ = [
    "at_rest",
    "label_of_columns",
    "still_inputs",
    "suspicions",
    "wrapped_angles",
]
