"""Variable projection: Levenberg-Marquardt on the hidden layers, the last weights eliminated."""

from collections.abc import Callable

import numpy as np

from ..hamiltonians import Equations, Params
from ._flat import flatten, views
from ._folds import some
from ._layers import equations_of, filled
from ._least_squares import search
from ._monitor import Monitor
from ._options import SolverOptions, Start
from ._problem import Problem
from ._ridge import svd, triangular

_UNITS = 50
_ITERATIONS = 100
# A step costs rows times weights squared, and memory for rows times weights.
_MOST_WEIGHTS = 2000
_EQUATIONS_PER_WEIGHT, _FEWEST_EQUATIONS = 8, 4000
# Singular values of the basis below this fraction of the largest are left to rounding.
_RANK = 1e-15
_DAMPING, _LESS, _MORE = 1e-3, 1 / 3, 4.0
_LEAST_DAMPING, _MOST_DAMPING = 1e-15, 1e10


def solve_varpro(problem: Problem, start: Start, monitor: Monitor, options: SolverOptions) -> None:
    r"""Minimise \|A(theta) w(theta) - t\|^2, where w(theta) solves the least squares.

    For every value of the hidden weights theta the last weights w are those of the least squares,
    and theta is moved by Levenberg-Marquardt with Kaufman's Jacobian, (I - Q Q^T) dA/dtheta w, Q an
    orthonormal basis of the columns of A. The optimiser never sees the badly conditioned w.

    References
    ----------
    G. H. Golub, V. Pereyra, "Separable nonlinear least squares: the variable projection method and
    its applications", Inverse Problems 19 (2003) R1-R26.

    L. Kaufman, "A variable projection method for solving separable nonlinear least squares
    problems", BIT 15 (1975) 49-57.
    """
    equations, params = start.equations, start.params
    if not start.goes_on:
        hamiltonian = filled(start.hamiltonian, (_UNITS,))
        _check_size(equations_of(hamiltonian, problem))
        found = search(problem, hamiltonian, options)
        equations, params = found[0].equations, found[0].params
    _check_size(equations)
    system = _Projected(problem, equations, params, options)
    theta = flatten(equations.hidden(params))
    monitor.start(equations, params)
    if options.is_out_of_time and not start.goes_on:  # the sampled layers are a model already
        monitor(0.5 * found[0].fit.training_error ** 2, flatten(params))
        return
    damping = _DAMPING
    here = system.at(theta)
    for _ in range(options.max_iter or _ITERATIONS):
        J = here.jacobian()
        scale = np.maximum(np.linalg.norm(J, axis=0), 1e-12)
        R = triangular(np.column_stack([J / scale, -here.residual]))[: len(theta)]
        there = None
        while there is None and damping <= _MOST_DAMPING:
            damped = np.concatenate([R[:, :-1], np.sqrt(damping) * np.eye(len(theta))])
            target = np.concatenate([R[:, -1], np.zeros(len(theta))])
            step = np.linalg.lstsq(damped, target, rcond=None)[0] / scale
            if options.is_out_of_time:  # a step may take several of these
                monitor(here.loss, flatten(system.params(theta, here.w)))
                return
            candidate = system.at(theta + step)
            if candidate.loss < here.loss:
                there = candidate
                damping = max(damping * _LESS, _LEAST_DAMPING)
            else:
                damping *= _MORE
        if there is None:  # no step lowers the loss
            monitor.finish(here.loss, flatten(system.params(theta, here.w)))
            return
        theta, here = theta + step, there
        if monitor(here.loss, flatten(system.params(theta, here.w))):
            return


class _Point:
    """The least squares at one theta: w, the residual, and the Jacobian when it is asked for."""

    def __init__(
        self, w: np.ndarray, residual: np.ndarray, jacobian: Callable[[], np.ndarray], loss: float
    ):
        self.w, self.residual, self.jacobian, self.loss = w, residual, jacobian, loss


class _Projected:
    """The rows used, weighted, and what follows from the hidden weights."""

    def __init__(
        self, problem: Problem, equations: Equations, params: Params, options: SolverOptions
    ):
        n_weights = sum(p.size for p in params)
        n_equations = max(_EQUATIONS_PER_WEIGHT * n_weights, _FEWEST_EQUATIONS)
        n_rows = -(-n_equations // problem.n_features)
        rows = some(np.arange(problem.n_samples), n_rows, options.rng)
        self.X, y, c = problem.take(rows)
        self.root = np.sqrt(c / c.sum())[:, None] * np.sqrt(problem.scaling.w)
        self.t = (y * self.root).ravel()
        self.equations, self.start = equations, params
        self.shapes = [p.shape for p in equations.hidden(params)]
        self.ridge = options.penalty

    def params(self, theta: np.ndarray, w: np.ndarray) -> Params:
        params = self.equations.with_hidden(self.start, views(theta, self.shapes))
        return self.equations.with_last(params, w)

    def at(self, theta: np.ndarray) -> _Point:
        params = self.equations.with_hidden(self.start, views(theta, self.shapes))
        A = (self.equations.basis(params, self.X) * self.root[..., None]).reshape(len(self.t), -1)
        if not np.isfinite(A).all():
            return _Point(np.zeros(0), self.t, lambda: A, np.inf)
        U, s, Vt = svd(A)
        kept = s > _RANK * s[0]
        Q = U[:, kept]
        shrunk = s[kept] / (s[kept] ** 2 + self.ridge)
        w = Vt[kept].T @ (shrunk * (Q.T @ self.t))
        residual = A @ w - self.t

        def jacobian() -> np.ndarray:
            J = self.equations.jacobian_by_hidden(self.params(theta, w), self.X)
            J = J * self.root[..., None]
            J = J.reshape(len(self.t), -1)
            return J - Q @ (Q.T @ J)

        loss = 0.5 * float(residual @ residual + self.ridge * (w @ w))
        return _Point(w, residual, jacobian, loss)


def _check_size(equations: Equations) -> None:
    params = equations.init_params(np.random.RandomState(0))
    n_weights = sum(p.size for p in equations.hidden(params))
    sizes = [network.sizes for network in equations.networks]
    if not sizes:
        raise ValueError(
            "solver='varpro' trains hidden layers, and this Hamiltonian has none. Use "
            "solver='least_squares'."
        )
    if n_weights > _MOST_WEIGHTS:
        raise ValueError(
            f"solver='varpro' is for compact networks: it takes up to {_MOST_WEIGHTS} weights in "
            f"the hidden layers, and hidden_layer_sizes={sizes[0]} has {n_weights}. "
            "Use fewer units, or solver='soap' or 'lbfgs'."
        )
