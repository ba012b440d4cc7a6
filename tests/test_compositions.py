"""Compositions of Hamiltonians in the estimator: names, objects, angles, known energies."""

import pickle

import numpy as np
import pytest
import torch
from helpers import central_differences, few_epochs, fit_quietly
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from skhnn import HNNRegressor
from skhnn.hamiltonians import HAMILTONIANS, MLP, Known, Quadratic, Sum
from skhnn.systems import Kepler


def henon_heiles(n, seed=0):
    X = np.random.default_rng(seed).uniform(-0.5, 0.5, (n, 4))
    q1, q2, p1, p2 = X.T
    return X, np.stack([p1, p2, -q1 - 2 * q1 * q2, -q2 - q1**2 + q2**2], axis=1)


def polar(n, seed=0, reach=1.0):
    """A particle on a rotating table in polar coordinates: A(q) = diag(1, 1/r^2), b = (0, -0.3)."""
    rng = np.random.default_rng(seed)
    X = rng.uniform([0.7, -1, -1, -1], [1.5, 1, 1, 1], (n, 4))
    X[:, 2:] *= reach
    r, phi, p_r, p_phi = X.T
    dq = np.stack([p_r, p_phi / r**2 - 0.3], axis=1)
    dp = np.stack([p_phi**2 / r**3 - r - np.cos(phi), r * np.sin(phi)], axis=1)
    return X, np.hstack([dq, dp])


def pendulum(n, seed=0, turns=1):
    """Angles of some turns, H = p^2 / 2 - cos q."""
    rng = np.random.default_rng(seed)
    X = np.stack([rng.uniform(-np.pi, np.pi, n), rng.uniform(-2, 2, n)], axis=1)
    y = np.stack([X[:, 1], -np.sin(X[:, 0])], axis=1)
    X[:, 0] += 2 * np.pi * rng.integers(0, turns, n)
    return X, y


# ------------------------------------------------------------------------------ by their names


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "solver"),
    [("separable", solver) for solver in ("least_squares", "soap", "gauss_newton")]
    + [("natural", solver) for solver in ("auto", "least_squares", "adam", "lbfgs")],
)
def test_every_solver_fits_every_composition(name, solver):
    data = henon_heiles if name == "separable" else polar
    sizes = None if solver in ("auto", "least_squares") else (20,)
    model = HNNRegressor(
        sizes, hamiltonian=name, solver=solver, max_iter=few_epochs(solver), random_state=0
    )
    fit_quietly(model, *data(400))
    assert model.score(*data(200, seed=1)) > 0.98
    if name == "separable":
        jacobian = central_differences(lambda x: model.predict(x), data(5)[0], 1e-3)
        assert np.abs(jacobian[:, :2, :2]).max() < 1e-8  # dq/dt does not depend on q


@pytest.mark.slow
def test_a_natural_one_holds_at_larger_momenta_than_in_the_data():
    faster = polar(500, seed=1, reach=3.0)
    scores = [
        fit_quietly(
            HNNRegressor(hamiltonian=name, solver="least_squares", random_state=0), *polar(500)
        ).score(*faster)
        for name in ("natural", "mlp")
    ]
    assert 1 - scores[0] < 1e-6
    assert 1 - scores[1] > 1e-3


def test_a_separable_one_needs_fewer_rows_than_a_network_of_everything():
    system, rng = Kepler(mu=1.0), np.random.default_rng(0)

    def draw(n):
        angle, r = rng.uniform(0, 2 * np.pi, n), rng.uniform(0.7, 1.5, n)
        q = np.stack([r * np.cos(angle), r * np.sin(angle)], axis=1)
        X = np.hstack([q, rng.uniform(-1, 1, (n, 2))])
        return X, system.vector_field(X)

    train, test = draw(150), draw(1000)
    scores = [
        fit_quietly(
            HNNRegressor(hamiltonian=name, solver="least_squares", random_state=0), *train
        ).score(*test)
        for name in ("separable", "mlp")
    ]
    assert 1 - scores[0] < 0.1 * (1 - scores[1])


def test_names_stand_for_objects():
    X, y = henon_heiles(100)
    for name, hamiltonian in HAMILTONIANS.items():
        options = {"hidden_layer_sizes": (9,), "solver": "least_squares", "random_state": 0}
        by_name, by_object = (
            HNNRegressor(hamiltonian=asked_for, **options).fit(X, y)
            for asked_for in (name, hamiltonian)
        )
        np.testing.assert_array_equal(by_name.predict(X), by_object.predict(X))
        assert repr(by_name.hamiltonian_) == repr(by_object.hamiltonian_)
    with pytest.raises(ValueError, match=r"hamiltonian must be one of \['auto', 'mechanical'"):
        HNNRegressor(hamiltonian="magnetic").fit(X, y)


def test_a_fitted_model_stays_what_it_is_when_the_parameter_changes():
    X, y = henon_heiles(100)
    model = HNNRegressor((9,), hamiltonian="separable", solver="least_squares", random_state=0)
    before = model.fit(X, y).predict(X)
    model.set_params(hamiltonian="mlp")
    np.testing.assert_array_equal(model.predict(X), before)
    assert isinstance(model.hamiltonian_, Sum)


@pytest.mark.parametrize("name", ["separable", "natural"])
def test_it_is_stored_exported_and_goes_on(name):
    X, y = (henon_heiles if name == "separable" else polar)(100)
    model = HNNRegressor((6, 5), hamiltonian=name, solver="adam", warm_start=True,
                         max_iter=5, random_state=0)  # fmt: skip
    fit_quietly(model, X, y)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    module = model.to_torch()
    np.testing.assert_allclose(module(torch.tensor(X)).detach(), model.predict(X), atol=1e-12)
    exported = torch.export.export(module, (torch.tensor(X),))
    np.testing.assert_allclose(
        exported.module()(torch.tensor(X)).detach(), model.predict(X), atol=1e-12
    )
    back = HNNRegressor.from_torch(module)
    assert back.hamiltonian == name
    np.testing.assert_allclose(back.predict(X), model.predict(X), atol=1e-14)
    before = model.loss_
    fit_quietly(model, X, y)
    assert model.loss_ < before
    with pytest.raises(ValueError, match=r"go on with a model of 4 columns, .*MLP\(.*got"):
        model.set_params(hamiltonian="mlp").fit(X, y)
    pieces = HNNRegressor((30,), hamiltonian=name, solver="least_squares", random_state=0)
    pieces.partial_fit(X[:50], y[:50]).partial_fit(X[50:], y[50:])
    assert pieces.score(X, y) > 0.999


# ------------------------------------------------------------------------------ as objects


def coupled_pendulums(n):
    """H = p^2 / 2 - cos q1 - cos q2 + cos(q1 - q2) / 2."""
    q, p = np.random.default_rng(0).uniform(-2, 2, (2, n, 2))
    pull = 0.5 * np.sin(q[:, :1] - q[:, 1:]) * [1, -1]
    return np.hstack([q, p]), np.hstack([p, pull - np.sin(q)])


@pytest.mark.slow
def test_a_search_goes_into_the_parts():
    X, y = henon_heiles(60)
    H = Quadratic("p") + MLP("q")
    search = GridSearchCV(
        HNNRegressor(hamiltonian=H, solver="least_squares", random_state=0),
        {"hamiltonian__right__hidden_layer_sizes": [(1,), (40,)]},
        cv=3,
    ).fit(X, y)
    assert search.best_params_ == {"hamiltonian__right__hidden_layer_sizes": (40,)}
    X, y = coupled_pendulums(60)  # no polynomial, which a network of all columns has exactly, too
    by_name = GridSearchCV(
        HNNRegressor((40,), solver="least_squares", random_state=0),
        {"hamiltonian": ["mlp", "separable", H]},
        cv=3,
    ).fit(X, y)
    assert by_name.best_params_["hamiltonian"] != "mlp"


def test_objects_are_cloned_and_not_changed_by_a_fit():
    H = MLP("q", (5,)) + Quadratic("p")
    model = HNNRegressor(hamiltonian=H, solver="least_squares", random_state=0)
    copy = clone(model)
    assert copy.hamiltonian is not H
    assert repr(copy.hamiltonian) == repr(H)
    copy.fit(*henon_heiles(50))
    assert copy.hamiltonian.left.activation is None
    assert copy.hamiltonian_.left.activation == "tanh"
    made = eval(repr(model), {"HNNRegressor": HNNRegressor, "MLP": MLP, "Quadratic": Quadratic,
                              "Sum": Sum})  # fmt: skip
    assert repr(made) == repr(model)


@pytest.mark.parametrize("solver", ["auto", "least_squares", "lbfgs", "soap"])
def test_quadratic_energies_alone_are_the_least_squares(solver):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 4))
    y = np.hstack([X[:, 2:] / [1, 3], -X[:, :2] * [2, 5]])
    model = fit_quietly(HNNRegressor(hamiltonian=Quadratic(), solver=solver), X, y)
    atol = 1e-3 if solver == "soap" else 1e-6  # it trains in single precision
    np.testing.assert_allclose(model.predict(X), y, atol=atol)
    assert model.hidden_layer_sizes_ == ()
    assert not hasattr(model, "coefs_")
    with pytest.raises(ValueError, match="trains hidden layers, and this Hamiltonian has none"):
        HNNRegressor(hamiltonian=Quadratic(), solver="gauss_newton").fit(X, y)


def test_the_weights_in_the_units_of_the_data_are_those_of_the_field():
    X, y = henon_heiles(80)
    X, y = X * [1e3, 1, 1, 1e-3] + 5, y * [1e3, 1, 1, 1e-3]
    model = fit_quietly(HNNRegressor((7, 6), solver="lbfgs", max_iter=20, random_state=0), X, y)
    from helpers import torch_field, torch_network

    field = torch_field(torch_network(model), X)
    np.testing.assert_allclose(field / y.std(axis=0), model.predict(X) / y.std(axis=0), atol=1e-9)


# ------------------------------------------------------------------------------ known energies


WEIGHT = np.array([0, 0, 0, 9.81])


def gravity(X):
    return 9.81 * X[..., 1]


def gradient_of_gravity(X):
    return np.broadcast_to([0.0, 9.81, 0.0, 0.0], X.shape)


@pytest.mark.parametrize("gradient", [None, gradient_of_gravity])
def test_a_known_energy_is_added_and_not_learned(gradient):
    X, y = henon_heiles(200)
    y = y - WEIGHT
    H = Quadratic("p") + MLP("q") + Known(gravity, gradient)
    model = HNNRegressor(hamiltonian=H, random_state=0).fit(X, y)
    assert (
        1 - model.score(*henon_heiles(50, 1)[:1], henon_heiles(50, 1)[1] - [0, 0, 0, 9.81]) < 1e-9
    )
    # without it, H is the one of Henon and Heiles
    rest = HNNRegressor(hamiltonian=Quadratic("p") + MLP("q"), random_state=0)
    rest.fit(X, y + WEIGHT)
    difference = model.energy(X) - rest.energy(X)
    np.testing.assert_allclose(difference, gravity(X) - gravity(X).mean(), atol=1e-6)
    gradient = central_differences(model.energy, X[:5])
    field = np.hstack([gradient[:, 2:], -gradient[:, :2]])
    np.testing.assert_allclose(model.predict(X[:5]), field, atol=1e-7)
    assert pickle.loads(pickle.dumps(model)).predict(X[:1]) == pytest.approx(model.predict(X[:1]))
    module = model.to_torch()
    np.testing.assert_allclose(module(torch.tensor(X)).detach(), model.predict(X), atol=1e-10)
    path = model.simulate([0.1, 0.0, 0.0, 0.0], [0.0, 0.05], method="Radau", rtol=1e-6)
    assert path[1, 1] < -0.01  # it falls


def test_a_known_energy_of_q_leaves_the_splitting_methods_possible():
    X, y = henon_heiles(150)
    H = Quadratic("p") + MLP("q") + Known(lambda q: 0.05 * q[:, 1], columns="q")
    model = HNNRegressor(hamiltonian=H, random_state=0).fit(X, y - 0.05 * np.eye(4)[3])
    t = np.linspace(0, 1, 4)
    expected = model.simulate([0.1, 0.2, 0.0, 0.1], t)
    found = model.simulate([0.1, 0.2, 0.0, 0.1], t, method="BlanesMoan4", step_size=0.01)
    np.testing.assert_allclose(found, expected, atol=1e-7)
    implicit = model.simulate([0.1, 0.2, 0.0, 0.1], t, method="GaussLegendre4", step_size=0.01)
    np.testing.assert_allclose(implicit, expected, atol=1e-6)


WRONG_KNOWN = {
    "another sign": (Known(gravity, lambda X: -gradient_of_gravity(X)), "by column 1.*9.81"),
    "numpy": (Known(lambda X: np.cos(X[:, 0])), r"torch.cos, not np.cos.*pass its gradient"),
    "a shape": (Known(lambda X: X, gradient_of_gravity), "one energy for each row"),
    "a number": (Known(gravity, hessian=3), "a function of the states as hessian; got 3"),
}


@pytest.mark.parametrize("case", WRONG_KNOWN)
def test_a_known_energy_that_contradicts_itself_is_refused_before_training(case):
    known, message = WRONG_KNOWN[case]
    with pytest.raises(ValueError, match=message):
        HNNRegressor(hamiltonian=MLP() + known).fit(*henon_heiles(30))


def test_gradients_of_steep_and_of_large_energies_are_recognised():
    X = np.random.default_rng(0).normal(size=(30, 4)) * [1e3, 1e-3, 1, 1]
    for scale in (1e-12, 1.0, 1e12):
        known = Known(
            lambda X, s=scale: s * (1e6 + np.exp(X[:, 2]) + X[:, 0] ** 2),
            lambda X, s=scale: s * np.stack([2 * X[:, 0], 0 * X[:, 0], np.exp(X[:, 2]),
                                             0 * X[:, 0]], axis=1),
        )  # fmt: skip
        known.check(X)


def test_gradients_are_recognised_far_from_the_origin():
    X = np.random.default_rng(0).normal(size=(30, 2)) + 1e8
    gradient = np.array([3.0, 0.0])
    Known(lambda X: 3.0 * (X[:, 0] - 1e8), lambda X: np.broadcast_to(gradient, X.shape)).check(X)


def test_activations_inside_are_checked_and_may_be_auto():
    X, y = henon_heiles(40)
    with pytest.raises(ValueError, match="relu"):
        HNNRegressor(hamiltonian=MLP(activation="relu")).fit(X, y)
    model = HNNRegressor(hamiltonian=MLP("q", (5,), "auto") + Quadratic("p"), solver="adam")
    assert fit_quietly(model.set_params(max_iter=2), X, y).activation_ == "tanh"


def test_what_is_no_hamiltonian_is_not_added():
    with pytest.raises(TypeError, match=r"Did you mean MLP\(\)"):
        Quadratic("p") + MLP
    with pytest.raises(TypeError, match="Only Hamiltonians"):
        MLP() * 2
    with pytest.raises(TypeError, match=r"an object, MLP\(\)"):
        HNNRegressor(hamiltonian=MLP).fit(*henon_heiles(30))
    assert repr(sum([Quadratic("p"), MLP("q")])) == repr(Quadratic("p") + MLP("q"))


def test_a_hamiltonian_without_anything_to_learn_is_refused():
    with pytest.raises(ValueError, match=r"nothing to learn in hamiltonian=Known"):
        HNNRegressor(hamiltonian=Known(gravity)).fit(*henon_heiles(30))


# ------------------------------------------------------------------------------ angles


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "solver"),
    [("auto", "auto"), ("mlp", "soap")]
    + [(name, "least_squares") for name in ("mechanical", "mlp", "natural")],
)
def test_a_shift_of_an_angle_by_its_period_changes_nothing(name, solver):
    X, y = pendulum(300)
    model = HNNRegressor(
        hamiltonian=name, solver=solver, periodic=[0], max_iter=few_epochs(solver), random_state=0
    )
    fit_quietly(model, X, y)
    assert model.score(*pendulum(100, seed=1)) > 0.999
    for turns in (-3, 1, 1000):
        shifted = X + np.array([2 * np.pi * turns, 0.0])
        np.testing.assert_allclose(model.predict(shifted), model.predict(X), atol=1e-9)
        np.testing.assert_allclose(model.energy(shifted), model.energy(X), atol=1e-9)


def test_angles_that_are_wrapped_and_angles_that_are_not_are_the_same_data():
    X, y = pendulum(300, turns=40)
    wrapped = X.copy()
    wrapped[:, 0] = (X[:, 0] + np.pi) % (2 * np.pi) - np.pi
    options = {"periodic": [0], "random_state": 0}
    models = [HNNRegressor(**options).fit(rows, y) for rows in (X, wrapped)]
    test, of_test = pendulum(100, seed=1, turns=5)
    for model in models:
        assert 1 - model.score(test, of_test) < 1e-8


def test_a_simulation_goes_on_over_the_top_and_its_angle_is_not_wrapped():
    X, y = pendulum(400, turns=3)
    X[:, 1] *= 1.5
    y[:, 0] *= 1.5
    model = HNNRegressor(periodic=[0], random_state=0).fit(X, y)
    t = np.linspace(0, 30, 200)
    path = model.simulate([0.0, 2.2], t)  # it rotates
    assert path[-1, 0] > 6 * np.pi
    assert np.abs(np.diff(path[:, 0])).max() < 1.0
    energy = model.energy(path)
    np.testing.assert_allclose(energy, energy[0], atol=1e-6)


def test_periods_other_than_2_pi_and_of_some_columns():
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.uniform(0, 360, 400), rng.uniform(-1, 1, (400, 3))])
    q1, q2, p1, p2 = X.T
    force = -np.sin(np.deg2rad(q1)) * (1 + 0.3 * q2)
    y = np.stack([50 * p1, p2, force, -q2 - 0.3 * np.rad2deg(-np.cos(np.deg2rad(q1)))], axis=1)
    H = Quadratic("p") + MLP("q", periodic={0: 360.0})
    model = HNNRegressor(hamiltonian=H, random_state=0).fit(X, y)
    assert 1 - model.score(X, y) < 1e-6
    np.testing.assert_allclose(
        model.predict(X + np.array([720, 0, 0, 0])), model.predict(X), atol=1e-7
    )
    with pytest.raises(ValueError, match="period of column 0 is 180 on the estimator and 360"):
        HNNRegressor(hamiltonian=H, periodic={0: 180.0}).fit(X, y)


@pytest.mark.parametrize(
    ("periodic", "message"),
    [
        ({0: -1.0}, "positive and finite"),
        ([7], "columns"),
        ("q", "by name, where X has names; got 'q'"),
        ([True], "got \\[True\\]"),
    ],
)
def test_periods_that_make_no_sense_are_refused(periodic, message):
    with pytest.raises(ValueError, match=message):
        HNNRegressor(periodic=periodic).fit(*pendulum(30))


def test_angles_by_the_names_of_columns():
    pandas = pytest.importorskip("pandas")
    X, y = pendulum(200)
    frame = pandas.DataFrame(X, columns=["theta", "L"])
    named = HNNRegressor(periodic=["theta"], random_state=0).fit(frame, y)
    expected = HNNRegressor(periodic=[0], random_state=0).fit(X, y).predict(X)
    np.testing.assert_array_equal(named.predict(frame), expected)
    with pytest.raises(
        ValueError, match=r"names \['phi'\], and the columns of X are \['theta', 'L'"
    ):
        HNNRegressor(periodic=["phi"]).fit(frame, y)
    with pytest.raises(ValueError, match="sequence of indices; got \\['L'\\]"):
        HNNRegressor(hamiltonian=Quadratic(["L"])).fit(frame, y)


def test_an_angle_of_one_part_is_one_of_all():
    X, y = pendulum(200, turns=3)
    H = MLP("q", (20,)) * Quadratic("p") + MLP("q", (20,), periodic=[0])
    model = fit_quietly(HNNRegressor(hamiltonian=H, solver="least_squares", random_state=0), X, y)
    expected = HNNRegressor(hamiltonian=H, periodic=[0], solver="least_squares", random_state=0)
    np.testing.assert_array_equal(model.predict(X), fit_quietly(expected, X, y).predict(X))
    np.testing.assert_allclose(
        model.predict(X + np.array([2 * np.pi, 0])), model.predict(X), atol=1e-12
    )
    other = H + MLP("q", (20,), periodic={0: 1.0})
    with pytest.raises(ValueError, match=r"Column 0 has the periods 6\.28319 and 1 .*Give it one"):
        HNNRegressor(hamiltonian=other).fit(X, y)


@pytest.mark.parametrize("name", HAMILTONIANS)
def test_the_hamiltonian_of_a_fit_knows_its_angles(name):
    X, y = pendulum(60, turns=3)
    model = HNNRegressor(hamiltonian=name, periodic=[0], solver="adam", max_iter=1, random_state=0)
    found = fit_quietly(model, X, y).hamiltonian_
    angles = [part.periodic for part in found.layers() if part.columns != "p"]
    assert angles == [[0]] * len(angles)
    again = HNNRegressor(hamiltonian=found, solver="adam", max_iter=1, random_state=0)
    np.testing.assert_array_equal(fit_quietly(again, X, y).predict(X), model.predict(X))


def well(q):
    """A potential that is no function of an angle."""
    return 0.05 * q[:, 0] ** 2


def test_a_known_energy_of_an_angle_has_its_period():
    X, y = pendulum(60)
    H = Quadratic("p") + MLP("q") + Known(well, lambda q: 0.1 * q, columns="q")
    with pytest.raises(ValueError, match=r"Column 0 of X is an angle of period .*, and a known"):
        HNNRegressor(hamiltonian=H, periodic=[0]).fit(X, y)
    torque = Known(lambda q: 0.1 * q[:, 0], lambda q: 0.1 + 0.0 * q, columns="q")
    H = Quadratic("p") + MLP("q") + torque
    model = HNNRegressor(hamiltonian=H, periodic=[0], random_state=0).fit(X, y - [0.0, 0.1])
    assert 1 - model.score(X, y - [0.0, 0.1]) < 1e-6


def test_functions_of_a_known_energy_may_write_to_what_they_get():
    def gradient(q):
        q %= 2 * np.pi
        return np.sin(q)

    X, y = pendulum(60, turns=3)
    before = X.copy()
    known = Known(lambda q: 1 - np.cos(q[:, 0]), gradient, columns="q")
    model = HNNRegressor(hamiltonian=Quadratic("p") + known, periodic=[0]).fit(X, y)
    np.testing.assert_allclose(model.predict(X), y, atol=1e-10)
    np.testing.assert_array_equal(X, before)


def cosine(q):
    """An energy of arrays."""
    return 1 - np.cos(q[:, 0])


MISTAKEN = {
    "no number": (lambda: torch_root, None, None, "not finite at .* rows, first at row"),
    "a column that it does not get": (
        lambda: fourth, None, None, r"columns \[0\] of X, shape \(50, 1\), and failed: IndexError"
    ),
    "a hessian of another shape": (
        lambda: cosine, np.sin, np.cos, r"shape \(50, 1, 1\); got \(50, 1\)"
    ),
    "another hessian": (
        lambda: cosine, np.sin, lambda q: -np.cos(q)[:, :, None], "is not that of its function"
    ),
}  # fmt: skip


def torch_root(q):
    """Not a number where q is negative."""
    return torch.sqrt(q[:, 0])


def fourth(q):
    """A column of X, and not of what it reads."""
    return q[:, 3]


@pytest.mark.parametrize("kind", MISTAKEN)
def test_mistaken_functions_of_a_known_energy_are_named(kind):
    function, gradient, hessian, message = MISTAKEN[kind]
    H = Quadratic("p") + MLP("q") + Known(function(), gradient, hessian, columns="q")
    with pytest.raises(ValueError, match=message):
        HNNRegressor(hamiltonian=H).fit(*pendulum(60))


def test_a_hessian_that_is_right_is_taken():
    known = Known(cosine, np.sin, lambda q: np.cos(q)[:, :, None], columns="q")
    X, y = pendulum(60)
    model = HNNRegressor(hamiltonian=Quadratic("p") + known).fit(X, y)
    assert 1 - model.score(X, y) < 1e-12


def test_a_function_in_place_of_a_hamiltonian_is_refused_with_what_to_do():
    with pytest.raises(ValueError, match=r"an object of skhnn.hamiltonians, .*Known\(function\)"):
        HNNRegressor(hamiltonian=cosine).fit(*pendulum(30))
    with pytest.raises(TypeError, match=r"Did you mean Known\(\) of this function"):
        MLP("q") + cosine


def test_a_known_function_of_arrays_makes_no_module_of_torch():
    X, y = pendulum(60)
    known = Known(cosine, np.sin, columns="q")
    model = HNNRegressor(hamiltonian=Quadratic("p") + known).fit(X, y)
    with pytest.raises(ValueError, match="not one of tensors, so there is no module of torch"):
        model.to_torch()


def test_all_columns_may_be_angles():
    rng = np.random.default_rng(0)
    X = rng.uniform(-np.pi, np.pi, (300, 2))  # H = cos q + cos p
    y = np.stack([-np.sin(X[:, 1]), np.sin(X[:, 0])], axis=1)
    model = HNNRegressor(periodic=[0, 1], random_state=0).fit(X, y)
    assert 1 - model.score(X, y) < 1e-8
