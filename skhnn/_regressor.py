"""HNNRegressor: parameters, fit, predict, score, hamiltonian and simulate."""

import warnings
from collections.abc import Sequence
from functools import partial
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from ._chunks import evaluate_in_chunks
from ._scaling import Scaling, column_weight
from ._simulation import integrate, integrate_each
from ._solvers import SOLVERS, FitResult, Monitor, Objective, SolverOptions, minimize, views
from ._torch import resolve_device
from ._validation import (
    check_activation,
    check_choice,
    check_hidden_layer_sizes,
    check_initial_states,
    check_method,
    check_number,
    check_states,
    check_times,
    check_tolerances,
    check_training_data,
)
from .hamiltonians import MLPHamiltonian, Params, field_from_gradient, gradient_from_field

_DTYPES = ("float64", "float32")


class HNNRegressor(RegressorMixin, BaseEstimator):
    r"""Hamiltonian neural network: learn H(q, p) from states and their time derivatives.

    A multilayer perceptron H is trained so that its vector field

    .. math:: \frac{dq}{dt} = \frac{\partial H}{\partial p}, \qquad
              \frac{dp}{dt} = -\frac{\partial H}{\partial q}

    matches the given derivatives. Whatever the weights, the field is Hamiltonian: H is conserved
    along the trajectories of ``simulate``, up to the tolerance of the integrator.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=None
        The number of units of each hidden layer. None leaves the choice to the solver: (64, 64).
    activation : {"tanh", "softplus", "silu", "sin", "logistic"}, default="tanh"
        The activation of the hidden layers. It must be smooth, since the field is the derivative of
        the network: "relu" is refused.
    solver : {"lbfgs", "adam"}, default="lbfgs"
        "lbfgs" uses all rows at once and reaches the smaller loss; "adam" uses minibatches.
    alpha : float, default=1e-6
        Strength of the L2 penalty, ``alpha / (2 N)`` times the sum of the squared weights (not
        biases), N the sum of the sample weights. The weights meant are those of the network
        on standardised states and targets, so that the penalty does not depend on units.
    batch_size : int or "auto", default="auto"
        Rows of a minibatch of "adam"; "auto" is ``min(256, n_samples)``. Without effect for
        "lbfgs".
    learning_rate_init : float, default=0.001
        The constant step size of "adam". Without effect for "lbfgs".
    max_iter : int, default=2000
        The largest number of iterations of "lbfgs", or epochs of "adam".
    tol : float, default=2e-3
        Training has converged when ``n_iter_no_change`` iterations together have not lowered the
        loss by this fraction of it. With ``early_stopping`` the same holds for 1 - R^2 of the
        hold-out.
    n_iter_no_change : int, default=10
        See ``tol``.
    early_stopping : bool, default=False
        Set ``validation_fraction`` of the rows aside, stop when their score no longer improves, and
        keep the weights of the best score.
    validation_fraction : float, default=0.1
        The fraction of the rows set aside by ``early_stopping``; of the groups, where ``fit`` is
        given ``groups``.
    shuffle : bool, default=True
        Whether "adam" shuffles the rows in every epoch.
    warm_start : bool, default=False
        Whether ``fit`` starts from the weights of the last ``fit``.
    random_state : int, RandomState instance or None, default=None
        Determines the initial weights, the hold-out and the minibatches.
    verbose : bool, default=False
        Whether to print the loss of every iteration.
    device : str or torch.device, default="cpu"
        Where torch trains: "cpu", "cuda", "cuda:1", "mps", or "auto" for a GPU if there is one.
    dtype : {"float64", "float32"}, default="float64"
        The precision of training. Fitted weights and predictions are float64 in any case.

    Attributes
    ----------
    coefs_ : list of ndarray
        The weights of each layer, (n_in, n_out), for states and energies in the units of the data.
    intercepts_ : list of ndarray
        The biases of each layer, (n_out,).
    hidden_layer_sizes_ : tuple of int
        The number of units of each hidden layer.
    n_dof_ : int
        Degrees of freedom d, half the number of columns.
    n_features_in_ : int
        The number of columns, 2d.
    feature_names_in_ : ndarray of shape (2d,)
        Names of the columns, where X had names that are strings.
    n_iter_ : int
        Iterations of the solver.
    loss_ : float
        The last loss. Without penalty the training R^2 is ``1 - 2 * loss_``.
    best_loss_ : float or None
        The smallest loss; None with ``early_stopping``.
    loss_curve_ : list of float
        The loss of every iteration: half the mean squared error of the columns of the field, each
        divided by its variance, plus the penalty. For "adam" the mean over the batches of an epoch.
    validation_scores_ : list of float or None
        With ``early_stopping`` the score of the hold-out after every iteration: one minus the
        mean over the columns of the mean squared error divided by the variance in the training
        rows.

    See Also
    --------
    sklearn.neural_network.MLPRegressor : Fits the field directly; no energy is conserved.

    Notes
    -----
    States are standardised inside the Hamiltonian, which keeps the field Hamiltonian; no scaler is
    needed in front, and one that scales columns differently would do harm.

    References
    ----------
    .. [1] S. Greydanus, M. Dzamba, J. Yosinski, "Hamiltonian Neural Networks", Advances in Neural
       Information Processing Systems 32 (2019).

    Examples
    --------
    >>> import numpy as np
    >>> from skhnn import HNNRegressor
    >>> from skhnn.datasets import make_mass_spring
    >>> X, y = make_mass_spring(return_X_y=True)
    >>> model = HNNRegressor(random_state=0).fit(X, y)
    >>> model.score(X, y) > 0.999999
    True
    >>> t = np.linspace(0, 1, 5)
    >>> model.simulate([0, 1], t).round(3) + 0.0
    array([[ 0.,  1.],
           [ 1.,  0.],
           [ 0., -1.],
           [-1.,  0.],
           [ 0.,  1.]])
    """

    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] | None = None,
        *,
        activation: str = "tanh",
        solver: str = "lbfgs",
        alpha: float = 1e-6,
        batch_size: int | str = "auto",
        learning_rate_init: float = 0.001,
        max_iter: int = 2000,
        tol: float = 2e-3,
        n_iter_no_change: int = 10,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        shuffle: bool = True,
        warm_start: bool = False,
        random_state: Any = None,
        verbose: bool = False,
        device: Any = "cpu",
        dtype: str = "float64",
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate_init = learning_rate_init
        self.max_iter = max_iter
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.shuffle = shuffle
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose
        self.device = device
        self.dtype = dtype

    def fit(self, X: Any, y: Any, sample_weight: Any = None, groups: Any = None) -> "HNNRegressor":
        """Train H so that J grad H(X) matches y.

        Parameters
        ----------
        X : array-like of shape (n_samples, 2d)
            States, columns q_1..q_d, p_1..p_d.
        y : array-like of shape (n_samples, 2d)
            Their time derivatives dX/dt, in the order of the columns of X.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows; an integer weight means repetition of the row.
        groups : array-like of shape (n_samples,), default=None
            The trajectory of each row. With ``early_stopping`` no trajectory is on both sides of
            the split.

        Returns
        -------
        HNNRegressor
            The fitted estimator.

        Raises
        ------
        ValueError, TypeError
            If a parameter or the data are invalid; before any training.

        Warns
        -----
        ConvergenceWarning
            If training ended before it converged: at ``max_iter``, by Ctrl-C, or because the loss
            was no longer finite. The best weights so far are kept.
        """
        self._check_parameters()
        X, y, weight, groups = check_training_data(self, X, y, sample_weight, groups)
        device = resolve_device(self.device, self.dtype)
        rng = check_random_state(self.random_state)

        train, hold_out = self._split(len(X), groups, rng)
        G = gradient_from_field(y)
        row_weight = weight[train] / weight[train].sum()
        scaling = Scaling.from_data(X[train], G[train], row_weight)
        Z, T = scaling.states(X), scaling.targets(G)
        hamiltonian, params = self._start(X.shape[1], scaling, rng)

        def objective(rows: Any, penalty: float) -> Objective:
            return Objective.on_torch(
                hamiltonian,
                Z[rows],
                T[rows],
                weight[rows] / weight[rows].sum(),
                column_weight(T[train], row_weight),
                penalty,
                device,
                self.dtype,
            )

        monitor = Monitor(self.tol, self.n_iter_no_change, bool(self.verbose))
        if hold_out is not None:
            validation = objective(hold_out, 0.0)
            shapes = [p.shape for p in params]

            def validation_score(theta: np.ndarray) -> float:
                return 1.0 - 2.0 * validation.loss(views(validation.array(theta), shapes))

            monitor.validation_score = validation_score
        result = minimize(
            self.solver,
            objective(train, self.alpha / weight[train].sum()),
            params,
            monitor,
            self._solver_options(rng),
        )
        self._hamiltonian, self._state_spread = hamiltonian, scaling.s
        self._store(result, hamiltonian.fold(result.params, scaling.mu, scaling.s, scaling.e))
        self.intercepts_[-1] -= row_weight @ self._energies(X[train])
        self._warn_unless_converged(result)
        return self

    def predict(self, X: Any) -> np.ndarray:
        """The learned vector field J grad H(X).

        Parameters
        ----------
        X : array-like of shape (n_samples, 2d)
            States, with the columns of the training data.

        Returns
        -------
        ndarray of shape (n_samples, 2d)
            Time derivatives dX/dt.

        Raises
        ------
        NotFittedError
            Before ``fit``.
        ValueError
            If X does not have the columns of the training data.
        """
        check_is_fitted(self)
        X = check_states(self, X)
        return self._in_chunks(self._field(), X, np.empty_like(X, order="C"))

    def hamiltonian(self, X: Any) -> np.ndarray:
        """The learned energy H(X), relative to the mean energy of the training data.

        Derivatives determine H only up to a constant. It is chosen such that the mean of H over the
        rows that were trained on (weighted by ``sample_weight``) is zero. The unit is that of q
        times p divided by that of time. No gradient is computed.

        Parameters
        ----------
        X : array-like of shape (n_samples, 2d)
            States, with the columns of the training data.

        Returns
        -------
        ndarray of shape (n_samples,)
            The energies.

        Raises
        ------
        NotFittedError
            Before ``fit``.
        ValueError
            If X does not have the columns of the training data.
        """
        check_is_fitted(self)
        return self._energies(check_states(self, X))

    def simulate(
        self,
        x0: Any,
        t: Any,
        *,
        method: Any = "DOP853",
        rtol: float = 1e-9,
        atol: Any = None,
        max_step: float = np.inf,
    ) -> np.ndarray:
        """Trajectories of the learned system, dx/dt = J grad H(x).

        Parameters
        ----------
        x0 : array-like of shape (2d,) or (m, 2d)
            The state at ``t[0]``, or m of them.
        t : array-like of shape (n_times,)
            The times at which to return states, increasing or decreasing (backward in time), in
            steps of any size. A single time returns x0.
        method : {"DOP853", "RK45", "RK23", "Radau", "BDF", "LSODA"} or OdeSolver, default="DOP853"
            The method of :func:`scipy.integrate.solve_ivp`.
        rtol : float, default=1e-9
            Relative tolerance of a step.
        atol : float or array-like of shape (2d,), default=None
            Absolute tolerance of a step, per column. None means ``rtol / 100`` times the standard
            deviation of the column in the training data, so that units do not matter.
        max_step : float, default=inf
            The longest step of the integrator.

        Returns
        -------
        ndarray of shape (n_times, 2d) or (m, n_times, 2d)
            The states at ``t``.

        Raises
        ------
        NotFittedError
            Before ``fit``.
        ValueError, TypeError
            If x0, t or an option is invalid; before any work.
        SimulationError
            If the integration ended early (also by Ctrl-C). It carries what was computed:
            ``t_reached``, ``t`` and ``y``.

        Examples
        --------
        >>> from skhnn import HNNRegressor
        >>> from skhnn.datasets import make_pendulum
        >>> X, y = make_pendulum(200, random_state=0, return_X_y=True)
        >>> model = HNNRegressor(random_state=0).fit(X, y)
        >>> model.simulate([1.0, 0.0], [0.0, 1.0, 2.0]).shape
        (3, 2)
        """
        check_is_fitted(self)
        X0, is_single = check_initial_states(self, x0)
        t = check_times(t)
        method = check_method(method)
        rtol, atol, max_step = check_tolerances(rtol, atol, max_step, self.n_features_in_)
        integrate_one = partial(
            integrate,
            self._field(),
            self._field_jacobian,
            method=method,
            rtol=rtol,
            atol=0.01 * rtol * self._state_spread if atol is None else atol,
            max_step=max_step,
        )
        return integrate_one(X0[0], t) if is_single else integrate_each(X0, t, integrate_one)

    def _check_parameters(self) -> None:
        if self.hidden_layer_sizes is not None:
            check_hidden_layer_sizes(self.hidden_layer_sizes)
        check_activation(self.activation)
        check_choice("solver", self.solver, list(SOLVERS))
        check_choice("dtype", self.dtype, _DTYPES)
        if not (isinstance(self.batch_size, str) and self.batch_size == "auto"):
            check_number("batch_size", self.batch_size, Integral, 1)
        check_number("alpha", self.alpha, Real, 0)
        check_number("learning_rate_init", self.learning_rate_init, Real, 0, inclusive=False)
        check_number("max_iter", self.max_iter, Integral, 1)
        check_number("tol", self.tol, Real, 0, 1)
        check_number("n_iter_no_change", self.n_iter_no_change, Integral, 1)
        check_number("validation_fraction", self.validation_fraction, Real, 0, 1, inclusive=False)

    def _split(
        self, n_samples: int, groups: np.ndarray | None, rng: np.random.RandomState
    ) -> tuple[Any, Any]:
        """The rows to train on and the rows held out (None without early stopping)."""
        if not self.early_stopping:
            return slice(None), None
        # Imported here: it takes longer than all the rest of the package.
        from sklearn.model_selection import GroupShuffleSplit, ShuffleSplit

        splitter = ShuffleSplit if groups is None else GroupShuffleSplit
        split = splitter(n_splits=1, test_size=self.validation_fraction, random_state=rng)
        if groups is not None and len(np.unique(groups)) < 2:
            raise ValueError(
                "early_stopping sets whole groups aside and needs at least two; got one. Pass "
                "groups=None to split by rows, or early_stopping=False."
            )
        return next(split.split(np.empty((n_samples, 1)), groups=groups))

    def _start(
        self, n_features: int, scaling: Scaling, rng: np.random.RandomState
    ) -> tuple[MLPHamiltonian, Params]:
        """The Hamiltonian and its initial params in standardised coordinates."""
        sizes: tuple[int, ...] = (64, 64)
        if self.hidden_layer_sizes is not None:
            sizes = check_hidden_layer_sizes(self.hidden_layer_sizes)
        hamiltonian = MLPHamiltonian(sizes, self.activation)
        if not (self.warm_start and hasattr(self, "coefs_")):
            return hamiltonian, hamiltonian.init_params(n_features, rng)
        if self.coefs_[0].shape[0] != n_features or self.hidden_layer_sizes_ != sizes:
            raise ValueError(
                f"warm_start continues a fit with {self.coefs_[0].shape[0]} columns and layers "
                f"{self.hidden_layer_sizes_}; got {n_features} and {sizes}. Set warm_start=False."
            )
        return hamiltonian, hamiltonian.unfold(self._params(), scaling.mu, scaling.s, scaling.e)

    def _solver_options(self, rng: np.random.RandomState) -> SolverOptions:
        return SolverOptions(
            max_iter=self.max_iter,
            batch_size=256 if isinstance(self.batch_size, str) else self.batch_size,
            learning_rate_init=self.learning_rate_init,
            shuffle=bool(self.shuffle),
            rng=rng,
        )

    def _store(self, result: FitResult, params: Params) -> None:
        self.coefs_, self.intercepts_ = params[::2], params[1::2]
        self.hidden_layer_sizes_ = tuple(len(b) for b in self.intercepts_[:-1])
        self.n_dof_ = self.n_features_in_ // 2
        self.n_iter_ = result.n_iter
        self.loss_curve_ = result.loss_curve
        self.loss_ = result.loss_curve[-1] if result.loss_curve else np.nan
        self.validation_scores_ = result.validation_scores
        self.best_loss_ = None if self.early_stopping else min(result.loss_curve, default=np.nan)

    def _warn_unless_converged(self, result: FitResult) -> None:
        advice = {
            "max_iter": f"stopped at max_iter={self.max_iter} with the loss still falling (now "
            f"{self.loss_:.2e}, of which tol={self.tol:g} is asked for). The model can be used; to "
            "go on, increase max_iter or fit again with warm_start=True, or accept by a larger tol",
            "interrupted": f"was interrupted after {result.n_iter} iterations. The model has the "
            "weights reached so far; fit again with warm_start=True to go on",
            "diverged": f"stopped after {result.n_iter} iterations because the loss was no longer "
            "finite. The model has the last finite weights; lower learning_rate_init, or use "
            "solver='lbfgs'",
        }
        if result.status in advice:
            warnings.warn(
                f"solver={self.solver!r} {advice[result.status]}.", ConvergenceWarning, stacklevel=3
            )

    def _params(self) -> Params:
        return [p for layer in zip(self.coefs_, self.intercepts_, strict=True) for p in layer]

    def _field(self) -> Any:
        return self._hamiltonian.vector_field(self._params())

    def _energies(self, X: np.ndarray) -> np.ndarray:
        value = partial(self._hamiltonian.value, self._params())
        return self._in_chunks(value, X, np.empty(len(X)))

    def _field_jacobian(self, x: np.ndarray) -> np.ndarray:
        """J times the Hessian of H, (2d, 2d), for the implicit methods of ``simulate``."""
        hessian = self._hamiltonian.hessian(self._params(), x)
        return field_from_gradient(hessian.T).T

    def _in_chunks(self, function: Any, X: np.ndarray, out: np.ndarray) -> np.ndarray:
        return evaluate_in_chunks(function, X, out, self._hamiltonian.width)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        tags.target_tags.single_output = False
        return tags
