"""What the columns of X are: the state, then inputs, then parameters; and which are angles."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Integral, Real
from typing import Any

import numpy as np

Periods = dict[int, float]


@dataclass(frozen=True)
class Layout:
    """See the module.

    Parameters
    ----------
    n_state : int
        The number of columns of the state.
    n_inputs, n_parameters : int
        The numbers of columns behind it: inputs u of forces, and parameters of H.
    periods : mapping
        {column: period} of the columns that the estimator was told to be angles.
    is_canonical : bool
        Whether a state is (q, p).
    has_velocities : bool
        Whether a state is (q, v): then "p" names the velocities.
    """

    n_state: int
    n_inputs: int = 0
    n_parameters: int = 0
    periods: Periods = field(default_factory=dict)
    is_canonical: bool = True
    has_velocities: bool = False

    @property
    def has_halves(self) -> bool:
        """Whether a state has coordinates, and as many momenta or velocities."""
        return self.is_canonical or self.has_velocities

    @property
    def n_columns(self) -> int:
        """All columns."""
        return self.n_state + self.n_inputs + self.n_parameters

    @property
    def inputs(self) -> list[int]:
        """The columns of the inputs."""
        return list(range(self.n_state, self.n_state + self.n_inputs))

    @property
    def parameters(self) -> list[int]:
        """The columns of the parameters."""
        return list(range(self.n_state + self.n_inputs, self.n_columns))

    @property
    def n_rates(self) -> int:
        """The number of rates v = dq/dt that forces may depend on."""
        return self.n_state // 2 if self.has_halves else 0

    @property
    def n_pushed(self) -> int:
        """The number of rates that forces act on: dp/dt, or with another structure all."""
        return self.n_state // 2 if self.has_halves else self.n_state

    @property
    def rates(self) -> list[int]:
        """The columns that stand for v in the terms of forces."""
        return list(range(self.n_columns, self.n_columns + self.n_rates))

    @property
    def pushes(self) -> list[int]:
        """The columns that stand for pi there, see ``_equations.py``."""
        first = self.n_columns + self.n_rates
        return list(range(first, first + self.n_pushed))

    def of_network(self, columns: Any) -> list[int]:
        """The columns that a network reads: parameters too, unless indices are given."""
        found = self.find(columns)
        if columns is None or (isinstance(columns, str) and columns != "parameters"):
            return [*found, *self.parameters]
        return found

    def find(self, columns: Any) -> list[int]:
        """The indices of "q", "p", "parameters", None (the state), or a sequence of indices."""
        d = self.n_state // 2
        if columns is None:
            return list(range(self.n_state))
        if isinstance(columns, str):
            if columns == "parameters":
                return self._parameters_asked_for()
            if columns not in ("q", "p"):
                raise ValueError(
                    "columns must be 'q', 'p', 'parameters', None or a sequence of indices; got "
                    f"{columns!r}."
                )
            if not self.has_halves:
                raise ValueError(
                    f"columns={columns!r} has no meaning with a structure of one's own; name the "
                    f"columns of the state by indices, 0 to {self.n_state - 1}."
                )
            return list(range(d)) if columns == "q" else list(range(d, 2 * d))
        given = np.atleast_1d(np.asarray(columns, object))
        if not all(isinstance(k, Integral) for k in given):
            raise ValueError(
                "columns must be 'q', 'p', 'parameters', None or a sequence of indices; got "
                f"{columns!r}."
            )
        found = [int(k) for k in given]
        legal = [k for k in range(self.n_columns) if k not in self.inputs]
        if not found or len(set(found)) < len(found) or not set(found) <= set(legal):
            more = f", parameters {self.parameters}" if self.n_parameters else ""
            raise ValueError(
                f"columns must be different indices of the {self.n_state} columns of the "
                f"state{more}; got {columns!r}."
            )
        return found

    def _parameters_asked_for(self) -> list[int]:
        if not self.n_parameters:
            raise ValueError("columns='parameters' needs n_parameters, the number of such columns.")
        return self.parameters

    def common_periods(self, own: Any, columns: Sequence[int]) -> Periods:
        """The periods of some columns, given on an object, on the estimator, or on both alike."""
        found, known = periods_of(own), self.periods
        for k in columns:
            if k in found and k in known and not np.isclose(found[k], known[k]):
                raise ValueError(
                    f"The period of column {k} is {known[k]:g} on the estimator and "
                    f"{found[k]:g} on the Hamiltonian. Give it once."
                )
        if found and set(found) - set(columns):
            raise ValueError(
                f"periodic names columns {sorted(set(found) - set(columns))} that this network "
                f"does not read; it reads {list(columns)}."
            )
        return {k: (found | known)[k] for k in columns if k in found or k in known}


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
                "period}, by index; on the estimator also by name, where X has names; got "
                f"{given!r}."
            )
    found = {int(k): float(period) for k, period in periodic.items()}
    wrong = {k: period for k, period in found.items() if not (period > 0 and np.isfinite(period))}
    if wrong:
        raise ValueError(f"periods must be positive and finite; got {wrong}.")
    return found


def as_periodic(periods: Periods) -> Any:
    """What ``periods_of`` makes these periods of, as short as it can be."""
    if all(period == 2.0 * np.pi for period in periods.values()):
        return sorted(periods) or None
    return dict(sorted(periods.items()))


def periods_of_parts(hamiltonian: Any) -> Periods:
    """{column: period} that the networks of a Hamiltonian name; ValueError where these differ."""
    found: Periods = {}
    for part in hamiltonian.layers():
        for k, period in periods_of(getattr(part, "periodic", None)).items():
            if not np.isclose(found.setdefault(k, period), period):
                raise ValueError(
                    f"Column {k} has the periods {found[k]:g} and {period:g} in the parts of a "
                    "Hamiltonian. Give it one."
                )
    return found
