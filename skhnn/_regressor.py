"""HNNRegressor: parameters, fit, predict, score, energy and simulate."""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.base import RegressorMixin, clone
from sklearn.utils import check_random_state
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from ._asked_for import deadline_asked_for, layout_asked_for
from ._attributes import attributes_of
from ._callbacks import CallbackSupportMixin, with_callbacks
from ._convergence import warn_unless_converged
from ._coordinates import coordinates_of, with_infinite_std
from ._documentation import DocumentationLink
from ._findings import Fit, of_columns, of_rest
from ._fit import train
from ._fitted import FittedHamiltonian
from ._identified import IDENTIFIED
from ._model import Model, model_of
from ._noisy_states import train_with_noisy_states
from ._parameters import check_parameters, warn_about_options
from ._scaling import Scaling
from ._score import field_score
from ._selection import SOLVERS
from ._solvers import name_of
from ._validation import (
    check_derivatives,
    check_sample_weight,
    check_states,
    check_training_data,
    unchanged_on_error,
)
from ._with_bodies import with_other_bodies
from .hamiltonians import HAMILTONIANS, Hamiltonian

# Attributes of a fit, of which the next one may have none.
_OF_FORCES_AND_MASSES = (
    *IDENTIFIED, "undetermined_masses_", "states_", "derivative_noise_std_",
)  # fmt: skip


def _takes_rows_in_pieces(estimator: "HNNRegressor") -> bool:
    solver = SOLVERS.get(estimator.solver)
    if solver is None or not solver.takes_pieces:
        names = [name for name, known in SOLVERS.items() if known.takes_pieces]
        raise AttributeError(
            f"partial_fit needs a solver that takes rows in pieces, one of {names}; got "
            f"solver={estimator.solver!r}."
        )
    return True


def _warn(sentences: Sequence[str]) -> None:
    for sentence in sentences:
        warnings.warn(f"{sentence}.", stacklevel=4)


class HNNRegressor(DocumentationLink, CallbackSupportMixin, RegressorMixin, FittedHamiltonian):
    r"""Hamiltonian neural network: learn H(q, p) from states and their time derivatives.

    A multilayer perceptron H is trained so that its vector field

    .. math:: \frac{dq}{dt} = \frac{\partial H}{\partial p}, \qquad
              \frac{dp}{dt} = -\frac{\partial H}{\partial q}

    matches the given derivatives. Whatever the weights, the field is Hamiltonian: H is conserved
    along the trajectories of ``simulate``, up to the tolerance of the integrator.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=None
        The number of units of each hidden layer. With None they are an outcome of "auto" and
        "least_squares"; "gauss_newton" takes (120,), the others (64, 64).
    hamiltonian : {"auto", "mlp", "separable", "mechanical", "natural"} or object, default="auto"
        What H consists of. "mlp" is one network H(q, p). "separable" is T(p) + V(q), a network of
        these layers for each. "mechanical" is 1/2 p^T A p + b . p + V(q) with constants A and b and
        a network V: right for particles in a potential. "natural" is the same with a network of q
        for all coefficients: right for a double pendulum or a charge in a magnetic field. What
        holds needs less data; explicit symplectic integrators need "separable" or "mechanical".
        "auto" finds one of these from the data with ``solver="auto"`` and no layers given, and is
        "mlp" otherwise. Objects of ``skhnn.hamiltonians`` compose others, such as
        ``Quadratic("p") + MLP("q") + Known(gravity)``. ``hamiltonian_`` says what was fitted.
    coordinates : {"auto", "canonical", "velocities"}, default="auto"
        Whether states are (q, p), or positions and velocities (q, v) with derivatives (v, a), of
        unknown masses: then the masses are found with the forces, and all that is given and
        returned is in (q, v). "auto" takes (q, v) where the rates of q in y are the second half of
        X, masses of one do not fit, and others do better. ``hamiltonian`` may then be "auto",
        "mechanical" (a constant mass matrix), "natural" (one of q), ``hamiltonians.Natural``,
        ``Radial``, ``Pairwise`` and sums with potentials.
    periodic : sequence of int or str, or mapping, default=None
        Columns that are angles, of period 2 pi, or {column: period}; by index, or by name where X
        has names. A shift of theirs by a period
        changes nothing; in ``X`` they may jump by a period (be wrapped) or not, in ``simulate``
        they go on.
    dissipation : {None, "linear", "mlp", "auto"} or object, default=None
        Friction: dp/dt has a further -Gamma dq/dt, Gamma a symmetric matrix, constant with "linear"
        and a function of q with "mlp". Objects of ``skhnn.forces`` add up to others. None is no
        friction; ``fit`` warns where the data have some. "auto" decides between None and "linear"
        by rows left out.
    n_inputs : int, default=0
        The number of columns u behind those of the state, of which dp/dt has a further G u, such as
        the torque of a motor. (With a ``structure``, all of dx/dt has it.)
    input_matrix : array-like of shape (d, n_inputs), default=None
        G, where it is known; None learns it.
    n_parameters : int, default=0
        The number of columns behind those, on which H depends: a length, the strength of a field,
        the time. H is then defined up to a function of them.
    structure : array-like of shape (D, D) or callable, default=None
        S of dx/dt = S(x) grad H for states that are not (q, p), a skew matrix, or a function of
        states (n, D) that returns one for each, (n, D, D). Any number D of columns is right, and H
        is defined up to functions that S conserves (Casimirs). None is J, for (q, p).
    noise_std : float or array-like of shape (2d,), default=None
        The standard deviation of the noise of X, of every column of the state: noise that is not
        told makes the field too flat. The true states are then found with H (orthogonal regression,
        with "auto" and "least_squares" alone); that of y is estimated. Too large a value does less
        harm than too small a one. Where runs and times are known, :class:`HNNTrajectoryRegressor`
        does better. None takes X for exact.
    activation : {"auto", "tanh", "softplus", "silu", "sin", "logistic", "quartic"}, default="auto"
        The activation of the hidden layers; "auto" is "tanh", except that the solvers "auto" and
        "least_squares" may choose "silu" or "quartic", a^4, by which one layer is a polynomial of
        fourth degree. It must be smooth, since the field is the derivative of the network: "relu"
        is refused.
    solver : {"auto", "least_squares", "gauss_newton", "soap", "adam", "lbfgs"}, default="auto"
        "auto" chooses between "least_squares" and, for few rows, "gauss_newton", or, for many,
        "soap" by rows that it leaves out (whole
        ``groups`` where they are given) and, on data that are thin like an orbit, by whether
        simulations stay with the data; ``solver_`` and ``fit_report_`` say what it did and why.
        "least_squares" draws hidden layers from the data and solves for the last weights: no
        iterations, and many digits on smooth systems of few coordinates. "soap" and "adam" use
        minibatches; SOAP is the stronger. "lbfgs" uses all rows at once. "gauss_newton" trains
        compact networks with a prior whose spreads it finds, so that few or noisy rows are not
        overfitted. The user guide has a table of what each parameter means under each solver.
    optimizer : class of torch.optim, default=None
        With ``solver="adam"``: used instead of Adam. It is called as ``optimizer(params, lr=...)``
        and follows the schedule of the rate.
    alpha : float, default=0.0
        Strength of the L2 penalty, ``alpha / (2 N)`` times the sum of the squared weights (not
        biases), N the sum of the sample weights; for "least_squares" the smallest ridge allowed.
        The weights meant are those of the network on standardised states and targets, so that the
        penalty does not depend on units.
    batch_size : int or "auto", default="auto"
        Rows of a minibatch of "soap" and "adam"; "auto" is ``min(256, n_samples)``.
    learning_rate : {"cosine", "constant"}, default="cosine"
        How the step size of "soap" and "adam" goes over a fit: up during the first twentieth of the
        steps and down to zero along half a cosine, or constant. ``partial_fit`` uses a constant
        one.
    learning_rate_init : float, default=None
        The largest step size of "soap" and "adam". None is 0.02 for SOAP and 0.005 for Adam, a
        fifth of it where the rate is constant.
    max_iter : int, default=None
        Epochs of "soap" and "adam", over which the rate is annealed; the largest number of
        iterations of "lbfgs" and "gauss_newton". None is the number of epochs that makes 2000
        steps, 2000 iterations of "lbfgs" and 100 of "gauss_newton".
    max_time : float, default=None
        Seconds after which ``fit`` ends, under every solver, with the best model so far and a
        ConvergenceWarning. There is always a model: the first least squares, or the first batches
        of a training, are finished. What is going on then (one least squares, one iteration) may
        take a little longer.
    tol : float, default=0.1
        "lbfgs", "gauss_newton" and a constant rate have converged when ``n_iter_no_change``
        iterations together have not lowered the loss by this fraction of it. With
        ``early_stopping`` the same holds for 1 - R^2 of the hold-out, under every solver that has
        iterations.
    n_iter_no_change : int, default=100
        See ``tol``. The loss may stand still for dozens of iterations before the next part of a
        field is found; much smaller values end there.
    early_stopping : bool, default=False
        Set ``validation_fraction`` of the rows aside, stop when their score no longer improves, and
        keep the weights of the best score. ("auto" always leaves rows out.)
    validation_fraction : float, default=0.1
        The fraction of the rows set aside by ``early_stopping``; of the groups, where ``fit`` is
        given ``groups``.
    shuffle : bool, default=True
        Whether "soap" and "adam" shuffle the rows in every epoch.
    warm_start : bool, default=False
        Whether ``fit`` starts from the weights of the last ``fit``. "least_squares" keeps the
        hidden layers and solves for the last weights again; "auto" goes on with ``solver_``.
    random_state : int, RandomState instance or None, default=None
        Determines the weights drawn, the rows left out and the minibatches.
    verbose : bool, default=False
        Whether to print the loss of every iteration and the steps of "auto".
    device : str or torch.device, default="cpu"
        Where torch trains: "cpu", "cuda", "cuda:1", "mps", or "auto" for a GPU if there is one.
    dtype : {"auto", "float64", "float32"}, default="auto"
        The precision of training; "auto" is float32 for "soap" and "adam", whose steps are noisier
        than that, and float64 otherwise. Fitted weights and predictions are float64 in any case.

    Attributes
    ----------
    hamiltonian_ : Hamiltonian
        What was fitted, an object of ``skhnn.hamiltonians`` with its layers.
    params_ : list of ndarray
        All weights: of each network W_1, b_1, ..., W_L, b_L and the last weights, (m_L, 1) or, for
        a product, a column for each of the known functions; then the coefficients of the linear
        and quadratic energies. They belong to standardised states and energies.
    coefs_ : list of ndarray
        Where H is one network beside linear and quadratic energies: the weights of each layer,
        (n_in, n_out), for states and energies in the units of the data. The network reads columns
        of x - c; its last weights, one for each unit, are followed by the coefficients of
        (x - c)_i, then those of (x - c)_i (x - c)_j, i <= j, as far as H has them.
    intercepts_ : list of ndarray
        The biases of each hidden layer, (n_out,); the last one, (1 + 2d,), has the constant of H
        and c, the means of the columns in the training data.
    hidden_layer_sizes_ : tuple of int
        The number of units of each hidden layer (of the first network).
    activation_ : str
        The activation of the hidden layers; with "auto" what was chosen.
    solver_ : str
        The solver that made the model; with "auto" its choice.
    fit_report_ : list of dict
        What was tried, in order: the solver, the layers, ``error`` = sqrt(1 - R^2) on rows left
        out, seconds since the start; the last entry says what was chosen and why.
    damping_, damping_std_ : ndarray of shape (d, d)
        Gamma of a constant linear friction, force per velocity, and its standard errors; where it
        had to be bounded to be no negative friction, these are NaN for the coordinates without any.
    quadratic_drag_, cubic_damping_ : ndarray of shape (d, d)
        C of ``forces.QuadraticDrag`` and ``forces.CubicDamping``; the standard errors are
        ``quadratic_drag_std_`` and ``cubic_damping_std_``.
    input_matrix_, input_matrix_std_ : ndarray of shape (d, n_inputs)
        G, where it was learned and is constant, and its standard errors.
    coordinates_ : str
        "canonical" or "velocities".
    masses_, masses_std_ : ndarray of shape (d, d)
        Of velocities whose masses were found: the mean of M(q) over the training data, and its
        standard errors, given the form of ``hamiltonian_`` (a mass for each coordinate, say), and
        infinite for masses of that form that do not show in the data. The first entry is one,
        unless a known force, mass or potential gives masses their unit.
    undetermined_masses_ : list of ndarray of shape (d, d)
        Of velocities: relative changes of M, of the form of ``hamiltonian_``, that do not show in
        the data; none where all do.
    states_ : ndarray of shape (n_samples, 2d)
        With ``noise_std``, the states at the rows of ``fit``, freed of noise.
    derivative_noise_std_ : ndarray of shape (2d,)
        With ``noise_std``, the noise of y; what H lacks counts as noise.
    n_dof_ : int
        Degrees of freedom d, half the number of columns.
    n_features_in_ : int
        The number of columns, 2d.
    feature_names_in_ : ndarray of shape (2d,)
        Names of the columns, where X had names that are strings.
    n_iter_ : int
        Iterations of the solver.
    loss_ : float
        The loss of the model on the rows trained on, without the penalty: ``1 - 2 * loss_`` is what
        ``score`` gives for them (of more than a million rows, for a million spread evenly; NaN for
        a single one). The losses of ``loss_curve_`` are those met on the way.
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

    # Set by training, besides the public attributes; numpy and plain Python only.
    _random_state: np.random.RandomState
    _solver_state: dict[str, np.ndarray] | None

    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] | None = None,
        *,
        hamiltonian: str | Hamiltonian = "auto",
        coordinates: str = "auto",
        periodic: Any = None,
        dissipation: Any = None,
        n_inputs: int = 0,
        input_matrix: Any = None,
        n_parameters: int = 0,
        structure: Any = None,
        noise_std: Any = None,
        activation: str = "auto",
        solver: str = "auto",
        optimizer: Any = None,
        alpha: float = 0.0,
        batch_size: int | str = "auto",
        learning_rate: str = "cosine",
        learning_rate_init: float | None = None,
        max_iter: int | None = None,
        max_time: float | None = None,
        tol: float = 0.1,
        n_iter_no_change: int = 100,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        shuffle: bool = True,
        warm_start: bool = False,
        random_state: Any = None,
        verbose: bool = False,
        device: Any = "cpu",
        dtype: str = "auto",
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.hamiltonian = hamiltonian
        self.coordinates = coordinates
        self.periodic = periodic
        self.dissipation = dissipation
        self.n_inputs = n_inputs
        self.input_matrix = input_matrix
        self.n_parameters = n_parameters
        self.structure = structure
        self.noise_std = noise_std
        self.activation = activation
        self.solver = solver
        self.optimizer = optimizer
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.max_iter = max_iter
        self.max_time = max_time
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

    @with_callbacks
    def fit(self, X: Any, y: Any, sample_weight: Any = None, groups: Any = None) -> "HNNRegressor":
        """Train H so that J grad H(X) matches y.

        Parameters
        ----------
        X : array-like of shape (n_samples, 2d)
            States, columns q_1..q_d, p_1..p_d, or q_1..q_d, v_1..v_d.
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
            If training ended before it converged (at ``max_iter`` or ``max_time``, by Ctrl-C, or
            because the loss was no longer finite; the weights so far are kept), or converged at an
            R^2 below 0.8.
        UserWarning
            Before training, of columns that cannot mean what they are taken for: an order other
            than q, then p, clocks and labels, next states for derivatives. After it, of what no
            Hamiltonian of these columns has (friction, velocities in place of momenta), with its
            size and standard error; where the default fits poorly, of another order of the columns,
            of noisy velocities, and of angles that are not declared, if these fit better; and of
            data that do not determine H beside them. Of velocities: where no masses and potential
            have these accelerations, and which masses the data do not show.
        """
        check_parameters(self)
        warn_about_options(self)
        goes_on = self.warm_start and hasattr(self, "params_")
        deadline = deadline_asked_for(self)
        with unchanged_on_error(self):
            data = check_training_data(self, X, y, sample_weight, groups)
            if not goes_on:
                self.coordinates_ = coordinates_of(self, *data, deadline=deadline)
            layout = layout_asked_for(self, data[0].shape[1], self.coordinates_)
            names = getattr(self, "feature_names_in_", None)
            causes = of_columns(data, layout, names)
            _warn([*causes, *of_rest(data, layout, names)])
            if self.noise_std is None:
                attributes, result = train(self, *data, goes_on=goes_on, deadline=deadline)
            else:
                attributes, result = train_with_noisy_states(self, *data[:3], deadline=deadline)
        for name in _OF_FORCES_AND_MASSES:
            self.__dict__.pop(name, None)
        self.__dict__.update(attributes)
        self.n_iter_, self.loss_curve_ = result.n_iter, result.loss_curve
        self.validation_scores_ = result.validation_scores
        self._summarise()
        states_are_noisy = self.noise_std is not None  # which has a divergence, too
        has_friction = self.dissipation not in (None, "auto") or hasattr(self, "damping_")
        findings = Fit(
            self._model, result, data, self._scaling, names,
            known_causes=causes,
            by_default=self.solver == "auto" and self.max_iter is None and not states_are_noisy,
            without_forces=not (states_are_noisy or has_friction or layout.n_parameters),
            masses_are_chosen=isinstance(self.hamiltonian, str) and self.hamiltonian == "auto",
        ).findings()  # fmt: skip
        if findings.undetermined_masses is not None:
            self.undetermined_masses_ = findings.undetermined_masses
            if hasattr(self, "masses_"):
                self.masses_std_ = with_infinite_std(self, self._model.equations)
        _warn(findings.to_say)
        warn_unless_converged(self, result, findings.causes)
        return self

    @available_if(_takes_rows_in_pieces)
    @with_callbacks
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> "HNNRegressor":
        """Train on the given rows, going on from where the last call ended.

        For data that come in pieces, and for schedules of one's own. A call is one epoch of "soap"
        or "adam". "least_squares" accumulates: after several calls the last weights are those of
        all rows seen, with the hidden layers of the first call. The first call (after
        ``fit``: that ``fit``) determines the scaling of states and targets inside the model, so
        it should see typical rows. The averages of Adam are kept between calls and in a pickle.

        Parameters
        ----------
        X : array-like of shape (n_samples, 2d)
            States, columns q_1..q_d, p_1..p_d.
        y : array-like of shape (n_samples, 2d)
            Their time derivatives dX/dt.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        HNNRegressor
            The estimator. ``loss_curve_`` grows by one and ``n_iter_`` counts the calls, except
            for a call that ends with a warning (rows or a rate with which the loss is not
            finite), which changes nothing; the mean of ``energy`` is zero over the rows of
            this call.

        Raises
        ------
        AttributeError
            Unless ``solver`` is "least_squares", "soap" or "adam": others need all rows at once.
        ValueError, TypeError
            As in ``fit``, and with ``noise_std``, which needs all rows at once, too.
        """
        check_parameters(self)
        if self.noise_std is not None:
            raise ValueError("noise_std needs all rows at once: use fit, or leave noise_std out.")
        goes_on = hasattr(self, "params_")
        with unchanged_on_error(self):
            data = check_training_data(self, X, y, sample_weight, None, reset=not goes_on)
            if not goes_on:
                is_auto = self.coordinates == "auto"  # which rows of one piece do not tell
                self.coordinates_ = "canonical" if is_auto else self.coordinates
            attributes, result = train(self, *data, goes_on=goes_on, one_epoch=True)
        if not (goes_on and result.status == "diverged"):  # else nothing changes, not even by
            self.__dict__.update(attributes)  # the rounding of folding
        if not goes_on:
            self.n_iter_, self.loss_curve_ = 0, []
        self.n_iter_ += result.n_iter
        self.loss_curve_ = self.loss_curve_ + result.loss_curve
        self.validation_scores_ = None
        self._summarise()
        if result.status in ("diverged", "interrupted"):
            warn_unless_converged(self, result)
        return self

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        r"""R^2 of the derivatives, the mean over the columns that vary.

        .. math:: R^2 = \frac{1}{m} \sum_j \Bigl( 1 -
            \frac{\sum_i c_i (y_{ij} - \hat y_{ij})^2}{\sum_i c_i (y_{ij} - \bar y_j)^2} \Bigr)

        A column of y that is constant up to rounding (the rate of a conserved momentum, say) is
        left out, since relative to rounding every error is large: one whose spread is at most 1e3
        eps times the larger of max \|y_j\| and max \|X_j\| times the fastest rate in the data, the
        largest std(y_k) / std(X_k). Where nothing is left out this is
        :func:`sklearn.metrics.r2_score`; if every column is, it is 1 for predictions that are right
        up to rounding, and 0 for others.

        Parameters
        ----------
        X : array-like of shape (n_samples, 2d)
            States, with the columns of the training data.
        y : array-like of shape (n_samples, 2d)
            Their time derivatives dX/dt.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        float
            R^2, at most 1.

        Raises
        ------
        NotFittedError
            Before ``fit``.
        ValueError
            If X, y or the weights do not have the shapes above.
        """
        predicted = self.predict(X)
        X, y = check_states(self, X), check_derivatives(y, predicted.shape)
        X = X[:, : y.shape[1]]
        weight = None if sample_weight is None else check_sample_weight(sample_weight, len(X))
        return field_score(X, y, predicted, weight)

    @classmethod
    def from_torch(cls, module: Any, **params: Any) -> "HNNRegressor":
        """A fitted estimator from a module of ``to_torch``, perhaps trained further.

        Parameters
        ----------
        module : torch.nn.Module
            What ``to_torch`` returned, on any device.
        **params : object
            Parameters of the estimator, for a later ``fit``.

        Returns
        -------
        HNNRegressor
            The estimator. It predicts what the module does; there was no fit, so ``loss_curve_`` is
            empty and ``loss_`` is NaN.

        Raises
        ------
        TypeError
            If the module is not one of ``to_torch``.
        """
        from ._torch_module import HamiltonianModule

        if not isinstance(module, HamiltonianModule):
            raise TypeError(
                "from_torch takes a module that to_torch() returned, since it has to know the "
                f"layers; got a {type(module).__name__}."
            )
        return cls(**params)._with(model_of(module), module.scaling)

    def with_bodies(
        self,
        n_bodies: int,
        *,
        masses: Any = None,
        kinds: Sequence[Any] | None = None,
        charges: Sequence[float] | None = None,
    ) -> "HNNRegressor":
        """The fitted laws for another number of bodies.

        Parameters
        ----------
        n_bodies : int
            The number of bodies.
        masses, kinds, charges : sequence of length n_bodies, default=None
            Those of :class:`skhnn.hamiltonians.Pairwise`, which have to be given where they were in
            the fit, unless all are the same.

        Returns
        -------
        HNNRegressor
            A fitted estimator of ``2 * n_bodies * n_dim`` columns. There was no fit, so that
            ``loss_`` is NaN, and nothing is known of where training data would be.

        Raises
        ------
        NotFittedError
            Before ``fit``.
        ValueError
            Where H is no ``Pairwise``, or has no forces for these kinds of bodies.

        Examples
        --------
        >>> from skhnn import HNNRegressor
        >>> from skhnn.datasets import make_n_body
        >>> from skhnn.hamiltonians import Pairwise
        >>> X, y = make_n_body(300, n_bodies=3, random_state=0, return_X_y=True)
        >>> three = HNNRegressor(hamiltonian=Pairwise(3, 2), random_state=0).fit(X, y)
        >>> three.with_bodies(8).n_features_in_
        32
        """
        check_is_fitted(self)
        given = {"masses": masses, "kinds": kinds, "charges": charges}
        return clone(self)._with(*with_other_bodies(self._model, self._scaling, n_bodies, given))

    def _with(self, fitted: Model, scaling: Scaling) -> "HNNRegressor":
        """Itself with a model that was not fitted here."""
        name, layout = name_of(fitted.hamiltonian), fitted.equations.layout
        self.set_params(n_inputs=layout.n_inputs, n_parameters=layout.n_parameters)
        self.coordinates_ = "velocities" if layout.has_velocities else "canonical"
        self.set_params(hamiltonian=name if name in HAMILTONIANS else fitted.hamiltonian)
        self.__dict__.update(attributes_of(fitted))
        if name in HAMILTONIANS:
            self.set_params(
                hidden_layer_sizes=self.hidden_layer_sizes_, activation=self.activation_
            )
        self.n_features_in_ = fitted.equations.n_columns
        self._scaling, self._support, self._device = scaling, None, "cpu"
        self._parameter_range = None
        self._solver_state = None
        self._random_state = check_random_state(self.random_state)
        self.solver_ = "soap" if self.solver == "auto" else self.solver
        self.fit_report_: list[dict[str, Any]] = []
        self.n_iter_, self.loss_curve_, self.validation_scores_ = 0, [], None
        self.loss_ = np.nan
        self._summarise()
        return self

    def _summarise(self) -> None:
        has_best = self.validation_scores_ is None
        self.best_loss_ = min(self.loss_curve_, default=np.nan) if has_best else None
