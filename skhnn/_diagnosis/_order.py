"""Whether the columns are meant in another order: a Hamiltonian of that order fits them better."""

from collections.abc import Iterator, Sequence
from itertools import permutations

import numpy as np

from .._data import Problem
from .._scaling import Scaling
from ._functions import energies_of, units_for
from ._regression import crossfit
from ._rows import Rows


def another_order(
    problem: Problem, label: Sequence[str], names: Sequence[str] | None
) -> str | None:
    """A sentence where a Hamiltonian of sampled units fits another order of the columns better.

    Parameters
    ----------
    problem : Problem
        The rows, of canonical states alone.
    label, names : sequence of str
        What to call the columns, and their names, None where they have none.
    """
    d2 = problem.n_targets
    given = _rows(problem, range(d2))
    n_units = units_for(given)
    variances = np.linalg.eigvalsh(np.cov(given.Z.T))
    # Columns that depend on each other linearly have their meaning in many orders (two bodies about
    # their centre of mass): variances beyond this ratio.
    condition = 1e-6
    if n_units is None or d2 < 4 or variances[0] < condition * variances[-1]:
        return None
    before = _errors(given, n_units)
    found = {tuple(k): _errors(_rows(problem, k), n_units) for k in orders_in_use(d2 // 2)}
    best = min(found, key=lambda k: float(found[k].sum()))
    if not _is_better(found[best], before):
        return None
    wanted = [names[k] for k in best] if names is not None else list(best)
    rows = "X[:, k] and y[:, k]" if names is None else "X[k], and the same columns of y,"
    d = d2 // 2
    # With H = T(p) + V(q) it cannot be told whether X and y are in that order, or y alone.
    rates, or_rates = _order_of_rates(best), ""
    if rates and _is_better(_errors(_rows(problem, range(d2), rates), n_units), before):
        or_rates = f"; or the columns of y alone in the order {rates}, if X is in its own"
    return (
        f"The columns seem to be in another order than q, then p: with {_listed(label, best[:d])} "
        f"as coordinates and {_listed(label, best[d:])} as their momenta, a Hamiltonian of "
        f"{n_units} sampled units leaves {found[best].sum():.2g} of the variance on rows left out, "
        f"in the given order {before.sum():.2g}. Pass {rows} with k = {wanted}{or_rates}"
    )


def _is_better(errors: np.ndarray, before: np.ndarray) -> bool:
    """Whether errors by blocks of rows are clearly below those in the given order."""
    gains = before - errors
    # So many standard errors of the gain, and to less than this part.
    standard_errors, better = 4.0, 0.9
    is_clear = gains.sum() > standard_errors * np.std(gains, ddof=1) * np.sqrt(len(gains))
    return bool(is_clear and errors.sum() <= better * before.sum())


def _order_of_rates(order: Sequence[int]) -> list[int] | None:
    """The order of y alone that pairs coordinates and momenta so; None where q are moved, too."""
    d = len(order) // 2
    if sorted(order[:d]) != list(range(d)):
        return None
    of_q = np.argsort(np.array(order[d:])[np.argsort(order[:d])])
    return [*of_q.tolist(), *(of_q + d).tolist()]


def _listed(label: Sequence[str], columns: Sequence[int]) -> str:
    return ", ".join(label[k] for k in columns)


def orders_in_use(d: int) -> Iterator[list[int]]:
    """The orders that people use: body by body, coordinate by coordinate, other momenta."""
    q, p = list(range(d)), list(range(d, 2 * d))
    for b in (b for b in range(1, d) if d % b == 0):
        body = np.arange(2 * d).reshape(-1, 2, b)
        yield [*body[:, 0].ravel().tolist(), *body[:, 1].ravel().tolist()]
    # Momenta of up to so many coordinates are tried in all orders, of more backwards alone.
    all_orders = 3
    of_momenta = list(permutations(p))[1:] if d <= all_orders else [p[::-1]]
    yield from ([*q, *order] for order in of_momenta)


def _rows(problem: Problem, order: Sequence[int], of_rates: Sequence[int] | None = None) -> Rows:
    """The same rows, and parts left out, with the columns in that order, and those of y."""
    k = list(order)
    X, y = problem.X[:, k], problem.y[:, k if of_rates is None else list(of_rates)]
    weight = problem.weight
    periods = {k.index(column): period for column, period in problem.layout.periods.items()}
    scaling = Scaling.from_data(X, y, weight, periods)
    return Rows.of(Problem(X, y, weight, problem.groups, scaling), np.random.RandomState(0))


def _errors(rows: Rows, n_units: int) -> np.ndarray:
    """What a Hamiltonian of sampled units leaves of rows left out, by blocks of rows."""
    A = energies_of(rows, n_units, np.random.RandomState(0))
    left = crossfit(A, rows.target[:, None], rows.fold).ravel()
    return np.bincount(rows.block, left**2)
