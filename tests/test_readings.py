"""A Hamiltonian of distances is fitted to (q, v) with v as momenta and as velocities."""

import numpy as np
import pytest
from helpers import fit_quietly
from scipy.integrate import solve_ivp

from skhnn import HNNRegressor
from skhnn._coordinates import coordinates_of
from skhnn.datasets import make_henon_heiles, make_kepler, make_n_body
from skhnn.hamiltonians import MLP, Kinetic, Pairwise, Radial

M = np.array([1.0, 1.0, 3.0, 3.0])


def gravity(x):
    r = x[:2] - x[2:4]
    force = -3.0 * r / np.hypot(*r) ** 3
    return np.concatenate([x[4:], np.concatenate([force, -force]) / M])


@pytest.fixture(scope="module")
def unequal():
    """Two bodies of masses 1 and 3 about their centre, (q, v)."""
    rng, rows = np.random.RandomState(0), []
    for _ in range(6):
        v = 1.5 * rng.uniform(0.8, 1.1)
        x0 = [-0.75, rng.uniform(-0.1, 0.1), 0.25, 0.0, 0.0, v, 0.0, -v / 3.0]
        t = np.linspace(0.0, 3.0, 50)
        rows.append(solve_ivp(lambda _, x: gravity(x), (0, 3), x0, t_eval=t, rtol=1e-9).y.T)
    X = np.concatenate(rows)
    return X, np.array([gravity(x) for x in X])


@pytest.mark.parametrize(
    "hamiltonian", [Pairwise(2, 2, kinds=["a", "b"]), Pairwise(2, 2, masses=[1.0, 3.0])]
)
def test_unequal_bodies_are_found_from_velocities(unequal, hamiltonian):
    X, y = unequal
    model = HNNRegressor(hamiltonian=hamiltonian, random_state=0).fit(X, y)
    assert model.coordinates_ == "velocities"
    assert 1.0 - model.score(X, y) < 1e-8
    m = np.diag(model.mass_matrix(X[:1, :4])[0])
    np.testing.assert_allclose(m / m[0], M, rtol=1e-4)


def test_bodies_taken_for_alike_that_are_not_are_named(unequal):
    X, y = unequal
    model = HNNRegressor(hamiltonian=Pairwise(2, 2), coordinates="velocities", random_state=0)
    with pytest.warns(UserWarning, match=r"bodies that are not alike \(kinds=\)"):
        model.fit(X, y)


CANONICAL = {
    "alike": (Pairwise(3, 2), make_n_body, {"n_bodies": 3}),
    "kinds": (Pairwise(3, 2, kinds=["a", "b", "c"]), make_n_body, {"n_bodies": 3}),
    "radial": (Radial(), make_kepler, {}),
    "wells": (Kinetic("diagonal") + MLP("q"), make_henon_heiles, {}),
}


@pytest.mark.parametrize("noise", [0.0, 0.1])
@pytest.mark.parametrize("name", CANONICAL)
def test_masses_of_one_are_momenta_of_a_hamiltonian_that_is_given(name, noise):
    hamiltonian, make, options = CANONICAL[name]
    X, y = make(200, **options, random_state=0, return_X_y=True)
    d = X.shape[1] // 2
    rng = np.random.RandomState(1)
    y[:, d:] += noise * y[:, d:].std(axis=0) * rng.standard_normal((len(y), d))
    model = HNNRegressor(hamiltonian=hamiltonian, solver="least_squares", random_state=0)
    fit_quietly(model, X, y)
    assert model.coordinates_ == "canonical"


def test_a_free_potential_does_not_make_momenta_of_few_orbits_velocities():
    t = np.linspace(0.0, 10.0, 100)
    rows = []
    for e in (0.1, 0.3, 0.5):
        x0 = [1.0 - e, 0.0, 0.0, np.sqrt((1.0 + e) / (1.0 - e))]
        kepler = lambda _, x: [*x[2:], *(-x[:2] / np.hypot(*x[:2]) ** 3)]  # noqa: E731
        rows.append(solve_ivp(kepler, (0, 10), x0, t_eval=t, rtol=1e-9).y.T)
    X = np.concatenate(rows)
    y = np.array([kepler(0, x) for x in X])
    estimator = HNNRegressor(hamiltonian=Kinetic() + MLP("q"))
    assert coordinates_of(estimator, X, y, np.ones(len(X)), None) == "canonical"
