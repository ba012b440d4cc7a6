"""What may stand in front of a Hamiltonian model: a scaler, and derivatives of measured runs."""

import warnings
from collections.abc import Sequence
from numbers import Integral
from typing import Any

import numpy as np
from scipy.signal import savgol_filter
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from ._documentation import DocumentationLink
from ._layout import wrapped_angles
from ._threads import one_blas_thread
from ._trajectories import Runs, check_groups, check_times_of_rows, runs_of, smoothed
from ._validation import as_numpy, check_choice, check_magnitude, check_number, check_sample_weight
from .hamiltonians import periods_of

__all__ = ["UniformScaler", "derivatives", "from_trajectories"]

_METHODS = ("spline", "savgol", "differences")
# The order of the polynomials of Savitzky and Golay.
_POLYORDER = 4


def derivatives(
    X: Any,
    t: Any = None,
    groups: Any = None,
    *,
    method: str = "spline",
    window_length: int = 11,
    periodic: Any = None,
    time_step: float = 1.0,
    return_std: bool = False,
) -> tuple[np.ndarray, ...]:
    r"""Smoothed states of measured runs, and their time derivatives: X and dX of ``HNNRegressor``.

    "spline" is a quintic smoothing spline f in every column of a run, which minimises

    .. math:: \sum_i (x_i - f(t_i))^2 + \lambda \int f'''(t)^2 \, dt,

    with the smoothness (the same in all runs, for every column its own) and the level of the noise
    of the largest restricted likelihood. No window has to be chosen. Noise that is left biases the
    learned field; :class:`skhnn.HNNTrajectoryRegressor` takes account of it.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_columns)
        Measured rows; NaN where nothing was measured (with "spline").
    t : array-like of shape (n_samples,), default=None
        The time of every row, increasing within a run; None: rows are ``time_step`` apart.
    groups : array-like of shape (n_samples,), default=None
        The run of every row; None: one run.
    method : {"spline", "savgol", "differences"}, default="spline"
        A smoothing spline; the filter of Savitzky and Golay, polynomials of degree four over
        ``window_length`` rows of even steps (:func:`scipy.signal.savgol_filter`); or central
        differences (:func:`numpy.gradient`), which do not smooth.
    window_length : int, default=11
        The window of "savgol", an odd number of rows above four.
    periodic : sequence of int, mapping or None, default=None
        Columns that are angles, whose jumps by a period (2 pi, or {column: period}) are undone.
    time_step : float, default=1.0
        The time between rows where none is given.
    return_std : bool, default=False
        Whether to return standard deviations of both as well (with "spline").

    Returns
    -------
    X_smooth, dX : ndarrays of shape (n_samples, n_columns)
        The states and their derivatives; NaN in runs with fewer than two measured rows.
    X_std, dX_std : ndarrays of shape (n_samples, n_columns)
        Their standard deviations, where asked for; NaN where a run has fewer than four values.

    Raises
    ------
    ValueError, TypeError
        If X, t or groups are invalid, or the method does not take them.

    References
    ----------
    G. Wahba, "A comparison of GCV and GML for choosing the smoothing parameter in the generalized
    spline smoothing problem", Annals of Statistics 13 (1985) 1378-1402.

    Examples
    --------
    >>> import numpy as np
    >>> from skhnn.preprocessing import derivatives
    >>> t = np.linspace(0, 6, 61)
    >>> x = np.sin(t) + 0.01 * np.random.default_rng(0).normal(size=61)
    >>> X, dX = derivatives(x[:, None], t)
    >>> bool(np.abs(dX[:, 0] - np.cos(t))[5:-5].max() < 0.05)
    True
    """
    check_choice("method", method, _METHODS)
    check_number("window_length", window_length, Integral, _POLYORDER + 1)
    X = check_array(
        as_numpy(X, "X"), dtype=np.float64, copy=True, input_name="X", ensure_min_samples=2,
        ensure_all_finite="allow-nan" if method == "spline" else True,
    )  # fmt: skip
    if return_std and method != "spline":
        raise ValueError(f"return_std needs method='spline'; got {method!r}.")
    if method == "savgol" and window_length % 2 == 0:
        raise ValueError(f"window_length must be odd; got {window_length}.")
    groups = check_groups(groups, len(X))
    t = check_times_of_rows(t, len(X), groups, time_step)
    n = X.shape[1]
    periods, whole = periods_of(periodic), np.isfinite(X).all(axis=1)
    label = [str(j) for j in range(n)]
    for sentence in wrapped_angles(X[whole], label, periods, groups[whole]):
        warnings.warn(f"{sentence}.", stacklevel=2)
    runs = runs_of(X, t, groups, n, n, periods, "linear")
    found = np.full((4 if return_std else 2, *X.shape), np.nan)
    if method == "spline":
        with one_blas_thread():
            _by_splines(runs, found)
    for own, Y, rows in zip(runs.t, runs.Y, runs.rows, strict=True):
        if method == "differences":
            found[:, rows] = Y, np.gradient(Y, own, axis=0)
        elif method == "savgol":
            found[:, rows] = _by_windows(own, Y, window_length)
    return tuple(found)


def _by_splines(runs: Runs, found: np.ndarray) -> None:
    """Fill in states, derivatives and, where there is room, their standard deviations."""
    for j in range(runs.n_state):
        column = smoothed(runs.t, [Y[:, j] for Y in runs.Y])
        for k, (own, rows) in enumerate(zip(runs.t, runs.rows, strict=True)):
            for order in (0, 1):
                found[order, rows, j] = column.splines[k](own, order)
                if len(found) == 4:
                    found[2 + order, rows, j] = column.std(k, own, order)


def _by_windows(t: np.ndarray, Y: np.ndarray, window_length: int) -> list[np.ndarray]:
    """Savitzky-Golay smoothed states of a run, and their derivatives."""
    steps = np.diff(t)
    if len(t) < window_length or np.ptp(steps) > 1e-3 * steps.mean():
        raise ValueError(
            f"method='savgol' needs runs of {window_length} rows (window_length) or more, with "
            f"even steps; got one of {len(t)} rows with steps of {steps.min():g} to "
            f"{steps.max():g}. Use method='spline'."
        )
    return [
        savgol_filter(Y, window_length, _POLYORDER, deriv=order, delta=steps.mean(), axis=0)
        for order in (0, 1)
    ]


def from_trajectories(
    X: Sequence[Any], t: Sequence[Any] | Any = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One table of several runs: X, t and groups of lists of them.

    Parameters
    ----------
    X : sequence of array-likes of shape (n_k, n_columns), or array of shape (n_runs, n, n_columns)
        The measured rows of every run.
    t : sequence of array-likes of shape (n_k,), array-like of shape (n,) or None, default=None
        The times of every run, or those of all; None counts the rows of every run.

    Returns
    -------
    X : ndarray of shape (n_samples, n_columns)
        The rows of all runs.
    t : ndarray of shape (n_samples,)
        Their times.
    groups : ndarray of shape (n_samples,)
        Their runs, counted from zero.

    Raises
    ------
    ValueError
        If the runs do not have the same columns, or as many times as rows.

    Examples
    --------
    >>> import numpy as np
    >>> from skhnn.preprocessing import from_trajectories
    >>> X, t, groups = from_trajectories([np.zeros((3, 2)), np.ones((2, 2))], [[0, 1, 2], [0, 1]])
    >>> X.shape, t.tolist(), groups.tolist()
    ((5, 2), [0.0, 1.0, 2.0, 0.0, 1.0], [0, 0, 0, 1, 1])
    """
    runs = [np.asarray(as_numpy(run, "X"), dtype=float) for run in X]
    columns = {run.shape[1:] for run in runs}
    if not runs or len(columns) != 1 or runs[0].ndim != 2:
        raise ValueError(
            "X must be a list of runs (n_k, n_columns) with the same columns; got shapes "
            f"{[run.shape for run in runs[:3]]}."
        )
    if t is None:
        times = [np.arange(len(run), dtype=float) for run in runs]
    elif np.ndim(t[0]) == 0:
        times = [np.asarray(as_numpy(t, "t"), dtype=float)] * len(runs)
    else:
        times = [np.asarray(as_numpy(own, "t"), dtype=float) for own in t]
    if len(times) != len(runs) or any(
        own.shape != (len(run),) for own, run in zip(times, runs, strict=False)
    ):
        raise ValueError(
            f"t must have the times of every row of every run, {[len(run) for run in runs[:3]]}"
            f"{', ...' if len(runs) > 3 else ''}; got {[own.shape for own in times[:3]]}."
        )
    groups = np.repeat(np.arange(len(runs)), [len(run) for run in runs])
    return np.concatenate(runs), np.concatenate(times), groups


class UniformScaler(DocumentationLink, OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    r"""Subtract the mean of each column and divide all columns by one common scale.

    .. math:: z = \frac{x - \mu}{s}, \qquad
              s^2 = \frac{1}{2d} \sum_j \operatorname{Var}(x_j)

    This is the only linear scaling that fits every Hamiltonian system: if H generates the motion
    of x, then H~(z) = H(s z + mu) / s has dx/dt = J grad H~(z), so that a Hamiltonian model
    behind the scaler can learn the derivatives dx/dt as they are. A scale of its own for each
    column, as in scikit-learn's StandardScaler, does not have this property.

    ``HNNRegressor`` scales inside its Hamiltonian and needs no scaler. This one is for pipelines
    that want one, and for other models of a vector field. Behind it the periods of angles, known
    energies and masses are those of scaled columns; leave it out where there are such.

    Parameters
    ----------
    copy : bool, default=True
        Whether ``transform`` works on a copy; False overwrites a float array in place.

    Attributes
    ----------
    mean_ : ndarray of shape (n_features,)
        The mean of each column, mu.
    scale_ : float
        The common scale s: the root of the mean variance, or 1 if nothing varies.
    n_features_in_ : int
        The number of columns.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the columns, where X had names that are strings.

    See Also
    --------
    sklearn.preprocessing.StandardScaler : A scale per column.

    Examples
    --------
    >>> import numpy as np
    >>> from skhnn.preprocessing import UniformScaler
    >>> X = np.array([[0.0, 10.0], [2.0, 14.0]])
    >>> round(UniformScaler().fit(X).scale_ ** 2, 6)  # (1 + 4) / 2
    2.5
    """

    def __init__(self, *, copy: bool = True):
        self.copy = copy

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> "UniformScaler":
        """Compute the mean of each column and the common scale.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The data.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        UniformScaler
            The fitted scaler.
        """
        X = validate_data(self, X, dtype=[np.float64, np.float32])
        check_magnitude(X, "X")
        rounding = 10 * np.finfo(X.dtype).eps * np.abs(X).max(axis=0).astype(np.float64)
        X = X.astype(np.float64)  # squares of float32 overflow early
        weight = check_sample_weight(sample_weight, len(X))
        weight = weight / weight.sum()
        self.mean_ = weight @ X
        variance = weight @ (X - self.mean_) ** 2
        variance[variance <= rounding**2] = 0.0
        self.scale_ = float(np.sqrt(variance.mean())) or 1.0
        return self

    def transform(self, X: Any) -> Any:
        """(X - mean) / scale.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The data.

        Returns
        -------
        ndarray of shape (n_samples, n_features)
            The scaled data.
        """
        X = self._validated(X)
        X -= self.mean_
        X /= self.scale_
        return X

    def inverse_transform(self, X: Any) -> Any:
        """X * scale + mean.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Scaled data.

        Returns
        -------
        ndarray of shape (n_samples, n_features)
            The data in their units.
        """
        X = self._validated(X)
        X *= self.scale_
        X += self.mean_
        return X

    def _validated(self, X: Any) -> Any:
        check_is_fitted(self)
        return validate_data(
            self, X, dtype=[np.float64, np.float32], copy=self.copy, reset=False,
            force_writeable=True,
        )  # fmt: skip

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
