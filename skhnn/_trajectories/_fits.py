"""Joint fits to some runs: what was measured there, where fits start, and what they found."""

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from .._identified import (
    gains_energy,
    places_of_damping,
    with_friction_that_is_none_negative,
)
from .._problems import Rows
from .._solvers import SolverOptions, in_units_of_the_data, name_of
from .._solvers._directions import Directions
from .._solvers._sampled import Sampled
from ..hamiltonians import Equations, Layout, Params
from ._candidates import Candidate, Entry, NoFitError
from ._gaps import bridged, outside_of_gaps
from ._joint import FIRST_STEPS, MOST_STEPS, JointFit, fit_jointly
from ._measured import Measured
from ._residuals import correlation_of_residuals
from ._runs import Grid, Runs
from ._start import AsMeasured, Smoothed


class JointFits:
    """Joint fits to the same runs, one after another; all are kept.

    Parameters
    ----------
    layout : Layout
        The columns.
    options : SolverOptions
        Deadline and report.
    noise : (D,) ndarray
        That of the states; NaN where it is estimated, as that of rates always is.
    robust : bool
        Whether outliers count for less.
    calibration : (d, d) ndarray or None
        A guess of S of instruments that show S dq/dt.
    start : callable or None
        Where fits to some runs start; from splines if None.
    weight : (n,) ndarray or None
        That of every row of the table.

    Attributes
    ----------
    runs : Runs
        Those that are fitted.
    step : float
        The longest interval of the grid.
    grid, measured, x, rows : Grid, Measured, (N, D) ndarray, Rows
        The nodes of the runs, what was measured there, the states where fits start, and what these
        have for the last weights alone.
    tau : float
        So many values in a row count as one.
    q : (D,) ndarray or None
        A guess of the densities of random forces, if there are any.
    found : list of Candidate
        All fits so far.
    best : Candidate or None
        That of the largest evidence.
    """

    def __init__(
        self,
        layout: Layout,
        options: SolverOptions,
        *,
        noise: np.ndarray,
        robust: bool,
        calibration: np.ndarray | None,
        start: Callable[[Runs], Smoothed | AsMeasured] | None,
        weight: np.ndarray | None,
    ):
        self.layout, self.options, self.began = layout, options, time.perf_counter()
        self.noise, self.robust, self.weight = noise, robust, weight
        D = layout.n_state
        self.E, self.is_open = np.eye(D), np.zeros((D, D), dtype=bool)
        self.are_rates = calibration is None
        if calibration is not None:
            self.E[D // 2 :, D // 2 :], self.is_open[D // 2 :, D // 2 :] = calibration, True
        self.start = start or self._splines
        self.tau = 1.0
        self.q: np.ndarray | None = None
        self.found: list[Candidate] = []
        self.best: Candidate | None = None

    # --- the data ------------------------------------------------------------------------------

    def _splines(self, runs: Runs) -> Smoothed:
        return Smoothed(runs, self.layout.has_velocities, self.are_rates)

    def smooth(self, runs: Runs) -> None:
        """Fit to these runs from now on."""
        self.smoothed = self.start(runs)
        self.step = self.smoothed.step()
        self.set_up(runs)

    def link(self, whole: Runs, pieces: Candidate, longest_gap: float) -> None:
        """Fit to whole runs from now on, from the states of pieces between gaps that are longer."""
        joint = pieces.joint
        self.smoothed = self.start(whole)
        self.set_up(whole)
        is_known = outside_of_gaps(whole, self.grid, longest_gap)
        x = self.smoothed.nodes(self.grid)
        x[is_known] = joint.x
        self.x = bridged(joint.equations, joint.params, x, self.grid, is_known)

    def set_up(self, runs: Runs) -> None:
        """Fit to these runs, which are smoothed already."""
        self.runs = runs
        self.shown = None if runs.inputs is None else runs.inputs[0].between
        self.grid = Grid.of(runs, self.step)
        self.x = self.smoothed.nodes(self.grid)
        values, D = np.concatenate(runs.Y), runs.n_state
        y = np.full((len(self.x), values.shape[1]), np.nan)
        y[self.grid.of_samples] = values
        noise = np.concatenate([self.noise, np.full(values.shape[1] - D, np.nan)])
        self.measured = Measured(y, noise, self.robust, self.E, self.is_open)
        if self.weight is not None:
            weight = np.ones((len(y), 1))
            weight[self.grid.of_samples, 0] = self.weight[np.concatenate(runs.rows)]
            self.measured.weight = weight / weight.mean()
        X, dX = self.smoothed.samples(), self.smoothed.samples(1)
        if self.measured.has_rates:
            dX = np.where(np.isnan(values[:, D:]), dX, values[:, D:])
        if runs.inputs is not None:
            more = [u(t) for u, t in zip(runs.inputs, runs.t, strict=True)]
            X = np.concatenate([X, np.concatenate(more)], axis=1)
        groups = np.repeat(np.arange(len(runs)), [len(t) for t in runs.t])
        self.rows = Rows(X, dX, np.ones(len(X)), groups, None, None)

    @property
    def calibration(self) -> tuple[np.ndarray, np.ndarray]:
        """E, (D, D), of which entries are estimated where (D, D) of bool says so."""
        return self.E, self.is_open

    def calibrate(self, E: np.ndarray, is_open: np.ndarray) -> None:
        """Let fits start from another E, or estimate other entries."""
        self.E, self.is_open = E, is_open
        self.measured = replace(self.measured, E=E, is_open=is_open)

    # --- fits ----------------------------------------------------------------------------------

    def fit(
        self,
        entry: Entry,
        sampled: Sampled,
        near: JointFit | None = None,
        most_steps: int = FIRST_STEPS,
    ) -> list[Candidate]:
        """The fit from sampled layers, and the states of one that is near, if it ends."""
        equations = in_units_of_the_data(sampled.equations, entry.race.problem, entry.input_matrix)
        free = Directions.of_all(equations, sampled.params, self.rows.X)
        x, sigma = (self.x, self.smoothed.noise) if near is None else (near.x, near.sigma)
        joint = self._from(equations, sampled.params, free, x, sigma, self.q, most_steps)
        self._tell(sampled, joint)
        if joint is None or not np.isfinite(joint.log_evidence) or joint.status == "failed":
            return []
        has_ended = joint.status == "converged" or most_steps == MOST_STEPS
        found = Candidate(entry, sampled, joint, has_ended)
        if has_ended and is_driven(found):
            return []
        self.found.append(found)
        if self.best is None or joint.rank > self.best.joint.rank:
            self.best = found
        return [found]

    def ended(self, found: Candidate) -> list[Candidate]:
        """The fit at its end; none if it fails on the way."""
        return [found] if found.has_ended else self.to_its_end(found)

    def to_its_end(self, found: Candidate) -> list[Candidate]:
        """The same fit, taken to its end."""
        return self.fit(found.entry, found.at_its_end, found.joint, MOST_STEPS)

    def of_other_activations(self, best: Candidate) -> list[Candidate]:
        """The best fit with each other activation, and the same Hamiltonian and forces."""
        found: dict[str, Candidate] = {}
        for one in sorted(self.found, key=lambda one: one.joint.rank, reverse=True):
            activation = one.sampled.sampling.activation
            is_other = activation != best.sampled.sampling.activation
            if is_other and one.has_ended and one.has_the_terms_of(best):
                found.setdefault(activation, one)
        return list(found.values())

    def refitted(self, found: Candidate) -> Candidate:
        """The same model, fitted to other runs than before."""
        return self._refitted(found, found.joint.params, found.joint.free, self.x)

    def correlation_of(self, found: Candidate) -> float:
        """How much alike what a fit to these runs leaves of their rows is; one for white noise."""
        residuals = found.joint.residuals[self.grid.of_samples, : self.runs.n_state]
        return correlation_of_residuals(residuals, self.runs)

    def with_bounded_friction(self, best: Candidate) -> Candidate:
        """The same with friction that is positive semi-definite, to which the rest is fitted."""
        held = at_bound(best)
        if held is best:
            return best
        try:
            return self._refitted(held, held.joint.params, held.joint.free, held.joint.x)
        except NoFitError:
            return held

    def _refitted(
        self, best: Candidate, params: Params, free: Directions, x: np.ndarray
    ) -> Candidate:
        joint = best.joint
        found = self._from(joint.equations, params, free, x, joint.sigma, joint.q, MOST_STEPS)
        self._tell(best.sampled, found)
        if found is None or found.status == "failed":
            raise NoFitError
        return replace(best, joint=found)

    def _tell(self, sampled: Sampled, joint: JointFit | None) -> None:
        self.options.tell(
            {
                "hamiltonian": name_of(sampled.equations.hamiltonian),
                "friction": bool(sampled.equations.forces),
                "calibration": bool(self.is_open.any()),
                "between": self.shown,
                "random_forces": self.q is not None,
                "activation": sampled.sampling.activation,
                "features": f"{sampled.sampling.method} {sampled.sampling.scale:g}",
                "samples": len(self.rows.X),
                "log_evidence": float("nan") if joint is None else joint.log_evidence,
                "steps": 0 if joint is None else joint.n_steps,
                "status": "failed" if joint is None else joint.status,
                "seconds": time.perf_counter() - self.began,
            }
        )

    def _from(
        self, equations: Equations, params: Params, free: Directions, x: np.ndarray,
        sigma: np.ndarray, q: np.ndarray | None, most_steps: int,
    ) -> JointFit | None:  # fmt: skip
        return fit_jointly(
            equations, params, free, x, sigma, self.measured, self.grid,
            most_steps=most_steps, tau=self.tau, q=q,
            is_out_of_time=lambda: self.options.is_out_of_time,
        )  # fmt: skip


def is_driven(candidate: Candidate) -> bool:
    """Whether what was to be friction, which was optional, gives energy."""
    joint = candidate.joint
    return candidate.entry.has_friction and gains_energy(*joint.model, joint.covariance)


def at_bound(best: Candidate) -> Candidate:
    """The same where friction is positive semi-definite; else with that held at the nearest."""
    joint = best.joint
    nearest, met = with_friction_that_is_none_negative(*joint.model, joint.covariance)
    if not met:
        return best
    equations, which = joint.equations, places_of_damping(joint.equations)
    w = equations.last(joint.params).copy()
    w[which] = equations.last(nearest)[which]
    stays_free = ~np.isin(joint.free.places, which)
    free, root = joint.free.at(stays_free), joint.root[stays_free]
    params = equations.with_last(joint.params, w)
    return replace(best, joint=replace(joint, params=params, free=free, root=root))
