"""How a trajectory ended."""

from enum import IntEnum


class Status(IntEnum):
    """A number for the arrays of a record; a failure has a reason and an advice."""

    reason: str
    advice: str

    def __new__(cls, number: int, reason: str = "", advice: str = "") -> "Status":
        status = int.__new__(cls, number)
        status._value_ = number
        status.reason, status.advice = reason, advice
        return status

    RUNNING = -1, "not started."
    FINISHED = 0, "The last time was reached."
    TERMINATED = 1, "A terminal event occurred."
    NOT_FINITE = (
        2,
        "the vector field is not finite there or within the next step.",
        "Where the field was learned, the trajectory has left the region that its training data "
        "cover: start closer to them, shorten t, or fit on more data.",
    )
    STEP_TOO_SMALL = (
        3,
        "the required step is smaller than the spacing of floating-point numbers.",
        "The field changes too fast for the tolerances: loosen rtol and atol, try method='Radau', "
        "or fit on more data around this state.",
    )
    BUDGET = (
        4,
        "max_nfev evaluations of the field were not enough.",
        "Raise max_nfev, loosen rtol and atol or take a larger step_size, or shorten t.",
    )
    INTERRUPTED = 5, "interrupted by the user.", "Start again from the state at t_reached."
    NOT_SOLVED = (
        6,
        "the equations of an implicit step were not solved.",
        "An explicit method, such as 'DOP853', has no equations to solve.",
    )
    NO_PROGRESS = (
        7,
        "the steps have become absurdly short for a field learned from these data.",
        "Beside its data a learned field means nothing: start closer to them, shorten t, or fit on "
        "more data. To go on all the same, say how long: max_nfev=1_000_000.",
    )
