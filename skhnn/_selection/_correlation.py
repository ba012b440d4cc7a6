"""How many independent errors the errors of a model along runs are worth."""

import numpy as np

from .._data import Problem


def correlation_of_errors(field: np.ndarray, y: np.ndarray, problem: Problem) -> float:
    r"""tau = 1 + 2 \sum \rho_k^2 of the errors, up to where rho falls to zero.

    N errors in a row tell their variance as well as N / tau independent ones (Bartlett). Errors of
    noise have 1; those of a smooth model along an orbit more, and to count all of them would make
    it follow the orbit closely, and be rough beside it.

    Parameters
    ----------
    field, y : (n, 2d) arrays
        What a model and the data have at the rows of a problem, in their order.
    problem : Problem
        The groups of the rows, and the weights of the columns.

    References
    ----------
    M. S. Bartlett, "Some aspects of the time-correlation problem in regard to tests of
    significance", Journal of the Royal Statistical Society 98 (1935) 536-543.
    """
    r = (field - y) * np.sqrt(problem.scaling.w)
    groups = problem.groups_of_rows()
    run = (
        np.zeros(len(r)) if groups is None else np.unique(groups, return_inverse=True)[1][: len(r)]
    )
    total, tau = float(np.mean(r * r)), 1.0
    for k in range(1, len(r) // 4):
        same = run[k:] == run[:-k]
        rho = float(np.mean((r[k:] * r[:-k])[same])) / total if same.any() and total else 0.0
        if rho <= 2.0 / np.sqrt(r.size):
            break
        tau += 2.0 * rho**2
    return tau
