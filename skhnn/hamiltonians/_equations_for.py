"""From what users compose to equations, for data like theirs."""

import numpy as np

from ._base import Hamiltonian
from ._equations import Equations, Units
from ._lagrangian import LagrangianEquations
from ._layout import Layout
from ._quadratic_energies import QuadraticEnergies
from ._structure import Structure
from ._weights import Term


def equations_for(
    hamiltonian: Hamiltonian,
    X: np.ndarray,
    weight: np.ndarray,
    *,
    mu: np.ndarray,
    units: Units,
    layout: Layout,
    structure: Structure,
    input_matrix: np.ndarray | None = None,
) -> Equations:
    """The equations of a Hamiltonian whose hidden layers are all given, for data like these.

    Parameters
    ----------
    hamiltonian : Hamiltonian
        What was composed.
    X, weight : (n, n_columns) and (n,) arrays
        Typical rows, and their weights.
    mu : (n_columns,) array
        The means of the columns.
    units : Units
        The scales of the columns; c is mu, but of a periodic column a multiple of its period, and
        zero of one that is ``absolute``; the unit of h; and those of the rates.
    layout : Layout
        What the columns are.
    structure : Structure
        S, in the units of the data.
    input_matrix : (n_pushed, n_inputs) array or None
        A known G, for a Lagrangian: there it says what the units of forces are.
    """
    declared = hamiltonian.declare(layout)
    kind = LagrangianEquations if layout.has_velocities else Equations
    s, c, e, f = units
    if layout.has_velocities:
        d = layout.n_state // 2
        v_size = _sizes(X[:, d : 2 * d], weight, s[d : 2 * d])
        s = np.concatenate([s[:d], v_size, s[2 * d :]])
    if not (declared.networks or declared.pairs or declared.functions):
        raise ValueError(
            f"There is nothing to learn in hamiltonian={hamiltonian!r}. Add a network or quadratic "
            "energies, such as MLP(); a known system is simulated by skhnn.simulate as it is."
        )
    terms: list[Term] = [network.fit(X - c, weight, mu - c, s) for network in declared.networks]
    terms += [functions.fit(X - c, weight, mu - c, s) for functions in declared.functions]
    if declared.pairs:
        quadratic = QuadraticEnergies(layout.n_columns, declared.pairs, layout.n_state)
        terms.append(quadratic.standardised(mu - c, s))
    if not any(term.n_weights for term in terms):
        raise ValueError(
            f"hamiltonian={hamiltonian!r} has masses of q and nothing beside them. Add a potential,"
            " such as MLP('q')."
        )
    forces: list[Term] = []
    if declared.forces:
        # Rates of the size of their unit stand for those of the data.
        d = layout.n_rates
        rates = f[:d] * np.random.RandomState(0).standard_normal((len(X), d))
        rows = np.hstack([X - c, rates, np.zeros((len(X), layout.n_pushed))])
        mean = np.concatenate([mu - c, np.zeros(d + layout.n_pushed)])
        spread = kind.scales_of_forces(layout, s, f, e)
        forces = [term.fit(rows, weight, mean, spread) for term in declared.forces]
    found = kind(hamiltonian, terms, forces, declared.known, layout, structure, c, e, input_matrix)
    if isinstance(found, LagrangianEquations):
        found.v_size = v_size
        found.check()
    return found


def _sizes(V: np.ndarray, weight: np.ndarray, units: np.ndarray) -> np.ndarray:
    """Root mean squares of the columns, or their units, where they are zero."""
    size = np.sqrt(np.average(V * V, axis=0, weights=weight))
    return np.where(size > 0.0, size, units)
