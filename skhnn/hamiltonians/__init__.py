r"""Hamiltonians: the functions H(q, p) that are learned, and their derivatives.

Conventions, used throughout the package:

* A state is x = (q, p): columns q_1..q_d, p_1..p_d, with d degrees of freedom.
* The structure matrix is J = [[0, I], [-I, 0]], and the vector field is dx/dt = J grad H:
  dq/dt = dH/dp and dp/dt = -dH/dq. Mind the minus sign.
* H is defined up to a constant. The mean of a fitted H over its training data is zero.

Users compose objects with hyper-parameters only (``MLP("q") + Quadratic("p")``). For the columns of
some data these declare terms: networks of known functions, and quadratic energies. ``Equations``
has the derivatives of their sum, as pure functions of the weights. The same code runs on numpy
arrays and on torch tensors: neither scipy nor torch is imported here.
"""

from ._activations import ACTIVATIONS, REFUSED
from ._base import Hamiltonian
from ._composition import Product, Sum, WithForces, with_forces, with_forces_of
from ._design import Design
from ._equations import Equations, Units
from ._equations_for import equations_for
from ._kinetic import Kinetic
from ._known import Known
from ._lagrangian import LagrangianEquations
from ._layers import Params
from ._layout import Layout, Periods, periods_of, periods_of_parts
from ._mlp import MLP
from ._natural import Natural, has_constant_masses, natural_of
from ._one_network import as_one_network
from ._pairwise import Pairwise, with_bodies
from ._quadratic import Quadratic
from ._radial import Radial
from ._sampling import COLUMNS_OF_SPARSE, SAMPLING_SCALES
from ._saving import refuse_unless_saved
from ._structure import (
    Canonical,
    Constant,
    EulerLagrange,
    Poisson,
    Structure,
    field_from_gradient,
    gradient_from_field,
)

#: What the parameter ``hamiltonian`` of the estimator may say, the simplest first.
HAMILTONIANS: dict[str, Hamiltonian] = {
    "mechanical": Quadratic("p") + MLP("q"),
    "separable": MLP("p") + MLP("q"),
    "natural": MLP("q") * Quadratic("p"),
    "mlp": MLP(),
}

#: What is tried of positions and velocities, the simplest first; b is nothing for one coordinate.
LAGRANGIANS: dict[str, Hamiltonian] = {
    "unit": Natural(1.0),
    "diagonal": Natural("diagonal"),
    "mechanical": Natural(),
    "diagonal, turning": Natural("diagonal", "constant"),
    "mechanical, turning": Natural("full", "constant"),
    "diagonal, magnetic": Natural("diagonal", "q"),
    "mechanical, magnetic": Natural("full", "q"),
    "natural": Natural("q"),
    "natural, turning": Natural("q", "constant"),
    "natural, magnetic": Natural("q", "q"),
}


def named(layout: Layout) -> dict[str, Hamiltonian]:
    """What the names of ``HAMILTONIANS`` mean for these columns.

    With parameters the masses may depend on them; without q and p there is "mlp" alone.
    """
    if layout.has_velocities:
        is_one = layout.n_state == 2  # then there is no ratio of masses, and no b
        names = ("unit", "natural") if is_one else LAGRANGIANS
        return {name: LAGRANGIANS[name] for name in names}
    if not layout.is_canonical:
        return {"mlp": MLP()}
    if layout.n_parameters:
        return HAMILTONIANS | {"mechanical": MLP("parameters") * Quadratic("p") + MLP("q")}
    return HAMILTONIANS


__all__ = [
    "ACTIVATIONS",
    "COLUMNS_OF_SPARSE",
    "HAMILTONIANS",
    "LAGRANGIANS",
    "MLP",
    "REFUSED",
    "SAMPLING_SCALES",
    "Canonical",
    "Constant",
    "Design",
    "Equations",
    "EulerLagrange",
    "Hamiltonian",
    "Kinetic",
    "Known",
    "LagrangianEquations",
    "Layout",
    "Natural",
    "Pairwise",
    "Params",
    "Periods",
    "Poisson",
    "Product",
    "Quadratic",
    "Radial",
    "Structure",
    "Sum",
    "Units",
    "WithForces",
    "as_one_network",
    "equations_for",
    "field_from_gradient",
    "gradient_from_field",
    "has_constant_masses",
    "named",
    "natural_of",
    "periods_of",
    "periods_of_parts",
    "refuse_unless_saved",
    "with_bodies",
    "with_forces",
    "with_forces_of",
]
