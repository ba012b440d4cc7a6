"""Masses from accelerations: where Gauss-Newton starts, and where it ends."""

import warnings

import numpy as np
import pytest
from helpers import error_of_waves, waves
from scipy.optimize import minimize

from skhnn import HNNRegressor
from skhnn._coordinates import coordinates_of
from skhnn._data import Factor
from skhnn._fit import train
from skhnn._masses import _costs, other_constant_masses, std_if_undetermined
from skhnn._solvers._directions import Directions
from skhnn._solvers._implicit import along
from skhnn._solvers._measured_accelerations import _least_with_barrier
from skhnn.hamiltonians import Natural

CARTS = np.array([[-59.4, 52.4], [21.4, -24.7]])  # accelerations; m2 = 52.4 / 21.4 m1


def linear_system(d, seed):
    """Accelerations (d, d) by positions, of masses over two orders, and rows (q, v)."""
    rng = np.random.default_rng(seed)
    A, m = rng.standard_normal((d, d)), 10.0 ** rng.uniform(-1, 1, d)
    X = rng.normal(size=(600, 2 * d)) * 10.0 ** rng.uniform(-1, 1, 2 * d)
    return X, X[:, :d] @ (-(A @ A.T + 0.1 * np.eye(d)) / m[:, None]).T


@pytest.mark.parametrize("noise", [0.0, 0.1])
@pytest.mark.parametrize(("d", "seed"), [(2, 0), (2, 1), (3, 0), (3, 1), (3, 2), (4, 0)])
def test_linear_systems_have_masses_whatever_the_units_and_the_noise(d, seed, noise):
    X, a = linear_system(d, seed)
    rng = np.random.default_rng(1)
    y = np.hstack([X[:, d:], a + noise * a.std(axis=0) * rng.standard_normal(a.shape)])
    model = HNNRegressor(
        hamiltonian=Natural(), solver="least_squares", hidden_layer_sizes=30, random_state=0
    )
    with pytest.warns(UserWarning, match="does not show"):
        model.fit(X, y)
    left = np.sqrt(np.mean((model.predict(X)[:, d:] - a) ** 2 / a.var(axis=0)))
    assert left < 1e-6 + 0.5 * noise
    assert np.linalg.eigvalsh(model.mass_matrix(X[:1, :d])[0]).min() > 0.0
    if not noise:  # M = sum of m_k w_k w_k^T, the masses of the modes, none of which shows
        M = model.mass_matrix(X[:1, :d])[0]
        inverse = np.linalg.inv(np.linalg.cholesky(M))
        K = np.linalg.lstsq(X[:, :d], a, rcond=None)[0].T
        of_modes = np.linalg.inv(np.linalg.eig(K)[1]) @ inverse.T
        modes = np.stack([np.outer(w, w).ravel() / (w @ w) for w in of_modes], axis=1)
        assert len(model.undetermined_masses_) >= d - 1  # nor does the unit
        named = [np.eye(d), *model.undetermined_masses_]
        named = np.stack([change.ravel() for change in named], axis=1)
        np.testing.assert_allclose(
            named @ np.linalg.lstsq(named, modes, rcond=None)[0], modes, atol=1e-3
        )


@pytest.mark.parametrize("spread", [(1, 1, 1, 1), (1, 1, 6, 4), (1, 2.45, 1, 2.45), (3, 1, 0.3, 1)])
def test_unequal_carts_are_told_from_momenta_whatever_they_do(spread):
    X = np.random.default_rng(0).normal(size=(500, 4)) * spread
    y = np.hstack([X[:, 2:], X[:, :2] @ CARTS.T])
    assert coordinates_of(HNNRegressor(), X, y, np.ones(500), None) == "velocities"


def test_the_least_with_a_barrier_is_that_of_scipy():
    rng = np.random.default_rng(0)
    A, b, mu = rng.standard_normal((6, 3)), 5.0 * rng.standard_normal(6), 0.3
    S = rng.standard_normal((2, 2, 2, 3))
    S = S + S.transpose(0, 2, 1, 3)
    M = np.broadcast_to(np.eye(2), (2, 2, 2))

    def value(x):
        sizes = np.linalg.eigvalsh(M + S @ x)
        return (
            np.inf
            if sizes.min() <= 0
            else 0.5 * np.sum((A @ x - b) ** 2) - mu * np.log(sizes).sum()
        )

    found = _least_with_barrier(A, b, M, S, mu)
    best = minimize(
        value, np.zeros(3), method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-12}
    )
    assert np.linalg.eigvalsh(M + S @ found).min() > 0
    np.testing.assert_allclose(found, best.x, atol=1e-3)
    assert value(found) <= best.fun + 1e-5 * abs(best.fun)


@pytest.mark.parametrize(("mass", "is_held"), [("q", True), ("diagonal", True), (1.0, False)])
def test_masses_stay_as_large_as_they_are_in_the_mean(mass, is_held):
    """One weight follows where units have masses, is held where L has no unit, or moves freely."""
    q, v = np.random.default_rng(0).uniform(-1, 1, (2, 200, 2))
    X, y = np.hstack([q, v]), np.hstack([v, -np.sin(q) - 0.3 * (q - q[:, ::-1])])
    model = HNNRegressor(
        hamiltonian=Natural(mass), solver="least_squares", hidden_layer_sizes=20, random_state=0
    ).fit(X, y)
    equations, params = model._model.equations, model._model.params
    rng, m = np.random.default_rng(1), equations.n_last
    free = Directions.of_all(equations, params, X)
    assert (free.follower is not None) == (mass == "q")
    assert len(free) == m - is_held
    step, by_last = rng.standard_normal(len(free)), rng.standard_normal((3, m))
    np.testing.assert_allclose(free.of(by_last) @ step, by_last @ free.full(step, m))
    np.testing.assert_allclose(free.at(np.array([2, 0])).of(by_last), free.of(by_last)[:, [2, 0]])
    assert (free.full(step, m) != 0.0).sum() == free.moves(m).sum()
    if mass == "q":
        trace, w = equations.trace(params, X), equations.last(params)
        assert trace @ (w + free.full(step, m)) == pytest.approx(trace @ w)


def test_equations_along_directions_are_those_of_all_weights():
    """With columns that follow: A B u = t for the changes w = B u."""
    rng = np.random.default_rng(0)
    A, t = rng.standard_normal((30, 6)), rng.standard_normal(30)
    order = np.array([1, 4, 0, 2, 3, 5])  # two coefficients, four units; the first one follows
    free = Directions(np.array([0, 2, 3, 4, 5]), rng.standard_normal(5), 1)
    R = np.linalg.qr(np.column_stack([A[:, order], t]), mode="r")
    found = along(free, Factor(R, order, 2, 30, 30.0))
    assert found.n_wide == 1
    u = np.linalg.lstsq(free.of(A), t, rcond=None)[0]
    w = np.zeros(6)
    w[found.weights] = np.linalg.lstsq(found.R[:, :-1], found.R[:, -1], rcond=None)[0]
    np.testing.assert_allclose(w[free.places], u)


def test_what_a_change_of_masses_costs_beside_weights_that_make_up_for_it():
    """The least of squares and priors over the other weights, found by them all at once."""
    rng, n, smallest = np.random.default_rng(0), 40, 1e-4
    J, w, x = rng.standard_normal((n, 9)), rng.standard_normal(9), rng.standard_normal(3)
    is_mass = np.arange(9) >= 6
    cost, error = _costs(J, w, is_mass, np.eye(3), 0.3, smallest)
    width = np.where(is_mass, *(np.linalg.norm(w[k]) for k in (is_mass, ~is_mass)))
    prior = np.diag(error / np.sqrt(n) / width)
    whole = np.vstack([J, prior])
    others = np.linalg.lstsq(whole[:, :6], -whole[:, 6:] @ x, rcond=None)[0]
    least = np.sum((whole[:, 6:] @ x + whole[:, :6] @ others) ** 2)
    assert np.sum((cost @ x) ** 2) == pytest.approx(least)
    hat = J[:, :6] @ np.linalg.pinv(whole[:, :6])[:, :n]
    assert error == pytest.approx(0.3 / np.sqrt(1.0 - np.trace(hat) / n), rel=1e-3)
    cost, error = _costs(J, w * is_mass, is_mass, np.eye(3), 0.3, smallest)  # none make up for any
    assert np.sum((cost @ x) ** 2) > np.sum((J[:, 6:] @ x) ** 2)
    assert error == pytest.approx(0.3)


@pytest.mark.parametrize("n_samples", [20, 60])
def test_masses_of_few_noisy_rows_are_called_undetermined_where_they_are(n_samples):
    for seed in range(4):
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(n_samples, 4)) * [1, 1, 6, 4]
        a = X[:, :2] @ CARTS.T
        a += 0.01 * a.std(axis=0) * rng.standard_normal(a.shape)
        model = HNNRegressor(
            hamiltonian=Natural("diagonal"), coordinates="velocities", solver="least_squares",
            random_state=seed,
        ).fit(X, np.hstack([X[:, 2:], a]))  # fmt: skip
        assert model.undetermined_masses_ == []
        assert model.masses_[1, 1] == pytest.approx(52.4 / 21.4, rel=0.1)
        a = -X[:, :2] - X[:, :2] ** 3 / 10  # two bodies that do not touch
        a += 0.01 * a.std(axis=0) * rng.standard_normal(a.shape)
        with pytest.warns(UserWarning, match="ratio of the masses of 0 and 1 does not show"):
            model.fit(X, np.hstack([X[:, 2:], a]))


def test_a_weight_follows_where_all_constant_masses_are_zero():
    q, v = np.random.default_rng(0).uniform(-1, 1, (2, 100, 2))
    model = HNNRegressor(
        hamiltonian=Natural("q"), solver="least_squares", hidden_layer_sizes=20, random_state=0
    ).fit(np.hstack([q, v]), np.hstack([v, -np.sin(q) - 0.3 * (q - q[:, ::-1])]))
    equations, params = model._model.equations, model._model.params
    w = equations.last(params) * ~equations.is_quadratic
    free = Directions.of_all(equations, equations.with_last(params, w), np.hstack([q, v]))
    assert np.isfinite(free.slopes).all()
    trace = equations.trace(params, np.hstack([q, v]))
    step = np.random.default_rng(1).standard_normal(len(free))
    assert trace @ free.full(step, equations.n_last) == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("mass", ["diagonal", "q"])
def test_a_training_of_masses_starts_where_it_can_go_on(mass):
    """From last weights that were thousands SOAP left all of these accelerations."""
    X, y = waves(2000, 1.5)
    y[:, 3] /= 2.0  # the first mass is two
    model = HNNRegressor(
        (64, 64, 64), hamiltonian=Natural(mass), coordinates="velocities", activation="silu",
        solver="soap", max_iter=100, random_state=0,
    ).fit(X, y)  # fmt: skip
    assert model.loss_curve_[0] < 1.0
    np.testing.assert_allclose(model.masses_, np.diag([1.0, 0.5, 0.5]), atol=0.02)
    assert error_of_waves(model, 1.5, masses=[2.0, 1.0, 1.0]) < 0.05


def other_masses(mass, q, a, noise=0.0):
    """Those that fit as well as the ``mass`` that was chosen."""
    rng = np.random.default_rng(2)
    v = rng.normal(size=q.shape)
    X, y = np.hstack([q, v]), np.hstack([v, a + noise * a.std(axis=0) * rng.normal(size=a.shape)])
    model = HNNRegressor(
        hamiltonian=Natural(mass), solver="least_squares", hidden_layer_sizes=100, random_state=0
    )
    model.coordinates_ = "velocities"
    attributes, result = train(model, X, y, np.ones(len(X)), None, goes_on=False)
    found = other_constant_masses(result.problem, result.equations, result.params)
    equations = attributes["_model"].equations
    M = equations.masses(attributes["params_"], X[:1])[0]
    L = np.linalg.cholesky(result.equations.masses(result.params, X[:1])[0])
    L *= np.sqrt(np.diag(M) / np.sum(L**2, axis=1))[:, None]  # in the units of the data
    return M, [L @ change @ L.T for change in found]


@pytest.mark.parametrize("noise", [0.0, 0.01])
@pytest.mark.parametrize(("d", "seed"), [(2, 0), (2, 1), (3, 0)])
def test_other_masses_of_linear_systems_are_those_that_make_the_forces_symmetric(d, seed, noise):
    """Also where those that were chosen are diagonal: of two coordinates these always fit."""
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((d, d))
    K, m = A @ A.T + 0.5 * np.eye(d), 10.0 ** rng.uniform(-0.5, 0.5, d)
    q = rng.normal(size=(500, d))
    M, found = other_masses("diagonal", q, -q @ K / m, noise)
    assert len(found) == d - 1  # a scale for each normal mode, but for the common one
    for dM in found:
        forces = (M + 0.1 * dM) @ (K / m).T
        np.testing.assert_allclose(forces, forces.T, atol=0.02 * np.abs(forces).max())


@pytest.mark.parametrize("noise", [0.0, 0.01, 0.1])
def test_masses_that_show_have_no_others(noise):
    q = np.random.default_rng(0).uniform(-1.5, 1.5, (800, 2))
    spring = q[:, :1] - q[:, 1:]
    a = np.hstack([-q[:, :1] - spring - spring**3, (spring + spring**3 - q[:, 1:]) / 3.0])
    assert other_masses("diagonal", q, a, noise)[1] == []
    x, y = q.T / 2.0  # Henon and Heiles
    a = -np.column_stack([x + 2 * x * y, y + x**2 - y**2])
    assert other_masses(1.0, q / 2.0, a, noise)[1] == []


@pytest.mark.parametrize("mass", [1.0, "diagonal"])
def test_bodies_that_do_not_touch_have_other_masses(mass):
    q = np.random.default_rng(0).uniform(-1.5, 1.5, (500, 2))
    a = -np.column_stack([q[:, 0] + q[:, 0] ** 3, 2.0 * np.sin(2.0 * q[:, 1])])
    _, (dM,) = other_masses(mass, q, a, 0.01)
    assert np.abs(dM[0, 1]) < 0.1 * np.abs(np.diag(dM)).max()


@pytest.mark.slow
def test_the_simplest_masses_are_said_to_be_no_more_than_that():
    """Positions of two coupled bodies, M = [[2, .5], [.5, 1]]: a mass for each fits as well."""
    rng, K = np.random.default_rng(0), np.array([[3.0, -0.5], [-0.5, 1.0]])
    X = rng.normal(size=(500, 4))
    y = np.hstack([X[:, 2:], -X[:, :2] @ K @ np.linalg.inv([[2.0, 0.5], [0.5, 1.0]])])
    with pytest.warns(UserWarning, match="the simplest were chosen, a mass for each coordinate"):
        model = HNNRegressor(random_state=0).fit(X, y)
    assert model.hamiltonian_.mass == "diagonal"
    assert model.undetermined_masses_ == []  # given this form
    HNNRegressor(hamiltonian=Natural("diagonal"), random_state=0).fit(X, y)  # knows it: no word


def test_a_coupling_that_changes_with_a_mass_that_does_not_show_has_no_error_either():
    masses = np.array([[1.0, 0.4], [0.4, 1e6]])
    std = np.array([[0.0, 1e-5], [1e-5, 3.0]])
    for with_coupling, expected in ((2e-4, np.inf), (0.0, 1e-5)):
        change = np.array([[1.0, with_coupling], [with_coupling, -1.0]])
        found = std_if_undetermined(masses, std, [change], has_free_scale=True)
        assert found[0, 0] == 0.0
        assert np.isinf(found[1, 1])
        assert found[0, 1] == found[1, 0] == expected


def test_standard_errors_of_masses_do_not_depend_on_the_size_of_the_mass():
    rng = np.random.default_rng(0)
    X, noise = rng.uniform(-1.0, 1.0, size=(400, 4)), rng.normal(size=(400, 2))
    x1, x2 = X[:, 0], X[:, 1]
    force = 2.0 * (x1 - x2) + 3.0 * (x1 - x2) ** 3
    errors, standard_errors = [], []
    for mass in (3.0, 1e8):
        a = np.column_stack([-x1 - force, (force - 0.5 * x2**3) / mass])
        a += 0.01 * a.std(axis=0) * noise
        model = HNNRegressor(random_state=0).fit(X, np.hstack([X[:, 2:], a]))
        errors.append(model.masses_[1, 1] / mass - 1.0)
        standard_errors.append(model.masses_std_[1, 1] / mass)
    np.testing.assert_allclose(standard_errors[1], standard_errors[0], rtol=0.2)
    assert (np.abs(errors) < 4.0 * np.array(standard_errors)).all()


def test_predictions_are_said_to_hold_only_where_accelerations_are_predicted():
    rng = np.random.default_rng(0)
    X, push = rng.uniform(-1.0, 1.0, size=(300, 4)), 3.0 * rng.normal(size=300)
    x1, x2 = X[:, 0], X[:, 1]
    for strength in (0.0, 1.0):  # of a push that was not recorded
        y = np.column_stack([X[:, 2:], -x1 - x1**3, -2.0 * x2 + strength * push])
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            HNNRegressor(coordinates="velocities", random_state=0).fit(X, y)
        text = " ".join(str(w.message) for w in said)
        assert ("predictions hold" in text) == (strength == 0.0)
