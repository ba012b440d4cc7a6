"""Measured runs: what was measured when, and the times between at which dynamics are kept."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.interpolate import CubicSpline

#: What inputs may be between samples.
BETWEEN = ("linear", "hold", "cubic")


@dataclass(frozen=True)
class Inputs:
    """Samples (n, k) of inputs and parameters at times t, and what is between them."""

    t: np.ndarray
    values: np.ndarray
    between: str

    def __call__(self, times: np.ndarray) -> np.ndarray:
        """The values at some times, (m, k)."""
        if self.between == "cubic" and len(self.t) > 1:
            return np.asarray(CubicSpline(self.t, self.values)(times))
        if self.between == "hold":
            place = np.searchsorted(self.t, times, side="right") - 1
            return self.values[np.clip(place, 0, len(self.t) - 1)]
        return np.stack([np.interp(times, self.t, column) for column in self.values.T], axis=1)


@dataclass
class Runs:
    """All runs behind another.

    Attributes
    ----------
    t : list of (n_k,) arrays
        The times of the samples of every run, increasing.
    Y : list of (n_k, K) arrays
        What was measured of the states, and behind it of their rates if K = 2D; NaN where nothing
        was.
    n_state : int
        The number of columns of the state, D.
    inputs : list of Inputs or None
        Inputs and parameters of every run.
    rows : list of (n_k,) integer arrays
        The rows of the table that the samples are.
    """

    t: list[np.ndarray]
    Y: list[np.ndarray]
    n_state: int
    inputs: list[Inputs] | None
    rows: list[np.ndarray]

    def __len__(self) -> int:
        return len(self.t)

    def with_inputs(self, between: str) -> "Runs":
        """The same with other values of inputs between samples."""
        assert self.inputs is not None
        return replace(self, inputs=[replace(u, between=between) for u in self.inputs])

    def in_pieces(self, n: int) -> "Runs":
        """Runs cut into pieces of about ``n`` samples."""
        return self.pieces(
            [
                (k, samples)
                for k, t in enumerate(self.t)
                for samples in np.array_split(np.arange(len(t)), max(len(t) // n, 1))
            ]
        )

    def pieces(self, pieces: Sequence[tuple[int, np.ndarray]]) -> "Runs":
        """Runs of some samples, each of one run."""
        return Runs(
            [self.t[k][samples] for k, samples in pieces],
            [self.Y[k][samples] for k, samples in pieces],
            self.n_state,
            None if self.inputs is None else [self.inputs[k] for k, _ in pieces],
            [self.rows[k][samples] for k, samples in pieces],
        )

    def subset(self, which: Sequence[int]) -> "Runs":
        """Some of the runs."""
        inputs = None if self.inputs is None else [self.inputs[k] for k in which]
        return Runs(
            [self.t[k] for k in which], [self.Y[k] for k in which], self.n_state, inputs,
            [self.rows[k] for k in which],
        )  # fmt: skip


@dataclass
class Grid:
    """Nodes: the samples of all runs, and equally spaced times between where these are far apart.

    Attributes
    ----------
    t : (N,) array
        The times of the nodes, run by run.
    first : (n_intervals,) integer array
        The node at which every interval begins; it ends at the next one.
    h : (n_intervals,) array
        Their lengths.
    of_samples : (n,) integer array
        The nodes of all samples, in their order.
    ends : (n_runs + 1,) integer array
        The nodes of run k are ends[k] to ends[k + 1].
    more, more_between : (N, n_more) and (n_intervals, n_more) arrays or None
        Inputs and parameters at nodes and in the middle of intervals.
    """

    t: np.ndarray
    first: np.ndarray
    h: np.ndarray
    of_samples: np.ndarray
    ends: np.ndarray
    more: np.ndarray | None
    more_between: np.ndarray | None

    @classmethod
    def of(cls, runs: Runs, step: float) -> "Grid":
        """With intervals of at most ``step``."""
        times, of_samples, ends = [], [], [0]
        for t in runs.t:
            gaps = np.diff(t)
            parts = np.maximum(np.ceil(gaps / step - 1e-6), 1).astype(int)
            places = np.concatenate([[0], np.cumsum(parts)])
            own = np.repeat(t[:-1], parts)
            inside = np.arange(places[-1]) - np.repeat(places[:-1], parts)
            own = own + inside * np.repeat(gaps / parts, parts)
            times.append(np.concatenate([own, t[-1:]]))
            of_samples.append(ends[-1] + places)
            ends.append(ends[-1] + len(times[-1]))
        whole, last = np.concatenate(times), np.array(ends[1:]) - 1
        first = np.setdiff1d(np.arange(len(whole)), last)
        h = whole[first + 1] - whole[first]
        more = between = None
        if runs.inputs is not None:
            more = np.concatenate([u(t) for u, t in zip(runs.inputs, times, strict=True)])
            between = np.concatenate(
                [u(0.5 * (t[1:] + t[:-1])) for u, t in zip(runs.inputs, times, strict=True)]
            )
        return cls(whole, first, h, np.concatenate(of_samples), np.array(ends), more, between)
