"""HNNTrajectoryRegressor: a Hamiltonian from measured runs, without derivatives."""

import contextlib
import warnings
from collections.abc import Callable
from copy import copy
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from ._asked_for import deadline_asked_for
from ._convergence import (
    NO_RANDOM_FORCES,
    NO_STATES,
    TOO_FEW_VALUES,
    of_calibration,
    of_joint_fit,
    of_residuals,
    of_thin_data,
)
from ._coordinates import with_infinite_std
from ._documentation import DocumentationLink
from ._fitted import FittedHamiltonian
from ._identified import IDENTIFIED
from ._joint_attributes import attributes_of_joint_fit, masses_not_shown, posterior_of
from ._model import Model
from ._simulation import simulate
from ._solvers import name_of
from ._threads import one_blas_thread
from ._trajectories import (
    BETWEEN,
    INTERVAL,
    Choice,
    Chosen,
    NoFitError,
    Smoother,
    blocks,
    check_groups,
    check_rates_of_rows,
    check_times_of_rows,
    correlation_of_residuals,
    r2_of_forecasts,
    refuse_times_in_rows,
    runs_of,
)
from ._trajectory_columns import of_columns
from ._trajectory_parameters import (
    RANDOM_FORCES,
    as_regressor,
    check_parameters,
    friction_is_optional,
    layout_of,
    n_measured_of,
    noise_of,
    readings_asked_for,
)
from ._validation import as_numpy, check_magnitude, refuse_runs
from .hamiltonians import Layout

# Residuals of neighbouring rows that are alike make errors larger by this factor before it is said.
_CORRELATED = 2.0
_OF_FORCES_AND_MASSES = (
    *IDENTIFIED, "undetermined_masses_", "calibration_", "derivative_noise_std_",
    "process_noise_std_",
)  # fmt: skip


class HNNTrajectoryRegressor(DocumentationLink, FittedHamiltonian):
    r"""A Hamiltonian from measured runs: noisy states at some times, and no derivatives.

    .. math:: y_i = E x(t_i) + \varepsilon_i, \qquad
              \frac{dx}{dt} = J \nabla H(x) + F(x, u), \qquad \varepsilon_{ij} \sim N(0, \sigma_j^2)

    States x and the weights of H are found together by Gauss-Newton steps, so that noise does not
    bias H as it does where noisy states are taken for exact. Between rows the dynamics hold exactly
    (Hermite-Simpson collocation). The level of the noise, ridges, hidden layers, Hamiltonian and
    friction are those of the largest evidence (marginal likelihood).

    A row is a state (q, p) or (q, v), or positions q alone; values that are missing are NaN. Runs
    may have any lengths and steps.

    Parameters
    ----------
    hamiltonian : str or Hamiltonian, default="auto"
        One of "auto", "mechanical", "separable", "natural" and "mlp", or an object, as for
        :class:`HNNRegressor`. "auto" takes the simplest whose log evidence is within three
        of the best.
    coordinates : {"auto", "canonical", "velocities", "positions"}, default="auto"
        What the columns are: (q, p), (q, v), or q alone (d columns). "auto" takes the second half
        of the columns for velocities where they are the rates of the first, up to noise, and for
        momenta otherwise.
    periodic : sequence of int or str, mapping or None, default=None
        Columns that are angles, as for :class:`HNNRegressor`. Jumps by a period are undone.
    dissipation : {None, "linear", "mlp", "auto"} or Force, default="auto"
        Friction, as for :class:`HNNRegressor`. "auto" adds a constant linear one where the evidence
        asks for it.
    n_inputs : int, default=0
        The number of columns u behind the state, with a force G u.
    input_matrix : array-like of shape (d, n_inputs), default=None
        A known G.
    n_parameters : int, default=0
        The number of columns behind state and inputs that H depends on.
    between : {"auto", "linear", "hold", "cubic"}, default="auto"
        What inputs and parameters are between their samples: straight lines, constant from one to
        the next, or cubic splines. "auto" takes what has the largest evidence, see ``between_``.
    noise : {"white", "process", "auto"}, default="white"
        "white" is noise of what was measured; where it lasts for some rows, these count for less
        (``residual_correlation_``). "process" adds random forces that push the states: for motion
        that is shaken by what is not measured. ``process_noise_std_`` is their strength;
        standard deviations of simulations do not contain them. "auto" takes them where the evidence
        asks for it, which it also does where the Hamiltonian lacks something.
    noise_std : float, array-like of shape (n_columns,) or None, default=None
        The standard deviation of the noise of every measured column. None estimates it.
    robust : bool, default=False
        Whether rows far off count less (residuals with the weights of a Student t distribution with
        four degrees of freedom).
    time_step : float, default=1.0
        The time between rows of a run where no times are given.
    horizon : float or None, default=None
        How far ahead ``score`` looks, in units of t. None is a quarter of every run.
    max_time : float or None, default=None
        Seconds after which the best model so far is taken.
    random_state : int, RandomState or None, default=None
        Draws hidden layers.
    verbose : bool, default=False
        Whether to print what is tried.

    Attributes
    ----------
    hamiltonian_ : Hamiltonian
        What was found.
    coordinates_ : str
        "canonical" or "velocities": what ``predict`` and ``simulate`` take and return. Positions
        alone give "velocities".
    noise_std_ : ndarray of shape (n_measured_columns,)
        The standard deviations of the noise.
    process_noise_std_ : ndarray of shape (2d,)
        What random forces do to every column in one unit of time, a standard deviation that grows
        with the root of time; zero for positions. Only where there are any.
    derivative_noise_std_ : ndarray of shape (2d,)
        The same of measured derivatives y, where there are any; what hidden layers lack counts as
        noise.
    states_ : ndarray of shape (n_samples, 2d)
        The states at the rows of ``fit``, freed of noise; NaN for rows of runs left out.
    calibration_ : ndarray of shape (d, d)
        S, where measured velocities are S dq/dt + noise and not the rates of the positions.
    evidence_ : float
        The log evidence of the model, as if the noise were white.
    damping_, quadratic_drag_, cubic_damping_, input_matrix_, masses_ : ndarray
        Coefficients of friction, inputs and masses where there are some, as for
        :class:`HNNRegressor`; each with ``..._std_`` of the same shape.
    between_ : str
        What inputs and parameters are between samples; ``simulate`` takes it where it is not told
        otherwise.
    residual_correlation_ : float
        kappa = 1 + 2 (sum of the autocorrelations of the residuals of neighbouring rows), by which
        variances are multiplied; 1 for white noise.
    fit_report_ : list of dict
        What was tried: every joint fit, to how many samples, and its log evidence.
    n_iter_ : int
        The steps of the last joint fit.
    n_features_in_ : int
        The number of columns in ``fit``.
    feature_names_in_ : ndarray of str
        Their names, where all are strings.

    See Also
    --------
    HNNRegressor : For states with their time derivatives.
    skhnn.preprocessing.derivatives : Smoothed states and derivatives of runs.
    skhnn.preprocessing.from_trajectories : X, t and groups of lists of runs.

    References
    ----------
    H. G. Bock, "Recent advances in parameter identification techniques for ODE", in Numerical
    Treatment of Inverse Problems in Differential and Integral Equations, Birkhaeuser (1983) 95-121.

    Examples
    --------
    >>> from skhnn import HNNTrajectoryRegressor
    >>> from skhnn.datasets import make_pendulum
    >>> runs = make_pendulum(
    ...     240, sampling="trajectories", n_trajectories=8, q_range=(-1, 1), p_range=(-1, 1),
    ...     noise=0.01, random_state=0,
    ... )
    >>> model = HNNTrajectoryRegressor(random_state=0).fit(runs.data, t=runs.t, groups=runs.groups)
    >>> model.simulate(model.states_[0], [0.0, 1.0]).shape
    (2, 2)
    """

    def __init__(
        self,
        hamiltonian: Any = "auto",
        *,
        coordinates: str = "auto",
        periodic: Any = None,
        dissipation: Any = "auto",
        n_inputs: int = 0,
        input_matrix: Any = None,
        n_parameters: int = 0,
        between: str = "auto",
        noise: str = "white",
        noise_std: Any = None,
        robust: bool = False,
        time_step: float = 1.0,
        horizon: float | None = None,
        max_time: float | None = None,
        random_state: Any = None,
        verbose: bool = False,
    ):
        self.hamiltonian = hamiltonian
        self.coordinates = coordinates
        self.periodic = periodic
        self.dissipation = dissipation
        self.n_inputs = n_inputs
        self.input_matrix = input_matrix
        self.n_parameters = n_parameters
        self.between = between
        self.noise = noise
        self.noise_std = noise_std
        self.robust = robust
        self.time_step = time_step
        self.horizon = horizon
        self.max_time = max_time
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X: Any, y: Any = None, *, t: Any = None, groups: Any = None) -> Any:
        """Find states and Hamiltonian of measured runs.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_columns)
            Measured rows: 2d columns (q, p) or (q, v), or d columns q with
            ``coordinates="positions"``; then inputs and parameters. NaN where nothing was measured.
        y : array-like of shape (n_samples, 2d), default=None
            Measured derivatives dX/dt, where there are any: further equations, whose noise is
            estimated. NaN where nothing was measured. A target of one column is not used, and said
            so.
        t : array-like of shape (n_samples,), default=None
            The time of every row, increasing within a run. None: ``time_step`` apart.
        groups : array-like of shape (n_samples,), default=None
            The run of every row. None: one run.

        Returns
        -------
        HNNTrajectoryRegressor
            The fitted estimator.

        Raises
        ------
        ValueError, TypeError
            If parameters, X, y, t or groups are invalid, and where no joint fit came to an end.

        Warns
        -----
        ConvergenceWarning
            If the fit ended before it converged: at ``max_time``, after 25 steps, or by Ctrl-C (if
            there is a model by then).
        UserWarning
            Of y that is not used; of runs that are left out; of residuals that are no white noise
            (the model lacks something, or the noise is correlated); of rows that are too few to
            tell the noise by; of velocities that are mixed;
            of masses that the data do not show; and of thin data that simulations leave, like one
            orbit, beside which H is not determined.
        """
        check_parameters(self)
        deadline, has_times = deadline_asked_for(self), t is not None
        X, t, groups = self._checked_rows(X, t, groups, reset=True)
        layout = layout_of(self, X.shape[1], "canonical")
        for sentence in of_columns(X, layout, groups, getattr(self, "feature_names_in_", None)):
            warnings.warn(f"{sentence}.", stacklevel=2)
        rates = check_rates_of_rows(y, (len(X), layout.n_state), has_times=has_times)
        with one_blas_thread():
            chosen, layout = self._choose(X, t, groups, rates, deadline)
            self._set(chosen, layout, len(X), n_measured_of(self, X.shape[1]))
        self._warn(chosen.candidate.joint.status)
        return self

    def _choose(
        self,
        X: np.ndarray,
        t: np.ndarray,
        groups: np.ndarray,
        rates: np.ndarray | None,
        deadline: float,
    ) -> tuple[Chosen, Layout]:
        """The best fit of all readings of the columns, and what it takes them for."""
        rng, n_measured = check_random_state(self.random_state), n_measured_of(self, X.shape[1])
        first = BETWEEN[0] if self.between == "auto" else self.between
        readings, one_will_do = readings_asked_for(self, X, t, groups)
        noise: np.ndarray | None = None
        fits: list[tuple[Chosen, Layout]] = []
        for coordinates, calibration in readings:
            layout = layout_of(self, X.shape[1], coordinates)
            if noise is None:
                noise = noise_of(self, n_measured, layout.n_state)
            runs = runs_of(
                X, t, groups, n_measured, layout.n_state, layout.periods, first,
                rates=rates, has_to_say=not fits,
            )  # fmt: skip
            choice = Choice(
                as_regressor(self), runs, layout, rng, noise=noise,
                robust=bool(self.robust), optional=friction_is_optional(self),
                calibration=calibration, between=self.between, deadline=deadline,
                verbose=bool(self.verbose), random_forces=RANDOM_FORCES[self.noise],
            )  # fmt: skip
            with contextlib.suppress(*([NoFitError] if fits else [])):
                fits.append((choice.run(), layout))
            is_over = fits[0][0].candidate.joint.status in ("interrupted", "max_time")
            if is_over or (one_will_do and _correlation(*fits[0]) < _CORRELATED):
                break
        if one_will_do:  # another reading must explain what the first one does not
            fits = [fits[0], *(fit for fit in fits[1:] if _correlation(*fit) < _CORRELATED)]
        return max(fits, key=lambda fit: fit[0].candidate.joint.evidence_if_white)

    def predict(self, X: Any, return_std: bool = False) -> Any:
        """The learned vector field at states X.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_columns)
            States (q, p) or (q, v), see ``coordinates_``, then inputs and parameters.
        return_std : bool, default=False
            Whether to return standard deviations as well: those of the posterior of the weights,
            times the root of ``residual_correlation_``, and of what other hidden layers that fit
            about as well say (not with random forces, or more than 2000 rows).

        Returns
        -------
        ndarray of shape (n_samples, 2d), or two of them
            Time derivatives dX/dt, and their standard deviations.

        Raises
        ------
        NotFittedError
            Before ``fit``.
        ValueError
            If X does not have the columns of the states.
        """
        check_is_fitted(self)
        X = self._states(X)
        field = self._model.field(X)
        if not return_std:
            return field
        return field, self._posterior.std_of_field(X)

    def simulate(
        self, x0: Any, t: Any, *, return_std: bool = False, x0_std: Any = None, **options: Any
    ) -> Any:
        """Trajectories of the learned system.

        Parameters
        ----------
        x0 : array-like of shape (2d,) or (m, 2d)
            The state at ``t[0]``, or m of them; ``smooth`` gives states of measured runs.
        t : array-like of shape (n_times,) or (m, n_times), or list of m array-likes
            The times at which to return states.
        return_std : bool, default=False
            Whether to return standard deviations as well: of 30 simulations with weights drawn from
            their posterior, also those of other hidden layers that fit about as well, and starts
            about x0, about the one returned. Those that end early are left out.
        x0_std : array-like of the shape of x0, default=None
            The standard deviations of x0, as ``smooth`` returns them. None takes x0 as exact.
        **options : object
            Those of :func:`skhnn.simulate`.

        Returns
        -------
        ndarray of shape (n_times, 2d) or (m, n_times, 2d), list of ndarray, or SimulationResult
            The states at ``t``; with ``return_std`` a pair of arrays.

        Raises
        ------
        NotFittedError
            Before ``fit``.
        ValueError, TypeError
            If x0, t or an option is invalid, ``return_std`` is asked for beside
            ``return_solution`` or unequal numbers of times, or ``x0_std`` without it.
        SimulationError
            If the integration ended early, see :meth:`HNNRegressor.simulate`.
        """
        check_is_fitted(self)
        if self.n_inputs or self.n_parameters:
            options = {"between": self.between_, **options}
        if return_std and options.get("return_solution"):
            raise ValueError("return_std=True and return_solution=True exclude each other.")
        starts = None if x0_std is None else self._starts_about(x0, x0_std, return_std)
        found = simulate(self, x0, t, **options)
        if not return_std:
            return found
        if isinstance(found, list):
            raise ValueError(
                "return_std=True needs as many times for every start; simulate them one by one."
            )
        rng, squares, drawn = np.random.RandomState(0), [], copy(self)
        options = {**options, "on_failure": "nan"}
        # Draws of the weights by which simulations get a band.
        draws = 30
        for k in range(draws):
            drawn._model = Model(*self._posterior.draw(rng, k))
            x0 = x0 if starts is None else starts(rng)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                squares.append((np.asarray(simulate(drawn, x0, t, **options)) - found) ** 2)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # times that no draw reaches
            return found, np.sqrt(np.nanmean(squares, axis=0))

    def _starts_about(
        self, x0: Any, x0_std: Any, return_std: bool
    ) -> Callable[[np.random.RandomState], np.ndarray]:
        """A function that draws starts about x0."""
        if not return_std:
            raise ValueError("x0_std needs return_std=True: it widens the standard deviations.")
        mean, std = (np.asarray(as_numpy(a, "x0"), dtype=float) for a in (x0, x0_std))
        if std.shape != mean.shape or not (std >= 0.0).all():
            raise ValueError(
                f"x0_std must have standard deviations, zero or more, of the shape of x0, "
                f"{mean.shape}; got shape {std.shape}"
                + (f" with {std.min():g}." if std.size else ".")
            )
        return lambda rng: mean + std * rng.standard_normal(mean.shape)

    def smooth(self, X: Any, t: Any = None, groups: Any = None, return_std: bool = False) -> Any:
        """States of new runs, freed of noise by the learned dynamics.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_columns)
            Measured rows, as in ``fit``.
        t : array-like of shape (n_samples,), default=None
            Their times.
        groups : array-like of shape (n_samples,), default=None
            The run of every row.
        return_std : bool, default=False
            Whether to return standard deviations as well, those of noise and of the weights.

        Returns
        -------
        ndarray of shape (n_samples, 2d), or two of them
            The states at the rows; NaN in runs with fewer than two measured rows. The last one of a
            run is where a forecast begins. With ``return_std`` their standard deviations as well.

        Raises
        ------
        NotFittedError
            Before ``fit``.
        ValueError
            If X, t or groups are invalid.

        Warns
        -----
        ConvergenceWarning
            If no states are found that follow the learned dynamics.
        """
        check_is_fitted(self)
        X, t, groups = self._checked_rows(X, t, groups, reset=False)
        layout = self._model.equations.layout
        runs = runs_of(
            X, t, groups, n_measured_of(self, X.shape[1]), layout.n_state, layout.periods,
            self.between_,
        )  # fmt: skip
        states, std = np.full((2, len(X), layout.n_state), np.nan)
        smoother, rows = self._smoother(), np.concatenate(runs.rows)
        with one_blas_thread():
            found = smoother.states(runs)
            states[rows] = found.of_samples
            if return_std:
                kappa, weights = self.residual_correlation_, self._posterior.chosen
                std[rows] = smoother.std(found, kappa, weights)
        if not found.has_ended:
            warnings.warn(NO_STATES, ConvergenceWarning, stacklevel=2)
        return (states, std) if return_std else states

    def score(self, X: Any, y: Any = None, t: Any = None, groups: Any = None) -> float:
        """R^2 of measured rows by forecasts from the rows before them.

        Every run is cut into blocks as long as ``horizon``. The states of a block are freed of
        noise (``smooth``), and the next block is forecast from the last one. The noise of the
        measured rows bounds R^2 from above.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_columns)
            Measured rows, as in ``fit``.
        y : None
            Not used.
        t : array-like of shape (n_samples,), default=None
            Their times.
        groups : array-like of shape (n_samples,), default=None
            The run of every row.

        Returns
        -------
        float
            The mean over the measured columns; a forecast that ends early counts as the mean of
            the column.

        Raises
        ------
        NotFittedError
            Before ``fit``.
        ValueError
            If no run is long enough, or X, t or groups are invalid.
        """
        check_is_fitted(self)
        X, t, groups = self._checked_rows(X, t, groups, reset=False)
        pairs = blocks(t, groups, self.horizon)
        if not pairs:
            raise ValueError("score needs runs of at least four rows; got none.")
        layout, n_measured = self._model.equations.layout, n_measured_of(self, X.shape[1])
        before = np.concatenate([a for a, _ in pairs])
        number = np.repeat(np.arange(len(pairs)), [len(a) for a, _ in pairs])
        runs = runs_of(
            X[before], t[before], number, n_measured, layout.n_state, layout.periods,
            self.between_, has_to_say=False,
        )  # fmt: skip
        with one_blas_thread():
            states = self._smoother().states(runs).of_samples
        ends = np.cumsum([len(own) for own in runs.t]) - 1
        of_runs = [int(number[own[0]]) for own in runs.rows]
        predicted = np.full((len(X), n_measured), np.nan)
        for start, k in zip(states[ends], of_runs, strict=True):
            a, b = pairs[k]
            rows = np.concatenate([a[-1:], b])
            forecast = self._forecast(start, t[rows], X[rows])
            predicted[b] = (forecast[1:] @ self._E.T)[:, :n_measured]
        rows = np.concatenate([b for _, b in pairs])
        return r2_of_forecasts(X[rows, :n_measured], predicted[rows], layout.periods)

    # --- parts -----------------------------------------------------------------------------------

    def _checked_rows(
        self, X: Any, t: Any, groups: Any, *, reset: bool
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        refuse_runs(X, "X, t, groups = skhnn.preprocessing.from_trajectories(X, t) joins them.")
        X = validate_data(
            self, as_numpy(X, "X"), dtype=np.float64, reset=reset, copy=True,
            ensure_all_finite="allow-nan", ensure_min_samples=2 if reset else 1,
        )  # fmt: skip
        if np.isinf(X).any():
            raise ValueError("X contains infinity.")
        check_magnitude(np.nan_to_num(X), "X")
        if reset and not n_measured_of(self, X.shape[1]) > 0:
            raise ValueError(
                f"X must have columns of a state before {self.n_inputs} inputs and "
                f"{self.n_parameters} parameters; got {X.shape[1]} columns."
            )
        groups = check_groups(groups, len(X))
        times = check_times_of_rows(t, len(X), groups, self.time_step)
        if reset and t is not None:
            refuse_times_in_rows(X[:, : n_measured_of(self, X.shape[1])], times)
        return X, times, groups

    def _set(self, chosen: Chosen, layout: Layout, n_rows: int, n_measured: int) -> None:
        """All fitted attributes."""
        for name in _OF_FORCES_AND_MASSES:
            self.__dict__.pop(name, None)
        joint, n = chosen.candidate.joint, layout.n_state
        kappa = _correlation(chosen, layout)
        self.__dict__.update(attributes_of_joint_fit(chosen, layout, n_rows, kappa))
        self._posterior, self._E = posterior_of(chosen, kappa), joint.E
        self.coordinates_ = "velocities" if layout.has_velocities else "canonical"
        self.noise_std_ = joint.sigma[:n_measured]
        if joint.q is not None:
            self.process_noise_std_ = np.sqrt(joint.q)
        if len(joint.sigma) > n:
            self.derivative_noise_std_ = joint.sigma[n:]
        if not np.array_equal(joint.E, np.eye(n)):
            self.calibration_ = joint.E[n // 2 :, n // 2 :]
        self.between_ = chosen.between
        self.evidence_, self.n_iter_ = joint.evidence_if_white, joint.n_steps
        self.residual_correlation_, self.fit_report_ = kappa, chosen.report
        self.undetermined_masses_, self._sentences = masses_not_shown(
            chosen, kappa, self._label(layout)
        )
        if hasattr(self, "masses_"):
            self.masses_std_ = with_infinite_std(self, joint.equations)
        # The part of the measured values that starts and weights took was 1 and more for 3 rows, or
        # 5 of positions, and 0.56 and less from 8 on.
        all = 0.9
        if joint.lost > all:
            self._sentences.append(TOO_FEW_VALUES)
        if not np.isnan(chosen.strays):
            is_mechanical = name_of(joint.equations.hamiltonian) == "mechanical"
            sentence = of_thin_data(chosen.strays, of_all=True, is_mechanical=is_mechanical)
            self._sentences.append(sentence)

    def _warn(self, status: str) -> None:
        """Say how the fit ended, if not well, and what it found that users should know."""
        if status != "converged":
            end = of_joint_fit(status, self.n_iter_, self.max_time)
            warnings.warn(end, ConvergenceWarning, stacklevel=3)
        sentences = list(self._sentences)
        if self.noise == "process" and not hasattr(self, "process_noise_std_"):
            sentences.insert(0, NO_RANDOM_FORCES)
        if hasattr(self, "calibration_"):
            sentences.insert(0, of_calibration(self.calibration_))
        if status not in ("max_time", "interrupted") and self.residual_correlation_ > _CORRELATED:
            sentences.insert(0, of_residuals(self.residual_correlation_))
        for sentence in sentences:
            warnings.warn(f"{sentence}.", stacklevel=3)

    def _label(self, layout: Layout) -> list[str]:
        names = [str(name) for name in getattr(self, "feature_names_in_", ())]
        if len(names) >= layout.n_state:
            return names[: layout.n_state]
        return [f"column {k}" for k in range(layout.n_state)]

    def _states(self, X: Any) -> np.ndarray:
        layout = self._model.equations.layout
        if layout.n_columns == self.n_features_in_:
            return super()._states(X)
        X = check_array(as_numpy(X, "X"), dtype=np.float64, input_name="X")
        if X.shape[1] != layout.n_columns:
            raise ValueError(
                f"X must have {layout.n_columns} columns, positions and their velocities and what "
                f"stands behind them; got {X.shape[1]}."
            )
        return X

    def _smoother(self) -> Smoother:
        """What is known of new runs."""
        noise = np.full(self._model.equations.layout.n_state, np.nan)
        noise[: len(self.noise_std_)] = self.noise_std_
        has_forces = hasattr(self, "process_noise_std_")
        return Smoother(
            self._model.equations, self._model.params, noise, self._E,
            are_rates=not hasattr(self, "calibration_"), robust=bool(self.robust),
            densities=self.process_noise_std_**2 if has_forces else None,
            step=self._step_of_data(),
        )  # fmt: skip

    def _step_of_data(self) -> float:
        """The longest interval between nodes that suits the motion in the training data."""
        n = self._scaling.n_state
        rates = self._scaling.f / self._scaling.s[:n]
        return INTERVAL / float(rates.max()) if rates.max() > 0.0 else np.inf

    def _forecast(self, x0: np.ndarray, t: np.ndarray, rows: np.ndarray) -> np.ndarray:
        layout = self._model.equations.layout
        behind = rows[:, n_measured_of(self, rows.shape[1]) :]
        options: dict[str, Any] = {}
        if layout.n_inputs:
            options["u"] = behind[:, : layout.n_inputs]
        if layout.n_parameters:
            options["parameters"] = behind[:, layout.n_inputs :]
        if options:
            options["between"] = self.between_
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return np.asarray(simulate(self, x0, t, on_failure="nan", **options))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = False
        tags.input_tags.allow_nan = True
        return tags


def _correlation(chosen: Chosen, layout: Layout) -> float:
    residuals = chosen.candidate.joint.residuals[chosen.grid.of_samples, : layout.n_state]
    return correlation_of_residuals(residuals, chosen.runs)
