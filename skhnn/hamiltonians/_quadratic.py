"""Linear and quadratic energies alone."""

from typing import Any

from ._base import Declaration, Hamiltonian
from ._layout import Layout


class Quadratic(Hamiltonian):
    r"""H(x) = l . z + 1/2 z^T Q z, of the columns z; l and Q are found by least squares.

    Of the momenta it is the kinetic energy of constant masses, ``Quadratic("p")``.

    Parameters
    ----------
    columns : {"q", "p"} or sequence of int, default=None
        The columns of the state; None for all.

    Examples
    --------
    >>> import numpy as np
    >>> from skhnn import HNNRegressor
    >>> from skhnn.hamiltonians import Quadratic
    >>> X = np.random.default_rng(0).normal(size=(20, 2))
    >>> oscillator = np.column_stack([X[:, 1] / 2, -3 * X[:, 0]])  # mass 2, spring 3
    >>> model = HNNRegressor(hamiltonian=Quadratic()).fit(X, oscillator)
    >>> np.diff(model.energy([[0.0, 0.0], [1.0, 0.0]])).round(6)
    array([1.5])
    """

    def __init__(self, columns: Any = None):
        self.columns = columns

    def declare(self, layout: Layout) -> Declaration:
        on, periods = layout.find(self.columns), layout.periods
        around = [k for k in on if k in periods]
        if around and self.columns is not None:
            raise ValueError(
                f"Columns {around} are periodic, and a quadratic energy is not. Use MLP, or leave "
                "these columns out."
            )
        on = [k for k in on if k not in periods]
        return Declaration(pairs=[(i, j) for i in on for j in on if i <= j])
