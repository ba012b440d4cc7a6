r"""Whether the derivatives are those of a Hamiltonian system at all.

A field f = dx/dt has a Hamiltonian if and only if the matrix J^T Df is symmetric everywhere. What
no Hamiltonian has is its antisymmetric part; the sum of its entries (q_i, p_i) is minus half the
divergence of f, which friction makes negative. So linear fields f = J A x with an antisymmetric A
are fitted *together with* a Hamiltonian, to rows left out:

    J^T y = grad H(x) + A x + noise,    grad H = B(x) w,

with known functions B: the linear and quadratic energies and sampled units. A fit of A to what a
flexible H has left would be too late: along an orbit H can imitate much of a friction. Instead y
and the columns of A x are each regressed on B, on other rows than those for which the remainder is
taken, and one remainder then explains the other (Chernozhukov et al.). The coefficients have
standard errors by runs, or by blocks of neighbouring rows.

Three conditions together make an alarm, since significance alone would not do: on clean data, what
H leaves is an approximation error, and everything is significant.

1. Rows left out gain by A, by more than four standard errors of the gain.
2. They gain a larger part of the error than by twice as many units in H: it is A and not a poor H
   that was missing.
3. The gain is a part of the variance that is worth a word, or nearly all of what is left. Where
   the fitted model leaves far less than this H, both have to be clearer: of circles in a tilted
   plane this H leaves 1e-7 to 4e-5, all of which an A explains, and the model nothing.

Nonlinear departures (velocities in place of the momenta of a double pendulum) show in a second
comparison: a regression of y on the same kind of units without any mechanics, each column for
itself, must not be far better than H and all that a finished fit has found.

benchmarks/diagnosis.py has the rates of false alarms and of detections.

References
----------
V. Chernozhukov, D. Chetverikov, M. Demirer, E. Duflo, C. Hansen, W. Newey, J. Robins,
"Double/debiased machine learning for treatment and structural parameters", The Econometrics Journal
21 (2018) C1-C68, definition 3.2 (partially linear regression, cross-fitted).
"""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from .._data import Problem
from ._functions import antisymmetric, energies_of, units_for
from ._regression import Gain, crossfit, gain_of, squares
from ._rows import Rows
from ._without_mechanics import beaten_without_mechanics
from ._words import of_asymmetry, of_friction


def departure_from_hamiltonian(
    problem: Problem,
    predict: Callable[[np.ndarray], np.ndarray],
    label: Sequence[str],
    *,
    is_thorough: bool = True,
) -> str | None:
    """What the data have that no Hamiltonian of these columns has, as a sentence; None if nothing.

    None as well where there are too few rows to tell.

    Parameters
    ----------
    problem : Problem
        The rows, their weights and groups.
    predict : callable
        The field of the fitted model, (n, 2d) -> (n, 2d).
    label : sequence of str
        The names of the columns.
    is_thorough : bool
        Whether the fit was one that a regression without mechanics may be compared with.
    """
    rng = np.random.RandomState(0)  # of its own: the fit must not depend on the diagnosis
    rows = Rows.of(problem, rng)
    d2 = rows.Z.shape[1]
    n_units = units_for(rows)
    if n_units is None:
        return None
    left = rows.target - rows.targets(predict(rows.problem.rows(slice(None))[0]))
    energies = energies_of(rows, n_units, rng)
    half = energies[:, : energies.shape[1] - n_units // 2]
    targets = np.column_stack([rows.target, left])
    columns, first, second = antisymmetric(rows.Z)
    B = np.column_stack([targets, rows.equations(columns)])
    remainders, columns = np.split(crossfit(energies, B, rows.fold), [2], axis=1)
    errors = np.sum(remainders**2, axis=0)
    of_half = np.sum(crossfit(half, targets, rows.fold) ** 2, axis=0)
    by_more_units = 1.0 - errors / np.maximum(of_half, np.finfo(float).tiny)
    of_model = squares(left)
    # With a finished model so much better than H here, its remainder is looked at.
    better = 0.25
    is_poor = of_model < better * errors[0]  # H here, beside the model
    # A mean squared error, relative to the variance, that may be rounding.
    rounding = 1e-20
    # The second time by what the model leaves, where that is far less.
    worth_a_look = [errors[0] > rounding, is_poor and of_model > rounding]
    for k in np.flatnonzero(worth_a_look):
        clear = partial(
            Gain.is_clear,
            error=errors[k],
            by_more_units=by_more_units[k],
            is_poor=is_poor and k == 0,
        )
        gain = gain_of(rows, columns, remainders[:, k])
        if clear(gain):
            damping = gain_of(rows, columns[:, second == first + d2 // 2], remainders[:, k])
            if clear(damping) and damping.share > 0.5 * gain.share:
                return of_friction(rows, damping, label)
            return of_asymmetry(rows, gain, first, second, label)
    # Beyond this ratio of the energies of two columns, units sampled here, which read both, lose
    # the smaller one in the rounding of the larger: of two pendulums with masses 1 and 1e-7 they
    # fitted the lighter one to 2.6 % (mass 1: 2e-7).
    most_energies = 1e4
    if not is_thorough or problem.scaling.range_of_energies > most_energies:
        return None
    left_by_H = min(errors[0], of_model)
    # Where H leaves less of the derivatives, 5 %, nothing is compared with it.
    if left_by_H < 0.05**2:
        return None
    remainder = remainders[:, 0] if errors[0] < of_model else left
    return beaten_without_mechanics(rows, remainder, by_more_units[0], rng)
