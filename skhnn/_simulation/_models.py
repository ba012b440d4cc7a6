"""From anything that predicts a vector field to ``Dynamics``."""

import inspect
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from sklearn import config_context
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted, validate_data

from ._driving import Driving
from ._dynamics import Dynamics
from ._errors import warn

# Linear scalers of single columns, whose scale and shift can be read off two states.
_SCALERS = ("UniformScaler", "StandardScaler", "MinMaxScaler", "MaxAbsScaler", "RobustScaler")


def dynamics_of(
    model: Any,
    x0: Any,
    time_dependent: bool | None = None,
    driving: Callable[[dict[str, int]], Driving | None] = lambda n_columns: None,
) -> Dynamics:
    """The vector field of a model; ``x0`` are states where it will be evaluated.

    ``driving`` makes inputs and parameters for models with so many of each.

    ``time_dependent`` says whether a function is called as f(t, x); None looks at its signature.

    Raises
    ------
    TypeError
        If the model is none of the kinds that ``simulate`` takes.
    NotFittedError
        If it is not fitted.
    """
    while hasattr(model, "best_estimator_"):  # a search
        model = model.best_estimator_
    if isinstance(model, type):
        raise TypeError(f"model must be an object; got the class {model.__name__}.")
    is_function = callable(model) and not hasattr(model, "predict")
    if time_dependent and (hasattr(model, "_dynamics") or not is_function):
        raise ValueError(
            "time_dependent=True is for functions f(t, x); a fitted model or known system is one "
            "of states alone. Put it into a function, lambda t, x: model.predict(x) + ..."
        )
    if hasattr(model, "_dynamics"):
        check_is_fitted(model)
        return model._dynamics(driving=driving(model._columns_behind()))
    if hasattr(model, "steps") and hasattr(model, "predict"):
        return _of_pipeline(model, x0, driving)
    driving({"u": 0, "parameters": 0})
    if hasattr(model, "vector_field") and hasattr(model, "energy"):  # of skhnn.systems
        n_columns = model.n_columns if hasattr(model, "n_columns") else 2 * model.n_dof
        return Dynamics(model.vector_field, n_columns, energy=model.energy)
    if hasattr(model, "predict"):
        check_is_fitted(model)
        if hasattr(model, "regressor_") and hasattr(model.regressor_, "_dynamics"):
            transformer = model.transformer_
            _warn_unless_uniform(transformer.inverse_transform, x0, "The transforms of y")
        return _of_regressor(model)
    if callable(model):
        if takes_time(model) if time_dependent is None else time_dependent:
            return Dynamics(_of_rows_at_a_time(model), depends_on_time=True)
        return Dynamics(_of_rows(model))
    raise TypeError(
        "model must be a fitted regressor, a system of skhnn.systems, or a function f(x) or "
        f"f(t, x) of states x (n, 2d) that returns their derivatives; got {model!r}."
    )


def takes_time(function: Callable[..., Any]) -> bool:
    """Whether a function is one of (t, x): two arguments by position must be given.

    A function that does not tell its arguments, or takes any number of them, is one of x.
    """
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # builtins
        return False
    by_position = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    needed = [p.name for p in parameters if p.kind in by_position and p.default is p.empty]
    if len(needed) > 2:
        raise TypeError(
            f"model must be a function of states, f(x), or of time and states, f(t, x); got one of "
            f"{len(needed)} arguments, {', '.join(needed)}. Bind the others, for instance with "
            "functools.partial."
        )
    return len(needed) == 2


def look_at_start(dynamics: Dynamics, model: Any, t0: float, x: np.ndarray) -> None:
    """Evaluate the field once, at x (1, 2d): a function of another shape is an error at once."""
    if not callable(model) or hasattr(model, "predict"):
        dynamics.since(t0)(0.0, x)
        return
    call = "f(t, x) with a number t" if dynamics.depends_on_time else "f(x)"
    try:
        found = model(float(t0), x) if dynamics.depends_on_time else model(x)
    except NotFittedError:  # it holds a model
        raise
    except (IndexError, TypeError, ValueError) as error:
        raise TypeError(
            f"model failed at the start with {type(error).__name__}: {error}. It was called as "
            f"{call} and a numpy array x of shape {x.shape}: states are rows, (n, 2d), and so are "
            "the derivatives to return. time_dependent=True or False says whether it takes t."
        ) from error
    alone = _checked(found, x)
    rows = np.repeat(x, 2 * x.shape[1] + 1, axis=0)
    try:
        found = model(float(t0), rows) if dynamics.depends_on_time else model(rows)
        of_rows = _checked(found, rows)
    except Exception:  # it takes one row only, which suffices for one trajectory
        return
    # Derivatives of the same state that differ by a larger fraction are not the same.
    same_field = 1e-3
    if np.abs(of_rows - alone).max() > same_field * np.abs(alone).max():
        raise TypeError(
            f"model, called as {call}, has other derivatives for a state in one row than for the "
            f"same state in each of {len(rows)} rows: does it index rows for columns? States are "
            "rows, x is (n, 2d), also for one trajectory: x[:, k] is column k (x[..., k] is right "
            "for scipy too)."
        )


@contextmanager
def quiet() -> Iterator[None]:
    """No remarks on missing feature names, nor checks for NaN, at every evaluation of a model."""
    with warnings.catch_warnings(), config_context(assume_finite=True):
        warnings.filterwarnings("ignore", "X does not have valid feature names")
        yield


def _of_regressor(model: Any) -> Dynamics:
    return Dynamics(
        _of_rows(model.predict),
        getattr(model, "n_features_in_", None),
        check=lambda X: validate_data(model, X, dtype=np.float64, reset=False),
    )


def _of_rows(function: Callable[[np.ndarray], Any]) -> Callable[[np.ndarray], np.ndarray]:
    """A field of rows (n, 2d) as one of states of any leading shape, with a check of its shape."""

    def field(x: np.ndarray) -> np.ndarray:
        rows = x.reshape(-1, x.shape[-1])
        return _checked(function(rows), rows).reshape(x.shape)

    return field


def _of_rows_at_a_time(
    function: Callable[[float, np.ndarray], Any],
) -> Callable[[Any, np.ndarray], np.ndarray]:
    """The same of a field of (t, rows): t a number, or one for each stage of x (s, m, 2d)."""

    def field(t: Any, x: np.ndarray) -> np.ndarray:
        if np.size(t) > 1:
            return np.stack([field(time, of_one) for time, of_one in zip(t, x, strict=True)])
        rows = x.reshape(-1, x.shape[-1])
        return _checked(function(float(np.squeeze(t)), rows), rows).reshape(x.shape)

    return field


def _checked(found: Any, rows: np.ndarray) -> np.ndarray:
    found = np.asarray(found, dtype=float)
    if found.shape != rows.shape:
        raise TypeError(
            "model must return the derivatives of the states, of their shape "
            f"{rows.shape}; got {found.shape}. States are rows, (n, 2d), also for one trajectory."
        )
    return found


def _of_pipeline(pipeline: Any, x0: Any, driving: Any) -> Dynamics:
    """A Pipeline; where it ends in a network of ours, that with the scaling taken in, if exact."""
    check_is_fitted(pipeline)
    last = pipeline.steps[-1][1]
    while hasattr(last, "best_estimator_"):
        last = last.best_estimator_
    if not hasattr(last, "_dynamics"):
        return _of_regressor(pipeline)
    before = [step for _, step in pipeline.steps[:-1] if step not in (None, "passthrough")]
    if not before:
        return last._dynamics(driving=driving(last._columns_behind()))
    if any(last._columns_behind().values()):
        raise ValueError(
            "A model with inputs or parameters cannot be simulated behind other steps of a "
            "Pipeline. Leave them out: the model standardises its columns itself."
        )
    transform = pipeline[:-1].transform
    # Scales that differ by less than this fraction are one.
    same = 1e-9
    if all(type(step).__name__ in _SCALERS for step in before):
        with quiet():
            n = last.n_features_in_
            shift = np.asarray(transform(np.zeros((1, n))), dtype=float)[0]
            scale = np.asarray(transform(np.ones((1, n))), dtype=float)[0] - shift
        if np.ptp(scale) <= same * abs(scale[0]):
            inside = last._dynamics(float(scale[0]), shift)
            inside.check = _of_regressor(pipeline).check
            return inside
    _warn_unless_uniform(transform, x0, "The steps before the network")
    return _of_regressor(pipeline)


def _warn_unless_uniform(transform: Callable[..., Any], x0: Any, what: str) -> None:
    """Warn unless a map of states is a shift and one scale for all columns, near x0."""
    x = np.atleast_2d(np.asarray(x0, dtype=float))[0]
    # Where the derivative of an unknown transformer is looked at, and by which differences.
    n_probes, step, tolerance = 3, 1e-4, 1e-5
    h = step * max(float(np.abs(x).max()), 1.0)
    eye = np.eye(len(x))
    with quiet():
        for k in range(n_probes):
            at = x + 10 * k * h * np.cos(np.arange(len(x)) + k)
            ends = [np.asarray(transform(at + sign * h * eye), dtype=float) for sign in (1, -1)]
            M = (ends[0] - ends[1]) / (2 * h)
            size = np.abs(M).max()
            if M.shape != eye.shape or np.abs(M - M[0, 0] * eye).max() > tolerance * size:
                break
        else:
            return
    warn(
        f"{what} scale the columns differently or rotate them. Then the field of the model is not "
        "Hamiltonian, and the energy of its trajectories may drift. Leave them out, since the "
        "model standardises inside of the Hamiltonian, or use skhnn.preprocessing.UniformScaler.",
    )
