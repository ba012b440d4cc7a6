"""What measured rows say of their columns, before a joint fit."""

from collections.abc import Sequence

import numpy as np

from ._layout import label_of_columns, wrapped_angles
from ._scaling import shortest
from .hamiltonians import Layout


def of_columns(
    X: np.ndarray, layout: Layout, groups: np.ndarray, names: Sequence[str] | None
) -> list[str]:
    """Sentences on coordinates that rest, angles that jump, and those that turn between rows."""
    n = min(layout.n_rates, X.shape[1])
    label, whole = label_of_columns(n, names), np.isfinite(X[:, :n]).all(axis=1)
    X, groups = X[whole, :n], groups[whole]
    within = np.diff(groups) == 0
    sentences = wrapped_angles(X, label, layout.periods, groups)
    rests = np.flatnonzero(~np.diff(X, axis=0)[within].any(axis=0) if within.any() else [])
    for j in rests.tolist():
        sentences.append(
            f"Column {label[j]} never changes within a run. It is no coordinate that moves, and "
            "beside noise the joint fit finds nothing of it: leave it and its velocity or momentum "
            "out, or put it behind the state as a parameter (n_parameters)"
        )
    # Steps between rows that leave open which way an angle turns.
    mostly = 0.25
    for k, period in layout.periods.items():
        steps = np.diff(X[:, k])[within] if k < n else np.zeros(0)
        steps = np.abs(shortest(steps, np.array(period)))
        if len(steps) and np.mean(steps > period / 4.0) > mostly:
            sentences.append(
                f"Column {label[k]} moves by more than a quarter of its period {period:.4g} from "
                "row to row, so that it is open which way it turns. Is it in other units (degrees: "
                f"periodic={{{k}: 360}}), or are rows too far apart"
            )
    return sentences
