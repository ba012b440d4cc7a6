"""The Hamiltonians and layers among which a choice is made, and their joint fits."""

from dataclasses import dataclass, replace

import numpy as np

from .._solvers import equations_of
from .._solvers._last_weights import fit_last_weights
from .._solvers._sampled import Race, Sampled, Sampling
from ..hamiltonians import Equations, Hamiltonian, Params
from ._joint import JointFit


class NoFitError(ValueError):
    """No joint fit came to an end."""

    def __init__(self) -> None:
        super().__init__(
            "No joint fit of states and Hamiltonian came to an end: the dynamics between the rows "
            "are not found from smoothed runs. Are the times in t right, and the runs in groups? "
            "Rows farther apart than a quarter of a period do not say enough."
        )


@dataclass(eq=False)
class Entry:
    """A Hamiltonian without the friction that is optional, its race, and a known G."""

    hamiltonian: Hamiltonian
    race: Race
    input_matrix: np.ndarray | None
    has_friction: bool  # of the optional one, in the race


@dataclass(eq=False)
class Candidate:
    """A joint fit, and what it came from."""

    entry: Entry
    sampled: Sampled
    joint: JointFit
    has_ended: bool  # or took a few steps, to be compared

    def is_like(self, other: "Candidate") -> bool:
        """Whether Hamiltonian and layers are the same, but for what was drawn at random."""
        is_same = self.entry.hamiltonian is other.entry.hamiltonian
        return is_same and self.sampled.sampling == other.sampled.sampling

    def has_the_terms_of(self, other: "Candidate") -> bool:
        """Whether Hamiltonian, friction and random forces are the same."""
        same = self.entry.hamiltonian is other.entry.hamiltonian
        same = same and self.entry.has_friction is other.entry.has_friction
        return same and (self.joint.q is None) is (other.joint.q is None)

    @property
    def at_its_end(self) -> Sampled:
        """The layers with the weights of the joint fit."""
        return replace(self.sampled, params=self.joint.params)


def as_in(entry: Entry, sampled: Sampled) -> Sampled:
    """The same layers and weights with the friction of an entry, which is zero, or without."""
    layers = sampled.equations.hamiltonian.layers()
    same = [(n.hidden_layer_sizes, n.activation) for n in layers]
    equations = equations_of(entry.race.hamiltonian.with_layers(same), entry.race.problem)
    fresh = equations.init_params(np.random.RandomState(0))  # friction stands behind all else
    params = [*sampled.params[: len(fresh)], *fresh[len(sampled.params) :]]
    return replace(sampled, equations=equations, params=params)


def with_layers_of(entry: Entry, best: Candidate) -> Sampled | None:
    """The very layers of another candidate, with last weights for the derivatives.

    Where networks read other columns, layers that were drawn in the same way, or None.
    """
    race, sampled = entry.race, best.sampled
    drawn_alike = [one for one in race.found if one.sampling == sampled.sampling]
    layers = [(n.hidden_layer_sizes, n.activation) for n in sampled.equations.hamiltonian.layers()]
    if len(race.hamiltonian.layers()) != len(layers):
        return next(iter(drawn_alike), None)
    equations = equations_of(race.hamiltonian.with_layers(layers), race.problem)
    params = equations.init_params(np.random.RandomState(0))
    hidden = sampled.equations.hidden(sampled.params)
    if [p.shape for p in equations.hidden(params)] != [p.shape for p in hidden]:
        return next(iter(drawn_alike), None)
    return _with_last_weights(
        race, equations, equations.with_hidden(params, hidden), sampled.sampling
    )


def drawn_again(best: Candidate, rng: np.random.RandomState) -> Sampled:
    """Layers that are drawn in the same way, with last weights for the derivatives."""
    race, equations, how = best.entry.race, best.sampled.equations, best.sampled.sampling
    reads = race.problem.scaling.reads
    params = equations.sample_params(race.X, rng, how.method, how.scale, reads)
    return _with_last_weights(race, equations, params, how)


def _with_last_weights(
    race: Race, equations: Equations, params: Params, sampling: Sampling
) -> Sampled:
    equations_per_weight = 6
    rows = np.sort(race.order[: race.n_rows(equations_per_weight * equations.n_last)])
    fit = fit_last_weights(race.problem, equations, params, rows)
    return Sampled(equations, equations.with_last(params, fit.w), fit, sampling)


def first_densities(joint: JointFit, X: np.ndarray, n_rates: int) -> np.ndarray:
    """Random forces as large as the noise of rates over a unit of time of the motion, (D,)."""
    f = joint.equations.field(joint.params, X)
    D = f.shape[1]
    with np.errstate(divide="ignore", invalid="ignore"):
        rates = f.std(axis=0) / X[:, :D].std(axis=0)
    rate = float(rates[np.isfinite(rates)].max(initial=0.0))  # none of columns that rest
    sigma = joint.sigma[:D].copy()
    lacks = np.isnan(sigma)
    sigma[lacks] = rate * np.roll(sigma, n_rates)[lacks]  # of the positions
    sigma[:n_rates] = 0.0  # a rate is the velocity
    return np.asarray(sigma**2 * rate)


def squares_of(one: Candidate) -> np.ndarray:
    """What is left of every column of the measurements."""
    return np.asarray(np.nansum(one.joint.residuals**2, axis=0))
