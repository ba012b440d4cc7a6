"""What every estimator with a fitted Hamiltonian can do: predict, simulate, be saved."""

import warnings
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from ._learned_dynamics import learned_dynamics
from ._model import Model
from ._scaling import Scaling
from ._simulation import Driving, Dynamics, ExtrapolationWarning, simulate, warn
from ._support import Support
from ._torch import evaluate_on_device, is_present
from ._validation import check_choice, check_derivatives, check_states
from .hamiltonians import LagrangianEquations, refuse_unless_saved

DTYPES = ("auto", "float64", "float32")


# What __getstate__ writes. A change of the private attributes needs a new number.
_STATE_FORMAT = 9


_FORCES = "friction of this law (dissipation=)"
_MASSES = (
    "positions and velocities whose masses were learned; masses of one that were chosen are those "
    "of mass_matrix"
)
# What the fits were of that have these attributes.
_OF_FITS = {
    "damping_": _FORCES, "quadratic_drag_": _FORCES, "cubic_damping_": _FORCES,
    "input_matrix_": "inputs (n_inputs) whose matrix was learned, and is constant",
    "masses_": _MASSES, "masses_std_": _MASSES,
    "undetermined_masses_": "positions and velocities (coordinates_ is 'velocities')",
}  # fmt: skip


class FittedHamiltonian(BaseEstimator):
    """The methods of a fitted estimator.

    They read the private attributes ``_model``, ``_scaling``, ``_support``, ``_device`` and
    ``_parameter_range``, which a fit sets.
    """

    _model: Model
    _scaling: Scaling
    _support: tuple[np.ndarray, float] | None  # the points and the reach of ``Support``
    _device: str
    _parameter_range: np.ndarray | None  # the smallest and the largest, (2, n_parameters)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            if name in _OF_FITS and "n_features_in_" in self.__dict__:
                raise AttributeError(f"{name} is an attribute of fits of {_OF_FITS[name]}.")
            return object.__getattribute__(self, name)  # which raises what it raised before

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
        X = self._states(X)
        if self._is_for_device(len(X)):
            return self._on_device(self._model.equations.field, X)
        return self._model.field(X)

    def energy(self, X: Any) -> np.ndarray:
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
        X = self._states(X)
        if self._is_for_device(len(X)):
            return self._on_device(self._model.equations.value, X) + self._model.constant
        return self._model.energy(X)

    def simulate(self, x0: Any, t: Any, **options: Any) -> Any:
        """Trajectories of the learned system, dx/dt = J grad H(x).

        Parameters
        ----------
        x0 : array-like of shape (2d,) or (m, 2d)
            The state at ``t[0]``, or m of them.
        t : array-like of shape (n_times,) or (m, n_times), or list of m array-likes
            The times at which to return states, increasing or decreasing (backward in time), in
            steps of any size. A single time returns x0. Two axes, or a list, are times of its own
            for each trajectory.
        **options : object
            Those of :func:`skhnn.simulate`, where they are explained: ``u``, ``parameters``,
            ``between``, ``method="DOP853"``,
            ``rtol=1e-9``, ``atol=None``, ``max_step``, ``first_step``, ``step_size``, ``events``,
            ``dense_output``, ``max_nfev``, ``on_failure="raise"``, ``return_solution=False``,
            ``verbose``.

        Returns
        -------
        ndarray of shape (n_times, 2d) or (m, n_times, 2d), list of ndarray, or SimulationResult
            The states at ``t``; each trajectory of a batch is as accurate as if it were alone. A
            list of arrays (n_times, 2d) where they have times of their own and not equally many.

        Raises
        ------
        NotFittedError
            Before ``fit``.
        ValueError, TypeError
            If x0, t or an option is invalid; before any work.
        SimulationError
            If the integration ended early (also by Ctrl-C). It carries what was computed:
            ``t_reached``, ``t`` and ``y``.

        See Also
        --------
        skhnn.simulate : The same for any model of a vector field.

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
        return simulate(self, x0, t, **options)

    def mass_matrix(self, q: Any = None) -> np.ndarray:
        r"""M(q) of the kinetic energy 1/2 (p - b)^T M(q)^-1 (p - b), or 1/2 v^T M(q) v.

        For (q, p) the inverse of the second derivatives of H by the momenta, at those of the mean
        of the training data. For velocities the masses that were found: where no force, mass or
        potential is known, they have no unit, and the mean of M_11 over the training data is one.

        Parameters
        ----------
        q : array-like of shape (d,) or (n, d), default=None
            Coordinates; None is their mean in the training data. Parameters have their means, too.

        Returns
        -------
        ndarray of shape (d, d) or (n, d, d)
            The matrices, in units of p times that of time divided by that of q.

        Raises
        ------
        NotFittedError
            Before ``fit``.
        ValueError
            If the states are neither (q, p) nor (q, v), or q does not have d columns.
        """
        check_is_fitted(self)
        self._refuse_another_structure("mass_matrix")
        d = self.n_dof_
        mu = self._scaling.mu
        given = mu[:d] if q is None else np.asarray(q, dtype=float)
        if given.ndim not in (1, 2) or given.shape[-1] != d:
            raise ValueError(f"q must have shape ({d},) or (n, {d}); got shape {given.shape}.")
        rows = np.tile(mu, (len(np.atleast_2d(given)), 1))
        rows[:, :d] = given
        equations = self._model.equations
        if isinstance(equations, LagrangianEquations):
            M = equations.masses(self._model.params, rows)
        else:
            M = np.linalg.inv(self._model.jacobian(rows)[:, :d, d : 2 * d])
        return np.asarray(M if given.ndim == 2 else M[0])

    def to_canonical(self, X: Any) -> np.ndarray:
        r"""(q, p) of states (q, v), with the momenta p = M(q) v + b(q) of the learned Lagrangian.

        Where states are (q, p) already, these.

        Parameters
        ----------
        X : array-like of shape (n_samples, 2d)
            States, with the columns of the training data; inputs behind them are left as they are.

        Returns
        -------
        ndarray of the shape of X
            The states, in the unit of ``mass_matrix``.

        Raises
        ------
        NotFittedError
            Before ``fit``.
        ValueError
            If X does not have the columns of the training data, or the states are neither (q, p)
            nor (q, v).
        """
        check_is_fitted(self)
        self._refuse_another_structure("to_canonical")
        X, equations = np.array(self._states(X)), self._model.equations
        if isinstance(equations, LagrangianEquations):
            d = self.n_dof_
            X[:, d : 2 * d] = equations.momenta(self._model.params, X)
        return X

    def from_canonical(self, Z: Any) -> np.ndarray:
        """States (q, v) of (q, p): the way back from ``to_canonical``.

        Parameters
        ----------
        Z : array-like of shape (n_samples, 2d)
            Coordinates and momenta.

        Returns
        -------
        ndarray of the shape of Z
            The states, as in the training data.

        Raises
        ------
        NotFittedError
            Before ``fit``.
        ValueError
            If Z does not have as many columns as the training data, or the states are neither (q,
            p) nor (q, v).
        """
        check_is_fitted(self)
        self._refuse_another_structure("from_canonical")
        Z, equations = self._states(Z), self._model.equations
        if isinstance(equations, LagrangianEquations):
            return np.asarray(equations.with_velocities(self._model.params, Z))
        return Z

    def inverse_dynamics(self, X: Any, dX: Any, *, return_parts: bool = False) -> Any:
        r"""The forces beside the model that a motion needs.

        .. math:: F = M(q) \dot v + C(q, v) + \frac{\partial V}{\partial q} + D v, \qquad
                  F = \frac{dp}{dt} + \frac{\partial H}{\partial q} + D v

        for states (q, v) and for (q, p), C being the forces of Coriolis and of a magnetic field,
        and D v what the model knows of friction. Inputs in X are not looked at: F is what they
        would have to be, and what is left of F beside them is a force that the model has not.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            States, with the columns of the training data.
        dX : array-like of shape (n_samples, 2d)
            Their time derivatives.
        return_parts : bool, default=False
            Whether to return a dict of the summands: "inertial", "coriolis", "potential" and
            "friction"; for (q, p) "inertial" is dp/dt and "potential" dH/dq.

        Returns
        -------
        ndarray of shape (n_samples, d), or dict of them
            The forces, on the momenta, in the unit of ``mass_matrix``.

        Raises
        ------
        NotFittedError
            Before ``fit``.
        ValueError
            If X or dX do not have the shapes above, or states are neither (q, p) nor (q, v).
        """
        check_is_fitted(self)
        X, equations, d = self._states(X), self._model.equations, self.n_dof_
        self._refuse_another_structure("inverse_dynamics")
        dX = check_derivatives(dX, (len(X), 2 * d))
        still = np.array(X)
        still[:, equations.layout.inputs] = 0.0
        if isinstance(equations, LagrangianEquations):
            parts = equations.forces_needed(self._model.params, still, dX[:, d:])
        else:
            of_H = self._model.equations.field_of_energies(self._model.params, still)[:, d:]
            friction = of_H - self._model.field(still)[:, d:]
            parts = {"inertial": dX[:, d:], "potential": -np.asarray(of_H), "friction": friction}
        return parts if return_parts else sum(parts.values())

    def to_torch(self, dtype: str = "float64") -> Any:
        """The fitted model as a module of torch.

        Its ``forward`` is the vector field, states (..., 2d) to dx/dt of the same shape, and its
        method ``energy`` the energy, (..., 2d) to (...). Both are in closed form: the module
        can be differentiated, trained on, exported (``torch.export``, and ONNX for any number of
        states, as the user guide shows), and integrated by ``torchdiffeq.odeint(lambda t, x:
        module(x), x0, t)``. It holds copies of the weights.

        Parameters
        ----------
        dtype : {"float64", "float32"}, default="float64"
            The precision of the module.

        Returns
        -------
        torch.nn.Module
            The module, on the CPU.

        Raises
        ------
        NotFittedError
            Before ``fit``.

        See Also
        --------
        HNNRegressor.from_torch : The way back.

        Examples
        --------
        >>> import torch
        >>> from skhnn import HNNRegressor
        >>> from skhnn.datasets import make_mass_spring
        >>> X, y = make_mass_spring(return_X_y=True)
        >>> module = HNNRegressor((10,), random_state=0).fit(X, y).to_torch()
        >>> module(torch.tensor(X[:3])).shape
        torch.Size([3, 2])
        """
        check_is_fitted(self)
        check_choice("dtype", dtype, DTYPES)
        from ._torch_module import HamiltonianModule

        return HamiltonianModule(self._model, self._scaling, dtype)

    @property
    def coefs_(self) -> list[np.ndarray]:
        return self._layers("coefs_")[0]

    @property
    def intercepts_(self) -> list[np.ndarray]:
        return self._layers("intercepts_")[1]

    def _layers(self, name: str) -> tuple[list[np.ndarray], list[np.ndarray]]:
        layers = self._model.layers() if hasattr(self, "_model") else None
        if layers is None:
            raise AttributeError(
                f"{name} is there after a fit, where H is one network beside linear and quadratic "
                "energies, and no column is an angle; params_ has the weights of every Hamiltonian."
            )
        return layers

    def _on_device(self, method: Any, X: np.ndarray) -> np.ndarray:
        return evaluate_on_device(method, self._model.params, X, self._device)

    def _columns_behind(self) -> dict[str, int]:
        """How many inputs and parameters there are."""
        layout = self._model.equations.layout
        return {"u": layout.n_inputs, "parameters": layout.n_parameters}

    def _dynamics(
        self, scale: float = 1.0, shift: Any = 0.0, driving: Driving | None = None
    ) -> Dynamics:
        """The learned equations of x, for a model of ``scale`` x + ``shift``."""
        if driving is not None and self._parameter_range is not None:
            self._warn_of_parameters(driving)
        n = self._scaling.n_state
        mu, s, box = (a[:n] for a in (self._scaling.mu, self._scaling.s, self._scaling.box))
        return learned_dynamics(
            self._model,
            spread=s,
            support=None if self._support is None else Support(*self._support, mu, s, box),
            check=partial(self._check_starts, n),
            device_for=lambda m: self._device if self._is_for_device(m) else None,
            scale=scale,
            shift=shift,
            driving=driving,
        )

    def _refuse_another_structure(self, method: str) -> None:
        if not self._model.equations.layout.has_halves:
            raise ValueError(
                f"{method} needs states (q, p) or (q, v); this model has another structure."
            )

    def _warn_of_parameters(self, driving: Driving) -> None:
        """Warn where parameters of a simulation leave their range in the training data."""
        layout = self._model.equations.layout
        assert driving.samples is not None
        assert self._parameter_range is not None
        values, names = driving.samples, getattr(self, "feature_names_in_", None)
        low, high = self._parameter_range
        # Parameters that leave their range in the training data by less than this part of it are
        # not told.
        beyond = 0.1
        for k, column in enumerate(layout.parameters):
            own, margin = values[:, layout.n_inputs + k], beyond * (high[k] - low[k])
            outside = (own < low[k] - margin) | (own > high[k] + margin)
            if outside.any() and column not in layout.periods:
                warn(
                    f"Parameter {column if names is None else repr(str(names[column]))} comes to "
                    f"{own[outside][-1]:.4g}; the training data have {low[k]:.4g} to "
                    f"{high[k]:.4g}. Beyond them a learned Hamiltonian means nothing. Stay within, "
                    "or fit on more data",
                    ExtrapolationWarning,
                )

    def _states(self, X: Any) -> np.ndarray:
        """States of a user, checked."""
        return check_states(self, X)

    def _check_starts(self, n_state: int, X: Any) -> np.ndarray:
        """States of a frame, whose columns are those of the state."""
        if n_state == self.n_features_in_:
            return self._states(X)
        names = getattr(self, "feature_names_in_", None)
        if names is not None and list(X.columns) != list(names[:n_state]):
            raise ValueError(
                f"x0 must have the columns of the state, {list(names[:n_state])}; got "
                f"{list(X.columns)}."
            )
        return np.asarray(X, dtype=float)

    def _is_for_device(self, n_rows: int) -> bool:
        """Whether to evaluate on the device that was trained on; warns, once, if it is absent."""
        # A device other than the CPU evaluates batches from this size on; below, the way there
        # takes longer.
        rows_for_a_device = 10_000
        if self._device == "cpu" or n_rows < rows_for_a_device:
            return False
        if not is_present(self._device):
            warnings.warn(
                f"The model was trained on the device {self._device!r}, which this machine does "
                "not have; it predicts on the CPU from now on.",
                stacklevel=3,
            )
            self._device = "cpu"
        return self._device != "cpu"

    def __getstate__(self) -> dict[str, Any]:
        refuse_unless_saved("structure", getattr(self, "structure", None))
        return {**super().__getstate__(), "_skhnn_state": _STATE_FORMAT}

    def __setstate__(self, state: dict[str, Any]) -> None:
        state = dict(state)
        found = state.pop("_skhnn_state", None)
        if found != _STATE_FORMAT:
            raise ValueError(
                f"This HNNRegressor was saved by another version of skhnn, with the state format "
                f"{found}; this version reads {_STATE_FORMAT}. Load it with the version that wrote "
                "it, or fit it again."
            )
        super().__setstate__(state)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        tags.target_tags.single_output = False
        return tags
