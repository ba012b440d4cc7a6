"""Data sets: states of mechanical systems and their time derivatives.

``make_*`` simulates a system of :mod:`skhnn.systems`, ``load_*`` reads numbers that ship with
the package. Each returns a :class:`sklearn.utils.Bunch` with

* ``data`` (n, 2d): states x = (q, p), columns q_1..q_d, p_1..p_d, or (q, v) with
  ``coordinates="velocities"``,
* ``target`` (n, 2d): their time derivatives (dq/dt, dp/dt), or (dq/dt, dv/dt),
* ``groups`` (n,): which trajectory a row belongs to. Neighbouring rows of one trajectory are
  nearly copies of each other, so cross-validate with ``GroupKFold`` and these groups,
* ``t`` (n,): the times,
* ``feature_names``, ``DESCR``, and ``system`` (the truth) where there is one,

or ``(data, target)`` with ``return_X_y=True``. Four have other columns: those of
:func:`make_rigid_body` and :func:`make_predator_prey` are not canonical, and
:func:`make_damped_pendulum` and :func:`make_acrobot` have an input behind the state (``inputs``).
"""

from ._acrobot import make_acrobot
from ._arm import make_arm
from ._cart_pole import make_cart_pole
from ._chain import make_chain
from ._damped_pendulum import make_damped_pendulum
from ._double_pendulum import make_double_pendulum
from ._duffing import make_duffing
from ._elastic_pendulum import make_elastic_pendulum
from ._henon_heiles import make_henon_heiles
from ._kepler import make_kepler
from ._magnetic_charge import make_magnetic_charge
from ._mass_spring import make_mass_spring
from ._n_body import make_n_body
from ._orbits import make_three_body, make_two_body
from ._pendulum import make_pendulum
from ._planets import load_planet
from ._predator_prey import make_predator_prey
from ._rigid_body import make_rigid_body
from ._satellite import make_satellite
from ._spherical_pendulum import make_spherical_pendulum
from ._spring_network import make_spring_network

__all__ = [
    "load_planet",
    "make_acrobot",
    "make_arm",
    "make_cart_pole",
    "make_chain",
    "make_damped_pendulum",
    "make_double_pendulum",
    "make_duffing",
    "make_elastic_pendulum",
    "make_henon_heiles",
    "make_kepler",
    "make_magnetic_charge",
    "make_mass_spring",
    "make_n_body",
    "make_pendulum",
    "make_predator_prey",
    "make_rigid_body",
    "make_satellite",
    "make_spherical_pendulum",
    "make_spring_network",
    "make_three_body",
    "make_two_body",
]
