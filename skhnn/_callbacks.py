"""scikit-learn's callbacks, and nothing instead of them before scikit-learn 1.9.

The API is experimental there, so everything that touches it stands in this file.
"""

from collections.abc import Callable
from typing import Any

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:  # scikit-learn < 1.9

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Stands in for the mixin of newer releases; there is no ``set_callbacks``."""

    def with_callbacks(method: Any) -> Any:
        """Return the method as it is."""
        return method


# Fitted attributes of the moment, made only when a callback wants to see a fitted estimator.
Attributes = Callable[[], dict[str, Any]]

__all__ = ["CallbackSupportMixin", "FitTasks", "with_callbacks"]


class FitTasks:
    """The tasks of one fit as callbacks see them: the fit, and in it one task per iteration.

    Use it as a context manager around the solver; call ``end_iteration`` after each iteration and
    ``end_fit`` after all.

    Parameters
    ----------
    estimator : estimator
        Where callbacks may have been set.
    max_iter : int
        The largest number of iterations.
    **data : object
        What the hooks get to see: X, y, metadata.
    """

    def __init__(self, estimator: Any, max_iter: int | None, **data: Any):
        self.estimator, self.data, self.left = estimator, data, max_iter or float("inf")
        self.fit_task: Any = None
        self.iteration_task: Any = None
        if hasattr(estimator, "_init_callback_context"):
            self.fit_task = estimator._init_callback_context(max_subtasks=max_iter)

    def __enter__(self) -> "FitTasks":
        if self.fit_task is not None:
            self.fit_task.call_on_fit_task_begin(estimator=self.estimator, **self.data)
            self._begin_iteration()
        return self

    def __exit__(self, *_: object) -> None:
        # The task of an iteration that was begun and never ran.
        if self.iteration_task is not None:
            self.iteration_task.call_on_fit_task_end(estimator=self.estimator)

    def end_iteration(self, attributes: Attributes, goes_on: bool) -> bool:
        """End the task of an iteration and begin the next; True if a callback asks to stop."""
        task, self.iteration_task = self.iteration_task, None
        if task is None:
            return False
        try:
            stop = task.call_on_fit_task_end(
                estimator=self.estimator, reconstruction_attributes=attributes, **self.data
            )
        except StopIteration as error:  # which scipy would take as its own
            raise RuntimeError(
                "A callback raised StopIteration; to stop the fit, return True from its hook."
            ) from error
        if goes_on and not stop:
            self._begin_iteration()
        return bool(stop)

    def end_fit(self, attributes: Attributes) -> None:
        """End the task of the fit."""
        if self.fit_task is not None:
            self.fit_task.call_on_fit_task_end(
                estimator=self.estimator, reconstruction_attributes=attributes, **self.data
            )

    def _begin_iteration(self) -> None:
        self.iteration_task = None
        if self.left:
            self.left -= 1
            self.iteration_task = self.fit_task.subcontext(task_name="iteration")
            self.iteration_task.call_on_fit_task_begin(estimator=self.estimator, **self.data)
