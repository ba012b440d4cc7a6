"""Training starts at the linear and quadratic energies that fit best."""

import itertools

import numpy as np
import pytest
from helpers import last_weights_of_networks

from skhnn._data import Problem
from skhnn._scaling import Scaling
from skhnn._solvers import equations_of, initial_params
from skhnn._solvers._quadratic_start import fit_quadratic
from skhnn.hamiltonians import HAMILTONIANS
from skhnn.hamiltonians._quadratic_energies import QuadraticEnergies


def rows(n=200, k=4, seed=0):
    rng = np.random.default_rng(seed)
    Z = rng.normal(size=(n, k)) @ rng.normal(size=(k, k)) + rng.normal(size=k)
    Q = rng.normal(size=(k, k))
    return Z, rng.normal(size=k), Q + Q.T, rng.uniform(0.1, 1, n), rng.uniform(1, 100, k)


def test_the_fit_is_that_of_least_squares():
    Z, g, Q, c, w = rows()
    G = g + Z @ Q + np.sin(Z)
    root = np.sqrt(c[:, None] * w)
    E = QuadraticEnergies(4, itertools.combinations_with_replacement(range(4), 2))
    A = (E.at(E.init(None), Z, np).basis() * root[..., None]).reshape(G.size, -1)
    expected = np.linalg.lstsq(A, (G * root).ravel(), rcond=None)[0]
    found = E.last_of(*fit_quadratic(Z, G, c, w))
    np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-10)


def test_columns_that_depend_on_each_other_or_never_vary_are_no_obstacle():
    Z, g, Q, c, w = rows()
    Z[:, 2], Z[:, 3] = -Z[:, 0], 1.5
    found_g, found_Q = fit_quadratic(Z, g + Z @ Q, c, w)
    np.testing.assert_allclose(found_g + Z @ found_Q, g + Z @ Q, atol=1e-9)
    np.testing.assert_array_equal(found_Q, found_Q.T)
    assert np.abs(found_Q).max() < 100


@pytest.mark.parametrize("name", HAMILTONIANS)
def test_every_form_starts_at_an_oscillator_with_a_constant_rate(name):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(50, 6))
    # masses 1, 2 and 3; a spring between the first two coordinates; a constant force on the third
    force = np.column_stack([X[:, 1] - 2 * X[:, 0], X[:, 0] - 2 * X[:, 1], np.full(50, -0.7)])
    y = np.hstack([X[:, 3:] / [1, 2, 3], force])
    problem = Problem(X, y, np.ones(50), None, Scaling.from_data(X, y, np.ones(50)))
    equations = equations_of(HAMILTONIANS[name].map_layers(lambda *_: ((5,), "tanh")), problem)
    params = initial_params(equations, problem, np.random.RandomState(0))
    w = np.where(
        last_weights_of_networks(equations), 0.0, equations.last(params)
    )  # without networks
    states, expected, _ = problem.take(slice(None))
    field = equations.field(equations.with_last(params, w), states)
    np.testing.assert_allclose(field, expected, atol=1e-12)
