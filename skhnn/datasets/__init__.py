"""Data sets: states of mechanical systems and their time derivatives.

``make_*`` simulates a system of :mod:`skhnn.systems`, ``load_*`` reads numbers that ship with
the package. Each returns a :class:`sklearn.utils.Bunch` with

* ``data`` (n, 2d): states x = (q, p), columns q_1..q_d, p_1..p_d,
* ``target`` (n, 2d): their time derivatives (dq/dt, dp/dt),
* ``groups`` (n,): which trajectory a row belongs to. Neighbouring rows of one trajectory are
  nearly copies of each other, so cross-validate with ``GroupKFold`` and these groups,
* ``t`` (n,): the times,
* ``feature_names``, ``DESCR``, and ``system`` (the truth) where there is one,

or ``(data, target)`` with ``return_X_y=True``.
"""

from ._mass_spring import make_mass_spring
from ._pendulum import make_pendulum
from ._planets import load_planet

__all__ = ["load_planet", "make_mass_spring", "make_pendulum"]
