"""What users compose: objects with hyper-parameters only, which declare terms."""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, clone

from ._network import Network

Periods = dict[int, float]


class Declaration:
    """What a Hamiltonian consists of, for states of D columns.

    Attributes
    ----------
    networks : list of Network
        Networks of known functions; ``sizes`` may be empty, and ``activation`` too, where the user
        has left them open.
    pairs : set of (int, int)
        The products z_i z_j of the linear and quadratic energies that are admitted, with z_i and
        z_j.
    known : list of Known
        Energies without anything to learn.
    periods : dict
        {column: period} of the columns that are angles.
    """

    def __init__(
        self,
        networks: Iterable[Network] = (),
        pairs: Iterable[tuple[int, int]] = (),
        known: Iterable[Any] = (),
        periods: Periods | None = None,
    ):
        self.networks, self.pairs, self.known = list(networks), set(pairs), list(known)
        self.periods = periods or {}

    def __add__(self, other: "Declaration") -> "Declaration":
        for k in self.periods.keys() & other.periods.keys():
            if not np.isclose(self.periods[k], other.periods[k]):
                raise ValueError(
                    f"Column {k} has the periods {self.periods[k]:g} and {other.periods[k]:g} in "
                    "the summands of a Hamiltonian. Give it one."
                )
        return Declaration(
            self.networks + other.networks,
            {pair for pair in self.pairs | other.pairs
             if not {*pair} & {*self.periods, *other.periods}},
            self.known + other.known,
            self.periods | other.periods,
        )  # fmt: skip


class Hamiltonian(BaseEstimator):
    """A function H(x) of the state x = (q, p) to be learned, or known, or a sum of such.

    An object holds hyper-parameters only (``get_params``, ``clone``; its ``repr`` is the code that
    makes it). ``H1 + H2`` is a sum, ``MLP("q") * Quadratic("p")`` a network of q times known
    functions of p. Beside its networks every Hamiltonian has the linear and quadratic energies that
    its structure admits.

    A subclass has one method, ``declare``.
    """

    @abstractmethod
    def declare(self, n_columns: int, periods: Periods) -> Declaration:
        """The terms, for states of ``n_columns`` columns.

        ``periods``, {column: period}, are those of the estimator. Raises ValueError where they
        contradict the object's own, or where a column does not exist.
        """

    def layers(self) -> list["HasLayers"]:
        """The objects in it that have hidden layers, from left to right."""
        return []

    def with_layers(self, layers: Sequence[tuple[Any, Any]]) -> "Hamiltonian":
        """A copy whose networks have these (hidden_layer_sizes, activation), from left to right."""
        other = clone(self)
        for network, (sizes, activation) in zip(other.layers(), layers, strict=True):
            network.set_params(hidden_layer_sizes=sizes, activation=activation)
        return other

    def __add__(self, other: "Hamiltonian") -> "Hamiltonian":
        from ._composition import Sum

        return Sum(self, _an_object(other, "added"))

    def __radd__(self, other: Any) -> "Hamiltonian":
        if isinstance(other, int) and other == 0:  # where sum() begins
            return self
        return _an_object(other, "added") + self

    def __mul__(self, other: "Hamiltonian") -> "Hamiltonian":
        from ._composition import Product

        return Product(self, _an_object(other, "multiplied"))

    def map_layers(self, change: Callable[[Any, Any], tuple[Any, Any]]) -> "Hamiltonian":
        """A copy whose networks have ``change(hidden_layer_sizes, activation)``."""
        return self.with_layers([change(n.hidden_layer_sizes, n.activation) for n in self.layers()])


def _an_object(value: Any, what: str) -> Hamiltonian:
    if isinstance(value, Hamiltonian):
        return value
    hint = f" Did you mean {value.__name__}()?" if isinstance(value, type) else ""
    raise TypeError(f"Only Hamiltonians can be {what} to one another; got {value!r}.{hint}")


class HasLayers(Hamiltonian):
    """A Hamiltonian with ``hidden_layer_sizes`` and ``activation`` of its own."""

    hidden_layer_sizes: Any
    activation: Any

    def layers(self) -> list["HasLayers"]:
        return [self]


def columns_of(columns: Any, n_columns: int) -> list[int]:
    """The indices of "q", "p", None (all), or a sequence of indices; ValueError for others."""
    d = n_columns // 2
    if columns is None:
        return list(range(n_columns))
    if isinstance(columns, str):
        if columns not in ("q", "p"):
            raise ValueError(
                f"columns must be 'q', 'p', None or a sequence of indices; got {columns!r}."
            )
        return list(range(d)) if columns == "q" else list(range(d, 2 * d))
    found = [int(k) for k in np.atleast_1d(columns)]
    if not found or len(set(found)) < len(found) or min(found) < 0 or max(found) >= n_columns:
        raise ValueError(
            f"columns must be different indices of the {n_columns} columns of X; got {columns!r}."
        )
    return found


def periods_of(periodic: Any) -> Periods:
    """{column: period} of None, a sequence of columns (period 2 pi), or a mapping."""
    if periodic is None:
        return {}
    given = periodic
    if not isinstance(periodic, Mapping):
        periodic = dict.fromkeys(np.atleast_1d(np.asarray(periodic, object)), 2.0 * np.pi)
    for k, period in periodic.items():
        is_column = isinstance(k, Integral) and not isinstance(k, (bool, np.bool_))
        if not (is_column and isinstance(period, Real)):
            raise ValueError(
                "periodic must be the columns that are angles, for the period 2 pi, or {column: "
                f"period}}, by index, or by name where X has names; got {given!r}."
            )
    found = {int(k): float(period) for k, period in periodic.items()}
    wrong = {k: period for k, period in found.items() if not (period > 0 and np.isfinite(period))}
    if wrong:
        raise ValueError(f"periods must be positive and finite; got {wrong}.")
    return found


def common_periods(own: Any, of_estimator: Periods, columns: Sequence[int]) -> Periods:
    """The periods of some columns, given on an object, on the estimator, or on both alike."""
    found = periods_of(own)
    for k in columns:
        if k in found and k in of_estimator and not np.isclose(found[k], of_estimator[k]):
            raise ValueError(
                f"The period of column {k} is {of_estimator[k]:g} on the estimator and "
                f"{found[k]:g} on the Hamiltonian. Give it once."
            )
    if found and set(found) - set(columns):
        raise ValueError(
            f"periodic names columns {sorted(set(found) - set(columns))} that this network does "
            f"not read; it reads {list(columns)}."
        )
    return {k: (found | of_estimator)[k] for k in columns if k in found or k in of_estimator}
