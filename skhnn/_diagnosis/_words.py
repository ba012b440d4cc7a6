"""The sentences that say what was found."""

from collections.abc import Sequence

import numpy as np

from .._data import FEWEST_RUNS
from ._regression import Gain
from ._rows import Rows


def of_friction(rows: Rows, gain: Gain, label: Sequence[str]) -> str:
    """The damping rates: dp_i/dt has -gamma_i p_i beside what a Hamiltonian gives."""
    d = rows.Z.shape[1] // 2
    s, e = rows.problem.scaling.s, rows.problem.scaling.e
    rates = 2.0 * e / (s[:d] * s[d:])
    found = ", ".join(
        f"{rate:.3g} +- {std:.1g}" + (f" (of column {label[k + d]})" if d > 1 else "")
        for k, (rate, std) in enumerate(
            zip(gain.coefficients * rates, gain.std * rates, strict=True)
        )
    )
    what, remedy = "a gain of energy (negative damping)", "A"
    if float(gain.coefficients @ rates) > 0.0:
        what = "friction"
        remedy = (
            "dissipation='linear' finds it as far as it is linear, and damping_ is that times the "
            "mass; a"
        )
    return (
        f"The derivatives have {what}, which no Hamiltonian has: a damping of {found} per unit of "
        f"time{_of_few_runs(rows)}. The model leaves it out, and its simulations keep their "
        f"energy. {remedy} force F(x) that is known can be subtracted from y, and simulated in the "
        "sum skhnn.simulate(lambda x: model.predict(x) + F(x), x0, t). Columns that are no "
        "coordinates and momenta need structure="
    )


def of_asymmetry(
    rows: Rows, gain: Gain, first: np.ndarray, second: np.ndarray, label: Sequence[str]
) -> str:
    """The clearest entry of the antisymmetric part of J^T Df, and what may be behind it."""
    s, e = rows.problem.scaling.s, rows.problem.scaling.e
    d = len(s) // 2
    k = int(np.argmax(np.abs(gain.coefficients) / np.maximum(gain.std, 1e-300)))
    i, j = int(first[k]), int(second[k])
    size = 2.0 * e / (s[i] * s[j])
    # The target of dH/dq_i is -dp_i/dt, that of dH/dp_i is dq_i/dt, so the sign may differ.
    rates = [label[(k + d) % (2 * d)] for k in (i, j)]
    relation = "equal to" if (i < d) == (j < d) else "the opposite of"
    return (
        f"No Hamiltonian of these columns has these derivatives. For any H, the slope of the rate "
        f"of column {rates[0]} along column {label[j]} is {relation} that of the rate of column "
        f"{rates[1]} along column {label[i]}; here they miss that by "
        f"{size * abs(gain.coefficients[k]):.3g} +- {size * gain.std[k]:.1g}"
        f"{_of_few_runs(rows)}. Linear terms that are not Hamiltonian "
        f"explain {gain.share:.0%} of what H leaves on rows left out. " + causes(rows)
    )


def causes(rows: Rows) -> str:
    """What may be behind it."""
    if rows.have_velocities:
        return (
            "The second half of X is the rate of the first one: velocities in place of momenta? "
            "coordinates='velocities' finds the masses ('auto' looks for other masses, too, and "
            "takes them where they fit far better); known ones make it right, too: p = m v, "
            "dp/dt = m dv/dt (p = M(q) v in general). Otherwise: friction, a drive, forces without "
            "reaction, a rotating frame, units that differ between coordinates, or a coordinate "
            "that is missing"
        )
    factors, check = rows.factors_of_velocities, "Check"
    if factors is not None:
        check = (
            "The rate of each coordinate is its column in the second half of X times a factor ("
            f"{', '.join(f'{c:.3g}' for c in factors)}): velocities behind a scaler, or in other "
            "units? Then pass them as they were measured, with coordinates='velocities'. Otherwise "
            "check"
        )
    return (
        f"{check} that the momenta belong to the coordinates (velocities of unknown masses or in a "
        "rotating frame need coordinates='velocities'), that q_i times p_i has the same unit for "
        "all i, that the columns are in the order q, then p, in X and in y, and that nothing is "
        "missing (friction, a drive, a coordinate)"
    )


def _of_few_runs(rows: Rows) -> str:
    if rows.n_runs is None or rows.n_runs >= FEWEST_RUNS:
        return ""
    return f" (from {rows.n_runs} runs only: take the error for a lower bound)"
