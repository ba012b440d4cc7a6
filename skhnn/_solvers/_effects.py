"""Which parameters have no effect under which solver (the table of the user guide)."""

_OF_BATCHES = ("batch_size", "learning_rate", "learning_rate_init", "shuffle")
_OF_STOPPING = ("tol", "n_iter_no_change")
_OF_HOLD_OUT = ("early_stopping", "validation_fraction")

#: Parameters that a solver does not look at. "auto" decides by itself what to do with them.
WITHOUT_EFFECT: dict[str, tuple[str, ...]] = {
    "auto": (),
    "least_squares": (*_OF_BATCHES, *_OF_STOPPING, *_OF_HOLD_OUT, "max_iter", "dtype"),
    "soap": (),
    "adam": (),
    "lbfgs": _OF_BATCHES,
    "gauss_newton": (*_OF_BATCHES, "dtype", "alpha"),
}


def without_effect(solver: str, changed: set[str], early_stopping: bool, judges: bool) -> list[str]:
    """Those of the ``changed`` parameters that a fit with this solver does not look at.

    ``judges`` says whether the loss or a hold-out may end the training before its schedule does.
    """
    idle = set(WITHOUT_EFFECT[solver])
    if solver != "auto" and not early_stopping:
        idle.add("validation_fraction")
    if solver in ("soap", "adam") and not judges:
        idle |= set(_OF_STOPPING)
    return sorted(idle & changed)
