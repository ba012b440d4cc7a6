"""Derivatives that are noise about a constant do not count as much as those that are explained."""

import warnings

import numpy as np
import pytest

from skhnn import HNNRegressor
from skhnn._data import Problem
from skhnn._scaling import Scaling
from skhnn._selection import noise_columns
from skhnn.hamiltonians import MLP, Kinetic


def oscillator_and_free_particle(X):
    q, _, p, P = X.T
    return np.stack([p, P, -4 * q - q**3, 0 * P], axis=1)


def kepler_polar(X):
    r, _, p, L = X.T
    return np.stack([p, L / r**2, L**2 / r**3 - 1 / r**2, 0 * r], axis=1)


def rows_of(field, n=500, seed=0):
    rng = np.random.default_rng(seed)
    if field is oscillator_and_free_particle:
        return rng.normal(size=(n, 4))
    low, high = [0.7, -3, -0.3, 0.7], [1.5, 3, 0.3, 1.3]
    return rng.uniform(low, high, (n, 4))


def found(X, y):
    weight = np.ones(len(X))
    return noise_columns(Problem(X, y, weight, None, Scaling.from_data(X, y, weight)))


@pytest.mark.parametrize("noise", [1e-9, 1e-4, 0.02])
@pytest.mark.parametrize("units", [(1.0, 1.0), (1e4, 1e-7)])
@pytest.mark.parametrize("field", [oscillator_and_free_particle, kepler_polar])
def test_noise_in_the_rate_of_a_conserved_momentum_is_found_in_any_unit(field, units, noise):
    X = rows_of(field)
    y = field(X) + noise * np.random.default_rng(1).standard_normal(X.shape)
    units = np.repeat(units, 2)
    np.testing.assert_array_equal(found(X * units, y * units), [False, False, False, True])


@pytest.mark.parametrize("noise", [0.0, 0.02])
def test_a_weak_force_is_no_noise(noise):
    X = rows_of(oscillator_and_free_particle)
    y = oscillator_and_free_particle(X)
    y[:, 3] -= 0.1 * np.sin(X[:, 1])
    y += noise * np.random.default_rng(1).standard_normal(X.shape)
    assert not found(X, y).any()


@pytest.mark.slow
@pytest.mark.parametrize("solver", ["auto", "least_squares"])
def test_noise_of_a_conserved_momentum_spoils_no_other_derivative(solver):
    X = rows_of(kepler_polar, 800)
    y = kepler_polar(X)
    y[:, 3] = 0.3 + 1e-6 * np.random.default_rng(1).standard_normal(len(X))
    model = HNNRegressor(solver=solver, random_state=0)
    with pytest.warns(UserWarning, match=r"column 3 \(about 0\.3\) is noise") as said:
        model.fit(X, y)
    assert len(said) == 1
    truth = kepler_polar(X)
    truth[:, 3] = 0.3
    np.testing.assert_allclose(model.predict(X), truth, atol=1e-4)
    # score is that of scikit-learn, in which the noise counts; so is the loss
    assert model.score(X, y) == pytest.approx(1 - 2 * model.loss_)


def test_what_is_left_beside_a_known_energy_is_no_rate_to_be_warned_of():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 4))
    y = np.hstack([X[:, 2:] / 2.0, -X[:, :2] * (1.0 + 0.3 * (X[:, :2] ** 2).sum(1)[:, None])])
    noisy = y + 0.01 * y.std(axis=0) * rng.normal(size=y.shape)
    model = HNNRegressor(hamiltonian=Kinetic(2.0) + MLP("q"), random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(X, noisy)
    assert model.score(X, y) > 0.9999
    np.testing.assert_allclose(1.0 - 2.0 * model.loss_, model.score(X, noisy), atol=1e-12)


def test_rates_without_noise_draw_no_word():
    X = rows_of(kepler_polar)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        HNNRegressor(solver="least_squares", random_state=0).fit(X, kepler_polar(X))
