"""Known systems: H, its gradient and the vector field, exact, on numpy arrays.

A state of a :class:`HamiltonianSystem` is x = (q, p), with the columns q_1..q_d, p_1..p_d
(d = ``n_dof``), and Hamilton's equations are

    dx/dt = J grad H(x),    J = [[0, I], [-I, 0]],

that is dq/dt = dH/dp and dp/dt = **minus** dH/dq. ``to_velocities`` and ``velocity_field`` give
the same motion in (q, v), v = dq/dt. A :class:`PoissonSystem` has other columns and a skew matrix
S(x) in place of J, and :class:`Forced` adds friction and inputs.

These systems make the simulated data sets of :mod:`skhnn.datasets` and are the truth that a
learned model is compared with. A new one is a frozen dataclass: its physical parameters are
the fields, and it defines ``n_dof``, ``energy`` and ``gradient``.
"""

from ._acrobot import Acrobot
from ._arm import Arm
from ._cart_pole import CartPole
from ._chain import Chain
from ._double_pendulum import DoublePendulum
from ._duffing import Duffing
from ._elastic_pendulum import ElasticPendulum
from ._forced import Forced
from ._hamiltonian import HamiltonianSystem
from ._henon_heiles import HenonHeiles
from ._kepler import Kepler
from ._magnetic_charge import MagneticCharge
from ._mass_spring import MassSpring
from ._n_body import NBody
from ._pendulum import Pendulum
from ._poisson import PoissonSystem
from ._predator_prey import PredatorPrey
from ._rigid_body import RigidBody
from ._satellite import Satellite
from ._spherical_pendulum import SphericalPendulum
from ._spring_network import SpringNetwork

__all__ = [
    "Acrobot",
    "Arm",
    "CartPole",
    "Chain",
    "DoublePendulum",
    "Duffing",
    "ElasticPendulum",
    "Forced",
    "HamiltonianSystem",
    "HenonHeiles",
    "Kepler",
    "MagneticCharge",
    "MassSpring",
    "NBody",
    "Pendulum",
    "PoissonSystem",
    "PredatorPrey",
    "RigidBody",
    "Satellite",
    "SphericalPendulum",
    "SpringNetwork",
]
