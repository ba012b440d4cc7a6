"""What the rows themselves say about the meaning of the columns, before anything is fitted.

Each check looks for something that no Hamiltonian system in the order (q, p) shows, or shows only
by a strange coincidence; together they take a millisecond for a thousand rows.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from ._columns import Columns, is_constant, rounding_of_derivatives
from ._row_differences import NEXT_STATES, ends_of_runs, of_differences

# Enough rows to see what holds in all of them; with fewer a column, chance may show anything.
_ROWS, _ROWS_PER_COLUMN = 2000, 5
# Differences of floating-point numbers that are the same but for rounding, relative to their size.
_ROUNDING = 1e-9
# 1 - R^2 of y_i = c X_j, up to which one column is taken for the rate of the other although both
# are measured; and that from which on it is not.
_PROPORTIONAL, _NOT_PROPORTIONAL = 0.01, 0.1
# The part of the variance of dq/dt that a momentum explains by itself. (A clock beside twelve runs
# of an oscillator: below 0.01; a momentum of a constant force: 1.)
_OF_MOMENTUM = 0.1
# y is the next state if it is nearer to X than so much of the spread of every column. A Hamiltonian
# field cannot be: its divergence is zero, that of y = x is the number of columns.
_NEXT_STATE, _CONDITION = 0.5, 1e-6
# One value in few rows, so many times the range of all others away from them, is a code.
_RARE, _FAR = 0.1, 3.0
# Angles: rows looked at one after another; the periods that angles have if nobody says; how near to
# a period a jump is; the quantile of the rates that is ordinary, and how much more is too much.
# (Ten rows a revolution, the fewest from which derivatives make sense, jump by 0.9 of the period.)
_ROWS_IN_A_ROW, _USUAL_PERIODS = 50_000, (2.0 * np.pi, 360.0)
_JUMP, _ORDINARY, _FAR_TOO_LARGE = 0.9, 0.9, 3.0


def suspicions(
    X: np.ndarray,
    y: np.ndarray,
    names: Sequence[str] | None,
    periods: Mapping[int, float] | None = None,
    groups: np.ndarray | None = None,
) -> list[str]:
    """Sentences about columns that cannot mean what they are taken for, the likeliest first.

    Parameters
    ----------
    X, y : (n, 2d) arrays
        States and derivatives.
    names : sequence of str or None
        The names of the columns, if they have any.
    periods : mapping or None
        {column: period} of the columns that are known to be angles.
    groups : (n,) array or None
        The run of each row.
    """
    label = label_of_columns(X.shape[1], names)
    X_first, y_first = X[:_ROWS_IN_A_ROW], y[:_ROWS_IN_A_ROW]
    found = _jumps_of_angles(X_first, y_first, label, periods or {})
    found = found or _wrapped_angles(X_first, label, periods or {}, groups)
    return found + (of_differences(X, y, groups) or _of_columns(X, y, names, label))


def still_inputs(X: np.ndarray, inputs: Sequence[int], label: Sequence[str]) -> list[str]:
    """A sentence on inputs that never vary, but for those that are always zero."""
    found = [k for k in inputs if np.ptp(X[:, k]) == 0.0 and X[0, k] != 0.0]
    if not found:
        return []
    return [
        f"Column {_listed(label, found)}, an input, has one value in all rows: its force cannot be "
        "told from that of a constant slope of H, and input_matrix_ is arbitrary there. Leave it "
        "out, or record it while it varies"
    ]


def _of_columns(
    X: np.ndarray, y: np.ndarray, names: Sequence[str] | None, label: Sequence[str]
) -> list[str]:
    """What a part of the rows says, in whatever order they are."""
    rows = slice(None, None, -(-len(X) // _ROWS))
    X, y = np.asarray(X[rows]), np.asarray(y[rows])
    if len(X) < _ROWS_PER_COLUMN * X.shape[1]:
        return []
    of_X, of_y = Columns.of(X), Columns.of(y)
    if _is_next_state(X, y, of_X):
        return [f"y is nearly X in every column{NEXT_STATES}"]
    found = _codes(X, of_X, [f"Column {name}" for name in label])
    found += _codes(y, of_y, [f"The rate of column {name}" for name in label])
    if behind := _clocks_behind(X, y, of_X, of_y, label):
        return [*found, behind, *_clocks(of_X, of_y, label)]
    found += _clocks(of_X, of_y, label)
    pairs = _pairs(X, y, of_X, of_y)
    order = _order(pairs, X.shape[1])
    if moved := _moved_rates(pairs, X.shape[1]):
        found.append(
            "; ".join(f"y[:, {i}] is, up to a factor, column {label[j]} of X" for i, j in moved)
            + ", so the columns of y are in another order than those of X. y is the time "
            "derivative of X, column by column"
        )
    elif order is not None:
        wanted = [names[k] for k in order] if names is not None else order
        d = len(order) // 2
        rates = ", ".join(
            f"y of {label[i]} is {label[j]}" for i, j in zip(order[:d], order[d:], strict=True)
        )
        found.append(
            f"Up to a factor, the rate y is X in these columns: {rates}. So these are coordinates "
            "and their velocities or momenta in another order than all q, then all p. Pass "
            + (
                f"X[:, k] and y[:, k] with k = {wanted}"
                if names is None
                else f"X[k] with k = {wanted}, and the columns of y in the same order"
            )
        )
    elif own := _growing(X, y, of_X, of_y):
        found.append(
            f"The rate y of column {_listed(label, own)} is, up to a factor, that column of X "
            "itself, which would grow exponentially: the columns of y seem to be in another order "
            "than those of X. y is the time derivative of X, column by column"
        )
    elif velocities := _velocities_among_coordinates(X, y, of_y):
        found.append(
            "; ".join(
                f"the rate of column {label[i]} is column {label[j]}" for i, j in velocities
            ).capitalize()
            + ", which is taken for a coordinate and seems to be a velocity. The order is all "
            "coordinates q, then all momenta p, in the same order"
        )
    return found


def _jumps_of_angles(
    X: np.ndarray, y: np.ndarray, label: Sequence[str], periods: Mapping[int, float]
) -> list[str]:
    """Rates that are far too large where a column jumps by a period: differences across the wrap.

    The rows on both sides of a jump have the difference of a whole period in their derivative.
    """
    found: list[str] = []
    if len(X) <= _ROWS_PER_COLUMN:
        return found
    ordinary = np.quantile(np.abs(y), _ORDINARY, axis=0)
    with np.errstate(over="ignore"):
        sizes = np.abs(y) / np.where(ordinary > 0.0, ordinary, np.inf)
    for j in range(X.shape[1]):
        step, others = np.abs(np.diff(X[:, j])), np.delete(sizes, j, axis=1)
        for period in (periods[j],) if j in periods else _USUAL_PERIODS:
            jumps = np.flatnonzero((step > _JUMP * period) & (step < period / _JUMP))
            beside, of_others = (
                np.maximum(a[jumps], a[jumps + 1]) for a in (sizes[:, j], others.max(axis=1))
            )
            # Where all rates are large the motion is fast.
            is_wrong = (beside > _FAR_TOO_LARGE) & (of_others < _FAR_TOO_LARGE)
            if len(jumps) and np.mean(is_wrong) > 0.5:
                found.append(
                    f"Column {label[j]} jumps by its period {period:.4g} at {len(jumps)} places, "
                    f"and there the rate y is {np.median(beside):.0f} times what it is "
                    "elsewhere: differences across the jump? Take np.unwrap of each run before its "
                    "derivative"
                    + ("" if j in periods else f"; with periodic=[{j}] jumps in X do no harm")
                )
                break
    return found


def _wrapped_angles(
    X: np.ndarray,
    label: Sequence[str],
    periods: Mapping[int, float],
    groups: np.ndarray | None,
) -> list[str]:
    """Columns that go on smoothly but for jumps by a period, and are not known to be angles."""
    found: list[str] = []
    if len(X) <= _ROWS_PER_COLUMN:
        return found
    within = ~ends_of_runs(X, groups)
    if not within.any():  # pairs of rows, or single ones
        return found
    for j in range(X.shape[1]):
        step = np.abs(np.diff(X[:, j]))[within]
        for period in _USUAL_PERIODS if j not in periods else ():
            large = step > 0.5 * period
            jumps = np.sum((step > _JUMP * period) & (step < period * 1.001))
            is_smooth = np.quantile(step, _ORDINARY) < (1.0 - _JUMP) * period
            if jumps >= 2 and jumps == large.sum() and is_smooth:
                found.append(
                    f"Column {label[j]} jumps by {period:.4g} at {jumps} places and is smooth "
                    "elsewhere: an angle that is wrapped? For the model the two sides of a jump "
                    f"are far apart, unless periodic="
                    + (f"[{j}]" if period < 10 else f"{{{j}: {period:g}}}")
                    + " says so"
                )
    return found


def label_of_columns(n_columns: int, names: Sequence[str] | None) -> list[str]:
    """What to call the columns in a message: by their names, or by their indices."""
    return [f"{name!r}" for name in names] if names is not None else [*map(str, range(n_columns))]


def _is_next_state(X: np.ndarray, y: np.ndarray, of_X: Columns) -> bool:
    """Whether y is near X in every column that varies, and the columns vary on their own."""
    moves = of_X.spread > 0
    if not moves.any():
        return False
    distance = np.sqrt(np.mean((y - X)[:, moves] ** 2, axis=0))
    if not (distance < np.sqrt(_NEXT_STATE) * of_X.spread[moves]).all():
        return False
    Z = (X[:, moves] - of_X.mean[moves]) / of_X.spread[moves]
    squares = np.linalg.eigvalsh(Z.T @ Z / len(Z))
    return bool(squares[0] > _CONDITION * squares[-1])


def _clocks(of_X: Columns, of_y: Columns, label: Sequence[str]) -> list[str]:
    """Coordinates whose rate is 1 or 0 in all rows although the column of the momentum varies."""
    d = len(label) // 2
    steady = is_constant(of_X, of_y)
    if steady.all():  # H is linear, or everything is at rest
        return []
    still = np.abs(of_y.mean) <= rounding_of_derivatives(of_X, of_y)
    is_label = (steady & still & (of_X.spread > 0))[d:]
    steady = steady[:d] & (of_X.spread[d:] > 0)
    rounding = rounding_of_derivatives(of_X, of_y)[:d]
    labels = steady & (np.abs(of_y.mean[:d]) <= rounding)
    clocks = steady & (np.abs(of_y.mean[:d] - 1.0) <= np.maximum(rounding, _ROUNDING))
    found = []
    for which, rate, what in ((clocks, 1, "a clock"), (labels, 0, "a label of the run")):
        indices = np.flatnonzero(which)
        if len(indices):
            momenta = _listed(label, indices + d)
            found.append(
                f"The rate of column {_listed(label, indices)} is {rate} in all rows, although "
                f"column {momenta}, taken for its momentum, varies: this is {what} and no "
                "coordinate (unless its momentum is minus the energy)"
                + _of_labels(label, indices[is_label[indices]] + d)
                + ". Drop such columns from X and y, so that coordinates and their momenta are "
                "left; pass the run of each row as groups"
            )
    return found


def _clocks_behind(
    X: np.ndarray, y: np.ndarray, of_X: Columns, of_y: Columns, label: Sequence[str]
) -> str | None:
    """A sentence on clocks and labels of runs in the last columns, taken for momenta.

    Their rates are 1 or 0 in all rows, labels are whole numbers, and the rate of the column taken
    for the coordinate has nothing to do with them, as it would with a momentum.
    """
    n = X.shape[1]
    rounding = np.maximum(rounding_of_derivatives(of_X, of_y), _ROUNDING)
    varies, steady = of_X.spread > 0, of_y.spread <= rounding
    clocks = varies & steady & (np.abs(of_y.mean - 1.0) <= rounding)
    labels = varies & steady & (np.abs(of_y.mean) <= rounding) & (np.round(X) == X).all(axis=0)
    behind: list[int] = []
    for k in range(n - 1, n // 2 - 1, -1):
        rate, x = y[:, k - n // 2] - of_y.mean[k - n // 2], X[:, k] - of_X.mean[k]
        is_momentum = (rate @ x) ** 2 > _OF_MOMENTUM * (rate @ rate) * (x @ x)
        if not (clocks[k] or labels[k]) or is_momentum:
            break
        behind = [k, *behind]
    if not behind:
        return None
    what = " and ".join(
        f"column {label[k]} {'a clock' if clocks[k] else 'a label of the run'} (its rate is "
        f"{int(clocks[k])} in all rows)"
        for k in behind
    )
    return (
        f"Among the momenta, which come last, there seems to be {what}. Drop such columns from X "
        "and y; pass the run of each row as groups"
    )


def _of_labels(label: Sequence[str], indices: np.ndarray) -> str:
    """On momenta that never change within a run, beside clocks and labels."""
    if not len(indices):
        return ""
    return f", and column {_listed(label, indices)}, whose rate is 0, another label"


def _pairs(X: np.ndarray, y: np.ndarray, of_X: Columns, of_y: Columns) -> list[tuple[int, int]]:
    """(i, j) with y_i = c X_j and c > 0: column i is a coordinate and j its momentum.

    None where that is so for all columns in their places.
    """
    d = X.shape[1] // 2
    misfit = _misfit_of_proportionality(X, y, of_X, of_y)
    own = misfit[np.arange(d), np.arange(d) + d]
    if (own < _NOT_PROPORTIONAL).all():
        return []
    return [(i, j) for i, j in np.argwhere(misfit < _PROPORTIONAL).tolist() if i != j]


def _order(pairs: Sequence[tuple[int, int]], n: int) -> list[int] | None:
    """The columns in the order (q, p), where the pairs make up all of the n columns.

    Pairs of the first half and the second in another order may be meant, H = p_1 p_2 + V(q).
    """
    q, p = [i for i, _ in pairs], [j for _, j in pairs]
    if len(pairs) != n // 2 or len(set(q) | set(p)) != n or set(q) == set(range(n // 2)):
        return None
    return [*q, *p]


def _moved_rates(pairs: Sequence[tuple[int, int]], n: int) -> list[tuple[int, int]]:
    """The pairs, where they have all momenta of X in their places, and not their rates in y."""
    d = n // 2
    p = sorted(j for _, j in pairs)
    if p != list(range(d, n)) or all(i < d for i, _ in pairs):
        return []
    return [(i, j) for i, j in pairs if i != j - d]


def _codes(X: np.ndarray, of_X: Columns, what: Sequence[str]) -> list[str]:
    """Columns in which some rows have one value that is far from all others; ``what`` they are."""
    found = []
    for j in np.flatnonzero(of_X.spread > 0.0).tolist():
        x = X[:, j]
        for extreme in (x.min(), x.max()):
            own = x == extreme
            others = x[~own]
            if 2 <= own.sum() < _RARE * len(x) and np.abs(others - extreme).min() > _FAR * np.ptp(
                others
            ):
                found.append(
                    f"{what[j]} is {extreme:g} in {own.sum()} of {len(x)} rows, and between "
                    f"{others.min():.4g} and {others.max():.4g} in all others: a code for missing "
                    "values? Drop these rows"
                )
    return found


def _misfit_of_proportionality(
    X: np.ndarray, y: np.ndarray, of_X: Columns, of_y: Columns
) -> np.ndarray:
    """1 - R^2 of y_i = c X_j with c > 0 for all i and j, (2d, 2d); one where it makes no sense."""
    squares_X, squares_y = np.sum(X * X, axis=0), np.sum(y * y, axis=0)
    slopes = y.T @ X
    explained = np.divide(
        slopes * np.abs(slopes),
        squares_y[:, None] * squares_X,
        out=np.zeros_like(slopes),
        where=squares_y[:, None] * squares_X > 0,
    )
    misfit = 1.0 - np.maximum(explained, 0.0)
    # Relative to the spread, not to the mean square: a large mean proves nothing.
    misfit *= (squares_y / len(y) / np.where(of_y.spread > 0, of_y.spread, np.inf) ** 2)[:, None]
    misfit[is_constant(of_X, of_y)] = 1.0
    misfit[:, of_X.spread == 0] = 1.0
    return misfit


def _growing(X: np.ndarray, y: np.ndarray, of_X: Columns, of_y: Columns) -> list[int]:
    """Columns that grow in proportion to themselves, although their partner does not decay so.

    dq/dt = c q is Hamiltonian with dp/dt = -c p + g(q), and on one unstable orbit p may grow too.
    """
    d = X.shape[1] // 2
    same = np.diagonal(_misfit_of_proportionality(X, y, of_X, of_y)) < _PROPORTIONAL
    found = []
    for k in np.flatnonzero(same).tolist():
        partner = (k + d) % (2 * d)
        c = (y[:, k] @ X[:, k]) / (X[:, k] @ X[:, k])
        x = X[:, partner] - of_X.mean[partner]
        # the slope of dp/dt + c p along p
        decays = abs((y[:, partner] + c * X[:, partner]) @ x) < _NOT_PROPORTIONAL * c * (x @ x)
        # Of runs that escape the last rows decide, where all columns grow.
        inside = np.abs(X[:, k]) <= np.median(np.abs(X[:, k]))
        left = np.sum((y[inside, k] - c * X[inside, k]) ** 2)
        grows = left < _NOT_PROPORTIONAL * np.sum(y[inside, k] ** 2)
        if grows and not (decays or same[partner]):
            found.append(k)
    return found


def _velocities_among_coordinates(
    X: np.ndarray, y: np.ndarray, of_y: Columns
) -> list[tuple[int, int]]:
    """Pairs (i, j) of coordinates of which one is, to rounding, the rate of the other."""
    d = X.shape[1] // 2
    return [
        (i, j)
        for i in range(d)
        for j in range(d)
        if i != j
        and of_y.spread[i] > 0
        and np.abs(y[:, i] - X[:, j]).max() <= _ROUNDING * of_y.largest[i]
    ]


def _listed(label: Sequence[str], indices: Sequence[int] | np.ndarray) -> str:
    return ", ".join(label[k] for k in indices)
