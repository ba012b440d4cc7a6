"""The loss, its gradient and the steps of the solvers agree with a double-backprop reference."""

import numpy as np
import pytest
import torch
from helpers import asymmetric_data, fit_quietly, linear_and_quadratic, torch_network
from scipy.optimize import minimize as scipy_minimize
from sklearn.exceptions import ConvergenceWarning

from skhnn import HNNRegressor
from skhnn._data import DerivativeFit, Place, Problem
from skhnn._scaling import Scaling
from skhnn._solvers import SOLVERS, Monitor, equations_of
from skhnn.hamiltonians import MLP

ATOL = 1e-10


class DoubleBackprop:
    """Greydanus-style training: the loss on J grad H, differentiated through autograd twice.

    It works in the units of the data, with weights that are those of the model at the start, and
    reparametrised through the standardisation, which is where optimisers take their steps.
    """

    def __init__(self, model, X, y, alpha):
        self.x = torch.tensor(X, requires_grad=True)
        self.y = torch.tensor(y)
        self.alpha = alpha / len(X)
        self.mu, self.s = torch.tensor(X.mean(0)), torch.tensor(X.std(0))
        d = X.shape[1] // 2
        G = np.hstack([-y[:, d:], y[:, :d]])
        self.e = float(np.sqrt(np.mean((G * X.std(0)) ** 2)))
        self.params = [
            torch.tensor(p)
            for layer in zip(model.coefs_, model.intercepts_, strict=True)
            for p in layer
        ]
        self.n_units = len(self.params[-3])
        d = len(self.s)
        pairs = [(i, j) for i in range(d) for j in range(i, d)]
        products = torch.stack([self.s[i] * self.s[j] for i, j in pairs])
        # The coefficients that are trained are those of z_i^2 and 2^(1/2) z_i z_j.
        trained = torch.tensor([1.0 if i == j else np.sqrt(2.0) for i, j in pairs])
        self.factors = torch.cat([torch.ones(self.n_units + d), trained])
        self.units = torch.cat([torch.ones(self.n_units), self.s, products]) / self.factors
        self.units = self.units[:, None]
        self.params[0] *= self.s[:, None]
        self.params[-2] *= self.units / self.e
        self.params[-1] *= 0
        for p in self.params:
            p.requires_grad_(True)

    def loss(self, rows=slice(None)):
        h = z = (self.x[rows] - self.mu) / self.s
        for W, b in zip(self.params[:-2:2], self.params[1:-2:2], strict=True):
            h = torch.tanh(h @ W + b)
        w = self.params[-2][:, 0] * self.factors
        H = self.e * (h @ w[: self.n_units] + linear_and_quadratic(w[self.n_units :], z))
        (G,) = torch.autograd.grad(H.sum(), self.x, create_graph=True)
        dq, dp = G[rows].chunk(2, dim=1)[::-1]
        error = torch.cat([dq, -dp], dim=1) - self.y[rows]
        penalty = sum((W**2).sum() for W in self.params[::2])
        return 0.5 * (error**2 / self.y.var(0, correction=0)).mean() + 0.5 * self.alpha * penalty

    def weights(self):
        """The current weights in the units of the data."""
        params = [p.detach().clone() for p in self.params]
        params[0] /= self.s[:, None]
        params[-2] *= self.e / self.units
        return params[:-1]


def start_and_train(solver, n_iter, **kwargs):
    """A model after one tiny step, and the same continued for ``n_iter`` iterations."""
    X, y = asymmetric_data(40)
    options = {"hidden_layer_sizes": (6, 5), "solver": solver, "tol": 0.0, "alpha": 1e-3, **kwargs}
    options |= {"learning_rate": "constant", "dtype": "float64"}
    model = HNNRegressor(**options, max_iter=1, random_state=0)
    with pytest.warns(ConvergenceWarning):
        model.fit(X, y)
    reference = DoubleBackprop(model, X, y, alpha=1e-3)
    model.set_params(warm_start=True, max_iter=n_iter)
    model._solver_state = None  # the reference starts without moments
    with pytest.warns(ConvergenceWarning):
        model.fit(X, y)
    return model, reference


def weights(model):
    return [p for layer in zip(model.coefs_, model.intercepts_, strict=True) for p in layer][:-1]


def test_loss_and_gradient_agree_with_double_backprop():
    X, y = asymmetric_data(40)
    model = HNNRegressor((6, 5), max_iter=3, random_state=0, solver="lbfgs")
    with pytest.warns(ConvergenceWarning):
        model.fit(X, y)
    reference = DoubleBackprop(model, X, y, alpha=0.5)
    loss = reference.loss()
    expected = torch.autograd.grad(
        loss, reference.params, materialize_grads=True, allow_unused=True
    )

    problem = Problem(X, y, np.ones(40), None, Scaling.from_data(X, y, np.ones(40)))
    np.testing.assert_allclose(problem.take(slice(None))[0], (X - X.mean(0)) / X.std(0))
    place = Place.on_numpy("float64")
    equations = equations_of(model.hamiltonian_, problem)
    objective = DerivativeFit(problem, equations, 0.5 / 40, place=place)
    *hidden, last, _ = [p.detach().numpy() for p in reference.params]
    actual_loss, actual = objective.loss_and_gradient([*hidden, last[:5], last[5:]])
    assert actual_loss == pytest.approx(loss.item(), abs=1e-13)
    actual = [*actual[:-2], np.concatenate(actual[-2:])]
    for a, b in zip(actual, expected[:-1], strict=True):
        np.testing.assert_allclose(a, b, atol=1e-12)


def test_ten_adam_steps_agree_with_torch_optim():
    model, reference = start_and_train("adam", 10, batch_size=40, shuffle=False)
    optimiser = torch.optim.Adam(reference.params, lr=0.001)
    losses = []
    for _ in range(10):
        optimiser.zero_grad()
        loss = reference.loss()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    np.testing.assert_allclose(model.loss_curve_, losses, atol=ATOL)
    for a, b in zip(weights(model), reference.weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=ATOL)


def test_minibatches_of_adam_agree_with_torch_optim():
    model, reference = start_and_train("adam", 2, batch_size=16, shuffle=False)
    optimiser = torch.optim.Adam(reference.params, lr=0.001)
    for _ in range(2):
        for rows in torch.arange(40).split(16):
            optimiser.zero_grad()
            reference.loss(rows).backward()
            optimiser.step()
    for a, b in zip(weights(model), reference.weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=ATOL)


def test_ten_lbfgs_iterations_agree_with_scipy_on_double_backprop():
    model, reference = start_and_train("lbfgs", 10)
    shapes = [p.shape for p in reference.params]
    sizes = [p.numel() for p in reference.params]

    def loss_and_gradient(theta):
        parts = torch.tensor(theta).split(sizes)
        with torch.no_grad():
            for p, part, shape in zip(reference.params, parts, shapes, strict=True):
                p.copy_(part.reshape(shape))
        loss = reference.loss()
        gradient = torch.autograd.grad(
            loss, reference.params, materialize_grads=True, allow_unused=True
        )
        return loss.item(), torch.cat([g.reshape(-1) for g in gradient]).numpy()

    theta = torch.cat([p.detach().reshape(-1) for p in reference.params]).numpy()
    options = {"maxiter": 10, "maxcor": 50, "ftol": 0, "gtol": 0}
    result = scipy_minimize(loss_and_gradient, theta, jac=True, method="L-BFGS-B", options=options)
    assert model.loss_curve_[-1] == pytest.approx(result.fun, abs=ATOL)
    loss_and_gradient(result.x)
    for a, b in zip(weights(model), reference.weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=ATOL)


def test_chunked_loss_is_the_loss_of_all_rows():
    X, y = asymmetric_data(2500)
    model = HNNRegressor((6, 5), alpha=1e-3, max_iter=2, random_state=0, solver="lbfgs")
    with pytest.warns(ConvergenceWarning):
        model.fit(X, y)
    reference = DoubleBackprop(model, X, y, alpha=0.0)
    residual = (model.predict(X) - y) ** 2 / y.var(0)
    assert reference.loss().item() == pytest.approx(0.5 * residual.mean(), rel=1e-12)
    penalty = 0.5 * 1e-3 / 2500 * sum((W.detach() ** 2).sum() for W in reference.params[::2])
    assert model.loss_ == pytest.approx(float(0.5 * residual.mean()), rel=1e-10)
    with_penalty = float(0.5 * residual.mean() + penalty)
    assert model.loss_curve_[-1] == pytest.approx(with_penalty, rel=1e-10)


@pytest.mark.filterwarnings("ignore::skhnn.ExtrapolationWarning")
@pytest.mark.parametrize("solver", [solver.name for solver in SOLVERS])
def test_predict_and_simulate_agree_with_torch(solver):
    X, y = asymmetric_data(60)
    model = HNNRegressor((8, 8), solver=solver, max_iter=20, tol=0.0, random_state=0)
    fit_quietly(model, X, y)
    from helpers import torch_field
    from scipy.integrate import solve_ivp

    H = torch_network(model)
    np.testing.assert_allclose(model.predict(X), torch_field(H, X), atol=ATOL)
    np.testing.assert_allclose(model.energy(X), H(torch.tensor(X)), atol=ATOL)
    t = np.linspace(0, 1, 5)
    expected = solve_ivp(
        lambda t, x: torch_field(H, x), (0, 1), X[0], t_eval=t, method="DOP853", rtol=1e-12,
        atol=1e-13,
    ).y.T  # fmt: skip
    np.testing.assert_allclose(model.simulate(X[0], t, rtol=1e-12, atol=1e-13), expected, atol=ATOL)


def test_monitor_converges_when_the_loss_stands_still():
    monitor = Monitor(tol=0.01, n_iter_no_change=3, verbose=False)
    monitor.start(MLP(), [np.zeros(1)])
    theta = np.zeros(1)
    assert not any(monitor(loss, theta) for loss in [1.0, 0.5, 0.25, 0.2499, 0.2498])
    assert monitor(0.2497, theta)
    assert monitor.status == "converged"


def test_monitor_counts_slow_progress_together():
    # 0.6 % an iteration is less than tol each time, and more than tol over three.
    monitor = Monitor(tol=0.01, n_iter_no_change=3, verbose=False)
    monitor.start(MLP(), [np.zeros(1)])
    assert not any(monitor(0.994**k, np.zeros(1)) for k in range(50))


def test_monitor_keeps_the_best_of_the_hold_out():
    scores = iter([0.1, 0.9, 0.8, 0.85])
    monitor = Monitor(0.01, 2, False, validation_score=lambda *model: next(scores))
    monitor.start(MLP(), [np.zeros(1)])
    stops = [monitor(1.0 / (k + 1), np.array([float(k)])) for k in range(4)]
    assert stops == [False, False, False, True]
    assert monitor.theta[0] == 1.0


def test_monitor_keeps_the_last_finite_weights():
    monitor = Monitor(0.01, 5, False)
    monitor.start(MLP(), [np.zeros(1)])
    monitor(1.0, np.array([1.0]))
    assert monitor(np.nan, np.array([2.0]))
    assert monitor.status == "diverged"
    assert monitor.theta[0] == 1.0


def test_weights_are_repetitions_in_loss_and_gradient():
    X, y = asymmetric_data(50)
    times = np.random.default_rng(0).integers(1, 5, len(X))
    results = []
    for rows, weight in [(slice(None), times.astype(float)), (np.repeat(range(50), times), None)]:
        X_used, y_used = X[rows], y[rows]
        weight = np.ones(len(X_used)) if weight is None else weight
        scaling = Scaling.from_data(X_used, y_used, weight)
        problem = Problem(X_used, y_used, weight, None, scaling)
        place = Place.on_torch(torch.device("cpu"), "float64")
        equations = equations_of(MLP(None, (6, 5), "tanh"), problem)
        params = equations.init_params(np.random.RandomState(0))
        objective = DerivativeFit(problem, equations, 0.1 / weight.sum(), place=place)
        loss, gradient = objective.loss_and_gradient([torch.tensor(p) for p in params])
        results.append([loss, *gradient])
    for weighted, repeated in zip(*results, strict=True):
        np.testing.assert_allclose(weighted, repeated, rtol=1e-10, atol=1e-12)


def test_gradients_that_are_not_finite_make_weights_that_are_not_and_no_exception():
    from skhnn._solvers._soap import Soap

    shapes = [(2, 3), (3,), (3, 1), (1,)]
    theta = np.zeros(13)
    rule = Soap(theta, shapes, Place.on_numpy("float64"), None)
    for _ in range(2):  # the first step makes the basis
        rule.step([np.full(shape, np.nan) for shape in shapes], 0.1)
    assert np.isnan(theta).any()  # which the monitor calls diverged
