"""Bodies and centres: invariances are exact, laws are learned from few bodies and hold for many."""

import numpy as np
import pytest
from helpers import central_differences, fit_quietly
from hypothesis import given, settings
from hypothesis import strategies as st

from skhnn import HNNRegressor
from skhnn.datasets import (
    load_planet,
    make_double_pendulum,
    make_kepler,
    make_n_body,
    make_pendulum,
)
from skhnn.hamiltonians import MLP, Kinetic, Pairwise, Quadratic, Radial
from skhnn.systems import NBody

SETTINGS = {"solver": "least_squares", "random_state": 0}


@pytest.fixture(scope="module")
def three():
    X, y = make_n_body(400, n_bodies=3, random_state=0, return_X_y=True)
    return HNNRegressor(hamiltonian=Pairwise(3, 2), **SETTINGS).fit(X, y), X, y


def relative_error(model, system, X):
    truth = system.vector_field(X)
    return np.sqrt(np.mean((model.predict(X) - truth) ** 2 / truth.var(axis=0)))


@pytest.mark.slow
def test_three_bodies_are_learned_far_better_than_by_a_network_of_everything(three):
    model, X, y = three
    fresh = make_n_body(500, n_bodies=3, random_state=1)
    assert relative_error(model, fresh.system, fresh.data) < 1e-4
    everything = HNNRegressor(hamiltonian="mlp", **SETTINGS)
    fit_quietly(everything, X, y)
    assert relative_error(everything, fresh.system, fresh.data) > 0.1


@settings(max_examples=25, deadline=None)
@given(angle=st.floats(0, 6.3), shift=st.floats(-3, 3), seed=st.integers(0, 1000))
def test_turns_shifts_and_exchanges_change_nothing(three, angle, shift, seed):
    model, X, _ = three
    row = X[seed % len(X)].reshape(2, 3, 2)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    turned = row @ turn
    turned[0] += [shift, -2 * shift]
    turned = turned[:, np.random.RandomState(seed).permutation(3)]
    a, b = model.energy([row.ravel(), turned.ravel()])
    assert abs(a - b) < 1e-11 * max(1.0, np.abs(model.energy(X)).max())


def test_momentum_and_angular_momentum_do_not_change(three):
    model, X, _ = three
    f = model.predict(X).reshape(-1, 2, 3, 2)
    x = X.reshape(-1, 2, 3, 2)
    force = f[:, 1].sum(axis=1)
    size = np.abs(f[:, 1]).max()
    np.testing.assert_allclose(force, 0.0, atol=1e-12 * size)
    torque = x[:, 0, :, 0] * f[:, 1, :, 1] - x[:, 0, :, 1] * f[:, 1, :, 0]
    np.testing.assert_allclose(torque.sum(axis=1), 0.0, atol=1e-12 * size * np.abs(x).max())


def test_the_law_of_three_holds_for_eight(three):
    model, _, _ = three
    eight = model.with_bodies(8)
    fresh = make_n_body(100, n_bodies=8, random_state=2)
    assert eight.n_features_in_ == 32
    assert relative_error(eight, fresh.system, fresh.data) < 1e-3
    energies = eight.energy(fresh.data) - fresh.system.energy(fresh.data)
    assert np.ptp(energies) < 1e-2 * np.ptp(fresh.system.energy(fresh.data))
    assert eight.simulate(fresh.data[0], [0.0, 0.05]).shape == (2, 32)
    same = model.with_bodies(3)
    np.testing.assert_allclose(same.predict(three[1]), model.predict(three[1]), atol=1e-9)


def test_the_law_of_three_holds_for_eight_of_velocities_too(three):
    _, X, y = three
    model = HNNRegressor(hamiltonian=Pairwise(3, 2), coordinates="velocities", **SETTINGS)
    model.fit(X, y)  # masses of one: velocities are momenta
    eight, fresh = model.with_bodies(8), make_n_body(100, n_bodies=8, random_state=2)
    assert eight.coordinates_ == "velocities"
    assert relative_error(eight, fresh.system, fresh.data) < 1e-3
    np.testing.assert_allclose(eight.mass_matrix(), np.eye(16), atol=1e-6)
    assert eight.simulate(fresh.data[0], [0.0, 0.05]).shape == (2, 32)


@pytest.mark.slow
def test_masses_kinds_and_charges_are_learned():
    masses = [1.0, 2.5, 0.7]
    X, y = make_n_body(500, n_bodies=3, masses=masses, random_state=0, return_X_y=True)
    # gravity: forces are proportional to products of masses
    known = HNNRegressor(hamiltonian=Pairwise(3, 2, masses=masses, charges=masses), **SETTINGS)
    learned = HNNRegressor(hamiltonian=Pairwise(3, 2, kinds=["a", "b", "c"]), **SETTINGS)
    fresh = make_n_body(300, n_bodies=3, masses=masses, random_state=1)
    for model in (known, learned):
        model.fit(X, y)
        assert relative_error(model, fresh.system, fresh.data) < 1e-3
        np.testing.assert_allclose(np.diag(model.mass_matrix()), np.repeat(masses, 2), rtol=1e-6)
    two = learned.with_bodies(2, kinds=["c", "a"])
    pair = NBody(2, 2, masses=[0.7, 1.0])
    states = np.array([[0.0, 0.0, 1.0, 0.5, 0.1, 0.0, -0.1, 0.2]])
    np.testing.assert_allclose(two.predict(states), pair.vector_field(states), rtol=1e-2, atol=1e-4)
    with pytest.raises(ValueError, match="no two bodies of the kinds 'a' and 'a'"):
        learned.with_bodies(3, kinds=["a", "a", "b"])
    with pytest.raises(ValueError, match="needs the kinds of the bodies"):
        learned.with_bodies(4)
    with pytest.raises(ValueError, match="must be among those of the fit"):
        learned.with_bodies(2, kinds=["a", "d"])


def charged(n_samples, charges, masses, seed=0, noise=0.0):
    """States (x, p) of charges that repel each other by a soft law, in a plane."""
    rng, c, n = np.random.RandomState(seed), np.asarray(charges, dtype=float), len(charges)
    x, p = rng.normal(size=(2, n_samples, n, 2))
    apart = x[:, :, None] - x[:, None]
    force = (c[:, None] * c / ((apart**2).sum(-1) + 0.3) ** 1.5)[..., None] * apart
    y = np.stack([p / np.reshape(masses, (n, 1)), force.sum(axis=2)], axis=1).reshape(n_samples, -1)
    y += noise * y.std(axis=0) * rng.normal(size=y.shape)
    return np.hstack([x.reshape(n_samples, -1), p.reshape(n_samples, -1)]), y


@pytest.mark.parametrize("charges", [[1.0, -1.0, 2.0], [2.0, 1.0, 3.0], [1.0, 0.0, -0.5, -2.0]])
def test_charges_are_learned_but_for_a_common_factor(charges):
    masses = np.linspace(0.5, 2.0, len(charges))
    X, y = charged(300, charges, masses)
    hamiltonian = Pairwise(len(charges), 2, charges="learned")
    model = HNNRegressor(hamiltonian=hamiltonian, **SETTINGS).fit(X, y)
    found = np.array(model.hamiltonian_.charges)
    assert np.mean(found**2) == pytest.approx(1.0)
    assert found.sum() > 0.0
    truth = np.array(charges) / np.sqrt(np.mean(np.square(charges))) * np.sign(np.sum(charges))
    np.testing.assert_allclose(found, truth, atol=1e-4)
    np.testing.assert_allclose(model.mass_matrix().diagonal(), np.repeat(masses, 2), rtol=1e-6)
    fresh, rates = charged(300, charges, masses, seed=1)
    np.testing.assert_allclose(model.predict(fresh), rates, atol=1e-3 * np.abs(rates).max())
    assert hamiltonian.charges == "learned"


def test_charges_of_few_noisy_rows_and_of_velocities():
    charges, masses = [1.0, -1.0, 2.0], [1.0, 2.0, 3.0]
    hamiltonian = Pairwise(3, 2, charges="learned")
    truth = np.array(charges) / np.sqrt(2.0)
    X, y = charged(80, charges, masses, noise=0.02)
    model = HNNRegressor(hamiltonian=hamiltonian, **SETTINGS).fit(X, y)
    np.testing.assert_allclose(model.hamiltonian_.charges, truth, atol=0.05)
    X, y = charged(300, charges, masses)
    X, m = X.copy(), np.repeat(masses, 2)
    X[:, 6:], y[:, 6:] = X[:, 6:] / m, y[:, 6:] / m
    model = HNNRegressor(hamiltonian=hamiltonian, coordinates="velocities", **SETTINGS).fit(X, y)
    np.testing.assert_allclose(model.hamiltonian_.charges, truth, atol=1e-3)
    np.testing.assert_allclose(model.mass_matrix().diagonal(), m / m[0], rtol=1e-3)


def test_a_fit_that_goes_on_keeps_its_charges():
    X, y = charged(100, [1.0, -1.0, 2.0], [1.0, 2.0, 3.0])
    hamiltonian = Pairwise(3, 2, charges="learned")
    model = HNNRegressor(hamiltonian=hamiltonian, solver="soap", random_state=0)
    first = model.partial_fit(X[:50], y[:50]).hamiltonian_.charges
    assert model.partial_fit(X[50:], y[50:]).hamiltonian_.charges == first


def test_laws_of_bodies_with_masses_of_their_own_need_masses():
    X, y = charged(200, [1.0, -1.0, 2.0], [1.0, 2.0, 3.0])
    hamiltonian = Pairwise(3, 2, charges=[1.0, -1.0, 2.0])
    model = HNNRegressor(hamiltonian=hamiltonian, **SETTINGS).fit(X, y)
    with pytest.raises(ValueError, match="fits nothing"):
        model.with_bodies(4, charges="learned", masses=1.0)
    with pytest.raises(ValueError, match="needs the masses"):
        model.with_bodies(4, charges=[1.0, 1.0, -1.0, 2.0])
    four = model.with_bodies(4, charges=[1.0, 1.0, -1.0, 2.0], masses=[1.0, 2.0, 0.5, 4.0])
    fresh, rates = charged(200, [1.0, 1.0, -1.0, 2.0], [1.0, 2.0, 0.5, 4.0], seed=1)
    np.testing.assert_allclose(four.predict(fresh), rates, atol=1e-2 * np.abs(rates).max())


def test_charges_of_velocities_beside_a_neutral_body():
    masses = np.array([1.0, 2.0, 3.0, 0.5])
    X, y = charged(300, [1.0, -1.0, 2.0, 0.0], masses)
    X, y, m = X.copy(), y.copy(), np.repeat(masses, 2)
    X[:, 8:], y[:, 8:] = X[:, 8:] / m, y[:, 8:] / m
    model = HNNRegressor(
        hamiltonian=Pairwise(4, 2, charges="learned"), coordinates="velocities", **SETTINGS
    )
    with pytest.warns(UserWarning, match="does not show"):
        model.fit(X, y)
    found = np.array(model.hamiltonian_.charges)
    np.testing.assert_allclose(found / found[0], [1.0, -1.0, 2.0, 0.0], atol=1e-4)
    np.testing.assert_allclose(model.mass_matrix().diagonal()[:6:2], masses[:3], rtol=1e-4)


def test_masses_that_are_positive_by_construction_are_masses_of_momenta():
    X, y = make_pendulum(100, random_state=0, return_X_y=True)  # dq/dt = p, read both ways
    with pytest.raises(ValueError, match="nothing beside them"):
        HNNRegressor(hamiltonian=Kinetic("q")).fit(X, y)
    model = HNNRegressor(hamiltonian=Kinetic("q") + MLP("q"), solver="soap", max_iter=50)
    fit_quietly(model, X, y)
    assert model.coordinates_ == "canonical"


NO_CHARGES = {
    "not finite": (Pairwise(3, 2, charges=[1.0, np.nan, 1.0]), "finite and not all zero"),
    "nothing": (Pairwise(3, 2, charges=[0.0, 0.0, 0.0]), "finite and not all zero"),
    "masses": (Pairwise(3, 2, masses="learned"), "None to learn them"),
    "two bodies": (Pairwise(2, 3, charges="learned"), "needs three bodies or more"),
    "another word": (Pairwise(3, 2, charges="known"), "one for each body, or 'learned'"),
    "kinds": (Pairwise(3, 2, charges="learned", kinds=[1, 1, 2]), "exclude each other"),
    "a sum": (Pairwise(3, 2, charges="learned") + Quadratic("q"), "is for Pairwise alone"),
}


@pytest.mark.parametrize("case", NO_CHARGES)
def test_charges_that_cannot_be_learned_are_refused(case):
    hamiltonian, message = NO_CHARGES[case]
    X, y = charged(50, [1.0, -1.0, 2.0], [1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match=message):
        HNNRegressor(hamiltonian=hamiltonian).fit(X, y)
    if case == "two bodies":
        y[:, 6:] = 0.0  # bodies that feel nothing
        with pytest.raises(ValueError, match="no law of pairs"):
            HNNRegressor(hamiltonian=Pairwise(3, 2, charges="learned")).fit(X, y)
    if case == "a sum":
        with pytest.raises(ValueError, match="needs derivatives"):
            HNNRegressor(hamiltonian=Pairwise(3, 2, charges="learned"), noise_std=0.1).fit(X, y)


@pytest.mark.parametrize("mass", [np.array([1.0, 3.0]), np.array([[2.0, 0.5], [0.5, 1.0]])])
def test_a_body_with_other_masses_in_other_directions(mass):
    X, _ = make_kepler(300, random_state=0, return_X_y=True)
    M = np.diag(mass) if mass.ndim == 1 else mass
    r2 = (X[:, :2] ** 2).sum(axis=1, keepdims=True)
    y = np.hstack([X[:, 2:] @ np.linalg.inv(M), -X[:, :2] / (r2 + 0.1) ** 1.5])
    learned = "diagonal" if mass.ndim == 1 else "full"
    for masses in (mass, learned):
        model = HNNRegressor(hamiltonian=Radial(masses), **SETTINGS).fit(X, y)
        assert model.score(X, y) > 1 - 1e-8
        np.testing.assert_allclose(model.mass_matrix(), M, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("mass", [-1.0, 0.0, np.nan, [1.0, 2.0, 3.0], [-1.0, 1.0], "heavy"])
def test_a_mass_that_is_none_is_refused(mass):
    X, y = make_kepler(50, random_state=0, return_X_y=True)
    with pytest.raises(ValueError, match="mass must be"):
        HNNRegressor(hamiltonian=Radial(mass)).fit(X, y)


@pytest.mark.slow
def test_masses_that_are_positive_by_construction():
    X, y = make_double_pendulum(400, random_state=0, return_X_y=True)
    hamiltonian = Kinetic("q") + MLP("q")
    model = HNNRegressor(hamiltonian=hamiltonian, periodic=[0, 1], random_state=0).fit(X, y)
    assert model.score(X, y) > 0.999
    q = 20.0 * np.random.RandomState(0).normal(size=(500, 2))
    assert np.linalg.eigvalsh(model.mass_matrix(q)).min() > 0.0
    path = model.simulate(X[0], np.linspace(0.0, 3.0, 31), method="GaussLegendre4", step_size=0.02)
    assert np.ptp(model.energy(path)) < 1e-4 * np.ptp(model.energy(X))
    with pytest.raises(ValueError, match="splits H into"):
        model.simulate(X[0], [0.0, 1.0], method="StormerVerlet", step_size=0.01)
    with pytest.raises(ValueError, match="trains nothing"):
        model.set_params(solver="least_squares").fit(X, y)
    with pytest.raises(ValueError, match="linear in any weights"):
        HNNRegressor(hamiltonian=hamiltonian, noise_std=0.1).fit(X, y)
    with pytest.raises(ValueError, match=r"is for \(q, p\)"):
        HNNRegressor(hamiltonian=hamiltonian, coordinates="velocities").fit(X, y)


def test_with_bodies_needs_bodies():
    X, y = make_kepler(100, random_state=0, return_X_y=True)
    model = HNNRegressor(hamiltonian=Radial(), **SETTINGS).fit(X, y)
    with pytest.raises(ValueError, match=r"needs hamiltonian=Pairwise"):
        model.with_bodies(3)


@pytest.mark.slow
@pytest.mark.parametrize("n_dim", [2, 3])
def test_a_body_about_a_centre(n_dim):
    bunch = make_kepler(400, n_dim=n_dim, random_state=0)
    model = HNNRegressor(hamiltonian=Radial(), random_state=0).fit(bunch.data, bunch.target)
    fresh = make_kepler(300, n_dim=n_dim, random_state=1)
    assert relative_error(model, fresh.system, fresh.data) < 1e-4
    np.testing.assert_allclose(model.mass_matrix(), np.eye(n_dim), atol=1e-9)
    q, p = np.split(fresh.data, 2, axis=1)
    dp = model.predict(fresh.data)[:, n_dim:]
    # the force points to the centre
    out = dp - np.sum(dp * q, axis=1, keepdims=True) * q / np.sum(q * q, axis=1, keepdims=True)
    assert np.abs(out).max() < 1e-11 * np.abs(dp).max()
    assert p.shape == q.shape


def test_masses_that_are_known_are_kept_and_others_are_found():
    X = np.random.RandomState(0).uniform(-1.5, 1.5, (300, 4))
    y = np.column_stack([X[:, 2], X[:, 3] / 2.5, -np.sin(X[:, 0]), -(X[:, 1] ** 3)])
    for mass in ([1.0, 2.5], np.diag([1.0, 2.5]), "diagonal", "full"):
        model = HNNRegressor(hamiltonian=Kinetic(mass) + MLP("q"), **SETTINGS).fit(X, y)
        assert model.score(X, y) > 1 - 1e-8
        np.testing.assert_allclose(model.mass_matrix(), np.diag([1.0, 2.5]), atol=1e-7)
        assert model.simulate(X[0], [0.0, 0.5], method="StormerVerlet", step_size=0.01).shape == (
            2,
            4,
        )


WRONG = {
    "no number": (Pairwise(1, 2), "n_bodies must be an integer, at least 2"),
    "other columns": (Pairwise(3, 2), "3 bodies with 2 coordinates each have 12 columns.*has 8"),
    "masses": (Pairwise(2, 2, masses=[1.0, -1.0]), "masses must be positive"),
    "too many": (Pairwise(2, 2, charges=[1.0, 2.0, 3.0]), "charges must be one for each of 2"),
    "an unknown mass": (Kinetic("heavy") + MLP("q"), "mass must be 'full', 'diagonal'"),
    "a matrix that is no mass": (Kinetic([[1.0, 2.0], [2.0, 1.0]]) + MLP("q"), "of 4 momenta"),
    "no positive mass": (Kinetic(-1.0) + MLP("q"), "mass must be positive"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_makes_no_sense_is_refused(case):
    hamiltonian, message = WRONG[case]
    X = np.random.RandomState(0).normal(size=(20, 8))
    with pytest.raises(ValueError, match=message):
        HNNRegressor(hamiltonian=hamiltonian).fit(X, X)


def test_lengths_of_angles_are_refused():
    X = np.random.RandomState(0).normal(size=(20, 4))
    for hamiltonian in (Radial(), Pairwise(2, 1)):
        with pytest.raises(ValueError, match="reads lengths"):
            HNNRegressor(hamiltonian=hamiltonian, periodic=[0]).fit(X, X[:, ::-1])


def test_the_energy_of_pairs_has_the_forces_as_its_slope(three):
    model, X, _ = three
    slope = central_differences(lambda x: model.energy(x)[:, None], X[:5], 1e-5)[:, 0]
    np.testing.assert_allclose(-slope[:, :6], model.predict(X[:5])[:, 6:], rtol=1e-5, atol=1e-6)


def test_planets_have_one_law():
    parts = [load_planet(name) for name in ("venus", "mars")]
    rows = [part.t < 1910 for part in parts]
    X, y = (np.vstack([part[k][r] for part, r in zip(parts, rows, strict=True)])
            for k in ("data", "target"))  # fmt: skip
    model = HNNRegressor(hamiltonian=Radial(mass=1.0), random_state=0).fit(X, y)
    earth = load_planet("earth")
    fields = model.predict(earth.data[:50])[:, 2:], earth.target[:50, 2:]
    assert np.abs(fields[0] - fields[1]).max() < 2e-3 * np.abs(fields[1]).max()


def test_a_sum_with_an_external_field():
    X, _ = make_n_body(300, n_bodies=2, random_state=0, return_X_y=True)
    y = NBody(2, 2).vector_field(X)
    y[:, 4:] -= X[:, :4]  # a trap
    model = HNNRegressor(hamiltonian=Pairwise(2, 2) + Quadratic("q"), **SETTINGS).fit(X, y)
    assert model.score(X, y) > 1 - 1e-5
