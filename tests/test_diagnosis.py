"""What no Hamiltonian has is found, with its size and error; canonical data draw no alarm."""

import re
import warnings

import numpy as np
import pytest
from fields import double_pendulum, henon_heiles, on_paths, pendulum
from scipy.linalg import expm
from scipy.signal import savgol_filter

from skhnn import HNNRegressor
from skhnn._data import Problem
from skhnn._diagnosis import departure_from_hamiltonian, smooth_remainder
from skhnn._scaling import Scaling
from skhnn.hamiltonians import Natural


def departure(X, y, groups=None, predict=np.zeros_like):
    weight = np.ones(len(X))
    problem = Problem(X, y, weight, groups, Scaling.from_data(X, y, weight))
    return departure_from_hamiltonian(problem, predict, [*map(str, range(X.shape[1]))])


def noisy(y, noise, seed=1):
    return y + noise * y.std(axis=0) * np.random.default_rng(seed).standard_normal(y.shape)


def damping_in(sentence):
    """The rates and their standard errors."""
    return np.array(re.findall(r"(-?\d[-\d.e]*) \+- (\d(?:[-\d.e]*\d)?)", sentence), dtype=float).T


def test_one_run_that_nothing_predicts_does_not_hide_what_others_say():
    """A force along the velocity that no H has, and a run of noise, five times as large."""
    rng = np.random.default_rng(0)
    X, groups = rng.uniform(-1.5, 1.5, (1500, 4)), np.repeat(np.arange(30), 50)
    q, v = X[:, :2], X[:, 2:]
    force = np.tanh(q[:, 1:]) * v * np.abs(v)  # as often forwards as backwards: no friction
    a = -q + force
    assert "without mechanics" in departure(X, np.hstack([v, a]), groups)
    a[-50:] += 5.0 * rng.standard_normal((50, 2))
    assert "without mechanics" in departure(X, np.hstack([v, a]), groups)
    assert departure(X, np.hstack([v, a - force]), groups) is None


@pytest.mark.parametrize("noise", [0.0, 0.01, 0.05])
@pytest.mark.parametrize("damping", [0.05, 0.3])
@pytest.mark.parametrize("n", [300, 1500])
def test_friction_is_found_with_its_standard_error(n, damping, noise):
    X = np.random.default_rng(n).uniform(-2, 2, (n, 2))
    said = departure(X, noisy(pendulum(X, damping), noise))
    assert said is not None
    assert "have friction" in said
    (rate,), (std,) = damping_in(said)
    assert abs(rate - damping) < 5 * std + 0.02 * damping
    assert std < 0.25 * damping


@pytest.mark.parametrize("units", [(1.0, 1.0), (1e3, 1e-6)])
def test_damping_is_told_by_coordinate_and_does_not_depend_on_units_of_the_columns(units):
    rates = np.array([0.05, 0.2])
    X = np.random.default_rng(0).uniform(-0.5, 0.5, (1000, 4))
    y = henon_heiles(X) - np.c_[0 * X[:, :2], rates * X[:, 2:]]
    units = np.repeat(units, 2)
    found, std = damping_in(departure(X * units, y * units))
    np.testing.assert_allclose(found, rates, atol=5 * std.max() + 1e-3)


@pytest.mark.parametrize("groups_given", [True, False])
def test_friction_of_smoothed_noisy_runs_is_found(groups_given):
    t = np.arange(0, 8, 0.05)
    runs = on_paths(lambda X: pendulum(X, 0.1) * [1, 9.81], 15, 1.2, t)[0]
    runs = runs.reshape(15, -1, 2)
    runs = runs + 0.01 * runs.std(axis=(0, 1)) * np.random.default_rng(0).standard_normal(
        runs.shape
    )
    X = savgol_filter(runs, 9, 3, axis=1).reshape(-1, 2)
    y = savgol_filter(runs, 9, 3, deriv=1, delta=0.05, axis=1).reshape(-1, 2)
    said = departure(X, y, np.repeat(np.arange(15), len(t)) if groups_given else None)
    (rate,), (std,) = damping_in(said)
    assert abs(rate - 0.981) < 5 * std + 0.03


@pytest.mark.parametrize("n_runs", [6, 8, 12])
def test_friction_of_one_coordinate_of_two_shows_in_runs_of_unequal_amplitude(n_runs):
    def field(X):
        q1, q2, p1, p2 = X.T
        force = 0.7 * (q2 - q1)
        return np.stack(
            [p1 / 0.5, p2 / 3, -2 * q1 - q1**3 + force - 0.08 * p1, -force - np.sin(q2)], axis=1
        )

    X, y, groups = on_paths(field, n_runs, 1.5, np.linspace(0, 12, 100), n_columns=4)
    found, std = damping_in(departure(X, noisy(y, 0.01), groups))
    assert abs(found[0] - 0.08) < 5 * std[0] + 0.005


def test_of_few_runs_the_error_is_called_a_lower_bound():
    X, y, groups = on_paths(lambda X: pendulum(X, 0.1), 4, 1.5, np.linspace(0, 10, 150))
    assert "from 4 runs only" in departure(X, y, groups)


@pytest.mark.parametrize("spread", [[1, 1, 1, 1], [1, 1, 6, 4], [1, 2.45, 1, 2.45]])
@pytest.mark.parametrize("noise", [0.0, 0.05])
def test_velocities_of_unequal_masses_are_named_whatever_their_spread(spread, noise):
    K = np.array([[-59.4, 52.4], [21.4, -24.7]])
    X = np.random.default_rng(0).normal(size=(1000, 4)) * spread
    said = departure(X, np.c_[X[:, 2:], noisy(X[:, :2] @ K.T, noise)])
    assert "velocities in place of momenta" in said
    size, std = damping_in(said)
    np.testing.assert_allclose(size, 52.4 - 21.4, atol=5 * std[0] + 0.3)


def velocities_of_the_double_pendulum(n):
    X = np.random.default_rng(0).uniform(-2, 2, (n, 4))
    f, h = double_pendulum(X), 1e-6
    a = (double_pendulum(X + h * f) - double_pendulum(X - h * f))[:, :2] / (2 * h)
    return np.c_[X[:, :2], f[:, :2]], np.c_[f[:, :2], a], X, f


def test_velocities_in_place_of_the_momenta_of_a_double_pendulum_are_told_apart():
    X, y, canonical, field = velocities_of_the_double_pendulum(1500)
    said = departure(X, y)
    assert "without mechanics" in said
    assert "velocities in place of momenta" in said
    assert departure(canonical, field, predict=double_pendulum) is None


def test_a_rotating_frame_with_velocities_is_no_hamiltonian_system():
    q, v = np.random.default_rng(0).normal(size=(2, 800, 2))
    coriolis = 2 * 0.7 * v[:, ::-1] * [1, -1]
    said = departure(np.c_[q, v], np.c_[v, coriolis + 0.49 * q - q])
    assert "rotating frame" in said


@pytest.mark.parametrize("noise", [0.0, 0.01, 0.1])
@pytest.mark.parametrize("n", [60, 400, 1500])
@pytest.mark.parametrize("field", [pendulum, henon_heiles, double_pendulum])
def test_canonical_rows_draw_no_alarm(field, n, noise):
    X = np.random.default_rng(n).uniform(-1, 1, (n, 2 if field is pendulum else 4))
    assert departure(X, noisy(field(X), noise), predict=field) is None


@pytest.mark.parametrize("noise", [0.0, 0.02])
def test_canonical_orbits_draw_no_alarm(noise):
    X, y, groups = on_paths(henon_heiles, 12, 0.3, np.linspace(0, 12, 60), n_columns=4)
    for runs in (groups, None):
        assert departure(X, noisy(y, noise), runs, predict=henon_heiles) is None


def test_a_gain_of_energy_is_named_without_a_friction_that_cannot_be_negative():
    X = np.random.default_rng(0).uniform(-2, 2, (400, 2))
    said = departure(X, pendulum(X, -0.1))
    assert "a gain of energy" in said
    assert "dissipation=" not in said


@pytest.mark.parametrize("tilt", [0.0, 0.9])
def test_circular_orbits_in_a_plane_draw_no_alarm(tilt):
    # So thin that linear terms without a Hamiltonian explain all that sampled units leave.
    a, angle = np.linspace(0.9, 1.3, 37)[:, None], np.linspace(0, 12, 40)
    q = np.stack([a * np.cos(angle), a * np.sin(angle)], axis=2).reshape(-1, 2)
    p = np.stack([-q[:, 1], q[:, 0]], axis=1) / (a**1.5).repeat(40, axis=0)
    plane = np.array([[1, 0, 0], [0, np.cos(tilt), np.sin(tilt)]])[:, : 3 if tilt else 2]
    X = np.hstack([q @ plane, p @ plane])
    y = np.hstack([p @ plane, -q @ plane / (a**3).repeat(40, axis=0)])
    half = X.shape[1] // 2

    def field(X):
        q, p = X[:, :half], X[:, half:]
        return np.hstack([p, -q / np.linalg.norm(q, axis=1)[:, None] ** 3])

    np.testing.assert_allclose(field(X), y, atol=1e-12)
    for runs in (np.repeat(np.arange(37), 40), None):
        assert departure(X, y, runs, predict=field) is None


def test_friction_of_runs_is_found_where_velocities_are_momenta():
    X, y, runs = on_paths(lambda X: pendulum(X, 0.1), 8, 1.5, np.arange(0, 6, 0.15))
    model = HNNRegressor(solver="least_squares", coordinates="velocities", random_state=0)
    model.set_params(hamiltonian=Natural(1.0))
    with pytest.warns(UserWarning, match="have friction") as said:
        model.fit(X, y, groups=runs)
    (rate,), (std,) = damping_in(str(said[0].message).split(" per unit")[0])
    assert abs(rate - 0.1) < 5 * std + 0.002


def test_noise_on_states_and_targets_alike_draws_no_alarm():
    X = np.random.default_rng(0).uniform(-0.5, 0.5, (1500, 4))
    y = henon_heiles(X)
    assert departure(noisy(X, 0.03), noisy(y, 0.03, seed=2), predict=henon_heiles) is None


def test_too_few_rows_are_too_few_to_tell():
    X = np.random.default_rng(0).uniform(-1, 1, (12, 4))
    assert departure(X, henon_heiles(X) - 0.5 * X) is None


@pytest.mark.slow
@pytest.mark.parametrize(
    "options", [{}, {"hamiltonian": "mechanical"}, {"solver": "lbfgs", "max_iter": 300}]
)
def test_every_kind_of_fit_warns_of_friction(options):
    X = np.random.default_rng(0).uniform(-1, 1, (400, 2))
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        HNNRegressor(random_state=0, tol=0.5, **options).fit(X, pendulum(X, 0.1))
    assert sum("have friction" in str(w.message) for w in said) == 1


def test_the_diagnosis_does_not_change_the_fit_nor_the_random_state(monkeypatch):
    X = np.random.default_rng(0).uniform(-1, 1, (200, 2))
    rng = np.random.RandomState(0)
    first = HNNRegressor(random_state=rng).fit(X, pendulum(X))
    monkeypatch.setattr("skhnn._findings.departure_from_hamiltonian", lambda *_, **__: None)
    other = np.random.RandomState(0)
    second = HNNRegressor(random_state=other).fit(X, pendulum(X))
    np.testing.assert_array_equal(first.predict(X), second.predict(X))
    assert rng.uniform() == other.uniform()


def remainder(kind, n=400):
    """What is left of two columns in twenty runs, and the runs."""
    rng, t = np.random.default_rng(0), np.arange(n)
    groups = t // 20
    smooth = np.sin(0.3 * t + groups)[:, None] * [1.0, 0.1]
    found = {
        "white": rng.standard_normal((n, 2)),
        "smooth": smooth,
        "shuffled": rng.permutation(smooth),
        "of single rows": np.sin(0.01 * t)[:, None] * [1.0, 1.0],
        "small": 0.05 * smooth,
        "noise beside something": smooth + 0.3 * rng.standard_normal((n, 2)),
    }
    return found[kind], rng.normal(size=(n, 2)), t if kind == "of single rows" else groups


@pytest.mark.parametrize("kind", ["white", "shuffled", "of single rows", "small"])
def test_what_is_left_may_be_noise(kind):
    left, y, groups = remainder(kind)
    assert smooth_remainder(left, y, groups, ["a", "b"]) is None


@pytest.mark.parametrize("kind", ["smooth", "noise beside something"])
def test_what_is_left_is_no_noise_where_neighbouring_rows_leave_alike(kind):
    left, y, groups = remainder(kind)
    for runs in (groups, None):
        assert "of column a" in smooth_remainder(left, y, runs, ["a", "b"])


@pytest.mark.slow
@pytest.mark.parametrize("noise", [0.0, 0.1])
def test_a_body_that_was_not_recorded_is_told(noise):
    K = np.array([[2.0, -1.0, 0.0], [-1.0, 2.0, -1.0], [0.0, -1.0, 1.0]])
    A = np.block([[np.zeros((3, 3)), np.eye(3)], [-K / [[1.0], [2.45], [10.0]], np.zeros((3, 3))]])
    step = expm(0.15 * A)
    x, states = np.random.RandomState(2).normal(size=(20, 6)), []
    for _ in range(100):
        states.append(x)
        x = x @ step.T
    X = np.stack(states, axis=1).reshape(-1, 6)
    y, groups = X @ A.T, np.repeat(np.arange(20), 100)
    recorded = [0, 1, 3, 4]
    rates = y[:, recorded]
    rates[:, 2:] = noisy(rates[:, 2:], noise)
    with pytest.warns(UserWarning, match="no noise from row to row|No Hamiltonian of these"):
        HNNRegressor(random_state=0).fit(X[:, recorded], rates, groups=groups)


def test_velocities_behind_a_scaler_are_told_with_their_factors():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, 4))
    y = np.hstack([X[:, 2:] * [6.0, 4.0], X[:, :2] @ [[-5.0, 2.0], [4.0, -2.0]]])
    with pytest.warns(UserWarning, match=r"times a factor \(6, 4\): velocities behind a scaler"):
        HNNRegressor(random_state=0).fit(X, y)
