"""What users compose: objects with hyper-parameters only, which declare terms."""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, clone

from ._functions import Functions
from ._layout import Layout, Periods, as_periodic
from ._network import Network


class Declaration:
    """What a Hamiltonian consists of, for columns of some layout.

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
    functions : list of Functions
        Known functions that have coefficients.
    absolute : set of int
        Columns of which differences from their mean do not suffice, as for a distance from the
        origin.
    forces : list of Network and Functions
        Energies pi . F of forces, of the columns (x, v, pi); see ``_equations.py``.
    """

    def __init__(
        self,
        networks: Iterable[Network] = (),
        pairs: Iterable[tuple[int, int]] = (),
        known: Iterable[Any] = (),
        periods: Periods | None = None,
        functions: Iterable[Functions] = (),
        absolute: Iterable[int] = (),
        forces: Iterable[Network | Functions] = (),
    ):
        self.networks, self.pairs, self.known = list(networks), set(pairs), list(known)
        self.periods, self.functions, self.absolute = periods or {}, list(functions), set(absolute)
        self.forces = list(forces)

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
            self.functions + other.functions,
            self.absolute | other.absolute,
            self.forces + other.forces,
        )  # fmt: skip


class Composed(BaseEstimator):
    """Objects with hyper-parameters only, some of which have hidden layers."""

    def layers(self) -> list["HasLayers"]:
        """The objects in it that have hidden layers, from left to right."""
        return []

    def with_layers(self, layers: Sequence[tuple[Any, Any]]) -> Any:
        """A copy whose networks have these (hidden_layer_sizes, activation), from left to right."""
        other = clone(self)
        for network, (sizes, activation) in zip(other.layers(), layers, strict=True):
            network.set_params(hidden_layer_sizes=sizes, activation=activation)
        return other

    def with_periods(self, layout: Layout) -> Any:
        """A copy whose networks say themselves which of their columns are angles."""
        other = clone(self)
        for part in other.layers():
            if hasattr(part, "periodic"):
                part.set_params(periodic=as_periodic(part.declare(layout).periods))
        return other

    def map_layers(self, change: Callable[[Any, Any], tuple[Any, Any]]) -> Any:
        """A copy whose networks have ``change(hidden_layer_sizes, activation)``."""
        return self.with_layers([change(n.hidden_layer_sizes, n.activation) for n in self.layers()])


class Hamiltonian(Composed):
    """A function H(x) of the state x = (q, p) to be learned, or known, or a sum of such.

    An object holds hyper-parameters only (``get_params``, ``clone``; its ``repr`` is the code that
    makes it, but for functions and arrays). ``H1 + H2`` is a sum, ``MLP("q") * Quadratic("p")`` a
    network of q times known functions of p. Beside its networks every Hamiltonian has the linear
    and quadratic energies that its structure admits.

    A subclass has one method, ``declare``.
    """

    @abstractmethod
    def declare(self, layout: Layout) -> Declaration:
        """The terms, for columns of this layout.

        Raises ValueError where its periods contradict the object's own, or where a column does not
        exist.
        """

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


def _an_object(value: Any, what: str) -> Hamiltonian:
    if isinstance(value, Hamiltonian):
        return value
    hint = f" Did you mean {value.__name__}()?" if isinstance(value, type) else ""
    if callable(value) and not hint:
        hint = " Did you mean Known() of this function?"
    raise TypeError(f"Only Hamiltonians can be {what} to one another; got {value!r}.{hint}")


class HasLayers(Hamiltonian):
    """A Hamiltonian with ``hidden_layer_sizes`` and ``activation`` of its own."""

    hidden_layer_sizes: Any
    activation: Any

    def layers(self) -> list["HasLayers"]:
        return [self]
