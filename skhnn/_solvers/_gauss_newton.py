r"""All weights by Gauss-Newton, with a prior whose spreads the evidence finds.

The hidden weights v have a normal prior around where they start, the last weights w one around
zero, and each part of the equations that shares no last weights a noise sigma of its own:

    minimise  F = sum |y - f(x)|^2 / sigma^2 + |v - v_0|^2 / unit^2 + |w|^2 / tau^2

over v and w, by steps of Levenberg and Marquardt. After every step sigma and tau are those of the
largest evidence, with H = J^T J + I the matrix of the step in units of the prior:

    gamma_j = 1 - (H^-1)_jj,    sigma^2 = |y - f|^2 / (N - sum gamma),    tau^2 = |w|^2 / sum gamma,
    -2 log evidence = F - N + N log sigma^2 + log det H,

gamma_j in [0, 1] saying how far the data, and not the prior, determine a weight. F is N in
the end, so that this is the evidence of ``_evidence.py``. Since sigma starts
large and falls from step to step, what is coarse is found first. (From the least squares of the
sampled layers, which fit closely with large weights, errors of the double pendulum were up to seven
times as large.)

References
----------
D. J. C. MacKay, "A practical Bayesian framework for backpropagation networks", Neural Computation 4
(1992) 448-472.

F. D. Foresee, M. T. Hagan, "Gauss-Newton approximation to Bayesian learning", ICNN 1997, 1930-1935.
"""

import numpy as np
from scipy import linalg

from .._data import DerivativeFit, Problem, flatten, known_last_weights, nothing_known, views
from ..hamiltonians import Equations, Params
from ._evidence import WIDE
from ._layers import equations_of, filled
from ._least_squares import sample
from ._magnitudes import magnitudes
from ._monitor import Monitor
from ._options import SolverOptions, Start
from ._solver import OF_HOLD_OUT, OF_STOPPING, Solver

UNITS = 120
# In units of the spread of the targets.
_FIRST_NOISE = 0.5
# The spread of hidden weights around their start, in units of their mean size. 1 and 10 were up to
# 3 times worse on clean rows, alike on noisy ones.
_SPREAD = 3.0


def solve_gauss_newton(
    problem: Problem, start: Start, monitor: Monitor, options: SolverOptions
) -> None:
    """Train all weights, from hidden layers that are sampled; one call of the monitor per step."""
    equations, params = start.equations, start.params
    if not start.goes_on:
        hamiltonian = filled(start.hamiltonian, (UNITS,))
        _check_size(equations_of(hamiltonian, problem))
        sampled = sample(problem, hamiltonian, options)
        equations, params = sampled.model
        if options.is_out_of_time:  # it is a model already
            monitor.start(equations, params)
            monitor(0.5 * sampled.fit.left**2, flatten(params))
            return
        params = [p * a for p, a in zip(params, magnitudes(equations, problem), strict=True)]
        params = equations.with_last(params, np.zeros(equations.n_last))
    _check_size(equations)
    monitor.start(equations, params)
    train(problem, equations, params, monitor, options.max_iter or 100)


def train(
    problem: Problem, equations: Equations, params: Params, monitor: Monitor, n_steps: int
) -> float:
    """Train from hidden layers, given by ``params``; the log evidence of the last step.

    Last weights of zero are to be found, others are where to go on.
    """
    first_damping, less, more, most_damping = 1e-2, 1 / 3, 4.0, 1e8
    fit, history, damping = _Fit(problem, equations, params), [-np.inf], first_damping
    # A training ends where so many steps raised the log evidence by less than this ("strong"
    # evidence, Kass and Raftery 1995).
    patience, worth_it = 10, 3.0
    for _ in range(n_steps):
        H, slope = fit.normal_equations()
        size, diagonal = np.diag(H).copy(), np.diag_indices_from(H)
        moved = False
        while not moved and damping < most_damping:
            H[diagonal] = size * (1.0 + damping)
            moved = fit.try_at(fit.x + _solve(H, slope))
            damping *= less if moved else more
        if not moved:
            monitor.finish(fit.loss, flatten(fit.params(fit.x)))
            break
        H[diagonal] = size
        history.append(fit.update(H))
        if monitor(fit.loss, flatten(fit.params(fit.x))):
            break
        if len(history) > patience + 1 and (max(history) < max(history[:-patience]) + worth_it):
            monitor.finish(fit.loss, flatten(fit.params(fit.x)))
            break
    return history[-1]


class _Fit:
    """The state of a training; x are all weights, less their means, in units of their prior."""

    def __init__(self, problem: Problem, equations: Equations, params: Params):
        self.problem, self.equations, self._params = problem, equations, params
        last = equations.last(params)
        if last.any():
            known = nothing_known(equations)
        else:
            known = known_last_weights(equations, params, problem.scaling)
            last = known.w
        self.known = known.w
        self.data = DerivativeFit(problem, equations)
        self.parts = self.data.parts(known.free)
        hidden, typical = equations.hidden(params), magnitudes(equations, problem)
        self.shapes, self.start = [p.shape for p in hidden], flatten(hidden)
        of_hidden, of_last = equations.hidden(typical), equations.last(typical)
        self.sigma = np.full(len(self.parts), _FIRST_NOISE)
        tiny = 1e-12
        sizes = [
            _SPREAD * np.abs(p / a).mean() * a + tiny
            for p, a in zip(hidden, of_hidden, strict=True)
        ]
        n_hidden = self.n_hidden = len(self.start)
        self.unit = np.concatenate([flatten(sizes), np.zeros(equations.n_last)])
        self.units_of, self.typical = [], np.concatenate([np.zeros(n_hidden), of_last])
        some = problem.subset(np.arange(0, problem.n_samples, -(-problem.n_samples // 500)))
        X, _, root = some.equations(slice(None))
        A = equations.basis(params, X) * root[..., None] / np.sqrt(some.mean_weight)
        for part in self.parts:
            columns, n_wide = part.columns, part.n_wide
            self.unit[n_hidden + part.weights[:n_wide]] = WIDE
            units = part.weights[n_wide:]
            # One where the units together have a field of size one.
            own = A[:, columns[:, None], units] * of_last[units]
            size = np.mean(np.sum(own**2, axis=2))
            self.unit[n_hidden + units] = of_last[units] / np.sqrt(max(float(size), tiny))
            self.units_of.append(n_hidden + units)
        self.free = self.unit > 0.0
        whole = np.concatenate([np.zeros(n_hidden), last - self.known])
        self.x = whole[self.free] / self.unit[self.free]
        self.squares = self._squares_at(self.x)

    @property
    def loss(self) -> float:
        """Half of 1 - R^2, at x."""
        columns = sum(len(columns) for columns, *_ in self.parts)
        return 0.5 * float(self.squares.sum()) / (self.problem.n_samples * max(columns, 1))

    def params(self, x: np.ndarray) -> Params:
        """The params at x."""
        whole = self._whole(x)
        hidden = views(self.start + whole[: self.n_hidden], self.shapes)
        params = self.equations.with_hidden(self._params, hidden)
        return self.equations.with_last(params, self.known + whole[self.n_hidden :])

    def try_at(self, x: np.ndarray) -> bool:
        """Go to x if F is smaller there."""
        if not np.isfinite(x).all():
            return False
        squares = self._squares_at(x)
        moves = self._objective(squares, x) < self._objective(self.squares, self.x)
        if moves:
            self.x, self.squares = x, squares
        return moves

    def _squares_at(self, x: np.ndarray) -> np.ndarray:
        return self.data.squares(self.params(x), self.parts)

    def _objective(self, squares: np.ndarray, x: np.ndarray) -> float:
        """F; infinite where it is not defined."""
        F = float(squares @ self.sigma**-2.0 + x @ x)
        return F if np.isfinite(F) else np.inf

    def normal_equations(self) -> tuple[np.ndarray, np.ndarray]:
        """H and the direction of descent J^T r - x."""
        H, slope, unit = np.eye(len(self.x)), -self.x, self.unit[self.free]
        for pieces in self.data.linearised(self.params(self.x), self.parts, len(self.x)):
            for (J, r), sigma in zip(pieces, self.sigma, strict=True):
                J = J[:, self.free] * (unit / sigma)
                H += J.T @ J
                slope += J.T @ (r / sigma)
        return H, slope

    def update(self, H: np.ndarray) -> float:
        """The log evidence of sigma and tau, and their next values; weights stay."""
        F = self._objective(self.squares, self.x)
        eigenvalues, V = np.linalg.eigh(H)
        eigenvalues = np.maximum(eigenvalues, 1.0)  # which they are, but for rounding
        gamma = np.zeros(len(self.unit))
        gamma[self.free] = 1.0 - (V * V) @ (1.0 / eigenvalues)
        n = self.problem.n_samples
        N = np.array([n * len(columns) for columns, *_ in self.parts], dtype=float)
        log_det = float(np.log(eigenvalues).sum())
        log_evidence = -0.5 * (F + float(N @ np.log(self.sigma**2) - N.sum()) + log_det)
        whole = self._whole(self.x)
        of_hidden = gamma[: self.n_hidden].sum() / max(len(self.parts), 1)
        least_noise = 1e-8
        for k, (_, weights, _) in enumerate(self.parts):
            determined = gamma[self.n_hidden + weights].sum() + of_hidden
            variance = self.squares[k] / max(N[k] - determined, 1.0)
            self.sigma[k] = max(float(np.sqrt(variance)), least_noise)
            units = self.units_of[k]
            relative = whole[units] / self.typical[units]
            tau2 = np.sum(relative**2) / max(float(gamma[units].sum()), 1e-3)
            self.unit[units] = np.sqrt(np.clip(tau2, 1e-8, 1e12)) * self.typical[units]
        self.x = whole[self.free] / self.unit[self.free]
        return log_evidence

    def _whole(self, x: np.ndarray) -> np.ndarray:
        """All weights less their means."""
        whole = np.zeros(len(self.unit))
        whole[self.free] = self.unit[self.free] * x
        return whole


def _solve(H: np.ndarray, slope: np.ndarray) -> np.ndarray:
    """H^-1 slope; not a number where H is not definite in its digits."""
    try:
        factor = linalg.cho_factor(H, lower=True, check_finite=False)
    except linalg.LinAlgError:
        return np.full(len(slope), np.nan)
    return np.asarray(linalg.cho_solve(factor, slope, check_finite=False))


def _check_size(equations: Equations) -> None:
    if not equations.networks:
        raise ValueError(
            "solver='gauss_newton' trains hidden layers, and this Hamiltonian has none. Use "
            "solver='least_squares', or 'auto', which finds its last weights at once."
        )
    n_weights = sum(p.size for p in equations.init_params(np.random.RandomState(0)))
    # A step costs rows times weights squared, and memory for weights squared.
    most_weights = 3000
    if n_weights > most_weights:
        raise ValueError(
            f"solver='gauss_newton' is for compact networks: it takes up to {most_weights} "
            f"weights; got {n_weights}. Use fewer units, as in hidden_layer_sizes=({UNITS},), or "
            "solver='soap'."
        )


GAUSS_NEWTON = Solver("gauss_newton", solve_gauss_newton, OF_STOPPING | OF_HOLD_OUT | {"max_iter"})
