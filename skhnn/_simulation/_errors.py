"""What a simulation that goes wrong raises or warns with."""

import sys
import warnings
from typing import Any


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn in the name of the line that called the package, through whichever of its ways in."""
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("skhnn"):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)


class ExtrapolationWarning(UserWarning):
    """A trajectory has left the training data, beyond which a learned Hamiltonian means nothing.

    Examples
    --------
    >>> import warnings
    >>> from skhnn import ExtrapolationWarning
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("error", ExtrapolationWarning)  # stop instead of going on
    """


class SimulationError(RuntimeError):
    """A simulation ended before the last time asked for.

    Parameters
    ----------
    message : str
        What happened, and what to do.
    t_reached : float or ndarray of shape (m,)
        The time up to which the integration succeeded; for a batch, that of every trajectory.
    t : ndarray of shape (n,)
        The times of ``y``: those asked for that were reached, then ``t_reached``, from where a new
        simulation can go on. For a batch, all times asked for; where each trajectory has its own,
        of shape (m, n), or a list of arrays if their numbers differ.
    y : ndarray of shape (n, 2d) or (m, n, 2d), or list of ndarray
        The states at ``t``. For a batch, states that were not computed are NaN.
    advice : str, default=""
        The last part of the message: what to do.

    Attributes
    ----------
    t_reached, t, y, advice
        As above.

    Examples
    --------
    >>> from skhnn import SimulationError
    >>> try:
    ...     raise SimulationError("stopped at t=1", t_reached=1.0, t=[0.0], y=[[0.0, 1.0]])
    ... except SimulationError as error:
    ...     error.t_reached
    1.0
    """

    def __init__(self, message: str, t_reached: Any, t: Any, y: Any, advice: str = ""):
        # All go into args, so that the error survives a pickle (joblib workers).
        super().__init__(message, t_reached, t, y, advice)
        self.t_reached, self.t, self.y, self.advice = t_reached, t, y, advice

    def __str__(self) -> str:
        return str(self.args[0])
