"""How a trajectory ended."""


class Status:
    """Numbers for the arrays of a record.

    Not an ``IntEnum``: numpy asks the class of what an array is compared with for attributes,
    which runs code of ``enum``, and discards what is raised there, an interrupt by the user too.
    """

    RUNNING = -1
    FINISHED = 0
    TERMINATED = 1
    NOT_FINITE = 2
    STEP_TOO_SMALL = 3
    BUDGET = 4
    INTERRUPTED = 5
    NOT_SOLVED = 6
    NO_PROGRESS = 7


REASONS = {
    Status.RUNNING: "not started.",
    Status.FINISHED: "The last time was reached.",
    Status.TERMINATED: "A terminal event occurred.",
    Status.NOT_FINITE: "the vector field is not finite there or within the next step.",
    Status.STEP_TOO_SMALL: (
        "the required step is smaller than the spacing of floating-point numbers."
    ),
    Status.BUDGET: "max_nfev evaluations of the field were not enough.",
    Status.INTERRUPTED: "interrupted by the user.",
    Status.NOT_SOLVED: "the equations of an implicit step were not solved.",
    Status.NO_PROGRESS: (
        "the steps have become absurdly short for a field learned from these data."
    ),
}

ADVICE = {
    Status.NOT_FINITE: (
        "Where the field was learned, the trajectory has left the region that its training data "
        "cover: start closer to them, shorten t, or fit on more data."
    ),
    Status.STEP_TOO_SMALL: (
        "The field changes too fast for the tolerances: loosen rtol and atol, try method='Radau', "
        "or fit on more data around this state."
    ),
    Status.BUDGET: "Raise max_nfev, loosen rtol and atol or take a larger step_size, or shorten t.",
    Status.INTERRUPTED: "Start again from the state at t_reached.",
    Status.NOT_SOLVED: "An explicit method, such as 'DOP853', has no equations to solve.",
    Status.NO_PROGRESS: (
        "Beside its data a learned field means nothing: start closer to them, shorten t, or fit on "
        "more data. To go on all the same, say how long: max_nfev=1_000_000."
    ),
}
