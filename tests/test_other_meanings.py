"""Poor fits: what else the columns may mean, found by fits and said with what to pass."""

import re
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import ConvergenceWarning

from skhnn import HNNRegressor
from skhnn._coordinates import (
    angles_of,
    coordinates_of,
    have_other_masses,
    rates_are_the_second_half,
)
from skhnn._data import Problem
from skhnn._diagnosis import another_order
from skhnn._scaling import Scaling
from skhnn._selection import _masses_of_one
from skhnn.datasets import (
    make_double_pendulum,
    make_henon_heiles,
    make_kepler,
    make_magnetic_charge,
    make_satellite,
    make_spherical_pendulum,
    make_two_body,
)
from skhnn.hamiltonians import EulerLagrange, Layout, Natural

EXCHANGED, INTERLEAVED = [0, 1, 3, 2], [0, 2, 1, 3]


def rows(X, y, groups=None):
    weight = np.ones(len(X))
    return Problem(X, y, weight, groups, Scaling.from_data(X, y, weight))


def order_of(X, y):
    return another_order(rows(X, y), [*map(str, range(X.shape[1]))], None)


def are_noisy_velocities(problem):
    return rates_are_the_second_half(problem) and have_other_masses(problem)


def noisy(y, noise, seed=0):
    return y + noise * y.std(axis=0) * np.random.default_rng(seed).normal(size=y.shape)


@pytest.mark.parametrize("order", [EXCHANGED, INTERLEAVED])
@pytest.mark.parametrize(
    "make", [make_henon_heiles, make_kepler, make_spherical_pendulum, make_magnetic_charge]
)
def test_the_order_that_is_meant_is_named(make, order):
    X, y = make(600, random_state=0, return_X_y=True)
    assert order_of(X, y) is None
    sentence = order_of(X[:, order], noisy(y[:, order], 0.05))
    assert f"k = {order}" in sentence


def test_rates_alone_in_another_order_are_named_beside_columns_that_are():
    X, y = make_henon_heiles(600, random_state=0, return_X_y=True)
    sentence = order_of(X, y[:, [1, 0, 3, 2]])
    assert "X[:, k] and y[:, k] with k = [0, 1, 3, 2]" in sentence
    assert "the columns of y alone in the order [1, 0, 3, 2]" in sentence


def test_columns_that_depend_on_each_other_have_no_order():
    X, y = make_two_body(20, random_state=0, return_X_y=True)
    order = [0, 1, 2, 3, 5, 4, 7, 6]
    assert order_of(X[:, order], y[:, order]) is None


def test_noise_has_no_order():
    X, y = make_henon_heiles(600, random_state=0, return_X_y=True)
    assert order_of(X, noisy(y, 3.0)) is None


def test_a_fit_of_exchanged_momenta_says_so_once_with_the_names_to_pass():
    X, y = make_henon_heiles(400, random_state=0, return_X_y=True)
    names = ["x", "y", "py", "px"]
    frame = pd.DataFrame(X[:, EXCHANGED], columns=names)
    rates = pd.DataFrame(y[:, EXCHANGED], columns=names)
    with pytest.warns(UserWarning, match="another order") as said:
        HNNRegressor(random_state=0).fit(frame, rates)
    (sentence,) = {str(w.message) for w in said if w.category is UserWarning}
    assert "k = ['x', 'y', 'px', 'py']" in sentence
    assert "'x', 'y' as coordinates and 'px', 'py' as their momenta" in sentence


@pytest.mark.parametrize("make", [make_double_pendulum, make_satellite])
def test_velocities_among_noise_are_recognised(make):
    X, y = make(600, coordinates="velocities", random_state=0, return_X_y=True)
    assert are_noisy_velocities(rows(X, noisy(y, 0.02)))


def test_momenta_of_unit_masses_are_no_velocities_of_others():
    X, y = make_henon_heiles(600, random_state=0, return_X_y=True)
    assert not are_noisy_velocities(rows(X, noisy(y, 0.02)))
    X, y = make_double_pendulum(600, random_state=0, return_X_y=True)  # dq/dt is no p
    assert not are_noisy_velocities(rows(X, y))


def turning(n=600):
    """Two pendulums on one axis with a spring between them that has the period of an angle."""
    rng = np.random.default_rng(0)
    q, p = rng.uniform(-9, 9, (n, 2)), rng.normal(size=(n, 2))
    of_spring = np.sin(q[:, :1] - q[:, 1:]) * [-1, 1]
    return np.hstack([q, p]), np.hstack([p, -np.sin(q) + 0.3 * of_spring])


def test_angles_that_turn_are_named_and_wide_positions_are_not():
    X, y = turning()
    assert angles_of(rows(X, y)) == [0, 1]
    X, y = make_henon_heiles(600, random_state=0, return_X_y=True)
    assert angles_of(rows(20 * X, 20 * y)) == []


def test_few_rows_and_columns_that_turn_more_often_than_that_are_no_angles():
    X, y = turning()
    assert angles_of(rows(X[:60], y[:60])) == []
    assert angles_of(rows(1e6 * X, 1e6 * y)) == []


def test_of_an_angle_and_a_position_the_angle_is_named():
    X, y = turning()
    y[:, 2] = -np.tanh(X[:, 0] / 3)
    y[:, 3] = -np.sin(X[:, 1])
    assert angles_of(rows(X, y)) == [1]


def pushed(damping):
    """Unequal pendulums with a spring between them, and friction; (q, v) and (v, a) with noise."""
    rng = np.random.default_rng(0)
    q, v = rng.uniform(-2, 2, (800, 2)), rng.normal(size=(800, 2))
    spring, masses = q[:, 1] - q[:, 0], np.array([1.0, 3.0])
    force = np.c_[spring - np.sin(q[:, 0]), -spring - np.sin(q[:, 1])] - np.multiply(damping, v)
    a = force / masses + 0.01 * rng.normal(size=v.shape)
    return np.hstack([q, v]), np.hstack([v, a])


def sentences_of(damping, **params):
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        HNNRegressor(random_state=0, **params).fit(*pushed(damping))
    return " ".join(str(w.message) for w in said)


def test_friction_of_velocities_is_told_with_its_size():
    text = sentences_of([0.2, 0.4])
    assert "which no Lagrangian has" in text
    assert "where the first mass is one" in text
    found = re.findall(r"([\d.e-]+) \+- ([\d.e-]+)", text)
    for (size, std), true in zip(found, [0.2, 0.4], strict=True):
        assert abs(float(size) - true) < 4 * float(std) + 0.005


def test_masses_that_are_known_give_friction_its_unit():
    hamiltonian = Natural(np.diag([1.0, 3.0]))
    text = sentences_of([0.2, 0.4], hamiltonian=hamiltonian)
    assert "force per velocity. With it" in text


@pytest.mark.parametrize("damping", [[0.0, 0.0], [-0.2, -0.4]])
def test_neither_noise_nor_a_gain_of_energy_is_friction(damping):
    text = sentences_of(damping, hamiltonian="mechanical", coordinates="velocities")
    assert "have friction" not in text
    assert ("No natural Lagrangian" in text) == (damping[0] < 0)


def test_when_time_is_over_no_other_masses_are_tried(monkeypatch):
    X, y = make_satellite(300, coordinates="velocities", random_state=0, return_X_y=True)
    assert coordinates_of(HNNRegressor(), X, y, np.ones(300), None) == "velocities"

    def never(*_):
        raise AssertionError("a fit although time is over")

    monkeypatch.setattr(_masses_of_one, "squares_of_sampled", never)
    with pytest.warns(ConvergenceWarning, match="velocities in place of momenta.*not looked for"):
        assert HNNRegressor(max_time=1e-9).fit(X, y).coordinates_ == "canonical"


WIDE = {"q_range": (-9.0, 9.0), "p_range": (-1.0, 1.0), "coordinates": "velocities"}


def test_angles_of_velocities_are_found_after_a_poor_fit():
    X, y = make_double_pendulum(800, **WIDE, random_state=0, return_X_y=True)
    problem = Problem(
        X, y, np.ones(800), None, Scaling.from_velocities(X, y, np.ones(800)),
        layout=Layout(4, is_canonical=False, has_velocities=True), structure=EulerLagrange(),
    )  # fmt: skip
    assert angles_of(problem) == [0, 1]
