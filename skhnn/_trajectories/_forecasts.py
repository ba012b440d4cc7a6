"""Forecasts by which a model of measured runs is scored."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from sklearn.metrics import r2_score


def blocks(t: np.ndarray, groups: np.ndarray, horizon: float | None) -> list[Sequence[np.ndarray]]:
    """Pairs (rows before, rows after) of every run, each of them ``horizon`` long.

    Without a horizon it is a quarter of every run; what is shorter than two is cut in the middle.
    """
    found: list[Sequence[np.ndarray]] = []
    for group in range(groups.max() + 1):
        rows = np.flatnonzero(groups == group)
        if len(rows) < 4:
            continue
        span = t[rows[-1]] - t[rows[0]]
        length = min(horizon or 0.25 * span, 0.5 * span)
        number = np.minimum(
            ((t[rows] - t[rows[0]]) / length * (1.0 - 1e-9)).astype(int),
            int(span / length + 1e-9) - 1,
        )
        parts = [rows[number == k] for k in range(number.max() + 1)]
        found += [(a, b) for a, b in pairwise(parts) if len(a) > 1 and len(b)]
    return found


def r2_of_forecasts(Y: np.ndarray, forecast: np.ndarray, periods: Mapping[int, float]) -> float:
    """The mean R^2 of the columns of measured rows Y, (n, K), NaN where nothing was measured.

    Of an angle the turn that is nearest counts, and a forecast that has ended as the mean.
    """
    scores = []
    for j in range(Y.shape[1]):
        true, found = Y[:, j].copy(), forecast[:, j]
        if j in periods:
            true = found + (true - found + 0.5 * periods[j]) % periods[j] - 0.5 * periods[j]
        ok = ~np.isnan(true)
        if ok.sum() < 2:
            continue
        found = np.where(np.isfinite(found), found, np.mean(true[ok]))
        if np.ptp(true[ok]) > 0.0:
            scores.append(r2_score(true[ok], found[ok]))
    return float(np.mean(scores)) if scores else np.nan
