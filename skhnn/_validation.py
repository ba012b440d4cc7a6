"""Checks of what users pass in: each returns the valid value or says what is wrong."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.utils import check_array
from sklearn.utils.validation import validate_data

from .hamiltonians import ACTIVATIONS, REFUSED

# What to do with runs that are given apart.
_CONCATENATE = (
    "Concatenate the runs and name the run of each row: fit(np.concatenate(X), np.concatenate(y), "
    "groups=np.repeat(np.arange(len(X)), [len(run) for run in X]))."
)


def check_training_data(
    estimator: Any, X: Any, y: Any, sample_weight: Any, groups: Any, reset: bool = True
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray | None]:
    """X and y (n, 2d), weights (n,), groups (n,) or None; rows of weight zero are left out."""
    refuse_runs(X)
    _check_names(X, y)
    _check_rows_of_frames(X, y)
    X, y = as_numpy(X, "X"), as_numpy(y, "y")
    _refuse_missing(X, "X")
    _refuse_missing(y, "y")
    X_rules = {"dtype": np.float64, "order": "C", "ensure_min_samples": 2 if reset else 1}
    y_rules = {"dtype": np.float64, "order": "C", "ensure_2d": False, "allow_nd": True}
    X, y = validate_data(
        estimator,
        X,
        y,
        reset=reset,
        validate_separately=(X_rules, y_rules),
    )
    n_samples, n_features = X.shape
    # Fewer rows than columns tell nothing of H; of so few columns they do not cost much time.
    few_columns = 100
    if reset and n_samples < n_features > few_columns:
        raise ValueError(
            f"X must have more rows than columns, one state per row; got shape {X.shape}. Is it "
            "transposed?"
        )
    weight = check_sample_weight(sample_weight, n_samples)
    behind = _check_columns(estimator, n_features)
    check_shape_of_derivatives(y, (n_samples, n_features - behind), bool(behind))
    check_magnitude(X, "X")
    check_magnitude(y, "y")
    groups = None if groups is None else check_names_of_runs(groups, n_samples)
    used = weight > 0
    if used.all():
        return X, y, weight, groups
    return X[used], y[used], weight[used], None if groups is None else groups[used]


def _check_columns(estimator: Any, n_features: int) -> int:
    """The number of inputs and parameters behind the state, whose columns are an even number."""
    behind = int(estimator.n_inputs + estimator.n_parameters)
    if behind >= n_features:
        raise ValueError(
            f"X must have columns of the state before n_inputs={estimator.n_inputs} inputs and "
            f"n_parameters={estimator.n_parameters} parameters; got {n_features} columns."
        )
    if behind and estimator.structure is None and (n_features - behind) % 2:
        raise ValueError(
            f"X must have an even number of columns of the state before n_inputs="
            f"{estimator.n_inputs} inputs and n_parameters={estimator.n_parameters} parameters, "
            f"the coordinates q_1..q_d and the momenta p_1..p_d; got {n_features - behind}."
        )
    if n_features % 2 and not behind and estimator.structure is None:
        raise ValueError(
            "X must have an even number of columns, the coordinates q_1..q_d and the momenta "
            f"p_1..p_d; got {n_features} feature(s). The number of the run belongs into groups. "
            "Drop the time, if it is a column. Inputs (a force, a torque) are columns behind the "
            "state with n_inputs, what H depends on (a length, the time) columns behind these with "
            "n_parameters. A state that is not (q, p) needs its structure."
        )
    return behind


def check_names_of_runs(groups: Any, n_samples: int) -> np.ndarray:
    """The run of every row, (n_samples,), as numbers or strings."""
    groups = np.asarray(as_numpy(groups, "groups"))
    if groups.shape != (n_samples,):
        raise ValueError(
            f"groups must name the run of every row of X, shape ({n_samples},); got shape "
            f"{groups.shape}."
        )
    is_missing = np.zeros(n_samples, dtype=bool)
    if groups.dtype.kind in "fO":
        is_missing[:] = [name is None or name != name for name in groups.tolist()]
    if is_missing.any():
        raise ValueError(
            f"groups must name the run of every row of X; {is_missing.sum()} have none, the first "
            f"is row {int(np.argmax(is_missing))}. Leave these rows out, or give them a run."
        )
    if groups.dtype == object:  # names of mixed kinds cannot be sorted
        groups = groups.astype(str)
    return groups


def refuse_runs(X: Any, way: str = _CONCATENATE) -> None:
    """Name the way where several runs are given apart, as a list of tables or a 3-D array."""
    shapes: list[tuple[int, ...]] = []
    if getattr(X, "ndim", 0) == 3:
        shapes = [X.shape[1:]] * len(X)
    elif isinstance(X, (list, tuple, np.ndarray)) and len(X) and np.ndim(X[0]) > 1:
        shapes = [np.shape(run) for run in X]
    if shapes:
        more = ", ..." if len(shapes) > 3 else ""
        raise ValueError(
            f"X must be 2-D, one state per row; got {len(shapes)} runs of shapes "
            f"{', '.join(map(str, shapes[:3]))}{more}. {way}"
        )


def _refuse_missing(table: Any, name: str) -> None:
    """NaN and infinity, named with what to do, as no state can be imputed."""
    values = getattr(table, "values", table)  # of a frame
    if not isinstance(values, np.ndarray) or values.dtype.kind != "f" or values.ndim == 0:
        return
    missing = np.flatnonzero(~np.isfinite(values).all(axis=tuple(range(1, values.ndim))))
    if len(missing):
        what = "NaN" if np.isnan(values[missing]).any() else "infinity"
        raise ValueError(
            f"Input {name} contains {what} in {len(missing)} of {len(values)} rows, the first of "
            f"which is row {missing[0]}. Leave them out: ok = np.isfinite(X).all(axis=1) & "
            "np.isfinite(y).all(axis=1), then X[ok], y[ok]; HNNTrajectoryRegressor takes runs "
            "with gaps."
        )


def as_numpy(value: Any, name: str) -> Any:
    """A torch tensor as a numpy array, from any device; other numbers as they are."""
    if getattr(getattr(value, "dtype", None), "kind", "") in ("m", "M"):
        raise ValueError(
            f"{name} must be numbers; got {value.dtype}. Divide differences of times by a unit: "
            "(t - t[0]) / np.timedelta64(1, 's') are seconds."
        )
    if not type(value).__module__.startswith("torch"):
        return value
    if getattr(value, "requires_grad", False):
        raise ValueError(
            f"{name} is a torch tensor that requires a gradient, which would end here: results are "
            f"numpy arrays. Pass {name}.detach(), or differentiate through the module that "
            "to_torch() returns."
        )
    return value.cpu().numpy()


def check_sample_weight(sample_weight: Any, n_samples: int) -> np.ndarray:
    """Weights (n,), none negative, not all zero; None means ones."""
    if sample_weight is None:
        return np.ones(n_samples)
    sample_weight = as_numpy(sample_weight, "sample_weight")
    if isinstance(sample_weight, Real) or getattr(sample_weight, "ndim", 1) == 0:
        sample_weight = np.full(n_samples, sample_weight)
    weight = check_array(
        sample_weight, dtype=np.float64, ensure_2d=False, input_name="sample_weight"
    )
    if weight.shape != (n_samples,):
        raise ValueError(
            f"sample_weight must have shape ({n_samples},), a weight for every row of X; got "
            f"{weight.shape}."
        )
    if (weight < 0).any():
        raise ValueError("sample_weight must not be negative; got negative values.")
    if not (weight > 0).any():
        raise ValueError("sample_weight must contain at least one weight that is not zero.")
    return weight


def check_states(estimator: Any, X: Any) -> np.ndarray:
    """X (n, 2d) with the columns of the training data."""
    return validate_data(estimator, as_numpy(X, "X"), dtype=np.float64, reset=False)


def check_derivatives(y: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Derivatives (n, 2d) of states of that shape."""
    y = check_array(as_numpy(y, "y"), dtype=np.float64, ensure_2d=False, allow_nd=True)
    check_shape_of_derivatives(y, shape)
    return y


def check_shape_of_derivatives(
    y: np.ndarray, shape: tuple[int, ...], has_more_columns: bool = False
) -> None:
    """Raise unless y has this shape, that of the columns of the state."""
    if y.shape != shape and has_more_columns:
        raise ValueError(
            f"y must have the shape {shape}, the time derivatives of the columns of the state, "
            f"without inputs and parameters; got shape {y.shape}."
        )
    if y.shape != shape:
        fewer = y.ndim == 2 and len(y) == shape[0] and y.shape[1] < shape[1]
        raise ValueError(
            f"y must have the shape of X, {shape}: the time derivatives of its columns; got "
            f"shape {y.shape}."
            + _of_further_columns(shape[1] - y.shape[1] if fewer else 0, shape[1])
        )


def _of_further_columns(n: int, n_columns: int) -> str:
    """What y may be that has n of n_columns too few."""
    if not n:
        return ""
    accelerations = ""
    if 2 * n == n_columns:
        accelerations = (
            " Accelerations a of states (q, v) are half of it: pass np.column_stack([X[:, "
            f"{n}:], a])."
        )
    return accelerations + (
        f" The last {n} columns of X may be inputs (a force, a torque: n_inputs={n}) or what H "
        f"depends on (n_parameters={n}); the time and the run are no columns of X."
    )


def check_initial_states(
    x0: Any, n_features: int | None, check_frame: Callable[[Any], np.ndarray]
) -> tuple[np.ndarray, bool]:
    """Initial states (m, 2d), and whether a single one, (2d,), was given.

    ``check_frame`` turns a data frame into an array; ``n_features`` is 2d, if it is known.
    """
    x0 = as_numpy(x0, "x0")
    if hasattr(x0, "to_frame") and hasattr(x0, "index"):  # a pandas Series: one state with names
        x0 = x0.to_frame().T if _names_are_strings(x0.index) else x0.to_numpy()
        if x0.ndim == 2:
            return _checked_frame(x0, check_frame), True
    if hasattr(x0, "columns"):
        return _checked_frame(x0, check_frame), False
    x0 = np.asarray(x0)
    if x0.ndim in (1, 2) and x0.size:
        x0 = check_array(x0, dtype=np.float64, ensure_2d=False, input_name="x0")
    n = "2d" if n_features is None else n_features
    fits = n_features is None or (x0.ndim > 0 and x0.shape[-1] == n_features)
    if x0.ndim not in (1, 2) or not x0.size or not fits:
        raise ValueError(
            f"x0 must have shape ({n},) or (m, {n}), states with the columns of X; got "
            f"shape {x0.shape}."
        )
    return np.atleast_2d(x0), x0.ndim == 1


def _checked_frame(x0: Any, check_frame: Callable[[Any], np.ndarray]) -> np.ndarray:
    return check_array(check_frame(x0), dtype=np.float64, input_name="x0")


def check_times(t: Any, n_starts: int | None = None) -> np.ndarray | list[np.ndarray]:
    """Times (n_times,), finite and strictly monotonic, or a list of them, one for each start.

    ``n_starts`` is None for a single start, (2d,).
    """
    t = as_numpy(t, "t")
    rows = _rows_of_times(t)
    if rows is None:
        return _checked_times(t, "t")
    if n_starts is None:
        raise ValueError(
            f"t must be 1-D for one start, the times of the states; got {len(rows)} rows of times. "
            "Times of its own for each trajectory need an x0 of shape (m, 2d)."
        )
    if len(rows) != n_starts:
        raise ValueError(
            "t must be 1-D, or have one row of times for each start; got "
            f"{len(rows)} rows of times for {n_starts} rows of x0."
        )
    return [_checked_times(row, f"t[{k}]") for k, row in enumerate(rows)]


def _rows_of_times(t: Any) -> list[Any] | None:
    """The times of each trajectory, where t is a 2-D array or a sequence of sequences; or None."""
    if getattr(t, "ndim", 1) == 2:
        return list(np.asarray(t))
    is_sequence = (
        isinstance(t, (list, tuple)) or getattr(getattr(t, "dtype", None), "kind", "") == "O"
    )
    if is_sequence and any(_has_length(row) for row in t):
        return list(t)
    return None


def _has_length(value: Any) -> bool:
    """Whether it is a sequence, not a number; an array of no axes has the method, but no length."""
    is_text = isinstance(value, (str, bytes))
    return hasattr(value, "__len__") and getattr(value, "ndim", 1) > 0 and not is_text


def _checked_times(t: Any, name: str) -> np.ndarray:
    t = np.asarray(as_numpy(t, name))
    if t.ndim != 1:
        raise ValueError(f"{name} must be 1-D, the times of the states; got shape {t.shape}.")
    if not t.size:
        raise ValueError(f"{name} must contain at least one time; got none.")
    t = check_array(t, dtype=np.float64, ensure_2d=False, input_name=name)
    steps = np.diff(t)
    if not (np.all(steps > 0) or np.all(steps < 0)):
        raise ValueError(
            f"{name} must be strictly increasing or strictly decreasing; got times that are "
            f"unsorted or repeated. Use np.unique({name}) to sort them and drop repetitions."
        )
    return t


def check_tolerances(
    rtol: Any, atol: Any, max_step: Any, n_features: int
) -> tuple[float, np.ndarray | None, float]:
    """Positive rtol and max_step; atol None, or positive and one per column."""
    check_number("rtol", rtol, Real, 0, inclusive=False)
    check_number("max_step", max_step, Real, 0, inclusive=False, finite=False)
    if atol is not None:
        atol = check_array(np.atleast_1d(atol), dtype=np.float64, ensure_2d=False)
        if atol.shape not in [(1,), (n_features,)] or (atol <= 0).any():
            raise ValueError(
                f"atol must be None, a number or {n_features} numbers, one per column of X, all "
                f"positive (rtol alone allows no error where a coordinate is zero); got {atol}."
            )
        atol = np.broadcast_to(atol, n_features)
    return float(rtol), atol, float(max_step)


def check_number(
    name: str,
    value: Any,
    kind: type,
    low: float,
    high: float = np.inf,
    *,
    inclusive: bool = True,
    finite: bool = True,
) -> None:
    """Raise unless ``value`` is a number of ``kind`` within the bounds (``high`` is excluded)."""
    word = "an integer" if kind is Integral else "a number"
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, kind):
        raise TypeError(f"{name} must be {word}; got {value!r}, a {type(value).__name__}.")
    above = value >= low if inclusive else value > low  # type: ignore[operator]
    if not above or (finite and not value < high):  # type: ignore[operator]
        bound = "at least" if inclusive else "greater than"
        below = f" and less than {high}" if np.isfinite(high) else ""
        if finite and kind is Real and not below:
            below = " and finite"
        raise ValueError(f"{name} must be {word} {bound} {low}{below}; got {value!r}.")


def check_flag(name: str, value: Any) -> None:
    """Raise unless ``value`` is a bool or 0 or 1: a string such as "no" would count as true."""
    if not isinstance(value, (bool, np.bool_, Integral)):
        raise TypeError(f"{name} must be True or False; got {value!r}.")


def check_choice(name: str, value: Any, choices: Sequence[str]) -> None:
    """Raise unless ``value`` is one of ``choices``."""
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{name} must be one of {list(choices)}; got {value!r}.")


def check_optimizer(optimizer: Any, solver: str) -> None:
    """Raise unless ``optimizer`` can be called as a class of torch.optim is, and is asked for."""
    if isinstance(optimizer, str) or not callable(optimizer):
        raise TypeError(
            "optimizer must be None or a class of torch.optim (or a function of params and lr), "
            f"such as torch.optim.NAdam; got {optimizer!r}."
        )
    if solver != "adam":
        raise ValueError(
            "optimizer takes the place of the update rule of solver='adam'; got "
            f"solver={solver!r}. Set solver='adam', or leave optimizer=None."
        )


def check_activation(activation: Any) -> None:
    """Raise unless the activation is smooth enough for a Hamiltonian network."""
    if isinstance(activation, str) and activation in REFUSED:
        raise ValueError(
            f"activation={activation!r} cannot be used: {REFUSED[activation]}. Use one of "
            f"{list(ACTIVATIONS)}."
        )
    check_choice("activation", activation, list(ACTIVATIONS))


def check_hidden_layer_sizes(hidden_layer_sizes: Any) -> tuple[int, ...]:
    """The sizes as a tuple of positive integers; a single integer is one layer."""
    is_sequence = isinstance(hidden_layer_sizes, (Sequence, np.ndarray))
    sizes = tuple(hidden_layer_sizes) if is_sequence else (hidden_layer_sizes,)
    if not sizes or not all(_is_positive_integer(size) for size in sizes):
        raise ValueError(
            "hidden_layer_sizes must be a positive integer or a non-empty sequence of them, such "
            f"as (64, 64); got {hidden_layer_sizes!r}."
        )
    return tuple(int(size) for size in sizes)


def _is_positive_integer(value: Any) -> bool:
    is_integer = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    return is_integer and bool(value > 0)


def check_magnitude(values: np.ndarray, name: str) -> None:
    """Raise if the values are so large or so small that squares leave the range of floats."""
    largest = float(max(values.max(), -values.min()))  # no copy: it may be a file
    # Energies are products of two columns, and their squares must not leave the range of floats.
    largest_value = 1e60
    if largest > largest_value or 0 < largest < 1 / largest_value:
        raise ValueError(
            f"{name} contains values of magnitude {largest:.1e}, outside of "
            f"{1 / largest_value:.0e} to {largest_value:.0e}; use other units."
        )


def _check_names(X: Any, y: Any) -> None:
    """Names of columns, where both have them, must not contradict the order q, p nor each other."""
    names = [str(name) for name in getattr(X, "columns", [])]
    of_y = [str(name) for name in getattr(y, "columns", [])]
    if names != of_y and sorted(names) == sorted(of_y):
        raise ValueError(
            f"The columns of y are those of X in another order, {of_y} instead of {names}; y is "
            "the derivative of X column by column. Pass y[X.columns]."
        )
    initials = [name[:1].lower() for name in names]
    d = len(names) // 2
    if sorted(initials) == ["p"] * d + ["q"] * d and initials != ["q"] * d + ["p"] * d:
        warnings.warn(
            f"The columns of X are named {names}, but are taken as all coordinates q, then all "
            "momenta p. Reorder X and y if the names mean what they say.",
            stacklevel=5,
        )


def _check_rows_of_frames(X: Any, y: Any) -> None:
    """Frames: no dates among the columns, and the rows of X and y in the same order."""
    frames = {what: t for what, t in (("X", X), ("y", y)) if hasattr(t, "columns")}
    for what, frame in frames.items():
        dtypes = dict(frame.dtypes) if hasattr(frame, "index") else {}
        dates = [str(name) for name, dtype in dtypes.items() if dtype.kind in "mM"]
        if dates:
            raise ValueError(
                f"{what} must be numbers; got times in {dates}. The time is no state: drop such "
                "columns, and pass the run of each row as groups."
            )
    rows = [frame.index for frame in frames.values() if hasattr(frame, "index")]
    if len(rows) == 2 and rows[0].is_unique and rows[1].is_unique:
        of_X, of_y = rows
        if not of_X.equals(of_y) and set(of_X) == set(of_y):
            raise ValueError(
                "The rows of y are those of X in another order, by their index; y is the "
                "derivative of X row by row. Pass y.loc[X.index]."
            )


@contextmanager
def unchanged_on_error(estimator: Any) -> Iterator[None]:
    """Undo what a failed call set on the estimator, so that an earlier fit stays usable."""
    before = dict(vars(estimator))
    rng = before.get("_random_state")
    rng_state = None if rng is None else rng.get_state()
    try:
        yield
    except BaseException:
        if rng is not None:
            rng.set_state(rng_state)
        vars(estimator).clear()
        vars(estimator).update(before)
        raise


def _names_are_strings(index: Any) -> bool:
    return all(isinstance(name, str) for name in index)
