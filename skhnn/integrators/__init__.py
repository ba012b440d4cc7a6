"""Integrators that keep what a Hamiltonian system keeps.

The flow of a Hamiltonian system is a symplectic map: the derivative M of the end by the start obeys
M^T J M = J. A symplectic method has this property at every step size. It follows exactly the flow
of a Hamiltonian close to H, so that its energy error stays bounded over times without end, where
that of other methods grows. Energy-preserving methods conserve H itself instead.

All are subclasses of :class:`scipy.integrate.OdeSolver` with steps of one length, ``step_size``.
Take them by name in :func:`skhnn.simulate`, or as ``method`` of
:func:`scipy.integrate.solve_ivp`. Those that split H into drifts and kicks are for separable
Hamiltonians, H = T(p) + V(q); a network H(q, p) is not separable, unless it is made so
(``hamiltonian="separable"``).
"""

from ._average_vector_field import AverageVectorField, AverageVectorField4
from ._blanes_moan import BlanesMoan4, BlanesMoan6
from ._fixed_step import FixedStepSolver
from ._gauss_legendre import GaussLegendre4, GaussLegendre6
from ._implicit_midpoint import ImplicitMidpoint
from ._stormer_verlet import StormerVerlet
from ._tao import Tao
from ._yoshida import Yoshida4, Yoshida6, Yoshida8

__all__ = [
    "AverageVectorField",
    "AverageVectorField4",
    "BlanesMoan4",
    "BlanesMoan6",
    "FixedStepSolver",
    "GaussLegendre4",
    "GaussLegendre6",
    "ImplicitMidpoint",
    "StormerVerlet",
    "Tao",
    "Yoshida4",
    "Yoshida6",
    "Yoshida8",
]
