"""Friction, inputs, parameters and structures in the estimator."""

import pickle
import warnings

import numpy as np
import pytest
from helpers import few_epochs, fit_quietly
from sklearn.exceptions import ConvergenceWarning

from skhnn import ExtrapolationWarning, HNNRegressor, SimulationError, simulate
from skhnn._data import Problem
from skhnn._scaling import Scaling
from skhnn._selection import law_of_friction
from skhnn.datasets import make_damped_pendulum, make_predator_prey, make_rigid_body
from skhnn.forces import CubicDamping, Damping, QuadraticDrag
from skhnn.hamiltonians import HAMILTONIANS

GAMMA = np.array([[0.3, 0.1], [0.1, 0.2]])


def damped(n=400, noise=0.0, seed=0, Gamma=GAMMA):
    """Masses 1 and 2 in a potential that is no square, with a friction."""
    rng = np.random.RandomState(seed)
    X = rng.uniform(-1.5, 1.5, (n, 4))
    v = X[:, 2:] / [1.0, 2.0]
    x, y = X[:, 0], X[:, 1]
    force = -np.column_stack([x + 2 * x * y, y + x**2 - y**2]) - v @ Gamma
    target = np.hstack([v, force])
    return X, target + noise * target.std(axis=0) * rng.normal(size=target.shape)


FAST = {"solver": "least_squares", "hamiltonian": "mechanical", "hidden_layer_sizes": (40,)}


def fitted(X, y, **params):
    return fit_quietly(HNNRegressor(**{"random_state": 0, "dissipation": "linear"} | params), X, y)


@pytest.mark.slow
@pytest.mark.parametrize("solver", ["auto", "least_squares", "gauss_newton", "soap", "lbfgs"])
def test_every_solver_finds_the_friction(solver):
    X, y = damped(noise=0.01)
    layers = {} if solver == "auto" else {"hamiltonian": "mechanical", "hidden_layer_sizes": (20,)}
    model = fitted(X, y, solver=solver, max_iter=few_epochs(solver), **layers)
    np.testing.assert_allclose(model.damping_, GAMMA, atol=0.02)
    assert model.damping_.shape == model.damping_std_.shape == (2, 2)
    assert (model.damping_std_ < 0.01).all()
    np.testing.assert_allclose(model.mass_matrix(), np.diag([1.0, 2.0]), atol=0.05)


def test_without_noise_it_is_exact():
    model = fitted(*damped())
    np.testing.assert_allclose(model.damping_, GAMMA, atol=1e-9)


@pytest.mark.parametrize("solver", ["soap", "adam", "lbfgs", "gauss_newton", "least_squares"])
@pytest.mark.parametrize("coordinates", ["canonical", "velocities"])
def test_every_solver_takes_friction_that_depends_on_q(solver, coordinates):
    q, v = np.random.default_rng(0).uniform(-2, 2, (2, 200))
    X, y = np.column_stack([q, v]), np.column_stack([v, -np.sin(q) - (0.3 + 0.2 * q**2) * v])
    model = HNNRegressor(
        hamiltonian="mechanical", coordinates=coordinates, solver=solver, hidden_layer_sizes=(10,),
        dissipation="mlp", max_iter=few_epochs(solver), random_state=0,
    )  # fmt: skip
    assert fit_quietly(model, X, y).score(X, y) > 0.9


@pytest.mark.slow
def test_standard_errors_are_those_of_repeated_fits():
    found, claimed = [], []
    for seed in range(12):
        model = fitted(*damped(300, 0.05, seed), **FAST)
        found.append(model.damping_)
        claimed.append(model.damping_std_)
    z = (np.array(found) - GAMMA) / np.array(claimed)
    assert 0.6 < np.sqrt(np.mean(z**2)) < 1.5


def test_noise_in_the_velocities_does_not_hide_friction():
    X, y = damped(3000, 0.5, Gamma=0.5 * np.eye(2))
    model = fitted(X, y, **FAST)
    assert np.abs(np.diag(model.damping_) - 0.5).max() < 4 * model.damping_std_.max() < 0.2


def test_the_energy_balance():
    X, y = damped()
    model = fitted(X, y)
    path = model.simulate(X[0], np.linspace(0, 5, 500))
    E = model.energy(path)
    v = model.predict(path)[:, :2]
    power = -np.einsum("ij,jk,ik->i", v, model.damping_, v)
    work = np.concatenate([[0.0], np.cumsum(0.5 * (power[1:] + power[:-1]) * (5 / 499))])
    np.testing.assert_allclose(E - E[0], work, atol=1e-4 * np.ptp(E))
    assert (np.diff(E) < 0).all()


@pytest.mark.slow
def test_friction_is_never_negative():
    X, y = damped(noise=0.02, Gamma=np.array([[0.2, 0.3], [0.3, 0.1]]))  # no such friction
    with pytest.warns(UserWarning, match="a gain of energy, fits these data"):
        model = fitted(X, y)
    assert np.linalg.eigvalsh(model.damping_)[0] > -1e-12
    assert np.isnan(model.damping_std_).all()
    with pytest.warns(UserWarning, match="a gain of energy, fits these data"):
        growing = fitted(*damped(Gamma=-0.1 * np.eye(2)), dissipation=Damping("diagonal"))
    np.testing.assert_allclose(growing.damping_, 0.0, atol=1e-9)


LAWS = {
    "'linear'": lambda q, v: 0.3 * v,
    "Damping() + QuadraticDrag()": lambda q, v: np.abs(v) * v,
    "Damping() + CubicDamping()": lambda q, v: v**3,
    "'mlp'": lambda q, v: (q**2 - 1.0) * v,
}


def with_friction(friction, noise=0.0):
    rng = np.random.default_rng(0)
    q, v = rng.uniform(-2.0, 2.0, (2, 800, 1))
    a = -np.sin(q) - friction(q, v)
    return np.hstack([q, v]), np.hstack([v, a + noise * a.std() * rng.normal(size=a.shape)])


@pytest.mark.parametrize("noise", [0.0, 0.05])
@pytest.mark.parametrize("law", LAWS)
def test_the_simplest_law_of_friction_that_fits_is_named(law, noise):
    X, y = with_friction(LAWS[law], noise)
    weight = np.ones(len(X))
    problem = Problem(X, y, weight, None, Scaling.from_data(X, y, weight))
    found, error = law_of_friction(problem, HAMILTONIANS["mechanical"])
    assert found == law
    assert error < 0.02 + noise


def test_no_law_of_friction_is_named_where_none_fits():
    X, y = with_friction(lambda q, v: np.cos(3.0 * v))  # a force that turns with the velocity
    weight = np.ones(len(X))
    problem = Problem(X, y, weight, None, Scaling.from_data(X, y, weight))
    assert law_of_friction(problem, HAMILTONIANS["mechanical"]) is None


@pytest.mark.slow
@pytest.mark.parametrize("params", [{}, {"dissipation": "linear"}, {"dissipation": "auto"}])
@pytest.mark.parametrize("coordinates", ["auto", "velocities"])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_friction_that_depends_on_the_coordinates_is_told(params, coordinates, sign):
    X, y = with_friction(lambda q, v: sign * LAWS["'mlp'"](q, v), 0.01)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        model = HNNRegressor(random_state=0, coordinates=coordinates, **params).fit(X, y)
    told = [str(w.message) for w in said if not issubclass(w.category, ConvergenceWarning)]
    assert sum("dissipation='mlp' a model of a few units leaves" in text for text in told) == 1
    assert model.score(X, y) > 0.3  # a gain of energy that was set to none had left -4e5
    finds = fitted(X, y, coordinates=coordinates, dissipation="mlp")
    assert finds.score(X, y) > 0.999


@pytest.mark.slow
def test_auto_takes_friction_where_there_is_some():
    assert not hasattr(
        fitted(*damped(noise=0.01, Gamma=np.zeros((2, 2))), dissipation="auto"), "damping_"
    )
    model = fitted(*damped(noise=0.01), dissipation="auto")
    np.testing.assert_allclose(model.damping_, GAMMA, atol=0.02)
    with pytest.raises(ValueError, match="chosen by solver='auto'"):
        HNNRegressor(dissipation="auto", solver="soap").fit(*damped(50))


def test_a_refit_without_friction_forgets_it():
    X, y = damped(300)
    model = fitted(X, y, **FAST)
    with pytest.warns(UserWarning, match="have friction"):
        model.set_params(dissipation=None).fit(X, y)
    assert not hasattr(model, "damping_")


@pytest.mark.parametrize(
    ("force", "law"),
    [(QuadraticDrag(), lambda v: np.abs(v) * v), (CubicDamping(), lambda v: v**3)],
)
def test_other_laws_of_friction(force, law):
    X, y = damped(Gamma=np.zeros((2, 2)))
    y[:, 2:] -= law(y[:, :2]) * [0.3, 0.2]
    model = fitted(X, y, dissipation=force, **FAST)
    assert model.score(X, y) > 1 - 1e-9
    both = fitted(X, y, dissipation=Damping() + force, **FAST)
    np.testing.assert_allclose(both.damping_, 0.0, atol=1e-5)
    name = {QuadraticDrag: "quadratic_drag", CubicDamping: "cubic_damping"}[type(force)]
    np.testing.assert_allclose(getattr(model, f"{name}_"), np.diag([0.3, 0.2]), rtol=1e-4)
    assert (getattr(model, f"{name}_std_").diagonal() < 1e-3).all()
    model.set_params(dissipation="linear").fit(X, y)
    assert not hasattr(model, f"{name}_")


def test_standard_errors_of_coordinates_with_friction_are_valid_beside_one_without():
    X, y = damped(noise=0.01, Gamma=np.diag([0.2, -0.1]))
    with pytest.warns(UserWarning, match="a gain of energy, fits these data"):
        model = fitted(X, y, dissipation=Damping("diagonal"), **FAST)
    assert abs(model.damping_[0, 0] - 0.2) < 4.0 * model.damping_std_[0, 0] < 0.1
    assert model.damping_[1, 1] == pytest.approx(0.0, abs=1e-9)
    assert np.isnan(model.damping_std_[1, 1])


@pytest.mark.slow
def test_a_friction_that_depends_on_q():
    X, y = damped(800, Gamma=np.zeros((2, 2)))
    y[:, 2:] -= (0.2 + 0.1 * X[:, :1] ** 2) * y[:, :2]
    model = fitted(X, y, dissipation="mlp", hamiltonian="mechanical")
    assert model.score(X, y) > 1 - 1e-6
    assert not hasattr(model, "damping_")


@pytest.fixture(scope="module")
def driven():
    bunch = make_damped_pendulum(600, random_state=0)
    model = HNNRegressor(n_inputs=1, dissipation="linear", periodic=[0], random_state=0)
    return model.fit(bunch.data, bunch.target), bunch


@pytest.mark.slow
def test_inputs_and_friction_of_a_pendulum(driven):
    model, bunch = driven
    np.testing.assert_allclose(model.damping_, 0.1, rtol=1e-6)
    np.testing.assert_allclose(model.input_matrix_, 1.0, rtol=1e-6)
    turned = bunch.data + np.array([2 * np.pi * 1000, 0, 0])
    np.testing.assert_allclose(model.predict(turned), model.predict(bunch.data), atol=1e-9)


@pytest.mark.slow
def test_inputs_along_a_simulation(driven):
    model, bunch = driven
    t = np.linspace(0, 10, 201)

    def truth(t, x):
        return bunch.system.vector_field(x, np.full((len(x), 1), np.cos(t)))

    expected = simulate(truth, [1.0, 0.0], t)
    for how in ({"u": lambda t: np.cos(t)}, {"u": np.cos(t), "between": "cubic"}):
        np.testing.assert_allclose(model.simulate([1.0, 0.0], t, **how), expected, atol=1e-5)
    linear = model.simulate([1.0, 0.0], t, u=np.cos(t)[:, None])
    np.testing.assert_allclose(linear, expected, atol=1e-2)
    held = model.simulate([1.0, 0.0], t, u=np.cos(t), between="hold")
    assert 1e-3 < np.abs(held - expected).max() < 0.1
    many = model.simulate(
        [[1.0, 0.0], [0.5, 0.2]], t, u=lambda t: np.cos(t), method="GaussLegendre4"
    )
    np.testing.assert_allclose(many[0], expected, atol=1e-5)
    still = model.simulate([[1.0, 0.0], [0.5, 0.2]], t, u=0.3, return_solution=True)
    assert still.y.shape == (2, 201, 2)
    assert still.energy.shape == (2, 201)


def test_two_inputs_are_held_and_as_many_constants_as_times_are_constants():
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (200, 6))  # two oscillators of frequency one, each with its force
    y = np.hstack([X[:, 2:4], -X[:, :2] + X[:, 4:]])
    model = HNNRegressor(hamiltonian="mechanical", n_inputs=2, random_state=0).fit(X, y)

    def exact(x, u, t):  # with the force u
        q, p = x[:2] - u, x[2:]
        return np.r_[u + q * np.cos(t) + p * np.sin(t), p * np.cos(t) - q * np.sin(t)]

    t, u, x0 = np.linspace(0, 3, 7), rng.uniform(-1, 1, (7, 2)), X[0, :4]
    expected = [x0]
    for own in u[:-1]:
        expected.append(exact(expected[-1], own, 0.5))
    held = model.simulate(x0, t, u=u, between="hold")
    np.testing.assert_allclose(held, expected, atol=1e-6)
    two = model.simulate(x0, [0.0, 0.5], u=u[0], between="hold")
    np.testing.assert_allclose(two[-1], exact(x0, u[0], 0.5), atol=1e-6)


def test_nothing_is_lost_where_a_held_input_ends_early(driven):
    model, t = driven[0], np.linspace(0, 1, 11)
    u = np.where(t < 0.45, 0.1, 1e9)  # a force that nobody can follow in a few evaluations
    options = {"u": u, "between": "hold", "max_nfev": 300}
    with pytest.raises(SimulationError) as caught:
        model.simulate([0.2, 0.0], t, **options)
    assert len(caught.value.y) == len(caught.value.t) == 6
    with pytest.warns(RuntimeWarning):
        path = model.simulate([0.2, 0.0], t, **options, on_failure="nan")
    np.testing.assert_array_equal(np.isnan(path[:, 0]), t > 0.55)
    with pytest.warns(RuntimeWarning):
        assert model.simulate([0.2, 0.0], t, **options, on_failure="truncate").shape == (6, 2)
    with pytest.raises(ValueError, match="the states alone are returned"):
        model.simulate([0.2, 0.0], t, u=u, between="hold", return_solution=True)


REFUSED = {
    "no input": ({}, "This model needs u"),
    "another shape": ({"u": np.zeros((5, 2))}, r"shape \(3, 1\), one row for each time"),
    "a function of another shape": ({"u": lambda t: [1.0, 2.0]}, r"must return 1 finite value"),
    "not finite": ({"u": [0.0, np.nan, 0.0]}, "u must be finite"),
    "a function that ends": (
        {"u": lambda t: 0.0 if t < 0.15 else np.nan},
        r"u must return 1 finite value\(s\) for a time; got \[nan\] at t=0\.",
    ),
    "parameters": ({"u": 0.0, "parameters": 1.0}, "parameters is for models with such columns"),
    "between": ({"u": 0.0, "between": "spline"}, "between must be one of"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_inputs_that_make_no_sense_are_refused(driven, case):
    options, message = REFUSED[case]
    with pytest.raises(ValueError, match=message):
        driven[0].simulate([1.0, 0.0], [0.0, 0.1, 0.2], **options)


def test_explicit_splitting_is_refused(driven):
    with pytest.raises(ValueError, match="alone, and this model has friction or inputs"):
        driven[0].simulate([1.0, 0.0], [0.0, 1.0], u=0.0, method="StormerVerlet")


def test_a_known_input_matrix_is_kept():
    bunch = make_damped_pendulum(400, random_state=0)
    model = HNNRegressor(
        n_inputs=1, input_matrix=[[1.0]], dissipation="linear", solver="least_squares",
        random_state=0,
    ).fit(bunch.data, bunch.target)  # fmt: skip
    assert not hasattr(model, "input_matrix_")
    np.testing.assert_allclose(model.damping_, 0.1, rtol=1e-6)
    np.testing.assert_allclose(model.predict(bunch.data), bunch.target, atol=1e-5)
    more = bunch.data + np.array([0.0, 0.0, 0.5])
    np.testing.assert_allclose(
        model.predict(more) - model.predict(bunch.data), [[0.0, 0.5]] * 400, atol=1e-12
    )


def test_an_input_that_never_varies_is_named():
    X, y = damped(200)
    X = np.column_stack([X, np.full(200, 0.7)])
    with pytest.warns(UserWarning, match="Column 4, an input, has one value in all rows"):
        HNNRegressor(n_inputs=1, dissipation="linear", random_state=0, **FAST).fit(X, y)


@pytest.mark.slow
def test_friction_among_inputs_is_told():
    bunch = make_damped_pendulum(600, random_state=0)
    with pytest.warns(UserWarning, match="have friction.*dissipation='linear'"):
        HNNRegressor(n_inputs=1, periodic=[0], random_state=0).fit(bunch.data, bunch.target)


def test_a_model_with_forces_is_saved_exported_and_trained_on(driven):
    import torch

    model, bunch = driven
    X = bunch.data
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    module = model.to_torch()
    np.testing.assert_allclose(module(torch.tensor(X)).detach(), model.predict(X), atol=1e-12)
    back = HNNRegressor.from_torch(module)
    np.testing.assert_allclose(back.predict(X), model.predict(X), atol=1e-12)
    assert back.n_inputs == 1
    warm = HNNRegressor(
        (8,), n_inputs=1, dissipation="linear", solver="adam", warm_start=True, max_iter=5,
        random_state=0,
    )  # fmt: skip
    fit_quietly(warm, X, bunch.target)
    before = warm.loss_
    fit_quietly(warm, X, bunch.target)
    assert warm.loss_ < before
    warm.partial_fit(X[:300], bunch.target[:300])


def test_parameters_of_the_energy():
    rng = np.random.RandomState(0)
    q, p = rng.uniform(-2, 2, (2, 600))
    length = rng.uniform(0.5, 1.5, 600)
    y = np.column_stack([p / length**2, -length * np.sin(q)])
    X = np.column_stack([q, p, length])
    model = HNNRegressor(n_parameters=1, periodic=[0], random_state=0).fit(X, y)
    assert model.score(X, y) > 1 - 1e-8
    t = np.linspace(0, 5, 30)
    expected = simulate(
        lambda x: np.column_stack([x[:, 1] / 0.49, -0.7 * np.sin(x[:, 0])]), [1.0, 0.0], t
    )
    np.testing.assert_allclose(model.simulate([1.0, 0.0], t, parameters=0.7), expected, atol=1e-3)
    growing = model.simulate([1.0, 0.0], t, parameters=lambda t: [0.7 + 0.05 * t])
    assert np.abs(growing - expected).max() > 0.1
    with pytest.warns(ExtrapolationWarning) as said:
        model.simulate([0.1, 0.0], t[:2], parameters=lambda t: [1.0 + 10.0 * t])
    assert "Parameter 2 comes to 2.724; the training data have 0.5" in str(said[0].message)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.simulate([0.1, 0.0], t[:2], parameters=lambda t: [1.0 + t])


def test_a_rigid_body_in_three_columns():
    body = make_rigid_body(300, random_state=0)
    model = HNNRegressor(structure=body.system.structure, random_state=0)
    model.fit(body.data, body.target)
    np.testing.assert_allclose(model.predict(body.data), body.target, atol=1e-9)
    path = model.simulate(body.data[0], np.linspace(0, 20, 50), method="ImplicitMidpoint")
    assert np.ptp(np.linalg.norm(path, axis=1)) < 1e-12
    assert np.ptp(model.energy(path)) < 1e-12
    with pytest.warns(UserWarning, match="conserves H where S is constant"):
        model.simulate(body.data[0], [0.0, 1.0], method="AverageVectorField")
    with pytest.raises(ValueError, match="has a structure"):
        model.simulate(body.data[0], [0.0, 1.0], method="StormerVerlet")


@pytest.mark.slow
def test_a_constant_structure_and_an_input():
    rng = np.random.RandomState(0)
    S = np.array([[0.0, 2.0, 0.0], [-2.0, 0.0, 1.0], [0.0, -1.0, 0.0]])
    X = rng.uniform(-1, 1, (300, 4))
    x = X[:, :3]
    gradient = np.column_stack([x[:, 0] ** 3, np.sin(x[:, 1]), x[:, 2]])
    G = np.array([1.0, 0.0, -2.0])
    model = HNNRegressor(structure=S, n_inputs=1, random_state=0)
    model.fit(X, gradient @ S.T + X[:, 3:] * G)
    np.testing.assert_allclose(model.input_matrix_[:, 0], G, atol=1e-5)
    path = model.simulate(x[0], np.linspace(0, 10, 20), u=0.0, method="AverageVectorField")
    assert np.ptp(model.energy(np.column_stack([path, np.zeros(20)]))) < 1e-9


@pytest.mark.slow
@pytest.mark.parametrize("solver", ["auto", "least_squares", "gauss_newton", "soap", "lbfgs"])
def test_every_solver_takes_a_structure_with_rates_that_are_constant(solver):
    S = np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 1.0], [0.0, -1.0, 0.0]])
    X = np.random.RandomState(0).uniform(-1, 1, (200, 3))
    gradient = np.column_stack([X[:, 0] ** 3, np.full(200, 1.5), X[:, 2]])
    y = gradient @ S.T  # the first and the last are constant
    sizes = None if solver in ("auto", "least_squares") else (20,)
    for structure in (S, lambda x: np.broadcast_to(S, (len(x), 3, 3))):
        model = HNNRegressor(sizes, structure=structure, solver=solver, random_state=0)
        fit_quietly(model, X, y)
        np.testing.assert_allclose(model.predict(X), y, atol=0.02)


def test_predators_and_prey_in_their_own_numbers():
    bunch = make_predator_prey(500, random_state=0)
    model = HNNRegressor(structure=bunch.system.structure, random_state=0)
    model.fit(bunch.data, bunch.target)
    assert model.score(bunch.data, bunch.target) > 1 - 1e-6
    for method in (model.to_canonical, model.from_canonical, lambda X: model.mass_matrix()):
        with pytest.raises(ValueError, match="this model has another structure"):
            method(bunch.data)


WRONG = {
    "a structure that is not skew": ({"structure": np.eye(4)}, "finite, not zero and skew"),
    "a structure of another shape": ({"structure": np.zeros((3, 3))}, "must be a matrix"),
    "names without q and p": (
        {"structure": np.kron([[0.0, 1.0], [-1.0, 0.0]], np.eye(2)), "hamiltonian": "mechanical"},
        "is one of q and p",
    ),
    "friction without velocities": (
        {"structure": np.kron([[0.0, 1.0], [-1.0, 0.0]], np.eye(2)), "dissipation": "linear"},
        "there are none",
    ),
    "an unknown friction": ({"dissipation": "strong"}, "dissipation must be one of"),
    "a matrix without inputs": ({"input_matrix": [[1.0], [1.0]]}, "input_matrix needs n_inputs"),
    "too many inputs": ({"n_inputs": 5}, "X must have columns of the state before n_inputs=5"),
    "an odd state": ({"n_inputs": 1}, "even number of columns of the state"),
    "the shape of y": ({"n_inputs": 2}, r"y must have the shape \(40, 2\)"),
    "columns of parameters": ({"hamiltonian": "columns"}, "hamiltonian must be one of"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_makes_no_sense_is_refused(case):
    params, message = WRONG[case]
    X, y = damped(40)
    with pytest.raises(ValueError, match=message):
        HNNRegressor(**params).fit(X, y)
