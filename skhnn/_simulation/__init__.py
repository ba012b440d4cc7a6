"""Simulation: trajectories of a vector field, learned or known.

``simulate`` is the one entry. It reads a model (``_models.py``) as ``Dynamics`` (the field, and the
energy, Jacobian, halves and support of the data where there are any) and has the trajectories
advanced by one of two engines that write into the same ``Record``:

* ``_single.py``: one trajectory, by ``scipy.integrate.solve_ivp``, with any method;
* ``_batch.py``: many trajectories side by side, by a *stepper*: the explicit Runge-Kutta methods of
  scipy with a step of its own for every trajectory (``_adaptive.py``), or a method of
  ``skhnn.integrators`` (``_fixed_step.py``), on numpy or on a device of torch.

Engines know only the time tau = t - t[0] since the start of each trajectory; users meet their own
t. A ``Guard`` (``_guard.py``) ends trajectories of learned fields that hardly move.

What ended a trajectory early is a value in the record; ``_outcome.py`` and ``_result.py`` make an
exception, a warning or an entry of the ``SimulationResult`` of it, as the user asked.
"""

from ._adaptive import ROWS_AT_ONCE
from ._canonical import Canonical
from ._driving import Driving
from ._dynamics import Dynamics
from ._errors import ExtrapolationWarning, SimulationError, warn
from ._options import METHODS
from ._result import SimulationResult
from ._simulate import simulate

__all__ = [
    "METHODS",
    "ROWS_AT_ONCE",
    "Canonical",
    "Driving",
    "Dynamics",
    "ExtrapolationWarning",
    "SimulationError",
    "SimulationResult",
    "simulate",
    "warn",
]
