"""skhnn: Hamiltonian neural networks for scikit-learn.

``HNNRegressor`` learns the Hamiltonian H(q, p) of a mechanical system from states X = (q, p) and
their time derivatives, as a scikit-learn regressor: ``fit(X, dX)``, ``predict``, ``score``. The
learned system is simulated by ``simulate(x0, t)`` and its energy is ``hamiltonian(X)``; the
function ``skhnn.simulate(model, x0, t)`` simulates any model of a vector field, and
``skhnn.integrators`` has symplectic methods. Data to start with, measured and simulated, are in
``skhnn.datasets``, and exact systems to compare with in ``skhnn.systems``.
"""

from ._regressor import HNNRegressor
from ._simulation import ExtrapolationWarning, SimulationError, SimulationResult, simulate
from ._trajectory_regressor import HNNTrajectoryRegressor

__version__ = "0.1.0"
__all__ = [
    "ExtrapolationWarning",
    "HNNRegressor",
    "HNNTrajectoryRegressor",
    "SimulationError",
    "SimulationResult",
    "__version__",
    "simulate",
]
