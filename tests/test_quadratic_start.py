"""Training starts at the linear and quadratic energies that fit best."""

import numpy as np
import pytest
from helpers import last_weights_of_networks

from skhnn._data import Problem
from skhnn._scaling import Scaling
from skhnn._solvers import equations_of, initial_params
from skhnn.hamiltonians import HAMILTONIANS


@pytest.mark.parametrize("name", HAMILTONIANS)
def test_every_form_starts_at_an_oscillator_with_a_constant_rate(name):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(50, 6))
    # masses 1, 2 and 3; a spring between the first two coordinates; a constant force on the third
    force = np.column_stack([X[:, 1] - 2 * X[:, 0], X[:, 0] - 2 * X[:, 1], np.full(50, -0.7)])
    y = np.hstack([X[:, 3:] / [1, 2, 3], force])
    problem = Problem(X, y, np.ones(50), None, Scaling.from_data(X, y, np.ones(50)))
    equations = equations_of(HAMILTONIANS[name].map_layers(lambda *_: ((5,), "tanh")), problem)
    params = initial_params(equations, equations.init_params(np.random.RandomState(0)), problem)
    w = np.where(
        last_weights_of_networks(equations), 0.0, equations.last(params)
    )  # without networks
    states, expected, _ = problem.take(slice(None))
    field = equations.field(equations.with_last(params, w), states)
    np.testing.assert_allclose(field, expected, atol=1e-10)
