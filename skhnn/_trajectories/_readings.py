"""What measured columns may be: momenta, velocities, or velocities that instruments mix."""

import numpy as np

from ._residuals import velocities_are_rates
from ._runs import Runs
from ._start import Smoothed

#: "canonical" or "velocities", and S where velocities are S dq/dt.
Reading = tuple[str, np.ndarray | None]


def readings_of(runs: Runs, coordinates: str, is_natural: bool) -> tuple[list[Reading], bool]:
    """How runs of states may be read, where ``coordinates`` is "auto" or "velocities".

    A natural Lagrangian, ``is_natural``, is one of velocities. Also whether a second reading is one
    for a poor fit of the first only: momenta p = S dq/dt with masses S are also velocities in other
    units, which fit better where masses are others.
    """
    asked_for = coordinates == "velocities"
    if any(np.isnan(Y).all(axis=0).any() for Y in runs.Y):  # nothing to compare
        return [("velocities" if asked_for or is_natural else "canonical", None)], False
    are_rates, S, explained = velocities_are_rates(Smoothed(runs, False))
    if are_rates:
        return [("velocities", None)], False
    if asked_for:
        return [("velocities", S)], False
    # Velocities are mixed where S of v = S dq/dt explains them so well and is so far from
    # symmetric.
    mostly_explained, not_symmetric = 0.9, 0.05
    if is_natural:
        return [("velocities", S if explained > mostly_explained else None)], False
    readings: list[Reading] = [("canonical", None)]
    if explained > mostly_explained:
        readings.append(("velocities", S))
    # Masses would make S symmetric; where it is not, instruments may.
    is_mixed = np.abs(S - S.T).max() > not_symmetric * np.abs(S).max()
    return readings, not is_mixed
