"""What residuals and derivatives of runs say."""

from itertools import pairwise

import numpy as np

from ._runs import Runs
from ._start import Smoothed

_TINY = np.finfo(float).tiny


def correlation_of_residuals(residuals: np.ndarray, runs: Runs) -> float:
    """kappa = 1 + 2 (sum of autocorrelations of neighbouring residuals), at least one.

    The mean of a sum of n values whose autocorrelations are r_k has kappa / n times their variance.
    The sum ends where pairs of autocorrelations are no longer positive (Geyer 1992).
    """
    total, ends = 1.0, np.cumsum([0, *(len(t) for t in runs.t)])
    residuals = residuals[:, ~np.isnan(residuals).all(axis=0)]
    size = np.nanmean(residuals**2, axis=0)
    values = residuals / np.sqrt(np.where(size > 0.0, size, 1.0))
    previous = 0.0
    # Autocorrelations are added up to this lag, or to where they end.
    lags = 100
    # Products by which an autocorrelation is known.
    fewest = 10
    for lag in range(1, lags + 1):
        products = [
            values[a : b - lag] * values[a + lag : b] for a, b in pairwise(ends) if b - a > lag
        ]
        whole = np.concatenate(products) if products else np.zeros((0, 1))
        n = int((~np.isnan(whole)).sum())
        if n < fewest:
            break
        r = float(np.nanmean(whole))
        if r + previous <= 0.0 or (lag == 1 and r <= 2.0 / np.sqrt(n)):
            break
        total, previous = total + 2.0 * r, r
    return max(total, 1.0)


def velocities_are_rates(smoothed: Smoothed) -> tuple[bool, np.ndarray, float]:
    """Whether the second half v of the columns are the rates of the first, up to noise.

    Also S of the least squares v = S dq/dt, (d, d), and its smallest R^2 of a column.
    """
    rates, x = smoothed.samples(1), smoothed.samples()
    d = x.shape[1] // 2
    v, dq = x[:, d:], rates[:, :d]
    variances = np.zeros(d)
    for j in range(d):
        column = smoothed.columns[j]
        assert column is not None
        stds = [column.std(k, t[:: max(len(t) // 50, 1)], 1) for k, t in enumerate(smoothed.runs.t)]
        known = np.concatenate(stds)
        known = known[~np.isnan(known)]  # short runs have none
        variances[j] = np.mean(known**2) if len(known) else 0.0
    left = np.mean((dq - v) ** 2, axis=0)
    # dq/dt may differ from v by so many of its standard errors, and by this part of v.
    errors, part = 3.0, 0.02
    allowed = errors**2 * variances + part**2 * np.mean(v**2, axis=0)
    S = np.linalg.lstsq(dq, v, rcond=None)[0].T
    explained = 1.0 - np.mean((v - dq @ S.T) ** 2, axis=0) / np.mean(v**2, axis=0).clip(_TINY)
    return bool(np.all(left <= allowed)), S, float(explained.min())
