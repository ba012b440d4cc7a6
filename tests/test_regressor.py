"""HNNRegressor: the mathematics of what it fits, and the manners of an estimator."""

import os
import pickle
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest
from helpers import (
    asymmetric_data,
    asymmetric_field,
    central_differences,
    fit_quietly,
    structure_matrix,
)
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import r2_score

from skhnn import HNNRegressor
from skhnn._asked_for import rows_held_out
from skhnn._solvers import SOLVERS, Monitor
from skhnn.datasets import make_mass_spring, make_pendulum
from skhnn.hamiltonians import ACTIVATIONS

every_solver = pytest.mark.parametrize("solver", [solver.name for solver in SOLVERS])
ITERATIVE = ["soap", "adam", "lbfgs"]


@pytest.fixture(scope="module")
def data():
    return asymmetric_data(300)


@pytest.fixture(scope="module")
def model(data):
    return HNNRegressor((20, 20), random_state=0).fit(*data)


def quick(**kwargs):
    return HNNRegressor(
        **{
            "hidden_layer_sizes": (8,),
            "n_iter_no_change": 10,
            "random_state": 0,
            "solver": "lbfgs",
            **kwargs,
        }
    )


# ---------------------------------------------------------------- mathematics


@pytest.mark.slow
def test_learned_field_is_right_away_from_the_training_rows(model):
    X = np.random.default_rng(1).uniform(-0.8, 0.8, (500, 4))
    assert model.score(X, asymmetric_field(X)) > 0.9999


def test_sign_prediction_is_j_times_the_difference_quotient_of_the_energy(model, data):
    gradient = central_differences(model.energy, data[0])
    np.testing.assert_allclose(model.predict(data[0]), gradient @ structure_matrix(2).T, atol=1e-8)


def test_field_is_divergence_free(model, data):
    jacobian = central_differences(model.predict, data[0])
    assert np.abs(np.trace(jacobian, axis1=1, axis2=2)).max() < 1e-8


def test_jacobian_of_the_field_is_hamiltonian(model, data):
    # J F is symmetric for F = J Hess H: the condition of being a Hamiltonian vector field.
    jacobian = structure_matrix(2) @ central_differences(model.predict, data[0])
    np.testing.assert_allclose(jacobian, jacobian.swapaxes(1, 2), atol=1e-8)


def test_loss_is_half_of_one_minus_score(data):
    model = quick(alpha=0.0).fit(*data)
    assert model.score(*data) == pytest.approx(1 - 2 * model.loss_, abs=1e-10)


def test_mean_energy_of_the_training_data_is_zero(model, data):
    assert model.energy(data[0]).mean() == pytest.approx(0.0, abs=1e-13)


def test_mean_energy_is_weighted_as_the_rows_are(data):
    weight = np.random.default_rng(0).uniform(0, 2, len(data[0]))
    model = quick().fit(*data, sample_weight=weight)
    energies = model.energy(data[0])
    assert np.average(energies, weights=weight) == pytest.approx(0.0, abs=1e-12)


def test_energy_differences_are_those_of_the_system():
    bunch = make_pendulum(400, random_state=0)
    model = HNNRegressor(random_state=0).fit(bunch.data, bunch.target)
    exact = bunch.system.energy(bunch.data)
    np.testing.assert_allclose(model.energy(bunch.data), exact - exact.mean(), atol=1e-2)


@pytest.mark.parametrize("units", [(1e3, 1e-3, 1e-3, 1e3), (1e-9, 1e-9, 1e-9, 1e-9)], ids=str)
def test_canonical_units_do_not_matter(data, units):
    # q and p in other units, time such that the derivatives are of size 1e6 in the second case
    X, y = data
    rate = 1.0 if units[0] == 1e3 else 1e15
    reference = fit_quietly(quick(max_iter=100), X, y)
    scaled = fit_quietly(quick(max_iter=100), X * units, y * units * rate)
    assert scaled.loss_ == pytest.approx(reference.loss_, rel=0.5)
    np.testing.assert_allclose(
        scaled.score(X * units, y * units * rate), reference.score(X, y), atol=1e-2
    )


@every_solver
def test_units_do_not_change_a_single_step(data, solver):
    X, y = data
    units = np.array([1e3, 1e-3, 1e-3, 1e3])
    models = [quick(solver=solver, max_iter=3, n_iter_no_change=9) for _ in range(2)]
    fit_quietly(models[0], X, y)
    fit_quietly(models[1], X * units, y * units)
    np.testing.assert_allclose(models[0].loss_curve_, models[1].loss_curve_, rtol=1e-9)
    np.testing.assert_allclose(
        models[0].predict(X), models[1].predict(X * units) / units, atol=1e-9
    )


@pytest.mark.parametrize("activation", list(ACTIVATIONS))
def test_every_activation_learns(data, activation):
    model = fit_quietly(
        HNNRegressor((20,), activation=activation, max_iter=500, random_state=0, solver="lbfgs"),
        *data,
    )
    assert model.activation_ == activation
    assert model.score(*data) > 0.99


@pytest.mark.slow
@every_solver
def test_every_solver_learns_the_circle(solver):
    X, y = make_mass_spring(return_X_y=True)
    max_iter = 40 if solver == "gauss_newton" else 400
    settings = {"max_iter": max_iter, "learning_rate_init": 0.003}
    if solver not in ("auto", "least_squares"):
        settings["hidden_layer_sizes"] = (30,)
    model = fit_quietly(HNNRegressor(solver=solver, random_state=0, **settings), X, y)
    assert model.score(X, y) > 0.9999
    t = np.linspace(0, 1, 50)
    exact = np.stack([np.sin(2 * np.pi * t), np.cos(2 * np.pi * t)], axis=1)
    np.testing.assert_allclose(model.simulate(X[0], t), exact, atol=0.02)


@pytest.mark.parametrize("solver", ITERATIVE)
def test_float32_trains_nearly_as_well_and_stores_float64(data, solver):
    model = HNNRegressor((20,), solver=solver, dtype="float32", random_state=0)
    model.set_params(learning_rate_init=0.01, max_iter=500)
    fit_quietly(model, *data)
    assert model.score(*data) > 0.98
    assert all(W.dtype == np.float64 for W in model.coefs_)
    assert model.predict(data[0]).dtype == np.float64


def test_integer_weights_are_repetitions_in_the_first_steps(data):
    X, y = data
    weight = np.random.default_rng(0).integers(0, 4, len(X))
    weighted, repeated = quick(max_iter=5, tol=0.0), quick(max_iter=5, tol=0.0)
    with pytest.warns(ConvergenceWarning):
        weighted.fit(X, y, sample_weight=weight)
    with pytest.warns(ConvergenceWarning):
        repeated.fit(np.repeat(X, weight, axis=0), np.repeat(y, weight, axis=0))
    np.testing.assert_allclose(weighted.loss_curve_, repeated.loss_curve_, rtol=1e-10)


def test_alpha_shrinks_the_weights(data):
    X, y = data
    G = np.hstack([-y[:, 2:], y[:, :2]])
    energy_scale = np.sqrt(np.mean((G * X.std(0)) ** 2))
    sizes = []
    for alpha in (0.0, 1.0, 100.0):
        model = quick(alpha=alpha, max_iter=300)
        fit_quietly(model, X, y)
        # the penalty is on the weights of the standardised network
        s = X.std(0)
        units = np.concatenate([np.ones(8), s, np.outer(s, s)[np.triu_indices(4)]])[:, None]
        first, last = model.coefs_[0] * s[:, None], model.coefs_[1] * units / energy_scale
        sizes.append((first**2).sum() + (last**2).sum())
    assert sizes[0] > sizes[1] > sizes[2]


# ---------------------------------------------------------------- estimator


def test_constructor_stores_its_arguments_untouched():
    sizes = [3, 4]
    model = HNNRegressor(sizes, activation="nonsense", max_iter="later", solver="lbfgs")
    assert model.hidden_layer_sizes is sizes
    assert clone(model).get_params()["activation"] == "nonsense"
    with pytest.raises(TypeError):
        HNNRegressor((3,), "tanh")


def test_fitted_attributes(data):
    X, y = data
    model = quick().fit(X, y)
    assert [W.shape for W in model.coefs_] == [(4, 8), (8 + 4 + 10, 1)]
    assert [b.shape for b in model.intercepts_] == [(8,), (1 + 4,)]
    np.testing.assert_allclose(model.intercepts_[-1][1:], X.mean(axis=0), atol=1e-12)
    assert (model.n_dof_, model.n_features_in_, model.hidden_layer_sizes_) == (2, 4, (8,))
    assert model.n_iter_ == len(model.loss_curve_)
    assert model.loss_ == pytest.approx(model.loss_curve_[-1], rel=1e-9)
    assert model.best_loss_ == min(model.loss_curve_)
    assert not hasattr(model, "feature_names_in_")


def test_default_architecture_is_chosen_in_fit(data):
    model = HNNRegressor(max_iter=1, solver="lbfgs")
    with pytest.warns(ConvergenceWarning):
        model.fit(*data)
    assert model.hidden_layer_sizes is None
    assert model.hidden_layer_sizes_ == (64, 64)


def test_an_integer_is_one_hidden_layer(data):
    assert fit_quietly(quick(hidden_layer_sizes=5), *data).hidden_layer_sizes_ == (5,)


def test_score_is_the_uniform_average_of_r2(model, data):
    expected = r2_score(data[1], model.predict(data[0]), multioutput="uniform_average")
    assert model.score(*data) == expected


@every_solver
def test_same_random_state_same_model(data, solver):
    fits = [fit_quietly(quick(solver=solver, max_iter=50), *data) for _ in range(2)]
    np.testing.assert_array_equal(fits[0].predict(data[0]), fits[1].predict(data[0]))


@pytest.mark.filterwarnings("ignore::skhnn.ExtrapolationWarning")
@every_solver
def test_fit_changes_neither_its_input_nor_global_random_state(data, solver):
    import torch

    X, y = data[0].copy(), data[1].copy()
    np.random.seed(0)  # noqa: NPY002 - the global state is the point
    torch.manual_seed(0)
    expected = np.random.random(), torch.rand(1).item()  # noqa: NPY002
    np.random.seed(0)  # noqa: NPY002 - the global state is the point
    torch.manual_seed(0)
    threads = torch.get_num_threads()
    fit_quietly(quick(solver=solver, max_iter=50), X, y).simulate(X[0], [0, 1])
    assert (np.random.random(), torch.rand(1).item()) == expected  # noqa: NPY002
    assert torch.get_num_threads() == threads
    np.testing.assert_array_equal(X, data[0])
    np.testing.assert_array_equal(y, data[1])


def test_warm_start_continues(data):
    model = quick(hidden_layer_sizes=(20,), max_iter=60, tol=0.0, warm_start=True)
    with pytest.warns(ConvergenceWarning):
        model.fit(*data)
    before = model.loss_
    with pytest.warns(ConvergenceWarning):
        model.fit(*data)
    assert model.loss_curve_[0] < before * 1.001
    assert model.loss_ < before


def test_warm_start_refuses_another_architecture(data):
    model = quick(warm_start=True).fit(*data)
    with pytest.raises(
        ValueError,
        match=r"go on with a model of 4 columns, MLP.*sizes=\(8,\)\); got .*sizes=\(9,\)",
    ):
        model.set_params(hidden_layer_sizes=(9,)).fit(*data)


def test_early_stopping_restores_the_best_weights(data):
    rng = np.random.default_rng(0)
    noisy = data[1] + rng.normal(size=data[1].shape)
    model = HNNRegressor(
        (50,),
        early_stopping=True,
        validation_fraction=0.3,
        n_iter_no_change=30,
        random_state=1,
        solver="lbfgs",
    )
    fit_quietly(model, data[0], noisy)
    best = int(np.argmax(model.validation_scores_))
    assert best < model.n_iter_ - 1
    assert model.best_loss_ is None
    # The same run, cut off at the best iteration, has the same weights.
    short = clone(model).set_params(max_iter=best + 1)
    with pytest.warns(ConvergenceWarning):
        short.fit(data[0], noisy)
    np.testing.assert_array_equal(model.coefs_[0], short.coefs_[0])


@pytest.mark.parametrize("solver", [*ITERATIVE, "gauss_newton"])
def test_early_stopping_holds_out_whole_groups(monkeypatch, data, solver):
    from skhnn import _fit

    groups = np.repeat(np.arange(30), 10)
    X = data[0].copy()
    X[:, 0] += groups  # tells the group of a row
    seen = []
    subset = _fit.Problem.subset

    def spy(problem, rows):
        seen.append(rows)
        return subset(problem, rows)

    monkeypatch.setattr(_fit.Problem, "subset", spy)
    model = quick(early_stopping=True, validation_fraction=0.2, solver=solver, max_iter=200)
    fit_quietly(model, X, data[1], groups=groups)
    sizes = [len(rows) for rows in seen[:2]]  # later ones are of the diagnosis
    assert sorted(sizes) == [60, 240]  # 6 whole groups of 30 are held out
    assert not set(groups[seen[0]]) & set(groups[seen[1]])


def test_groups_are_never_split(data):
    groups = np.repeat(np.arange(30), 10)
    for seed in range(5):
        model = HNNRegressor(early_stopping=True, validation_fraction=0.15, solver="lbfgs")
        train, hold_out = rows_held_out(model, 300, groups, np.random.RandomState(seed))
        assert not set(groups[train]) & set(groups[hold_out])
        assert len(train) + len(hold_out) == 300


def test_verbose_prints_the_loss(data, capsys):
    with pytest.warns(ConvergenceWarning):
        quick(verbose=True, max_iter=3, tol=0.0, early_stopping=True).fit(*data)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("Iteration 1, loss = ")
    assert ", validation score = " in lines[0]


# ---------------------------------------------------------------- endings


@pytest.mark.parametrize("solver", [*ITERATIVE, "gauss_newton"])
def test_max_iter_warns_with_advice_and_leaves_a_model(data, solver):
    scheduled = solver in ("soap", "adam")
    advice = "increase max_iter, or leave it" if scheduled else "increase max_iter or fit again"
    with pytest.warns(ConvergenceWarning, match=advice):
        model = quick(max_iter=2, solver=solver, tol=0.0).fit(*data)
    assert model.n_iter_ == 2
    assert np.isfinite(model.predict(data[0])).all()


@pytest.mark.parametrize("solver", ITERATIVE)
def test_ctrl_c_leaves_a_usable_model_and_a_warning(data, solver):
    import torch  # noqa: F401  (takes longer than the timer)

    model = quick(solver=solver, hidden_layer_sizes=(64, 64), max_iter=10**6, tol=0.0)
    model.set_params(learning_rate="constant", n_iter_no_change=10**6)
    timer = threading.Timer(0.7, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.warns(ConvergenceWarning, match="was interrupted after"):
        model.fit(*data)
    timer.join()
    assert 0 < model.n_iter_ < 10**6
    assert model.score(*data) > 0


def test_ctrl_c_under_auto_leaves_the_best_so_far(data, monkeypatch):
    model = HNNRegressor((6, 6, 6), max_iter=1000, random_state=0)
    iterations, end_of_iteration = [], Monitor.__call__

    def interrupted(self, loss, theta):
        iterations.append(loss)
        if len(iterations) == 500:
            os.kill(os.getpid(), signal.SIGINT)
        return end_of_iteration(self, loss, theta)

    monkeypatch.setattr(Monitor, "__call__", interrupted)
    with pytest.warns(ConvergenceWarning, match="was interrupted after"):
        model.fit(*data)
    assert model.score(*data) > 0
    assert model.solver_ in ("least_squares", "soap")


def test_a_diverging_fit_keeps_the_last_finite_weights(data):
    model = quick(solver="adam", learning_rate_init=1e300, max_iter=20)
    with pytest.warns(ConvergenceWarning, match="no longer finite.*lower learning_rate_init"):
        model.fit(*data)
    assert np.isfinite(model.coefs_[0]).all()


def test_a_default_fit_converges_without_a_warning():
    X, y = make_pendulum(400, random_state=1, return_X_y=True)
    assert HNNRegressor(random_state=0).fit(X, y).score(X, y) > 0.99999


# ---------------------------------------------------------------- persistence, memory, imports

WITHOUT_TORCH = """
import sys, pickle

class Block:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "torch":
            raise ImportError(name + " is blocked")

sys.meta_path.insert(0, Block())
model, X, predicted, simulated = pickle.load(sys.stdin.buffer)
import numpy as np
np.testing.assert_array_equal(model.predict(X), predicted)
np.testing.assert_array_equal(model.simulate(X[0], [0.0, 0.5, 1.0]), simulated)
model.energy(X)
assert "torch" not in sys.modules
from skhnn import HNNRegressor
from skhnn._solvers import Monitor
assert HNNRegressor(random_state=0).fit(X, predicted).score(X, predicted) > 0.99
try:
    HNNRegressor(solver="lbfgs").fit(X, predicted)
except ImportError:
    print("blocked as meant")
"""


@pytest.mark.filterwarnings("ignore::skhnn.ExtrapolationWarning")
def test_pickled_model_predicts_and_simulates_where_torch_is_absent(model, data):
    X = data[0]
    payload = pickle.dumps((model, X, model.predict(X), model.simulate(X[0], [0.0, 0.5, 1.0])))
    assert b"torch" not in payload
    result = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH], input=payload, capture_output=True, check=False
    )
    assert result.stdout.strip() == b"blocked as meant", result.stderr.decode()


@pytest.mark.slow
def test_predicting_many_rows_needs_little_memory():
    import tracemalloc

    X, y = asymmetric_data(50)
    model = HNNRegressor((64, 64), max_iter=1, random_state=0, solver="lbfgs")
    with pytest.warns(ConvergenceWarning):
        model.fit(X, y)
    X = np.random.default_rng(0).normal(size=(300_000, 4))
    for method, output in [(model.predict, X.nbytes), (model.energy, X.nbytes // 4)]:
        tracemalloc.start()
        method(X)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak - output < 20e6  # measured: about 4 MB


def test_data_frames_bring_their_names(data):
    pandas = pytest.importorskip("pandas")
    names = ["q_1", "q_2", "p_1", "p_2"]
    X = pandas.DataFrame(data[0], columns=names)
    model = quick().fit(X, pandas.DataFrame(data[1], columns=names))
    np.testing.assert_array_equal(model.feature_names_in_, names)
    np.testing.assert_array_equal(model.predict(X), quick().fit(*data).predict(data[0]))
    with pytest.raises(ValueError, match="feature names"):
        model.predict(X[names[::-1]])
