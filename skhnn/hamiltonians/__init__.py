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
from ._base import Hamiltonian, Periods, periods_of
from ._composition import Product, Sum
from ._equations import Equations, equations_for
from ._known import Known
from ._layers import Params
from ._mlp import MLP
from ._quadratic import Quadratic
from ._sampling import SAMPLING_SCALES
from ._structure import field_from_gradient, gradient_from_field

#: What the parameter ``hamiltonian`` of the estimator may say, the simplest first.
HAMILTONIANS: dict[str, Hamiltonian] = {
    "mechanical": Quadratic("p") + MLP("q"),
    "separable": MLP("p") + MLP("q"),
    "natural": MLP("q") * Quadratic("p"),
    "mlp": MLP(),
}

__all__ = [
    "ACTIVATIONS",
    "HAMILTONIANS",
    "MLP",
    "REFUSED",
    "SAMPLING_SCALES",
    "Equations",
    "Hamiltonian",
    "Known",
    "Params",
    "Periods",
    "Product",
    "Quadratic",
    "Sum",
    "equations_for",
    "field_from_gradient",
    "gradient_from_field",
    "periods_of",
]
