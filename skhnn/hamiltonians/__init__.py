r"""Hamiltonians: the functions H(q, p) that are learned, and their derivatives.

Conventions, used throughout the package:

* A state is x = (q, p): columns q_1..q_d, p_1..p_d, with d degrees of freedom.
* The structure matrix is J = [[0, I], [-I, 0]], and the vector field is dx/dt = J grad H:
  dq/dt = dH/dp and dp/dt = -dH/dq. Mind the minus sign.
* H is defined up to a constant. The mean of a fitted H over its training data is zero.

A Hamiltonian here is a small object with hyper-parameters and pure methods; the fitted numbers are
passed in (``Hamiltonian``, whose docstring is the contract). The same code runs on numpy arrays and
on torch tensors: neither scipy nor torch is imported here.
"""

from ._activations import ACTIVATIONS, REFUSED
from ._base import Hamiltonian, Params
from ._mechanical import MechanicalHamiltonian
from ._mlp import MLPHamiltonian
from ._natural import NaturalHamiltonian
from ._sampling import SAMPLING_SCALES
from ._separable import SeparableHamiltonian
from ._structure import field_from_gradient, gradient_from_field

#: What the parameter ``hamiltonian`` of the estimator may say.
HAMILTONIANS: dict[str, type[Hamiltonian]] = {
    form.name: form
    for form in (MLPHamiltonian, SeparableHamiltonian, MechanicalHamiltonian, NaturalHamiltonian)
}

__all__ = [
    "ACTIVATIONS",
    "HAMILTONIANS",
    "REFUSED",
    "SAMPLING_SCALES",
    "Hamiltonian",
    "MLPHamiltonian",
    "MechanicalHamiltonian",
    "NaturalHamiltonian",
    "Params",
    "SeparableHamiltonian",
    "field_from_gradient",
    "gradient_from_field",
]
