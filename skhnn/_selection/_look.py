"""A look at data with a few sampled units: what a form of mechanics leaves of rows left out.

Any rows are left out: a run that goes farther than all others would say more of how two models go
on beyond their data than of mechanics.
"""

import time

import numpy as np

from .._data import Problem, Shared
from .._solvers import equations_of, filled
from .._solvers._last_weights import fit_last_weights
from .._solvers._layers import units_for
from ..hamiltonians import Hamiltonian, Params
from ._heavy_tail import heavy_tail
from ._left_out import LeftOut, Model

_ROWS, UNITS = 1000, 100
# Equations, times the square of the unknowns: a fit of a second, of which there are up to fifteen.
# All rows up to ten coordinates, 70 of them of 25. Fewer equations for each unknown tell nothing:
# with more coordinates velocities are not looked for.
_WORK, _EQUATIONS = 1e9, 2
SAMPLINGS, _STEPS = (("hinge", 0.06), ("hinge", 0.2), ("pairs", 0.15)), 3


def is_too_much(problem: Problem) -> bool:
    """Whether a look at so many coordinates would take longer than a fit is worth."""
    return _EQUATIONS * _n_unknowns(problem) ** 3 > _WORK


def left_out_of_some(
    problem: Problem, work: float = _WORK
) -> tuple[LeftOut, np.random.RandomState]:
    """Some rows, a part of which is left out, and random numbers of their own.

    Those of a heavy tail count for less, as in a fit: least squares of a close encounter misses the
    rest of an orbit, which masses of q then seemed to explain.
    """
    rng = np.random.RandomState(0)  # the fit must not depend on it
    n_unknowns = _n_unknowns(problem)
    n_equations = max(work / n_unknowns**2, _EQUATIONS * n_unknowns)
    n_rows = int(min(_ROWS, n_equations / max(problem.layout.n_rates, 1)))
    rows = rng.permutation(problem.n_samples)[:n_rows]
    some_rows = problem.subset(rows).without_groups()
    typical_size = heavy_tail(some_rows)
    if typical_size:
        some_rows = some_rows.reweighted(typical_size)
    return LeftOut(some_rows, rng, each_in_turn=False), rng


def _n_unknowns(problem: Problem) -> int:
    """Of units, quadratic energies and friction."""
    d = problem.layout.n_rates
    return UNITS + d * (d + 1)


def squares_of_sampled(
    left_out: LeftOut,
    hamiltonian: Hamiltonian,
    rng: np.random.RandomState,
    deadline: float = np.inf,
    n_units: int = UNITS,
    w: np.ndarray | None = None,
) -> np.ndarray:
    """What a few sampled units leave of the rows left out; see ``sampled_model``.

    The columns have the weights ``w``, or those of the loss.
    """
    model = sampled_model(left_out, hamiltonian, rng, deadline, n_units)
    return left_out.squares(left_out.fields(lambda _: model), w)


def sampled_model(
    left_out: LeftOut,
    hamiltonian: Hamiltonian,
    rng: np.random.RandomState,
    deadline: float = np.inf,
    n_units: int = UNITS,
) -> Model:
    """A few sampled units fitted to the rows to train on; the evidence chooses the sampling.

    After the ``deadline`` the first one is as good as any.
    """
    training = left_out.training
    X = training.take(slice(None))[0]
    units = units_for(hamiltonian, n_units, training)
    equations = equations_of(filled(hamiltonian, (units,)), training)
    found: list[tuple[float, Params]] = []
    shared = Shared()
    for method, scale in SAMPLINGS:
        if found and time.perf_counter() > deadline:
            break
        params = equations.sample_params(X, rng, method, scale, training.scaling.reads)
        rows = np.arange(training.n_samples)
        fit = fit_last_weights(
            training, equations, params, rows, n_steps=_STEPS, deadline=deadline, shared=shared
        )
        found.append((fit.log_evidence, equations.with_last(params, fit.w)))
    _, params = max(found, key=lambda pair: pair[0])
    return equations, params
