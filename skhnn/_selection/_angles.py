"""Coordinates that fit better as angles."""

from collections.abc import Callable, Collection, Sequence

import numpy as np

from .._data import Problem
from ..hamiltonians import HAMILTONIANS
from ._look import left_out_of_some, squares_of_sampled
from ._masses_of_one import OTHER_MASSES
from ._rule import error_of, simplest

_OF_MOMENTA = (HAMILTONIANS["mlp"], HAMILTONIANS["mechanical"])


def angles_among(
    as_angles: Callable[[Collection[int]], Problem], columns: list[int], others: Sequence[int] = ()
) -> list[int]:
    """Those of the columns that a Hamiltonian fits better as angles; none if it does not.

    ``as_angles`` is the problem in which these columns have periods. Beside one that is an angle
    the ``others`` are tried, too.
    """

    def squares(angles: Collection[int]) -> np.ndarray:
        problem = as_angles(angles)
        left_out, rng = left_out_of_some(problem)
        kinds = OTHER_MASSES if problem.layout.has_velocities else _OF_MOMENTA
        of_each = [squares_of_sampled(left_out, H, rng) for H in kinds]
        return min(of_each, key=error_of)

    # Up to so many coordinates that turn are tried as the only angle, too.
    most_alone = 3
    alone = [[k] for k in columns] if 1 < len(columns) <= most_alone else []
    tried = [(squares(angles), angles) for angles in (columns, *alone)]
    best, found = min(tried, key=lambda pair: error_of(pair[0]))
    if simplest([squares(()), best]) == 0:
        return []
    for k in found:  # a position that H does not depend on has any period
        without = [j for j in found if j != k]
        if simplest([squares(without), best]) == 0:
            found = without
    for k in others if found and len(others) <= most_alone else ():
        more = squares([*found, k])
        if simplest([best, more]) == 1:
            found, best = sorted([*found, k]), more
    return found
