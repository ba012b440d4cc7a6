"""Whether simulations that start from the data stay with the data.

A small error of the field on the data does not make a good model. Data on a thin set, such as one
orbit, leave the Hamiltonian beside them undetermined; what the model has there decides whether a
small deviation from the orbit stays small or grows with every revolution. No error on rows of the
orbit shows that, but a simulation does: it starts from rows of the data, follows the model for some
revolutions, and is asked how far from the data it has come.

Far from the data means across the flow: with z_k the row nearest to a state z, and u_k the
direction of the motion there,

    distance = |(z - z_k) - u_k u_k^T (z - z_k)|,

so that neither the gaps between rows count, nor that the model is early or late. And an orbit that
does not close leaves the rows by right. So states of a simulation of another model, found in
another way, count as rows: two models have no reason to be wrong together.

Measured by ``benchmarks/steadiness.py models 2`` on the 36 models that default fits looked at, for
ten sets of one to three orbits (three Hamiltonians, two seeds): 24 of 24 models whose simulations
over three revolutions stay within a tenth of the spread pass, 12 of 12 others fail, and deviations
rank the errors (rank correlation 0.85).

Rejected: a start 1e-3 beside the data, with gaps between rows counting as distance (it failed every
model of Henon-Heiles, also one right to 3e-5) and without (it failed 4 of 14 that were right to
1e-6 on the data); at most 6000 evaluations (rank correlation 0.73: it
gave up models that are right to 1e-6).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.integrate import solve_ivp

from .._data import Problem, some
from .._nearest import Nearest
from .._scaling import shortest
from .._solvers import in_units_of_the_data
from ._left_out import Model

#: States (m, D) -> their rates (m, D).
Field = Callable[[np.ndarray], np.ndarray]

_ROWS = 4000
# Models that were right to 1e-6 took up to 15,000. One that takes more is too rough to simulate.
MOST_EVALUATIONS = 24_000
# Simulations whose distance stays below this, in standard deviations, are steady. Of the true
# fields of 22 sets of closed orbits it is at most 0.002; a model of three circles was off by as
# much as its deviation, 0.05.
_STEADY = 0.03


@dataclass(frozen=True)
class Visited:
    """Where the data have been: states x' = (x - c) / s, (n, D).

    ``box``, (D,), has the periods of x', and zero for columns that have none.
    """

    states: np.ndarray
    c: np.ndarray
    s: np.ndarray
    box: np.ndarray

    @classmethod
    def by(cls, problem: Problem, rng: np.random.RandomState, n_rows: int = _ROWS) -> "Visited":
        """So many rows of a problem, or all."""
        rows, scaling = some(np.arange(problem.n_samples), n_rows, rng), problem.scaling
        return cls(problem.take(rows)[0], scaling.c, scaling.s, scaling.box)

    def starts(self, rng: np.random.RandomState, beside: float = 0.0) -> np.ndarray:
        """Some of the states, or states beside them by so many standard deviations."""
        Z = self.states
        n_starts = 8
        found = Z[rng.choice(len(Z), min(n_starts, len(Z)), replace=False)]
        if not beside:
            return found
        return found + beside * rng.standard_normal(found.shape) / np.sqrt(found.shape[1])

    def duration(self, model: Model) -> float:
        """Ten characteristic times, 2 pi rms(x') / rms(dx'/dt): as many periods of oscillations."""
        Z = self.states
        speed = np.sqrt(np.mean(self.field(model)(Z) ** 2))
        duration = 10.0
        return duration * 2 * np.pi * float(np.sqrt(np.mean(Z**2)) / speed) if speed else 0.0

    def field(self, model: Model) -> Field:
        """x' -> dx'/dt of a model in the units of the data."""
        (equations, params), c, s = model, self.c, self.s
        field = equations.vector_field(params)
        return lambda states: field(c + s * states) / s


def whole(model: Model, problem: Problem) -> Model:
    """A model in the units of the data, with what is known of H, which the targets lack."""
    return in_units_of_the_data(model[0], problem, None), model[1]


def determined_beside(
    first: Model, second: Model, visited: Visited, rng: np.random.RandomState
) -> bool:
    """Whether two models that were fitted to the same data agree beside them as well.

    On data that fill their space two good models still agree a small step aside. On a thin set
    they agree on the data, and aside they do not. Models are in the units of the data.
    """
    X, a, b = visited.states, visited.field(first), visited.field(second)
    # Lengths are in standard deviations of the columns, times in characteristic times.
    step_aside = 0.03  # how far beside the data two models are compared
    aside = X + step_aside * rng.standard_normal(X.shape) / np.sqrt(X.shape[1])
    rates = a(X)
    spread = rates.std(axis=0)
    spread[spread == 0.0] = np.inf  # both know that it never changes

    def difference(of_first: np.ndarray, of_second: np.ndarray) -> float:
        return float(np.sqrt(np.median((((of_first - of_second) / spread) ** 2).mean(axis=1))))

    there = difference(a(aside), b(aside))
    # Models that agree on the data and differ beside them by this many times more are undetermined,
    # unless that is nothing: it was 4e-12 of twenty rows of a box, and 1e-4 to 80 of orbits.
    undetermined, nothing = 10.0, 1e-9
    return there <= undetermined * difference(rates, b(X)) or there < nothing


def deviation(
    model: Model, visited: Visited, rng: np.random.RandomState, other: Model | None = None
) -> float:
    """The distance from the data of simulations that start there, in standard deviations.

    The median over the simulations of the largest distance on the way; infinite where the
    simulation fails. What an ``other`` model simulates from the same states is no distance. Models
    are in the units of the data.
    """
    starts = visited.starts(rng)
    others = None if other is None else simulated(other, visited, starts)
    return float(
        np.median(distances(model, visited, simulated(model, visited, starts), other, others))
    )


def simulated(
    model: Model,
    visited: Visited,
    starts: np.ndarray,
    duration: float | None = None,
    most_evaluations: int = MOST_EVALUATIONS,
) -> np.ndarray | None:
    """Simulations over ten characteristic times, (n_starts, n_times, D); None if they fail."""
    field = visited.field(model)
    duration = visited.duration(model) if duration is None else duration
    if not duration > 0.0:  # nothing varies, or nothing moves
        return starts[:, None]
    return _simulate(field, starts, duration, most_evaluations)


def distances(
    model: Model,
    visited: Visited,
    states: np.ndarray | None,
    other: Model | None,
    others: np.ndarray | None,
) -> np.ndarray:
    """The largest distance on the way of every simulation of a model, beside those of an other."""
    if states is None:
        return np.full(1, np.inf)
    Z, box, n = visited.states, visited.box, len(states)
    velocities, flat = visited.field(model)(Z), states.reshape(-1, Z.shape[1])
    from_data = _distance_across(flat, Z, velocities, box).reshape(n, -1)
    distance = from_data
    if other is not None and others is not None:
        others = others.reshape(-1, Z.shape[1])
        along = np.vstack([velocities, visited.field(other)(others)])
        distance = _distance_across(flat, np.vstack([Z, others]), along, box).reshape(n, -1)
    # So far out, in standard deviations, a simulation has left the data for good.
    far = 1.0
    # Beyond the first state that is far from all data nobody knows; what counts is the way there.
    gone = np.cumsum(from_data > far, axis=1) > 1
    return np.asarray(np.where(gone, 0.0, distance).max(axis=1))


def is_steady(deviation: float, apart: float = 0.0) -> bool:
    """Whether a deviation is as small as it should be, for runs that are so far apart."""
    return stays(deviation) or deviation <= 2.0 * apart


def stays(deviation: float) -> bool:
    """Whether simulations stay on the data; also where nobody has looked."""
    return not deviation > _STEADY


def distance_between_runs(model: Model, problem: Problem, rng: np.random.RandomState) -> float:
    """The median distance of a row from the rows of other runs; zero without groups.

    A simulation between the runs is as far from the data as they are from each other. The
    ``model``, in the units of the data, says which way is along a run.
    """
    groups = problem.groups_of_rows()
    if groups is None:
        return 0.0
    scaling, rows = problem.scaling, some(np.arange(problem.n_samples), _ROWS, rng)
    visited = Visited(problem.take(rows)[0], scaling.c, scaling.s, scaling.box)
    Z, groups = visited.states, groups[rows]
    velocities, found = visited.field(model)(Z), []
    n_runs = 20
    for group in rng.permutation(np.unique(groups))[:n_runs]:
        own = groups == group
        if not own.all():
            found.append(_distance_across(Z[own], Z[~own], velocities[~own], scaling.box))
    return float(np.median(np.concatenate(found))) if found else 0.0


def _distance_across(
    states: np.ndarray, Z: np.ndarray, velocities: np.ndarray, box: np.ndarray
) -> np.ndarray:
    """How far states (m, 2d) are from the rows Z (n, 2d), across the motion there; (m,).

    ``box``, (2d,), has the periods of columns that have one.
    """
    speed = np.linalg.norm(velocities, axis=1, keepdims=True)
    directions = velocities / np.where(speed > 0.0, speed, 1.0)
    # Of so many rows nearby the one across which a state is nearest counts: the nearest may be one
    # of another run that is ahead (the true motion along three circles was off by their distance,
    # 0.02). Not of many more, as the motion bends.
    near = 4
    nearest = Nearest(Z, box).query(states, min(near, len(Z)))[1].reshape(len(states), -1)
    apart, along = shortest(states[:, None] - Z[nearest], box), directions[nearest]
    apart = apart - np.einsum("ikj,ikj->ik", apart, along)[..., None] * along
    return np.asarray(np.linalg.norm(apart, axis=2).min(axis=1))


def _simulate(
    field: Field, starts: np.ndarray, duration: float, most_evaluations: int
) -> np.ndarray | None:
    """States (n_starts, n_times, 2d), or None if the integration failed or would not end."""
    shape = starts.shape
    n_evaluations = 0

    def flat_field(_: float, z: np.ndarray) -> np.ndarray:
        nonlocal n_evaluations
        n_evaluations += 1
        dz = field(z.reshape(shape)).ravel()
        # A start that has left for good must not hold up the others.
        far = np.abs(z.reshape(shape)).max(axis=1) > 30.0
        if far.any():
            dz.reshape(shape)[far] = 0.0
        if n_evaluations > most_evaluations or not np.isfinite(dz).all():
            raise FloatingPointError
        return dz

    n_times = 300
    t = np.linspace(0.0, duration, n_times)
    try:
        result = solve_ivp(
            flat_field, (0.0, duration), starts.ravel(), "DOP853", t, rtol=1e-6, atol=1e-7
        )
    except FloatingPointError:
        return None
    if result.status:
        return None
    return np.moveaxis(result.y.reshape(*shape, -1), 2, 1)
