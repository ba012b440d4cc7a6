"""A multilayer perceptron, of all columns or of some, periodic where asked for."""

from typing import Any

import numpy as np

from ._base import Declaration, HasLayers
from ._layout import Layout, Periods
from ._maps import Angles, Beside, Map, Standardised
from ._network import Network


class MLP(HasLayers):
    r"""H(x) = sigma(... sigma(z W_1 + b_1) ... W_L + b_L) w + E(z), a multilayer perceptron.

    z are the columns that it reads, standardised; of a periodic column cosine and sine, so that a
    shift by a period changes nothing. E is linear and quadratic in the others.

    Parameters
    ----------
    columns : {"q", "p", "parameters"} or sequence of int, default=None
        The columns of the state that it reads; None for all. Parameters, where there are such
        columns, are read too, unless indices are given.
    hidden_layer_sizes : sequence of int, default=None
        The number of units of each hidden layer. None leaves it to the estimator.
    activation : {"tanh", "softplus", "silu", "sin", "logistic", "quartic"}, default=None
        The activation. None leaves it to the estimator.
    periodic : sequence of int or mapping, default=None
        Columns that are angles, of period 2 pi, or {column: period}.

    References
    ----------
    S. Greydanus, M. Dzamba, J. Yosinski, "Hamiltonian Neural Networks", NeurIPS 2019.

    Examples
    --------
    >>> from skhnn.hamiltonians import MLP, Quadratic
    >>> Quadratic("p") + MLP("q", (32, 32))
    Quadratic(columns='p') + MLP(columns='q', hidden_layer_sizes=(32, 32))
    """

    def __init__(
        self,
        columns: Any = None,
        hidden_layer_sizes: Any = None,
        activation: str | None = None,
        periodic: Any = None,
    ):
        self.columns = columns
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.periodic = periodic

    def declare(self, layout: Layout) -> Declaration:
        on = layout.of_network(self.columns)
        periods = layout.common_periods(self.periodic, on)
        network = Network(
            on, tuple(self.hidden_layer_sizes or ()), self.activation or "", embedding(on, periods)
        )
        straight = [k for k in on if k not in periods]
        pairs = [(i, j) for i in straight for j in straight if i <= j and i < layout.n_state]
        return Declaration([network], pairs, periods=periods)


def embedding(on: list[int], periods: Periods) -> Map:
    """What a network reads: its columns standardised, cosine and sine of those with a period."""
    angles = [k for k, column in enumerate(on) if column in periods]
    if not angles:
        return Standardised()
    straight = [k for k, column in enumerate(on) if column not in periods]
    round_ = Angles(2.0 * np.pi / np.array([periods[on[k]] for k in angles])) >> Standardised()
    return Beside(round_, angles, Standardised(), straight) if straight else round_
