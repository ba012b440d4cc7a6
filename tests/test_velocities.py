"""Positions and velocities: Euler-Lagrange equations, masses that are found, what is said."""

import pickle
import warnings

import numpy as np
import pytest
import torch
from helpers import few_epochs, fit_quietly
from sklearn.base import clone

from skhnn import HNNRegressor, _coordinates
from skhnn._coordinates import coordinates_of
from skhnn._data import flatten, views
from skhnn._masses import sentences_of, undetermined_masses
from skhnn._solvers._sampled import Race
from skhnn.datasets import (
    make_arm,
    make_cart_pole,
    make_double_pendulum,
    make_henon_heiles,
    make_kepler,
    make_magnetic_charge,
    make_pendulum,
    make_spherical_pendulum,
)
from skhnn.forces import Damping, Inputs
from skhnn.hamiltonians import (
    MLP,
    EulerLagrange,
    Kinetic,
    Known,
    Layout,
    Natural,
    Pairwise,
    Quadratic,
    Radial,
    Units,
    WithForces,
    equations_for,
)

TURN = 2.0 * np.pi
# A fit of one form: the race of all of them takes seconds.
QUICK = {"hamiltonian": Natural("diagonal"), "solver": "least_squares", "random_state": 0}
# Two carts between walls: forces -K q, masses 1 and 2.45.
K, MASSES = np.array([[59.4, -52.4], [-52.4, 60.6]]), np.array([1.0, 2.45])


def carts(n_samples=600, noise=0.0, seed=0, damping=None):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_samples, 4)) * [1, 1, 6, 4]
    F = -X[:, :2] @ K
    if damping is not None:
        F = F - X[:, 2:] @ damping
    a = F / MASSES
    a += noise * a.std(axis=0) * rng.standard_normal(a.shape)
    return X, np.column_stack([X[:, 2:], a])


def energy_of_carts(X):
    return 0.5 * (X[:, 2:] ** 2 @ MASSES + np.einsum("ni,ij,nj->n", X[:, :2], K, X[:, :2]))


# --- the mathematics -----------------------------------------------------------------------------

FORMS = [
    (Natural("full", None, (5,), "tanh"), {}),
    (Natural("diagonal", "constant", (5,), "silu"), {1: TURN}),
    (Natural("q", None, (5, 4), "tanh"), {}),
    (Natural("q", "q", (5,), "tanh"), {0: TURN, 1: 3.0}),
    (Natural("q", "constant", (5,), "sin"), {1: TURN}),
    (Natural("q", None, (5,), "tanh"), {0: TURN, 1: 3.0, 2: TURN}),
    (Natural([1.0, 2.0], "q", (5,), "tanh"), {}),
    (Natural([[2.0, 0.5], [0.5, 1.0]], None, (5,), "tanh"), {0: TURN}),
    (Radial(None, (4,), "tanh"), {}),
    (Pairwise(2, 1, hidden_layer_sizes=(4,), activation="tanh"), {}),
    (MLP("q", (4,), "tanh") * Quadratic("p"), {}),
    (Kinetic() + MLP("q", (4,), "tanh") + Known(lambda q: q[:, 0] ** 3, columns="q"), {}),
    (WithForces(Natural("q", "q", (5,), "tanh"), Damping() + Inputs()), {1: TURN}),
    (WithForces(Natural("full", None, (5,), "tanh"), Damping() + Inputs()), {}),
]


class Example:
    """A Lagrangian with random weights, at random rows."""

    def __init__(self, hamiltonian, periods):
        rng = np.random.RandomState(0)
        d = self.d = max(2, len(periods))
        self.n_inputs = 2 * isinstance(hamiltonian, WithForces)
        layout = Layout(2 * d, self.n_inputs, 0, periods, False, True)
        X = self.X = rng.normal(size=(30, 2 * d + self.n_inputs))
        s = np.array([*[1.3, 0.7, 1.1][:d], *[2.6, 1.4, 2.2][:d], *[1.0] * self.n_inputs])
        c = np.where(np.arange(X.shape[1]) < d, X.mean(axis=0), 0.0)
        c[list(periods)] = 0.0
        if isinstance(hamiltonian, (Radial, Pairwise)):
            c[:] = 0.0
        self.units = Units(s, c, 1.7, np.concatenate([s[d : 2 * d], 2.0 * s[d : 2 * d]]))
        self.equations = equations_for(
            hamiltonian, X, np.ones(30), mu=c, units=self.units, layout=layout,
            structure=EulerLagrange(),
        )  # fmt: skip
        params = self.equations.init_params(rng)
        w = self.equations.unit_masses(params) + 0.03 * rng.normal(size=self.equations.n_last)
        self.params = self.equations.with_last(params, w)
        self.field = self.equations.field(self.params, X)

    def lagrangian(self, rows):
        equations, params = self.equations, [torch.tensor(p) for p in self.params]
        found = equations.e * sum(at.value() for at in equations._at(params, rows, torch, 0))
        for known in equations.known:
            found = found + known.sign_in_lagrangian * known.value_at(rows, torch)
        return found

    def residual(self, row):
        """d/dt L_v - L_q at the predicted acceleration, by torch's automatic differentiation."""
        q, v, u = (torch.tensor(part) for part in np.split(self.X[[row]], [self.d, 2 * self.d], 1))
        q.requires_grad_(True)
        v.requires_grad_(True)
        L = self.lagrangian(torch.cat([q, v, u], -1)).sum()
        L_q, L_v = torch.autograd.grad(L, (q, v), create_graph=True)
        rates = []
        for j in range(self.d):
            by_q, by_v = torch.autograd.grad(
                L_v[0, j], (q, v), retain_graph=True, allow_unused=True
            )
            rate = (by_v[0] * torch.tensor(self.field[row, self.d :])).sum()
            rates.append(rate if by_q is None else rate + (by_q[0] * v[0]).sum())
        return (torch.stack(rates) - L_q[0]).detach().numpy()


@pytest.fixture(params=FORMS, ids=lambda form: repr(form[0])[:60])
def example(request):
    return Example(*request.param)


def test_accelerations_solve_the_euler_lagrange_equations(example):
    force = np.zeros((30, example.d))
    if example.equations.forces:
        rates = example.X[:, 2:4]
        force = example.equations._forces_at(example.params, example.X, rates, np, 1).force()
    for row in range(5):
        np.testing.assert_allclose(example.residual(row), force[row], atol=1e-13)


def differences(field, w, h=1e-6):
    return np.stack([(field(w + h * e) - field(w - h * e)) / (2 * h) for e in np.eye(len(w))], -1)


def test_derivatives_by_the_weights_are_those_of_differences(example):
    equations, params, X = example.equations, example.params, example.X

    def of_last(w):
        return equations.field(equations.with_last(params, w), X)

    J = equations.jacobian_by_last(params, X)
    expected = differences(of_last, equations.last(params))
    np.testing.assert_allclose(J, expected, atol=1e-8 * np.abs(J).max())
    hidden = equations.hidden(params)
    shapes = [p.shape for p in hidden]

    def of_hidden(v):
        return equations.field(equations.with_hidden(params, views(v, shapes)), X)

    H = equations.jacobian_by_hidden(params, X)
    expected = differences(of_hidden, flatten(hidden))
    np.testing.assert_allclose(H, expected, atol=1e-7 * np.abs(H).max())
    V = np.random.RandomState(1).normal(size=(30, 2 * example.d))
    _, pullback = equations.field_and_pullback(params, X)
    gradient = pullback(V)
    np.testing.assert_allclose(equations.last(gradient), np.einsum("nj,njm->m", V, J), atol=1e-10)
    found = flatten(equations.hidden(gradient))
    np.testing.assert_allclose(found, np.einsum("nj,njm->m", V, H), atol=1e-10)


def test_units_do_not_matter_and_torch_and_bound_fields_agree(example):
    equations, params, X = example.equations, example.params, example.X
    s, c, _, f = example.units
    in_units = equations.in_units_of(example.units)
    np.testing.assert_allclose(in_units.field(params, (X - c) / s) * f, example.field, atol=1e-12)
    tensors = [torch.tensor(p) for p in params]
    by_torch = equations.field(tensors, torch.tensor(X), torch)
    np.testing.assert_allclose(by_torch.detach(), example.field, atol=1e-12)
    bound = equations.vector_field(params)
    np.testing.assert_allclose(bound(X), example.field, atol=1e-12)
    np.testing.assert_allclose(bound(X[0]), example.field[0], atol=1e-12)


def test_momenta_and_energy_are_hamiltonian(example):
    equations, params, X = example.equations, example.params, example.X.copy()
    d = example.d
    X[:, 2 * d :] = 0.0
    Z = X.copy()
    Z[:, d : 2 * d] = equations.momenta(params, X)
    np.testing.assert_allclose(equations.with_velocities(params, Z), X, atol=1e-12)
    if equations.forces:
        return

    def H(z):
        return equations.value(params, equations.with_velocities(params, z))

    h = 1e-6
    gradient = np.stack([(H(Z + h * e) - H(Z - h * e)) / (2 * h) for e in np.eye(2 * d)], -1)
    expected = np.column_stack([gradient[:, d:], -gradient[:, :d]])
    np.testing.assert_allclose(equations.canonical_field(params, Z), expected, atol=1e-7)

    # and along the motion of (q, v) it does not change
    def energy(x):
        return equations.value(params, x)

    by_x = np.stack(
        [(energy(X + h * e) - energy(X - h * e)) / (2 * h) for e in np.eye(X.shape[1])], -1
    )[:, : 2 * d]
    assert np.abs(np.sum(by_x * equations.field(params, X), axis=1)).max() < 1e-7


# --- fits ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def fitted_carts():
    X, y = carts(noise=0.01)
    return fit_quietly(HNNRegressor(**QUICK), X, y)


@pytest.mark.slow
def test_links_of_an_arm_are_found_to_rounding():
    # Its potential energy has the cosines of sums of one, two and three angles.
    X, y = make_arm(600, coordinates="velocities", random_state=0, return_X_y=True)
    model = HNNRegressor(
        hamiltonian="natural", coordinates="velocities", periodic=[0, 1, 2], random_state=0,
        solver="least_squares",
    )  # fmt: skip
    model = fit_quietly(model, X, y)
    test, expected = make_arm(200, coordinates="velocities", random_state=1, return_X_y=True)
    np.testing.assert_allclose(model.predict(test), expected, atol=1e-9)


@pytest.mark.slow
def test_unequal_masses_are_found_from_velocities_by_itself():
    model = HNNRegressor(random_state=0)
    with pytest.warns(UserWarning, match="Of all constant masses that fit, the simplest"):
        model.fit(*carts(noise=0.01))
    assert model.coordinates_ == "velocities"
    assert model.hamiltonian_.mass == "diagonal"
    X, y = carts(seed=1)
    error = np.sqrt(np.mean((model.predict(X) - y)[:, 2:] ** 2, axis=0)) / y[:, 2:].std(axis=0)
    assert error.max() < 2e-3
    np.testing.assert_allclose(model.masses_, np.diag(MASSES), atol=5e-3)
    assert abs(model.masses_[1, 1] - 2.45) < 5 * model.masses_std_[1, 1] < 0.02
    assert model.masses_std_[0, 0] < 1e-12
    np.testing.assert_allclose(model.mass_matrix(), model.masses_, rtol=1e-10)
    found, true = model.energy(X), energy_of_carts(X)
    assert np.corrcoef(found, true)[0, 1] > 0.99999
    assert abs(found.std() / true.std() - 1.0) < 0.01
    assert model.undetermined_masses_ == []


@pytest.mark.slow
def test_simulations_are_of_positions_and_velocities_by_every_kind_of_method(fitted_carts):
    model, x0, t = (
        fitted_carts,
        np.array([[0.5, -0.3, 1.0, 0.5], [0.2, 0.4, 0.0, 1.0]]),
        np.linspace(0, 2, 9),
    )
    expected = model.simulate(x0, t)
    for method in ("GaussLegendre4", "Tao", "Radau"):
        options = {"method": method}
        if method != "Radau":
            options["step_size"] = 5e-3
        found = model.simulate(x0, t, return_solution=True, **options)
        np.testing.assert_allclose(found.y, expected, atol=2e-2)
    solution = model.simulate(
        x0[0], t, method="GaussLegendre4", step_size=5e-3, return_solution=True,
        events=lambda t, x: x[2], dense_output=True,
    )  # fmt: skip
    assert solution.energy_drift < 1e-9
    assert np.abs(solution.y_events[0][:, 2]).max() < 1e-8  # zeros of a velocity, not a momentum
    np.testing.assert_allclose(solution.sol(t[3]), solution.y[3], atol=1e-6)


def test_masses_that_are_none_beside_the_data_are_said():
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (300, 2))
    m = 1.0 - 0.8 * X[:, 0] ** 2  # positive where the data are, up to |q| = 1.1
    slope = -1.6 * X[:, 0]
    y = np.column_stack([X[:, 1], (-0.5 * slope * X[:, 1] ** 2 - X[:, 0]) / m])
    model = HNNRegressor(hamiltonian="natural", coordinates="velocities", random_state=0)
    fit_quietly(model, X, y)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.simulate([1.5, 0.0], [0.0, 1e-3], on_failure="nan")
    assert any("not positive definite" in str(warning.message) for warning in caught)


def test_momenta_forwards_and_back(fitted_carts):
    X, _ = carts(seed=2)
    Z = fitted_carts.to_canonical(X)
    np.testing.assert_allclose(Z[:, 2:], X[:, 2:] @ fitted_carts.masses_, rtol=1e-8)
    np.testing.assert_allclose(fitted_carts.from_canonical(Z), X, atol=1e-10)


def test_forces_that_a_motion_needs(fitted_carts):
    X, y = carts(seed=3)
    push = np.array([0.7, -0.2])
    y[:, 2:] += push / MASSES
    parts = fitted_carts.inverse_dynamics(X, y, return_parts=True)
    needed = fitted_carts.inverse_dynamics(X, y)
    np.testing.assert_allclose(sum(parts.values()), needed)
    assert np.abs(needed - push).max() < 0.05 * np.abs(y[:, 2:]).std()
    np.testing.assert_allclose(parts["inertial"], y[:, 2:] * MASSES, rtol=0.01, atol=0.01)
    canonical = fit_quietly(
        HNNRegressor(random_state=0), *make_pendulum(200, random_state=0, return_X_y=True)
    )
    X, y = make_pendulum(50, random_state=1, return_X_y=True)
    np.testing.assert_allclose(canonical.inverse_dynamics(X, y), 0.0, atol=1e-6)
    y[:, 1] += 0.3
    np.testing.assert_allclose(canonical.inverse_dynamics(X, y), 0.3, atol=1e-6)


@pytest.mark.parametrize("noise", [0.0, 0.05])
def test_masses_of_one_stay_canonical_bit_for_bit(noise):
    X, y = make_henon_heiles(300, random_state=0, return_X_y=True)
    y[:, 2:] += noise * y[:, 2:].std(axis=0) * np.random.RandomState(0).standard_normal((300, 2))
    auto, canonical = (
        fit_quietly(HNNRegressor(coordinates=name, random_state=0), X, y)
        for name in ("auto", "canonical")
    )
    assert auto.coordinates_ == canonical.coordinates_ == "canonical"
    np.testing.assert_array_equal(auto.predict(X), canonical.predict(X))


@pytest.mark.parametrize("n_samples", [150, 600])
def test_orbits_that_come_near_the_sun_stay_canonical(n_samples):
    # Masses of q are a more flexible fit of their forces than a potential, and wrong.
    for random_state in range(3):
        X, y = make_kepler(n_samples, random_state=random_state, return_X_y=True)
        weight = np.ones(n_samples)
        assert coordinates_of(HNNRegressor(), X, y, weight, None) == "canonical"


@pytest.mark.parametrize("seed", [1, 6, 9])
def test_one_coordinate_has_no_masses_to_tell_apart(seed):
    # A constant mass is a scale of V, which chance made seem a gain among noise.
    runs = {"sampling": "trajectories", "n_trajectories": 2, "random_state": seed}
    X, y = make_pendulum(300, **runs, return_X_y=True)
    y[:, 1] += 0.3 * np.random.default_rng(seed).standard_normal(300)
    assert coordinates_of(HNNRegressor(), X, y, np.ones(300), None) == "canonical"


def chain(d, n, spread, seed=0):
    """Bodies coupled by sines, masses from e^-spread to e^spread; 2 % of noise in accelerations."""
    masses = np.exp(np.random.default_rng(0).uniform(-spread, spread, d))
    rng = np.random.default_rng(seed)
    q, v = rng.uniform(-1.5, 1.5, (2, n, d))
    force = np.sin(np.roll(q, -1, axis=1) - q)
    a = (force - np.roll(force, 1, axis=1) - 0.3 * np.sin(q)) / masses
    return np.hstack([q, v]), np.hstack([v, a + 0.02 * a.std(axis=0) * rng.normal(size=a.shape)])


@pytest.mark.parametrize(("spread", "meaning"), [(0.0, "canonical"), (1.0, "velocities")])
def test_masses_of_many_coordinates_show_after_short_trainings(spread, meaning):
    # A few sampled units leave so much that masses do not show: both were canonical.
    X, y = chain(6, 600, spread)
    assert coordinates_of(HNNRegressor(), X, y, np.ones(600), None) == meaning


@pytest.mark.slow
def test_a_chain_of_unequal_masses_is_fitted_by_itself():
    X, y = chain(6, 600, 1.0)
    model = HNNRegressor(random_state=0).fit(X, y)
    assert model.coordinates_ == "velocities"
    assert model.score(*chain(6, 300, 1.0, seed=1)) > 0.995


@pytest.mark.parametrize("d", [26, 80])
def test_velocities_of_very_many_coordinates_are_not_looked_for(d):
    # A few rows, or none, were all that the work of a fit allowed.
    X = np.random.default_rng(0).uniform(-1, 1, (200, 2 * d))
    y = np.column_stack([X[:, d:], -np.sin(X[:, :d]) / np.arange(1, d + 1)])
    assert coordinates_of(HNNRegressor(), X, y, np.ones(200), None) == "canonical"


@pytest.mark.slow
def test_a_double_pendulum_of_angles_and_angular_velocities():
    bunch = make_double_pendulum(150, coordinates="velocities", random_state=0)
    model = fit_quietly(HNNRegressor(periodic=[0, 1], random_state=0), bunch.data, bunch.target)
    test = make_double_pendulum(200, coordinates="velocities", random_state=1)
    assert (model.coordinates_, model.hamiltonian_.mass) == ("velocities", "q")
    np.testing.assert_allclose(model.predict(test.data), test.target, atol=1e-9)
    q = test.data[:, :2]
    c = np.cos(q[:, 0] - q[:, 1])
    M = model.mass_matrix(q)
    np.testing.assert_allclose(M[:, 0, 1] / M[:, 0, 0], 0.5 * c, atol=1e-8)
    np.testing.assert_allclose(M[:, 0, 0], 1.0, atol=1e-8)
    turned = test.data + np.array([TURN, -3 * TURN, 0, 0])
    np.testing.assert_allclose(model.predict(turned), model.predict(test.data), atol=1e-9)
    x0, t = test.data[0], np.linspace(0, 3, 7)
    a, b = (model.simulate(x0, t, **options) for options in
            ({}, {"method": "GaussLegendre6", "step_size": 0.02}))  # fmt: skip
    np.testing.assert_allclose(a, b, atol=1e-5)


@pytest.mark.slow
def test_a_magnetic_field_turns_velocities():
    bunch = make_magnetic_charge(400, coordinates="velocities", random_state=0)
    form = Natural("diagonal", "constant")
    model = HNNRegressor(hamiltonian=form, solver="least_squares", random_state=0)
    fit_quietly(model, bunch.data, bunch.target)
    assert model.score(bunch.data, bunch.target) > 1.0 - 1e-8
    without = HNNRegressor(**QUICK)
    said(without, bunch.data, bunch.target)
    assert without.score(bunch.data, bunch.target) < 0.95


def test_friction_is_found_beside_masses():
    D = np.array([[0.6, -0.2], [-0.2, 0.9]])
    X, y = carts(1500, noise=0.01, damping=D)
    model = fit_quietly(HNNRegressor(dissipation="linear", **QUICK), X, y)
    np.testing.assert_allclose(model.damping_, D, atol=0.2)
    assert (np.abs(model.damping_ - D) < 5 * model.damping_std_).all()


@pytest.mark.slow
def test_a_known_force_gives_masses_their_unit():
    rng = np.random.default_rng(0)
    X, y = carts()
    u = rng.normal(size=(len(X), 1)) * 30
    y[:, 2:] += u * [1.0, 0.0] / (3.0 * MASSES)  # masses three times as large: forces too
    X = np.column_stack([X, u])
    known = fit_quietly(HNNRegressor(n_inputs=1, input_matrix=[[1.0], [0.0]], **QUICK), X, y)
    np.testing.assert_allclose(known.mass_matrix(), np.diag(3.0 * MASSES), rtol=1e-6, atol=1e-6)
    found = fit_quietly(HNNRegressor(n_inputs=1, **QUICK), X, y)
    np.testing.assert_allclose(found.masses_, np.diag(MASSES), atol=1e-6)
    np.testing.assert_allclose(found.input_matrix_, [[1 / 3], [0.0]], atol=1e-6)
    x0, t = X[0, :4], np.linspace(0, 1, 5)
    a = known.simulate(x0, t, u=lambda t: 10 * np.sin(t))
    b = found.simulate(x0, t, u=lambda t: 10 * np.sin(t), method="GaussLegendre4", step_size=5e-3)
    np.testing.assert_allclose(a, b, atol=1e-4)


def test_masses_that_are_given_are_taken():
    X, y = carts()
    for mass in (MASSES, lambda q: np.broadcast_to(np.diag(MASSES), (len(q), 2, 2))):
        model = fit_quietly(HNNRegressor(hamiltonian=Natural(mass), random_state=0), X, y)
        assert model.coordinates_ == "velocities"
        np.testing.assert_allclose(model.predict(X), y, atol=1e-6 * np.abs(y).max())
        np.testing.assert_allclose(model.mass_matrix(), np.diag(MASSES), rtol=1e-12)
        spread = model.energy(X).std() / energy_of_carts(X).std()
        assert abs(spread - 1.0) < 1e-6
    with pytest.raises(ValueError, match="positive definite"):
        HNNRegressor(hamiltonian=Natural(lambda q: -np.ones((len(q), 2, 2)))).fit(X, y)


# --- what is said --------------------------------------------------------------------------------


def said(model, X, y, **kwargs):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(X, y, **kwargs)
    return " ".join(str(warning.message) for warning in caught)


@pytest.mark.slow
def test_masses_of_bodies_that_do_not_touch_do_not_show():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 4))
    y = np.column_stack([X[:, 2:], -np.sin(X[:, 0]), -X[:, 1] - X[:, 1] ** 3])
    model = HNNRegressor(**QUICK)
    assert "ratio of the masses of 0 and 1 does not show" in said(model, X, y)
    assert len(model.undetermined_masses_) == 1
    model = HNNRegressor(hamiltonian=Natural(1.0), solver="least_squares", random_state=0)
    assert "masses" not in said(model, X, y)  # of one: nothing was learned
    assert model.undetermined_masses_ == []


def test_rows_where_masses_are_not_positive_say_nothing_of_them(monkeypatch):
    rng, seen = np.random.default_rng(0), []
    X = rng.normal(size=(400, 4))
    y = np.column_stack([X[:, 2:], -X[:, :2]])

    def watched(*args):
        seen[:] = args
        return undetermined_masses(*args)

    monkeypatch.setattr(_coordinates, "undetermined_masses", watched)
    model = HNNRegressor(hamiltonian=Natural(), solver="least_squares", random_state=0)
    assert said(model, X, y).count("ratio of the masses of 0 and 1") == 1  # and once only
    problem, equations, params = seen

    class Indefinite:
        def __init__(self, n):
            self.n = n

        def __getattr__(self, name):
            return getattr(equations, name)

        def masses(self, params, X):
            M = equations.masses(params, X).copy()
            M[: self.n] *= -1.0
            return M

    expected = undetermined_masses(*seen)
    found = undetermined_masses(problem, Indefinite(5), params)
    assert len(found) == len(expected) > 0
    np.testing.assert_allclose(np.abs(found), np.abs(expected), atol=1e-6)
    assert undetermined_masses(problem, Indefinite(400), params) == []


@pytest.mark.slow
def test_the_masses_of_a_cart_pole_are_not_unique():
    bunch = make_cart_pole(400, coordinates="velocities", random_state=0)
    model = HNNRegressor(
        hamiltonian="natural", periodic=[1], solver="least_squares", random_state=0
    )
    text = said(model, bunch.data, bunch.target)
    assert model.coordinates_ == "velocities"  # found, where a regression is as poor as unit masses
    assert "does not show in these data" in text
    assert len(model.undetermined_masses_) == 1
    assert np.isinf(model.masses_std_[1, 1])  # and the coupling is known
    assert (model.masses_std_[0] < 0.1).all()
    np.testing.assert_allclose(model.predict(bunch.data), bunch.target, atol=1e-8)


def test_masses_show_where_few_rows_leave_a_regression_no_better():
    rng = np.random.default_rng(0)
    X = rng.uniform([-1, -3, -1, -2], [1, 3, 1, 2], (600, 4))
    M = np.array([[[2.5, 0.4 * c], [0.4 * c, 0.32]] for c in np.cos(X[:, 1])])
    force = np.column_stack([0.4 * np.sin(X[:, 1]) * X[:, 3] ** 2, 3.924 * np.sin(X[:, 1])])
    y = np.hstack([X[:, 2:], np.linalg.solve(M, force[..., None])[..., 0]])
    model = HNNRegressor(periodic=[1], **QUICK | {"hamiltonian": "natural"})
    assert "does not show in these data" in said(model, X, y)
    assert model.coordinates_ == "velocities"


@pytest.mark.slow
def test_what_no_lagrangian_gives_is_said():
    rng = np.random.default_rng(0)
    X = rng.uniform(-2, 2, (600, 2))
    y = np.column_stack([X[:, 1], (1 - X[:, 0] ** 2) * X[:, 1] - X[:, 0]])
    text = said(HNNRegressor(random_state=0), X, y)
    assert "without mechanics" in text
    text = said(HNNRegressor(coordinates="velocities", random_state=0), X, y)
    assert "No natural Lagrangian" in text
    assert "without mechanics" in text


def test_forces_without_reaction_are_no_columns_in_another_order():
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (1000, 4))
    q = X[:, :2]
    y = np.hstack([X[:, 2:], -q - q**3 + q[:, ::-1] * [1.5, -0.7]])
    y[:, 2:] += 0.01 * y[:, 2:].std(axis=0) * rng.normal(size=q.shape)
    text = said(HNNRegressor(random_state=0), X, y)
    assert "forces without reaction" in text
    assert "another order" not in text


def test_velocities_that_are_no_rates_are_said():
    X, y = carts()
    mixed = X.copy()
    mixed[:, 2:] = X[:, 2:] @ np.linalg.inv([[1.24, 0.0], [-0.22, 1.0]])
    text = said(HNNRegressor(coordinates="velocities", **QUICK), mixed, y)
    assert "d[0]/dt = +1.24 [2] -0.22 [3]" in text
    assert "factors alone" not in text


def test_that_predictions_hold_is_said_only_where_nothing_speaks_against_the_model():
    change = np.diag([1.0, -1.0])
    (good,), (bad,) = (sentences_of([change] * 2, "ab", predicts=p) for p in (True, False))
    assert good.startswith("The ratio of the masses of a and b does not show")
    assert bad.startswith("The ratio of the masses of a and b does not show")
    assert "predictions hold" in good
    assert "predictions hold" not in bad


@pytest.mark.parametrize("factor", [1e-3, 1e8])
def test_velocities_of_other_units_are_said(factor):
    X, y = carts()
    other = np.hstack([factor * y[:, :2], y[:, 2:]])
    text = said(HNNRegressor(coordinates="velocities", **QUICK), X, other)
    assert f"d[0]/dt = {factor:+.3g} [2]; d[1]/dt = {factor:+.3g} [3] (factors alone" in text


@pytest.mark.parametrize("y", [1.0, 3.0])
def test_a_constant_mass_of_one_coordinate_is_mechanical(y):
    q, v = np.random.default_rng(0).uniform(-1, 1, (2, 60))
    model = HNNRegressor(coordinates="velocities", **QUICK | {"hamiltonian": "mechanical"})
    model.fit(np.column_stack([q, v]), np.column_stack([v, -y * np.sin(q)]))
    assert model.mass_matrix([[0.0]]).tolist() == [[[1.0]]]


@pytest.mark.parametrize("name", ["mlp", "separable"])
def test_hamiltonians_of_momenta_are_refused_for_velocities(name):
    X, y = carts(100)
    with pytest.raises(ValueError, match="has no meaning for velocities"):
        HNNRegressor(hamiltonian=name, coordinates="velocities").fit(X, y)
    with pytest.raises(ValueError, match="no network reads them"):
        HNNRegressor(hamiltonian=MLP(), coordinates="velocities").fit(X, y)
    with pytest.raises(ValueError, match="for positions and velocities"):
        HNNRegressor(hamiltonian=Natural(), coordinates="canonical").fit(X, y)
    with pytest.raises(ValueError, match="exclude each other"):
        HNNRegressor(structure=np.eye(4), coordinates="velocities").fit(X, y)
    with pytest.raises(ValueError, match="coordinates"):
        HNNRegressor(coordinates="polar").fit(X, y)


# --- as everywhere -------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("solver", ["least_squares", "gauss_newton", "soap", "lbfgs"])
def test_every_solver_fits_masses(solver):
    X, y = carts(200)
    options = {} if solver == "least_squares" else {"hidden_layer_sizes": (5,)}
    model = HNNRegressor(
        hamiltonian=Natural("diagonal"), coordinates="velocities", solver=solver, random_state=0,
        max_iter=few_epochs(solver), **options,
    )  # fmt: skip
    fit_quietly(model, X, y)
    assert model.score(X, y) > 0.999


def test_it_is_saved_cloned_exported_and_trained_on(fitted_carts):
    model, (X, y) = fitted_carts, carts(200)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    assert clone(model).get_params()["coordinates"] == "auto"
    module = model.to_torch()
    np.testing.assert_allclose(module(torch.tensor(X)).detach(), model.predict(X), atol=1e-9)
    np.testing.assert_allclose(module.energy(torch.tensor(X)).detach(), model.energy(X), atol=1e-9)
    back = HNNRegressor.from_torch(module)
    np.testing.assert_allclose(back.predict(X), model.predict(X), atol=1e-9)
    np.testing.assert_allclose(back.mass_matrix(), model.mass_matrix())
    warm = HNNRegressor(warm_start=True, **QUICK)
    fit_quietly(warm, X, y)
    fit_quietly(warm, X, y)
    assert warm.score(X, y) > 0.999


def test_weights_are_repetitions():
    X, y = carts(150, noise=0.02)
    c = np.random.RandomState(0).randint(1, 3, len(X))
    model = HNNRegressor(
        hamiltonian=Natural("diagonal", None, (10,)), solver="least_squares", random_state=0
    )
    weighted, repeated = clone(model), clone(model)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        weighted.fit(X, y, sample_weight=c)
        repeated.fit(np.repeat(X, c, axis=0), np.repeat(y, c, axis=0))
    np.testing.assert_allclose(weighted.masses_[1, 1], repeated.masses_[1, 1], rtol=2e-3)


def test_frames_name_their_columns_in_what_is_said():
    pd = pytest.importorskip("pandas")
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 4))
    y = np.column_stack([X[:, 2:], -np.sin(X[:, 0]), -X[:, 1] - X[:, 1] ** 3])
    frame = pd.DataFrame(X, columns=["left", "right", "v_left", "v_right"])
    text = said(HNNRegressor(**QUICK), frame, y)
    assert "masses of 'left' and 'right'" in text


def test_layers_for_masses_are_compared_by_all_rows_among_noise(monkeypatch):
    """By few rows layers were taken that had ten times the error of others (noise of 1 %)."""
    seen, among_noise = [], Race.among_noise

    def spied(self, n_units, tau):
        self.every = self.every[:2]
        seen.append((self, among_noise(self, 400, tau)))
        return seen[-1][1]

    monkeypatch.setattr(Race, "among_noise", spied)
    rng, q = np.random.RandomState(0), np.random.RandomState(1).uniform(0.5, 1.5, (1800, 2))
    v = rng.standard_normal(q.shape)
    s, c = np.sin(q[:, 0]), np.cos(q[:, 0])  # a spherical pendulum
    a = np.column_stack([s * c * v[:, 1] ** 2 - s, -2.0 * c / s * v[:, 0] * v[:, 1]])
    a += 0.05 * a.std(axis=0) * rng.standard_normal(a.shape)
    model = HNNRegressor(hamiltonian="natural", coordinates="velocities", random_state=0)
    model.fit(np.hstack([q, v]), np.hstack([v, a]))
    ((race, best),) = seen
    assert best.fit.n_equations == 2 * race.problem.n_samples
    assert len(race.found) == len(race.every)


@pytest.mark.slow
def test_spherical_pendulum_by_its_angles():
    bunch = make_spherical_pendulum(400, coordinates="velocities", random_state=0)
    model = fit_quietly(
        HNNRegressor(
            hamiltonian="natural", periodic=[0, 1], solver="least_squares", random_state=0
        ),
        bunch.data,
        bunch.target,
    )
    test = make_spherical_pendulum(100, coordinates="velocities", random_state=1)
    error = (model.predict(test.data) - test.target)[:, 2:].std(axis=0)
    assert (error < 1e-6 * test.target[:, 2:].std(axis=0)).all()


# --- bad input -----------------------------------------------------------------------------------


def test_a_coordinate_that_never_moves_and_one_that_is_alone():
    X, y = carts(200)
    X[:, 1], X[:, 3] = 0.3, 0.0
    y = np.column_stack([X[:, 2:], -X[:, :2] @ K[:, 0], np.zeros(200)])
    model = HNNRegressor(**QUICK)
    assert "Column 1 never changes, nor does 3: nothing is known" in said(model, X, y)
    np.testing.assert_allclose(model.predict(X), y, atol=1e-6 * np.abs(y).max())


def test_units_that_differ_by_eight_orders():
    X, y = carts(400)
    s = np.array([1e8, 1.0])
    X, y = X * np.tile(s, 2), y * np.tile(s, 2)
    model = fit_quietly(HNNRegressor(**QUICK), X, y)
    assert model.score(X, y) > 1.0 - 1e-8
    np.testing.assert_allclose(model.masses_[1, 1], 2.45 * 1e16, rtol=1e-5)


@pytest.mark.slow
def test_masses_of_one_to_a_hundred_million():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 4))
    m = np.array([1.0, 1e8])
    F = -np.column_stack([np.sin(X[:, 0] - X[:, 1]), -np.sin(X[:, 0] - X[:, 1])])
    F[:, 1] -= m[1] * X[:, 1]
    y = np.column_stack([X[:, 2:], F / m])
    model = HNNRegressor(**QUICK)
    said(model, X, y)
    assert model.score(X, y) > 0.999


@pytest.mark.slow
def test_fewer_rows_than_unknowns():
    X, y = carts(12)
    model = HNNRegressor(coordinates="velocities", random_state=0)
    said(model, X, y)
    assert np.isfinite(model.predict(carts(50)[0])).all()


@pytest.mark.slow
@pytest.mark.parametrize("coordinates", ["auto", "velocities"])
@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_of_two_rows_nothing_is_claimed(coordinates, noise):
    text = said(HNNRegressor(coordinates=coordinates, random_state=0), *carts(2, noise))
    assert "X has 2 rows of 4 columns" in text
    assert "predictions hold" not in text
    assert "have friction" not in text
    assert "No natural Lagrangian" not in text


@pytest.mark.slow
def test_twenty_exact_rows_of_two_carts_are_velocities():
    test = carts(300, seed=1)
    for seed in range(4):
        model = HNNRegressor(random_state=0)
        assert "Of all constant masses" in said(model, *carts(20, seed=seed))
        assert model.coordinates_ == "velocities"
        assert model.score(*test) > 1.0 - 1e-9


@pytest.mark.slow
def test_masses_are_the_mean_over_all_rows_and_the_first_is_one():
    rng = np.random.default_rng(0)
    X = rng.uniform([0.8, -1, -2, -2], [2, 1, 2, 2], (900, 4))
    r, angle, v, w = X.T  # of an elastic pendulum, M = diag(1, r^2)
    a = [r * w**2 - 20 * (r - 1) + 9.81 * np.cos(angle), (-9.81 * np.sin(angle) - 2 * v * w) / r]
    y = np.column_stack([v, w, *a])
    y[:, 2:] += 0.01 * y[:, 2:].std(axis=0) * rng.normal(size=(900, 2))
    model = fit_quietly(HNNRegressor(hamiltonian="natural", random_state=0), X, y)
    assert model.masses_[0, 0] == pytest.approx(1.0, abs=1e-12)
    np.testing.assert_allclose(model.masses_, model.mass_matrix(X[:, :2]).mean(axis=0), atol=1e-10)
    assert abs(model.masses_[1, 1] - np.mean(r**2)) < 4.0 * model.masses_std_[1, 1] < 0.1


@pytest.mark.parametrize("method", ["BlanesMoan4", "StormerVerlet", "Yoshida4"])
def test_constant_masses_are_split_by_explicit_symplectic_methods(method):
    X, y = carts(300)
    model = fit_quietly(HNNRegressor(coordinates="velocities", **QUICK), X, y)
    t = np.linspace(0.0, 2.0, 21)
    exact = model.simulate(X[0], t, rtol=1e-11)
    found = model.simulate(X[0], t, method=method, step_size=1e-3)
    np.testing.assert_allclose(found, exact, atol=1e-4 * np.abs(exact).max())
    X, y = make_double_pendulum(300, coordinates="velocities", random_state=0, return_X_y=True)
    model = HNNRegressor(periodic=[0, 1], **QUICK | {"hamiltonian": "natural"})
    said(model, X, y)
    with pytest.raises(ValueError, match="this model has masses that depend on q"):
        model.simulate(X[0], t, method=method)


def test_rates_in_single_precision_are_the_velocities():
    X, y = carts(300)
    y[:, :2] = y[:, :2].astype(np.float32)
    assert coordinates_of(HNNRegressor(), X, y, np.ones(300), None) == "velocities"


@pytest.mark.slow
@pytest.mark.parametrize("dissipation", ["linear", "auto"])
def test_friction_that_was_asked_for_does_not_hide_other_masses(dissipation):
    rng = np.random.default_rng(0)
    X = rng.uniform(-1.5, 1.5, (800, 4))
    q, r, v, w = X.T
    f = np.sin(q - r)
    y = np.c_[v, w, -f - q - 0.3 * v * abs(v), (f - 0.2 * w * abs(w)) / 3]
    model = HNNRegressor(random_state=0, dissipation=dissipation)
    text = said(model, X, y)
    assert model.coordinates_ == "velocities" or "coordinates='velocities'" in text
    model = HNNRegressor(random_state=0, dissipation=dissipation, coordinates="velocities")
    assert "dissipation=Damping() + QuadraticDrag() of skhnn.forces" in said(model, X, y)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("back", "is_told"), [(-0.08, True), (0.08, False)])
def test_weak_forces_without_reaction_are_told_among_noise(seed, back, is_told):
    """They are 0.08 of the accelerations, noise 0.1: a regression is better by less than twice."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(1500, 4))
    a = -X[:, :2] + X[:, [1, 0]] * [0.08, back]
    a += 0.1 * a.std(axis=0) * rng.normal(size=a.shape)
    model = HNNRegressor(hamiltonian="mechanical", coordinates="velocities", random_state=0)
    text = said(model, X, np.hstack([X[:, 2:], a]))
    assert ("No natural Lagrangian" in text or "No Hamiltonian" in text) == is_told


def test_attributes_that_a_fit_does_not_have_say_which_fits_do():
    X, y = carts(50)
    model = HNNRegressor(
        hamiltonian="mechanical", coordinates="canonical", solver="least_squares", random_state=0
    )
    for name in ("masses_", "undetermined_masses_", "input_matrix_", "damping_"):
        with pytest.raises(AttributeError, match=f"has no attribute {name!r}"):
            getattr(model, name)
    fit_quietly(model, X, y)
    for name, which in {
        "masses_": "positions and velocities whose masses were learned",
        "undetermined_masses_": "positions and velocities",
        "input_matrix_": "inputs", "damping_": "friction",
    }.items():  # fmt: skip
        assert not hasattr(model, name)
        with pytest.raises(AttributeError, match=f"{name} is an attribute of fits of {which}"):
            getattr(model, name)
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        _ = model.nonsense


def test_accelerations_alone_are_no_derivatives_of_states():
    X, y = carts(20)
    with pytest.raises(ValueError, match=r"pass np.column_stack\(\[X\[:, 2:\], a\]\)"):
        HNNRegressor().fit(X, y[:, 2:])
    y[3, 2] = np.inf
    with pytest.raises(ValueError, match=r"y contains infinity in 1 of 20 rows.*row 3"):
        HNNRegressor().fit(X, y)
