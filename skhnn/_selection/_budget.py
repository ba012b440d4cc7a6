"""What the default may spend, and what is enough for it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Budget:
    """The numbers of the default.

    ``max_time`` of the estimator comes beside them, as the deadline of ``SolverOptions``.

    Parameters
    ----------
    good : float
        An error, relative to the spread of the targets, that is good enough to look no further: a
        tenth to a third of what training reaches where sampled layers fail.
    agreement : float
        Two models that are closer to each other than this part of what both leave have found the
        same function; the rest is noise. What they may have missed adds 1 % to it.
    equations_of_few : int
        Up to so many equations (rows times columns) networks are trained by Gauss-Newton, which
        takes a few seconds there, and beyond by SOAP.
    equations_left_in_turn : int
        Up to so many equations every part of the rows is left out in turn; with more the first one
        says enough.
    last_weights : int
        The last weights of a trained network after units are added to its last layer.
    last_weights_of_short : int
        The same after a short training.
    """

    good: float = 3e-4
    agreement: float = 0.2
    equations_of_few: int = 4000
    equations_left_in_turn: int = 400
    last_weights: int = 1800
    last_weights_of_short: int = 900
