"""The default solver chooses by rows it leaves out, and on thin data by simulations."""

import warnings
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from helpers import asymmetric_data, fit_quietly
from scipy.integrate import solve_ivp
from sklearn.exceptions import ConvergenceWarning

from skhnn import HNNRegressor
from skhnn._convergence import of_few_rows
from skhnn._data import Problem
from skhnn._scaling import Scaling
from skhnn._selection._steadiness import (
    Visited,
    _distance_across,
    determined_beside,
    deviation,
    is_steady,
)
from skhnn._solvers import equations_of, name_of
from skhnn.datasets import make_spherical_pendulum
from skhnn.hamiltonians import MLP, Known, Quadratic
from skhnn.systems import Kepler, Pendulum


def error(model, X, y):
    """sqrt(1 - R^2), columns on an equal footing."""
    return np.sqrt(np.mean(((model.predict(X) - y) ** 2).mean(axis=0) / y.var(axis=0)))


def pendulum_box(n, seed, noise=0.0):
    rng = np.random.default_rng(seed)
    X = rng.uniform([-np.pi, -3], [np.pi, 3], (n, 2))
    y = Pendulum().vector_field(X)
    return X, y + noise * y.std(axis=0) * rng.standard_normal(y.shape)


def orbit(n=600, periods=6.0):
    """One elliptic orbit of Kepler's problem: a thin set in four dimensions."""
    kepler = Kepler(mu=1.0)
    t = np.linspace(0, 2 * np.pi * periods, n)
    path = solve_ivp(
        lambda t, x: kepler.vector_field(x), t[[0, -1]], [0.9, 0, 0, 1.1], "DOP853", t,
        rtol=1e-11, atol=1e-12,
    )  # fmt: skip
    return path.y.T, kepler.vector_field(path.y.T)


@pytest.mark.parametrize("seed", [0, 1])
def test_smooth_data_are_answered_by_least_squares_to_many_digits(seed):
    model = HNNRegressor(random_state=seed).fit(*pendulum_box(1000, seed))
    assert model.solver_ == "least_squares"
    assert error(model, *pendulum_box(500, seed + 10)) < 1e-7
    assert model.fit_report_[-1]["why"] == "good enough"


def test_noise_is_recognised_and_not_fitted():
    model = HNNRegressor(random_state=0).fit(*pendulum_box(1000, 0, noise=0.1))
    assert model.fit_report_[-1] == {"chosen": "least_squares", "why": "the rest is noise"}
    assert error(model, *pendulum_box(500, 10)) < 0.04


def test_few_noisy_rows_do_not_blow_up():
    for seed in range(3):
        model = fit_quietly(HNNRegressor(random_state=seed), *pendulum_box(50, seed, noise=0.1))
        assert error(model, *pendulum_box(500, 10)) < 0.3


def test_fits_that_do_not_predict_rows_left_out_say_so():
    told = []
    for seed in range(3):
        X = np.random.default_rng(seed).uniform(-2, 2, (14, 4))
        q, f = X[:, :2], np.sin(2 * X[:, :1] + X[:, 1:2])
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            HNNRegressor(random_state=0).fit(X, np.hstack([X[:, 2:], -q - 2 * f * [2, 1]]))
        told += [str(w.message) for w in said]
    assert any(text.startswith("Rows left out are predicted with an error") for text in told)


@pytest.mark.parametrize(
    ("left_out", "loss", "is_told"),
    [(0.3, 1e-8, True), (0.05, 1e-8, False), (0.6, 0.1, False), (np.nan, 0.0, False)],
)
def test_rows_are_too_few_where_those_left_out_are_predicted_far_worse(left_out, loss, is_told):
    problem = SimpleNamespace(n_samples=20, n_features=4)
    result = SimpleNamespace(problem=problem, left_out=left_out, loss=loss)
    assert (of_few_rows(result) is not None) == is_told
    problem.n_samples = 3
    assert "X has 3 rows of 4 columns" in of_few_rows(result)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_twenty_rows_are_fitted_all(seed):
    model = fit_quietly(HNNRegressor(random_state=seed), *pendulum_box(20, seed))
    assert error(model, *pendulum_box(500, seed + 10)) < 0.02


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_a_polynomial_of_fourth_degree_is_found_beyond_the_data_too(seed):
    rng = np.random.default_rng(seed)
    third, fourth = rng.normal(size=(2, 2, 2))

    def data(n, size):
        """Of H = (p^2 + q^2) / 2 + sum over a, b of A q_a^2 q_b + B q_a^2 q_b^2."""
        q, p = size * rng.uniform(-1, 1, (2, n, 2))
        by_third = 2 * q * (q @ third.T) + q**2 @ third
        by_fourth = 2 * q * (q**2 @ (fourth + fourth.T))
        return np.hstack([q, p]), np.hstack([p, -q - by_third - by_fourth])

    model = HNNRegressor(random_state=0).fit(*data(60, 1.0))
    assert model.activation_ == "quartic"
    assert error(model, *data(100, 3.0)) < 1e-9


def test_a_chain_with_springs_of_fourth_degree_is_found():
    rng, d = np.random.default_rng(0), 8

    def data(n):
        q, p = rng.normal(size=(2, n, d))
        stretch = np.diff(np.pad(q, ((0, 0), (1, 1))), axis=1)
        return np.hstack([q, p]), np.hstack([p, np.diff(stretch + 0.3 * stretch**3, axis=1)])

    model = HNNRegressor(random_state=0).fit(*data(1000))
    assert error(model, *data(500)) < 1e-10


def test_an_orbit_is_simulated_for_longer_than_it_was_seen():
    X, y = orbit()
    model = HNNRegressor(random_state=0).fit(X, y)
    t = np.linspace(0, 2 * np.pi * 20, 400)
    simulated = model.simulate(X[0], t)
    kepler = Kepler(mu=1.0)
    exact = solve_ivp(
        lambda t, x: kepler.vector_field(x), t[[0, -1]], X[0], "DOP853", t, rtol=1e-11, atol=1e-12
    ).y.T
    assert np.abs(simulated - exact).max() < 0.1
    assert any("deviation" in entry for entry in model.fit_report_)


@pytest.mark.slow
def test_two_models_of_an_orbit_agree_on_it_and_not_beside_it():
    rng = np.random.RandomState(0)
    X, y = orbit()
    box = np.random.default_rng(0).uniform(X.min(axis=0), X.max(axis=0), X.shape)
    for data, thin in [((X, y), True), ((box, box[:, [2, 3, 0, 1]] * [1, 1, -1, -1]), False)]:
        models = []
        for seed in (0, 1):
            m = HNNRegressor((200,), solver="least_squares", random_state=seed).fit(*data)
            models.append(equations_and_params(m))
        assert determined_beside(*models, visited_by(*data), rng) is not thin


def equations_and_params(model):
    return model._model.equations, model.params_


def visited_by(X, y):
    weight = np.ones(len(X))
    problem = Problem(X, y, weight, None, Scaling.from_data(X, y, weight))
    return Visited.by(problem, np.random.RandomState(0))


def test_deviation_tells_a_bound_motion_from_a_runaway():
    # An oscillator, H = (q^2 + p^2) / 2, stays; with H = (p^2 - q^2) / 2 everything runs away.
    t = np.linspace(0, 2 * np.pi, 300)
    X = np.stack([np.sin(t), np.cos(t)], axis=1)
    for sign, steady in [(-1.0, True), (1.0, False)]:
        y = np.stack([X[:, 1], sign * X[:, 0]], axis=1)
        model = HNNRegressor((100,), solver="least_squares", random_state=0).fit(X, y)
        rng = np.random.RandomState(0)
        found = deviation(equations_and_params(model), visited_by(X, y), rng)
        assert is_steady(found) is steady


def test_an_orbit_that_does_not_close_leaves_its_rows_by_right():
    # Two oscillators of incommensurable frequencies fill a torus, of which the rows show a part.
    t = np.linspace(0, 30, 600)
    w = np.array([1.0, np.sqrt(2.0)])
    X = np.hstack([np.sin(t[:, None] * w), np.cos(t[:, None] * w)])
    y = np.hstack([X[:, 2:] * w, -X[:, :2] * w])
    models = []
    for seed in (0, 1):
        model = HNNRegressor((150,), solver="least_squares", hamiltonian="mechanical")
        model.set_params(random_state=seed).fit(X, y)
        models.append(equations_and_params(model))
    first, second = models
    alone, together = (
        deviation(first, visited_by(X, y), np.random.RandomState(0), other)
        for other in (None, second)
    )
    assert not is_steady(alone)
    assert is_steady(together)


def test_the_distance_is_measured_across_the_motion():
    # A circle with wide gaps: half a gap along it is no distance, radially it is one.
    angle = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    Z = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    velocities = np.stack([-Z[:, 1], Z[:, 0]], axis=1)
    half = angle[:1] + np.pi / 40
    on_it = np.stack([np.cos(half), np.sin(half)], axis=1)
    for radius, distance in [(1.0, 0.0), (1.2, 0.2), (0.7, 0.3)]:
        found = _distance_across(radius * on_it, Z, velocities, np.zeros(Z.shape[1]))
        # the circle bends away from its tangent by (half a gap)^2 / 2, and more for other rows
        np.testing.assert_allclose(found, distance, rtol=0.2, atol=(np.pi / 40) ** 2)


def test_a_state_on_its_run_is_at_no_distance_whatever_run_is_ahead():
    # Of two circles 0.02 apart the rows of one stand half a gap ahead of those of the other.
    angle, half = np.linspace(0, 2 * np.pi, 100, endpoint=False), np.pi / 100
    runs = [(1.0, angle), (1.02, angle + half)]
    Z = np.concatenate([r * np.stack([np.cos(a), np.sin(a)], axis=1) for r, a in runs])
    velocities = np.stack([-Z[:, 1], Z[:, 0]], axis=1)
    on_first = np.stack([np.cos(angle + half), np.sin(angle + half)], axis=1)
    found = _distance_across(on_first, Z, velocities, np.zeros(2))
    np.testing.assert_allclose(found, 0.0, atol=half**2)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # of the one epoch
def test_thin_data_that_no_model_is_steady_beside_draw_a_warning(monkeypatch):
    from skhnn._selection import _thin_data

    monkeypatch.setattr(_thin_data, "deviation", lambda *args: 0.5)
    X, y = orbit(200, periods=2.0)
    model = HNNRegressor(hamiltonian="mlp", max_iter=1, random_state=0)
    with pytest.warns(UserWarning, match=r"leave them by 0\.5 standard.*More orbits help"):
        model.fit(X, y)
    assert model.fit_report_[-1]["strays"] == 0.5
    assert "none is steady" in model.fit_report_[-1]["why"]


def test_simulations_that_are_judged_know_of_known_energies(monkeypatch):
    from skhnn._selection import _thin_data

    X, y = orbit(300, periods=3.0)
    seen = []

    def spy(model, visited, rng, other):
        seen.append(visited.field(model)(visited.states) * visited.s)
        return deviation(model, visited, rng, other)

    monkeypatch.setattr(_thin_data, "deviation", spy)
    kinetic = Known(lambda x: 0.5 * (x[:, 2:] ** 2).sum(-1))
    HNNRegressor(hamiltonian=kinetic + MLP(columns="q"), random_state=0).fit(X, y)
    np.testing.assert_allclose(seen[0], y, atol=1e-6)


def circles(radii, tilt=0.9):
    """Circular orbits of Kepler's problem in one tilted plane, (q, p) in three dimensions."""
    t = np.linspace(0, 4 * np.pi, 400)
    R = np.array([[1, 0, 0], [0, np.cos(tilt), -np.sin(tilt)], [0, np.sin(tilt), np.cos(tilt)]])
    X, y = [], []
    for a in radii:
        n = a**-1.5
        q = a * np.c_[np.cos(n * t), np.sin(n * t), 0 * t] @ R.T
        v = a * n * np.c_[-np.sin(n * t), np.cos(n * t), 0 * t] @ R.T
        X.append(np.hstack([q, v]))
        y.append(np.hstack([v, -q / a**3]))
    return np.vstack(X), np.vstack(y), t


@pytest.mark.slow
def test_orbits_in_a_tilted_plane_are_simulated():
    X, y, t = circles([0.95, 1.0, 1.06], tilt=0.6)
    model = HNNRegressor(random_state=1).fit(X, y, groups=np.repeat([0, 1, 2], 400))
    assert np.abs(model.simulate(X[0], t, max_nfev=40_000) - X[:400]).max() < 0.02


def charge(n, seed, noise=0.0):
    """A charge in a magnetic field that depends on the place; no form but "natural" holds."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1.5, 1.5, (n, 4))
    x, y, px, py = X.T
    vx, vy = px + 0.5 * np.sin(y), py - 0.5 * np.sin(x)
    force = np.stack([0.5 * np.cos(x) * vy - x, -0.5 * np.cos(y) * vx - y + 0.3 * np.sin(2 * y)])
    field = np.column_stack([vx, vy, force[0], force[1]])
    return X, field + noise * field.std(axis=0) * rng.standard_normal(field.shape)


@pytest.mark.slow
def test_what_two_hamiltonians_agree_on_is_noise():
    X, y = charge(1500, 0, noise=0.05)
    model = HNNRegressor(random_state=0).fit(X, y)
    assert model.fit_report_[-1] == {"chosen": "least_squares", "why": "the rest is noise"}
    rng = np.random.default_rng(0)
    X = rng.uniform(-2, 2, (600, 4))
    rough = np.column_stack([X[:, 2:], -np.sign(X[:, :2]) - 0.3 * X[:, 1::-1]])
    model = fit_quietly(HNNRegressor(max_iter=1, random_state=0), X, rough)
    assert "noise" not in model.fit_report_[-1]["why"]


def coupled_waves(n, seed, noise=0.0):
    """The discrete nonlinear Schroedinger equation on a ring of eight: H mixes all q and p."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1, 1, (n, 16))
    q, p = np.split(X, 2, axis=1)
    size = 1 + q**2 + p**2
    of_q, of_p = (np.roll(a, 1, axis=1) + np.roll(a, -1, axis=1) for a in (q, p))
    field = np.hstack([p * size - of_p, of_q - q * size])
    return X, field + noise * field.std(axis=0) * rng.standard_normal(field.shape)


@pytest.mark.slow
def test_what_two_hamiltonians_lack_in_common_is_no_noise():
    # T(p) + V(q) and its kind agree on an error of 0.14 beside the noise.
    X, y = coupled_waves(2000, 1, noise=0.1)
    model = fit_quietly(HNNRegressor(random_state=0), X, y)
    assert "noise" not in model.fit_report_[-1]["why"]
    assert error(model, *coupled_waves(1000, 10)) < 0.1


@pytest.mark.slow
def test_layers_that_are_given_are_kept():
    X, y = asymmetric_data(300)
    model = fit_quietly(HNNRegressor((9, 7), activation="sin", random_state=0), X, y)
    assert model.hidden_layer_sizes_ == (9, 7)
    assert model.activation_ == "sin"


def polar(n, seed=0):
    """A particle in polar coordinates: the mass of the angle is r^2."""
    X = np.random.default_rng(seed).uniform([0.7, -1, -1, -1], [1.5, 1, 1, 1], (n, 4))
    r, phi, p_r, p_phi = X.T
    force = [p_phi**2 / r**3 - r - np.cos(3 * phi), 3 * r * np.sin(3 * phi)]
    return X, np.stack([p_r, p_phi / r**2, *force], axis=1)


def fast_particles(n, seed=0):
    """Relativistic oscillators: H = sqrt(1 + p_1^2) + sqrt(1 + p_2^2) + V(q)."""
    X = np.random.default_rng(seed).uniform(-2, 2, (n, 4))
    q, p = np.split(X, 2, axis=1)
    return X, np.hstack([p / np.sqrt(1 + p**2), -np.sin(q) - 0.5 * (q - q[:, ::-1])])


def test_a_mass_matrix_is_found_and_makes_the_model_separable():
    model = HNNRegressor(random_state=0).fit(*pendulum_box(200, 0))
    assert name_of(model.hamiltonian_) == "mechanical"
    t = np.linspace(0, 10, 11)
    leapfrog = model.simulate([1.0, 0.0], t, method="StormerVerlet", step_size=1e-3)
    np.testing.assert_allclose(leapfrog, model.simulate([1.0, 0.0], t), atol=1e-5)


@pytest.mark.parametrize(("bend", "is_linear"), [(0.0, True), (1e-6, False)])
def test_where_velocities_are_linear_in_the_momenta_nothing_else_is_tried(bend, is_linear):
    # dH/dp = A p + b says that H = p' A p / 2 + b' p + V(q).
    rng = np.random.default_rng(0)
    X = rng.uniform([-2, -2, 998, -2], [2, 2, 1002, 2], (300, 4))
    q, p = np.split(X, 2, axis=1)
    A = [[2e3, 1.0], [1.0, 1e-3]]
    y = np.hstack([(p + bend * p**2) @ A + 7.0, -np.sin(q) - 0.5 * (q - q[:, ::-1])])
    model = HNNRegressor(random_state=0, max_time=0.5)
    model = fit_quietly(model, X, y)
    entry = {"hamiltonian": "mechanical", "why": "velocities are linear in the momenta"}
    assert (entry in model.fit_report_) == is_linear


@pytest.mark.slow
def test_a_mass_that_depends_on_the_coordinates_is_found():
    """As well as each of its Hamiltonians alone does in the mean, over draws of layers, too."""
    names = ["auto", "natural", "mlp"]
    errors = np.empty((5, len(names)))
    for seed, of_names in enumerate(errors):
        X, y = polar(300, seed)
        for i, name in enumerate(names):
            model = fit_quietly(HNNRegressor(hamiltonian=name, random_state=seed), X, y)
            of_names[i] = error(model, *polar(500, 10 + seed))
    assert errors.max() < 1e-3
    default, natural, general = np.log(errors).mean(axis=0)
    assert default < np.log(1.5) + (natural + general) / 2


def vortices(n, seed=0):
    """Three point vortices of one strength, smoothed: q and p on an equal footing."""
    X = np.random.default_rng(seed).uniform(-1, 1, (n, 6))
    q, p = np.split(X, 2, axis=1)
    dq, dp = q[:, :, None] - q[:, None], p[:, :, None] - p[:, None]
    others = (1 - np.eye(3)) / (dq**2 + dp**2 + 0.1)
    return X, np.hstack([-(dp * others).sum(axis=2), (dq * others).sum(axis=2)])


@pytest.mark.slow
def test_a_hamiltonian_that_does_not_hold_is_not_chosen():
    model = fit_quietly(HNNRegressor(random_state=0), *vortices(1000, 0))
    assert name_of(model.hamiltonian_) == "mlp"
    assert error(model, *vortices(500, 10)) < 0.1


@pytest.mark.slow
def test_velocities_that_are_not_linear_make_a_separable_model():
    X, y = fast_particles(2000)
    model = fit_quietly(HNNRegressor(random_state=0), X, y)
    assert name_of(model.hamiltonian_) == "separable"
    assert error(model, *fast_particles(500, 10)) < 2e-3


def test_columns_in_the_wrong_order_draw_a_warning():
    X, y = pendulum_box(300, 0)
    with (
        pytest.warns(UserWarning, match="column 0 is, up to a factor, that column of X itself"),
        pytest.warns(ConvergenceWarning, match=r"R2 = 0\.\d\d on the rows .*likely cause"),
    ):
        HNNRegressor(random_state=0).fit(X[:, ::-1], y)


# What the momentum would do if it varied is not in the data, and that is said.
@pytest.mark.filterwarnings("ignore:The data are thin:UserWarning")
def test_a_constant_momentum_is_no_friction():
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (300, 4))
    X[:, 2] = 0.7
    q1, q2, p1, p2 = X.T
    y = np.stack([p1, p2, -q1 - 2 * q1 * q2, -q2 - q1**2 + q2**2], axis=1)
    model = HNNRegressor(random_state=0).fit(X, y)  # warnings are errors here
    assert np.abs(model.predict(X) - y).max() < 1e-7


def test_noise_does_not_hide_the_hamiltonian():
    X, y = pendulum_box(300, 0, noise=0.1)
    found, general = (
        fit_quietly(HNNRegressor(hamiltonian=form, random_state=0), X, y)
        for form in ("auto", "mlp")
    )
    assert name_of(found.hamiltonian_) == "mechanical"
    test = pendulum_box(500, 10)
    assert error(found, *test) < error(general, *test)


def test_the_hamiltonian_is_open_where_nothing_else_was_asked_for():
    X, y = pendulum_box(100, 0)
    for params in ({"hidden_layer_sizes": (30,)}, {"solver": "least_squares"}):
        model = fit_quietly(HNNRegressor(**params, random_state=0), X, y)
        assert name_of(model.hamiltonian_) == "mlp"
    model = HNNRegressor(hamiltonian="separable", random_state=0).fit(X, y)
    assert name_of(model.hamiltonian_) == "separable"


def test_momenta_counted_from_far_away_keep_their_digits():
    X, y = pendulum_box(300, 0)
    for far in ([0.0, 1e2], [0.0, 1e8]):
        model = fit_quietly(HNNRegressor(random_state=0), X + far, y)
        test = pendulum_box(200, 10)
        assert error(model, test[0] + far, test[1]) < 1e-4


def many_coordinates(n, seed=0):
    """Five coordinates, the mass of each depending on the next."""
    X = np.random.default_rng(seed).uniform(-1, 1, (n, 10))
    q, p = np.split(X, 2, axis=1)
    after = np.roll(q, -1, axis=1)
    slope = -0.25 * np.roll(p, 1, axis=1) ** 2 * np.sin(q) + q
    return X, np.hstack([p * (1 + 0.5 * np.cos(after)), -slope])


@pytest.mark.slow
def test_many_coefficients_leave_few_units_and_no_crash():
    X, y = many_coordinates(3500)
    model = fit_quietly(HNNRegressor(hamiltonian="natural", max_iter=2, random_state=0), X, y)
    assert np.isfinite(model.predict(X)).all()
    assert all(np.isfinite(entry.get("error", 0.0)) for entry in model.fit_report_)


def test_layers_that_are_given_are_not_widened():
    X, y = pendulum_box(4000, 0)
    y = np.where(np.abs(X[:, :1]) > 2, 0.9 * y, y)  # a kink: never good enough
    model = fit_quietly(HNNRegressor((60,), max_iter=5, random_state=0), X, y)
    assert model.hidden_layer_sizes_ == (60,)


def test_heavy_tails_get_smaller_weights():
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (600, 4))
    X[:, :2] /= np.linalg.norm(X[:, :2], axis=1)[:, None]
    X[:30, :2] *= 0.2  # close to the pole of 1 / r now and then
    y = Kepler(mu=1.0).vector_field(X)
    model = fit_quietly(HNNRegressor(random_state=0), X, y)
    assert any(entry.get("heavy_tail") for entry in model.fit_report_)


def test_same_random_state_same_model_and_report():
    X, y = pendulum_box(200, 0)
    first, second = (HNNRegressor(random_state=3).fit(X, y) for _ in range(2))
    np.testing.assert_array_equal(first.predict(X), second.predict(X))
    strip = [{k: v for k, v in e.items() if k != "seconds"} for e in first.fit_report_]
    assert strip == [{k: v for k, v in e.items() if k != "seconds"} for e in second.fit_report_]


def test_warm_start_goes_on_with_the_solver_that_was_chosen():
    X, y = pendulum_box(300, 0)
    model = HNNRegressor(random_state=0, warm_start=True).fit(X, y)
    layers = model.hidden_layer_sizes_
    model.fit(*pendulum_box(300, 1))
    assert (model.solver_, model.hidden_layer_sizes_) == ("least_squares", layers)
    assert error(model, *pendulum_box(500, 10)) < 1e-6


def test_verbose_tells_the_steps(capsys):
    HNNRegressor(random_state=0, verbose=True).fit(*pendulum_box(200, 0))
    assert "solver=least_squares, hamiltonian=mechanical" in capsys.readouterr().out


def test_options_without_effect_warn_once_and_never_under_auto():
    X, y = asymmetric_data(60)
    with pytest.warns(UserWarning, match="batch_size, shuffle have no effect.*'lbfgs'"):
        fit_quietly(
            HNNRegressor((5,), solver="lbfgs", batch_size=7, shuffle=False, max_iter=2), X, y
        )
    with pytest.warns(UserWarning, match="max_iter has no effect with solver='least_squares'"):
        HNNRegressor(solver="least_squares", max_iter=7).fit(X, y)
    noisy = HNNRegressor(hamiltonian=Quadratic(), noise_std=0.01, alpha=1.0, early_stopping=True)
    with pytest.warns(UserWarning, match="alpha, early_stopping have no effect with noise_std"):
        fit_quietly(noisy, X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        HNNRegressor(batch_size=7, max_iter=300, tol=0.5, shuffle=False).fit(X, y)


@pytest.mark.slow
def test_friction_is_named():
    X = np.random.default_rng(0).uniform(-1, 1, (400, 2))
    y = np.stack([X[:, 1], -X[:, 0] - 0.1 * X[:, 1]], axis=1)
    with pytest.warns(UserWarning, match=r"have friction.*a damping of 0\.1 \+- "):
        HNNRegressor(random_state=0).fit(X, y)


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", [torch.optim.NAdam, torch.optim.RMSprop])
def test_optimizers_of_torch_train_in_place_of_adam(optimizer):
    X, y = asymmetric_data(100)
    model = HNNRegressor(
        (10,), solver="adam", optimizer=optimizer, learning_rate_init=0.02, max_iter=500,
        random_state=0,
    )  # fmt: skip
    assert fit_quietly(model, X, y).score(X, y) > 0.9


def test_torch_adam_as_the_optimizer_is_our_adam():
    X, y = asymmetric_data(100)
    options = {"hidden_layer_sizes": (6,), "solver": "adam", "random_state": 0, "max_iter": 20}
    options["dtype"] = "float64"
    ours = fit_quietly(HNNRegressor(**options), X, y)
    theirs = fit_quietly(HNNRegressor(**options, optimizer=torch.optim.Adam), X, y)
    np.testing.assert_allclose(ours.coefs_[0], theirs.coefs_[0], rtol=1e-9)


@pytest.mark.parametrize(
    ("optimizer", "solver", "message"),
    [("Adam", "adam", "a class of torch.optim"), (torch.optim.Adam, "soap", "takes the place of")],
)
def test_optimizers_that_make_no_sense_are_refused(optimizer, solver, message):
    with pytest.raises((TypeError, ValueError), match=message):
        HNNRegressor(solver=solver, optimizer=optimizer).fit(*asymmetric_data(20))


def test_soap_is_the_same_on_numpy_and_torch():
    from skhnn._data import Place
    from skhnn._solvers import Monitor, SolverOptions, Start
    from skhnn._solvers._soap import solve_soap

    X, y = asymmetric_data(100)
    problem = Problem(X, y, np.ones(100), None, Scaling.from_data(X, y, np.ones(100)))
    hamiltonian = MLP(None, (8, 7), "tanh")
    equations = equations_of(hamiltonian, problem)
    curves = []
    for place in (Place.on_numpy("float64"), Place.on_torch(torch.device("cpu"), "float64")):
        params = equations.init_params(np.random.RandomState(0))
        monitor = Monitor(0.0, 10**9, False)
        monitor.start(equations, params)
        options = SolverOptions(place, np.random.RandomState(1), max_iter=15, batch_size=32)
        solve_soap(problem, Start(hamiltonian, equations, partial(list, params)), monitor, options)
        curves.append(monitor.loss_curve)
    np.testing.assert_allclose(curves[0], curves[1], rtol=1e-3)


def test_gauss_newton_refuses_networks_that_are_not_compact():
    with pytest.raises(ValueError, match="for compact networks: it takes up to 3000 weights"):
        HNNRegressor((64, 64), solver="gauss_newton").fit(*asymmetric_data(100))


def test_gauss_newton_fits_what_sampled_layers_of_its_size_cannot():
    X, y = polar(300)
    options = {"hamiltonian": "mlp", "random_state": 0}
    trained = fit_quietly(HNNRegressor(30, solver="gauss_newton", **options), X, y)
    sampled = fit_quietly(HNNRegressor(30, solver="least_squares", **options), X, y)
    test = polar(500, 10)
    assert error(trained, *test) < 0.1 * error(sampled, *test)


def test_gauss_newton_goes_on_where_it_ended():
    X, y = polar(200)
    model = HNNRegressor(20, solver="gauss_newton", max_iter=10, random_state=0, warm_start=True)
    before = fit_quietly(model, X, y).loss_
    after = fit_quietly(model, X, y).loss_
    assert after < before


@pytest.mark.slow
def test_what_two_hamiltonians_lack_alike_is_no_noise():
    # T(p) + V(q) of every kind leaves the same, and a regression less: masses depend on q
    X, y = make_spherical_pendulum(400, random_state=0, return_X_y=True)
    test = make_spherical_pendulum(200, random_state=1, return_X_y=True)
    model = HNNRegressor(random_state=0).fit(X, y)
    assert model.score(*test) > 0.999
