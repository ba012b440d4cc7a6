"""Which hidden layers the Hamiltonian has that was chosen: by the evidence of joint fits."""

from collections.abc import Callable

import numpy as np

from .._selection import ALIKE
from .._solvers._sampled import FIRST_UNITS, LAST_UNITS
from ..hamiltonians import Hamiltonian
from ._candidates import Candidate, Entry, squares_of
from ._fits import JointFits
from ._joint import JointFit
from ._settled import settled

#: Samplings of every Hamiltonian that come into joint fits, by the evidence of derivatives.
SAMPLINGS_OF_EACH = 2


def with_the_best_layers(best: Candidate, fits: JointFits) -> Candidate:
    """The same Hamiltonian with the hidden layers of the largest evidence."""
    # With two samplings of it the error of the noisy pendulum of Greydanus et al. was 2.7 times as
    # large (median of five), with all eighteen the same as with six.
    most_of_chosen = 6
    found = [best]
    for sampled in best.entry.race.found[SAMPLINGS_OF_EACH:most_of_chosen]:
        if fits.options.is_out_of_time:
            break
        found += fits.fit(best.entry, sampled, best.joint)
    return settled(sorted(found, key=lambda one: one.joint.rank, reverse=True), fits)


def with_more_units(
    best: Candidate, fits: JointFits, race: Callable[[Hamiltonian, bool], Entry]
) -> Candidate:
    """Twice the units as long as most are used and the evidence grows."""
    units = FIRST_UNITS
    while (
        uses_its_weights(best.joint)
        and 2 * units <= LAST_UNITS
        and not best.entry.race.layers_given
        and not fits.options.is_out_of_time
    ):
        units *= 2
        entry = race(best.entry.hamiltonian, best.entry.has_friction)
        entry.race.samplings = [best.sampled.sampling]
        entry.race.run(units)
        if entry.race.best.equations.n_last <= best.joint.n_last:  # it has as many
            continue
        before = best
        best = settled([best, *fits.fit(entry, entry.race.best)], fits)
        if best is before:
            break
    return best


def with_many_units(
    best: Candidate, fits: JointFits, race: Callable[[Hamiltonian, bool], Entry]
) -> Candidate:
    """Many units, where most of the weights are used and errors are alike: if these then are less.

    Else the model lacks something other than units. (Few units of a kind that goes on growing may
    be worse than polynomials, which do not: of an arm of three links these left 0.015 of the
    accelerations, 0.1 % of noise, and 114 of silu 0.002 to 0.004.)
    """
    # From this correlation of what is left on the model lacks more: of four bodies with forces that
    # no H has, where many units took minutes, they left 8.
    hardly_alike, samplings = 2.0, None
    for units in (LAST_UNITS // 2, LAST_UNITS):
        if (
            best.entry.race.layers_given
            or not uses_its_weights(best.joint)
            or fits.options.is_out_of_time
        ):
            break
        entry = race(best.entry.hamiltonian, best.entry.has_friction)
        entry.race.samplings = samplings or entry.race.samplings
        entry.race.run(units)
        most = min(1.0 + (fits.correlation_of(best) - 1.0) / 2.0, hardly_alike)
        found = []
        for sampled in entry.race.found[:SAMPLINGS_OF_EACH]:
            found += fits.fit(entry, sampled, best.joint)
        samplings = [one.sampled.sampling for one in found]
        found = [one for one in found if fits.correlation_of(one) < most]
        best = settled([best, *found], fits)
    return best


def uses_its_weights(joint: JointFit) -> bool:
    """Whether the data determine most of them."""
    return joint.n_freed > 0.5 * joint.n_last


def with_the_simplest_layers(best: Candidate, fits: JointFits) -> Candidate:
    """Of those that leave about as little the ones of which the data use least.

    Where the model lacks something, the evidence is for what layers make of that. (Of the
    Silverbox it prefers silu in one of two draws of samples, which leaves 3 % less than
    polynomials and uses 7 to 10 weights in place of 6; tanh, which an earlier draw had, is worse
    beyond the data.)
    """
    most = ALIKE * squares_of(best)
    alike = [
        one
        for one in fits.found
        if one.has_ended and one.has_the_terms_of(best) and np.all(squares_of(one) <= most)
    ]
    return min([best, *alike], key=lambda one: one.joint.n_freed)
