"""Linear and quadratic energies belong to every form of H: constant rates, columns, oscillators."""

import numpy as np
import pytest
from helpers import central_differences, few_epochs, fit_quietly

from skhnn import HNNRegressor
from skhnn._data import Problem
from skhnn._scaling import Scaling
from skhnn._solvers import equations_of
from skhnn.hamiltonians import ACTIVATIONS, HAMILTONIANS, MLP, Quadratic, field_from_gradient

every_form = pytest.mark.parametrize("name", list(HAMILTONIANS))
# What the solver leaves of a constant rate, relative to the spread of the other rates.
PRECISION = {
    "auto": 1e-7, "least_squares": 1e-7, "gauss_newton": 1e-5, "lbfgs": 0.05, "soap": 0.05,
    "adam": 0.2,
}  # fmt: skip


def admits_products_of_q_and_p(name):
    return name in ("mlp", "natural")


def linear_and_quadratic_gradient(X, name, rng):
    """grad H of a random H of degree two that is of the form."""
    d = X.shape[1] // 2
    A, b = rng.normal(size=(2 * d, 2 * d)), rng.normal(size=2 * d)
    A = A + A.T
    if not admits_products_of_q_and_p(name):
        A[:d, d:] = A[d:, :d] = 0.0
    return X @ A + b


@every_form
@pytest.mark.parametrize("activation", list(ACTIVATIONS))
@pytest.mark.parametrize("d", [1, 2, 3])
def test_they_are_in_the_span_of_the_last_weights(name, activation, d):
    rng = np.random.RandomState(0)
    form = HAMILTONIANS[name].map_layers(lambda *_: ((1,), activation))
    X = rng.normal(size=(50, 2 * d))
    y = field_from_gradient(linear_and_quadratic_gradient(X, name, rng))
    problem = Problem(X, y, np.ones(50), None, Scaling.from_data(X, y, np.ones(50)))
    equations = equations_of(form, problem)
    params = equations.sample_params(X, rng, "hinge", 0.4)
    A = equations.basis(params, X).reshape(y.size, -1)
    w, *_ = np.linalg.lstsq(A, y.ravel(), rcond=None)
    np.testing.assert_allclose(A @ w, y.ravel(), atol=1e-12)
    zero = equations.init_params(rng)[-1]  # where training would start, but for their fit
    assert not zero.any()


def henon_heiles(n, seed=0):
    X = np.random.default_rng(seed).uniform(-1, 1, (n, 4))
    return X, henon_heiles_field(X)


def henon_heiles_field(X):
    q1, q2, p1, p2 = X.T
    return np.stack([p1, p2, -q1 - 2 * q1 * q2, -q2 - q1**2 + q2**2], axis=1)


def constant_momentum(n, value, seed=0):
    """q_1 moves at a constant rate, because p_1 has one value in all rows."""
    X, _ = henon_heiles(n, seed)
    X[:, 2] = value
    return X, henon_heiles_field(X)


def all_momenta_constant(n, value, seed=0):
    X, _ = henon_heiles(n, seed)
    X[:, 2:] = value, -2 * value
    return X, henon_heiles_field(X)


def linear_in_a_momentum(n, value, seed=0):
    """H = value p_1 + h(q_2, p_2), where everything varies: q_1 is a clock."""
    X, _ = henon_heiles(n, seed)
    _, q2, p1, p2 = X.T
    rate = np.full(n, value)
    return X, np.stack([rate, p2, 0 * p1, -np.sin(q2) - 0.3 * q2], axis=1)


def constant_coordinate_and_momentum(n, value, seed=0):
    """A third coordinate at one place, q_3 = 3 value, with the momentum value and a force."""
    X, _ = henon_heiles(n, seed)
    y = henon_heiles_field(X)
    X = np.insert(X, [2, 4], [3 * value, value], axis=1)
    return X, np.insert(y, [2, 4], [value, -value], axis=1)


def column_of_zeros(n, value, seed=0):
    """H = p^2/2 + 1 - cos q_1 + value q_2 with q_2 = 0 in all rows."""
    X, _ = henon_heiles(n, seed)
    X[:, 1] = 0.0
    q1, _, p1, p2 = X.T
    return X, np.stack([p1, p2, -np.sin(q1), np.full(n, -value)], axis=1)


SYSTEMS = [
    constant_momentum, all_momenta_constant, linear_in_a_momentum,
    constant_coordinate_and_momentum, column_of_zeros,
]  # fmt: skip


def errors(model, X, y):
    """The largest error of the rates that are constant, relative to their size, and of the rest."""
    constant = np.ptp(y, axis=0) == 0.0
    size = np.where(constant, np.abs(y).max(axis=0), y.std(axis=0))
    error = np.abs(model.predict(X) - y).max(axis=0) / np.where(size > 0, size, 1.0)
    return error[constant].max(), error[~constant].max()


@every_form
@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize(("n", "value"), [(30, 0.7), (200, 1e5)])
def test_a_constant_rate_is_exact_by_least_squares(name, system, value, n):
    model = HNNRegressor(hamiltonian=name, solver="least_squares", random_state=0)
    model.fit(*system(n, value))
    assert errors(model, *system(200, value, seed=1))[0] < 1e-7


@pytest.mark.parametrize(("n", "value"), [(30, 0.1), (100, 1e-3), (1000, 0.1), (300, 0.7)])
def test_a_constant_rate_is_exact_by_default(value, n):
    model = HNNRegressor(random_state=0).fit(*constant_momentum(n, value))
    constant, others = errors(model, *constant_momentum(200, value, seed=1))
    assert constant < 1e-7
    assert others < (1e-3 if n == 30 else 1e-7)


@pytest.mark.slow
@every_form
@pytest.mark.parametrize("solver", ["soap", "adam", "lbfgs", "gauss_newton"])
def test_every_solver_fits_a_constant_rate(name, solver):
    max_iter = 400 if solver == "lbfgs" else few_epochs(solver)
    model = HNNRegressor((16,), hamiltonian=name, solver=solver, max_iter=max_iter, random_state=0)
    data = constant_momentum(200, 0.7)
    fit_quietly(model, *data)
    assert errors(model, *data)[0] < PRECISION[solver]


@every_form
def test_coupled_oscillators_are_exact_with_a_single_unit(name):
    rng = np.random.RandomState(0)
    X = rng.normal(size=(60, 4))
    G = linear_and_quadratic_gradient(X, name, rng)
    y = np.hstack([G[:, 2:], -G[:, :2]])
    model = HNNRegressor((1,), hamiltonian=name, solver="least_squares", random_state=0).fit(X, y)
    np.testing.assert_allclose(model.predict(X), y, atol=1e-10)
    jacobian = central_differences(model.predict, X[:3])
    np.testing.assert_allclose(jacobian, np.broadcast_to(jacobian[0], jacobian.shape), atol=1e-6)


@pytest.mark.parametrize("name", ["mlp", "mechanical"])
@pytest.mark.parametrize("far", [1e2, 1e8])
def test_energies_of_states_far_from_the_origin_keep_their_digits(name, far):
    X, y = henon_heiles(300)
    shifted = HNNRegressor(hamiltonian=name, solver="least_squares", random_state=0)
    shifted.fit(X + far, y)
    q1, q2, p1, p2 = X.T
    H = 0.5 * (p1**2 + p2**2 + q1**2 + q2**2) + q1**2 * q2 - q2**3 / 3
    rounding = 10 * far * np.finfo(float).eps  # of the states
    np.testing.assert_allclose(shifted.energy(X + far), H - H.mean(), atol=1e-6 + rounding)


@pytest.mark.parametrize("noise", [1e-6, 1e-2])
@pytest.mark.parametrize("hamiltonian", [Quadratic(), MLP()])
def test_data_in_a_plane_leave_no_curvature_across_it(hamiltonian, noise):
    # Two bodies about their centre: nothing says what pulls at the centre, so nothing does.
    rng = np.random.default_rng(0)
    q, p = rng.normal(size=(2, 200, 2))
    X, y = np.hstack([q, -q, p, -p]), np.hstack([p, -p, -2 * q, 2 * q])
    y += noise * rng.normal(size=y.shape)
    model = HNNRegressor(
        hamiltonian=hamiltonian, coordinates="canonical", solver="least_squares", random_state=0
    ).fit(X, y)
    for across in ([1, 0, 1, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 1, 0, 1]):
        step = np.array(across)
        slopes = np.diff(model.predict([X[0] - step, X[0] + step]), axis=0) / 2
        assert np.abs(slopes).max() < 0.02  # the pull between the bodies is 4
