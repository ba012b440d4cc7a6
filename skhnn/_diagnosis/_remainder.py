"""Whether what a model leaves of the derivatives is noise from row to row."""

from collections.abc import Sequence

import numpy as np


def smooth_remainder(
    remainder: np.ndarray,
    y: np.ndarray,
    groups: np.ndarray | None,
    label: Sequence[str],
) -> str | None:
    """A sentence where neighbouring rows leave alike, as noise does not; None otherwise.

    Rows that are in no order say nothing. A coordinate that was not recorded is found by nothing
    else: there a regression without mechanics leaves as much.
    """
    follows = np.ones(len(y) - 1, dtype=bool) if groups is None else groups[1:] == groups[:-1]
    if follows.sum() < 50:
        return None
    variance = y.var(axis=0)
    squares = np.mean(remainder**2, axis=0)
    shares = np.divide(squares, variance, out=np.zeros_like(squares), where=variance > 0.0)
    products = np.mean((remainder[1:] * remainder[:-1])[follows], axis=0)
    alike = np.divide(products, squares, out=np.zeros_like(squares), where=squares > 0.0)
    # Less than a tenth of the spread may be what hidden layers lack.
    k = int(np.argmax(np.where(alike > 0.5, shares, 0.0)))
    if not (alike[k] > 0.5 and shares[k] > 0.1**2):
        return None
    return (
        f"The model leaves {np.sqrt(shares[k]):.0%} of the rate of column {label[k]} (root mean "
        f"square), and that is no noise from row to row: neighbouring rows leave alike (their "
        f"correlation is {alike[k]:.2f}). There may be a coordinate that was not recorded, a "
        "drive, friction, or a force without reaction; or derivatives were smoothed, or rows are "
        "too few"
    )
