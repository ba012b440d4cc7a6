"""What the rows themselves say about the meaning of the columns, before anything is fitted.

Each check looks for something that no Hamiltonian system in the order (q, p) shows, or shows only
by a strange coincidence; together they take a millisecond for a thousand rows.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from .._columns import Columns
from .._row_differences import NEXT_STATES, of_differences
from ._angles import jumps_of_angles, wrapped_angles
from ._clocks import clocks_among_coordinates, clocks_among_momenta
from ._labels import label_of_columns, listed
from ._order import another_order

# With fewer rows a column, chance may show anything.
_ROWS_PER_COLUMN = 5


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
    # Angles need rows one after another.
    rows_in_a_row = 50_000
    X_first, y_first = X[:rows_in_a_row], y[:rows_in_a_row]
    found = jumps_of_angles(X_first, y_first, label, periods or {})
    found = found or wrapped_angles(X_first, label, periods or {}, groups)
    return found + (of_differences(X, y, groups) or _of_columns(X, y, names, label))


def still_inputs(X: np.ndarray, inputs: Sequence[int], label: Sequence[str]) -> list[str]:
    """A sentence on inputs that never vary, but for those that are always zero."""
    found = [k for k in inputs if np.ptp(X[:, k]) == 0.0 and X[0, k] != 0.0]
    if not found:
        return []
    return [
        f"Column {listed(label, found)}, an input, has one value in all rows: its force cannot be "
        "told from that of a constant slope of H, and input_matrix_ is arbitrary there. Leave it "
        "out, or record it while it varies"
    ]


def at_rest(X: np.ndarray, label: Sequence[str]) -> list[str]:
    """A sentence on coordinates that never move, in states (n, 2d)."""
    d = X.shape[1] // 2
    still = np.ptp(X, axis=0) == 0.0
    found = np.flatnonzero(still[:d] & still[d:]).tolist()
    if not 0 < len(found) < d:
        return []
    pushed = listed(label, [k + d for k in found])
    return [
        f"Column {listed(label, found)} never changes, nor does {pushed}: nothing is known of the "
        "masses and forces along it, and a simulation in which it moves means nothing. Leave both "
        "columns out, or record runs in which it moves"
    ]


def _of_columns(
    X: np.ndarray, y: np.ndarray, names: Sequence[str] | None, label: Sequence[str]
) -> list[str]:
    """What a part of the rows says, in whatever order they are."""
    # Enough rows to see what holds in all of them.
    most_rows = 2000
    rows = slice(None, None, -(-len(X) // most_rows))
    X, y = np.asarray(X[rows]), np.asarray(y[rows])
    if len(X) < _ROWS_PER_COLUMN * X.shape[1]:
        return []
    of_X, of_y = Columns.of(X), Columns.of(y)
    if _is_next_state(X, y, of_X):
        return [f"y is nearly X in every column{NEXT_STATES}"]
    found = _codes(X, of_X, [f"Column {name}" for name in label])
    found += _codes(y, of_y, [f"The rate of column {name}" for name in label])
    behind, of_them = clocks_among_momenta(X, y, of_X, of_y, label)
    found += of_them + clocks_among_coordinates(of_X, of_y, label, behind)
    return found if behind else found + another_order(X, y, of_X, of_y, names, label)


def _is_next_state(X: np.ndarray, y: np.ndarray, of_X: Columns) -> bool:
    """Whether y is near X in every column that varies, and the columns vary on their own."""
    moves = of_X.spread > 0
    if not moves.any():
        return False
    distance = np.sqrt(np.mean((y - X)[:, moves] ** 2, axis=0))
    # y is the next state if it is nearer to X than so much of the spread of every column. A
    # Hamiltonian field cannot be: its divergence is zero, that of y = x is the number of columns.
    next_state, condition = 0.5, 1e-6
    if not (distance < np.sqrt(next_state) * of_X.spread[moves]).all():
        return False
    Z = (X[:, moves] - of_X.mean[moves]) / of_X.spread[moves]
    squares = np.linalg.eigvalsh(Z.T @ Z / len(Z))
    return bool(squares[0] > condition * squares[-1])


def _codes(X: np.ndarray, of_X: Columns, what: Sequence[str]) -> list[str]:
    """Columns in which some rows have one value that is far from all others; ``what`` they are."""
    found = []
    # One value in few rows, so many times the range of all others away from them, is a code.
    rare, far = 0.1, 3.0
    for j in np.flatnonzero(of_X.spread > 0.0).tolist():
        x = X[:, j]
        for extreme in (x.min(), x.max()):
            own = x == extreme
            others = x[~own]
            if 2 <= own.sum() < rare * len(x) and np.abs(others - extreme).min() > far * np.ptp(
                others
            ):
                found.append(
                    f"{what[j]} is {extreme:g} in {own.sum()} of {len(x)} rows, and between "
                    f"{others.min():.4g} and {others.max():.4g} in all others: a code for missing "
                    "values? Drop these rows"
                )
    return found
