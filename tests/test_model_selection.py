"""Inside scikit-learn's meta-estimators the model is what it would be in a loop by hand."""

import pickle
import re
import warnings

import numpy as np
import pytest
import sklearn
import torch
from helpers import central_differences, fit_quietly, structure_matrix
from joblib import parallel_config
from scipy.stats import loguniform
from sklearn import config_context
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import BaggingRegressor
from sklearn.exceptions import NotFittedError
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.metrics import get_scorer, r2_score
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    HalvingGridSearchCV,
    ParameterGrid,
    RandomizedSearchCV,
    cross_val_predict,
    cross_validate,
    learning_curve,
    validation_curve,
)
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from skhnn import HNNRegressor
from skhnn.datasets import make_pendulum
from skhnn.preprocessing import UniformScaler

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

CV = GroupKFold(3)
PAGE = "https://skhnn.readthedocs.io/en/latest/generated/skhnn.HNNRegressor.html"


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """As in joblib's workers: sums over two threads round differently."""
    before = torch.get_num_threads()
    with threadpool_limits(1):
        torch.set_num_threads(1)
        yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def swings():
    """Six swings of a pendulum: X, y, groups."""
    data = make_pendulum(180, sampling="trajectories", n_trajectories=6, random_state=0)
    return data.data, data.target, data.groups


@pytest.fixture(scope="module")
def henon_heiles():
    """States in a box with sides of unequal length; H couples q_1 and q_2 by q_1^2 q_2."""
    X = np.random.default_rng(0).uniform(-1, 1, (3300, 4)) * [1.0, 0.3, 1.0, 0.5]
    q1, q2, p1, p2 = X.T
    y = np.stack([p1, p2, -(q1 + 2 * q1 * q2), -(q2 + q1**2 - q2**2)], axis=1)
    return X[:300], y[:300], X[300:], y[300:]


@pytest.fixture(scope="module")
def weights():
    return np.random.default_rng(1).uniform(0, 2, 180)


def make(hidden_layer_sizes=(8,), **params):
    params = {
        "max_iter": 30,
        "tol": 0.0,
        "alpha": 1e-6,
        "random_state": 0,
        "solver": "lbfgs",
        **params,
    }
    return HNNRegressor(hidden_layer_sizes, **params)


def frames_of(library):
    """The library, if scikit-learn can read the names of its columns."""
    frames = pytest.importorskip(library, reason=f"needs {library}: the extra 'test'")
    scaler = StandardScaler().fit(frames.DataFrame({"q": [0.0, 1.0]}))
    if not hasattr(scaler, "feature_names_in_"):
        versions = f"scikit-learn {sklearn.__version__} and {library} {frames.__version__}"
        pytest.skip(f"{versions}: column names are not read")
    return frames


def scores_by_hand(model, params, X, y, groups, /, **fit_params):
    """The score of each fold."""
    scores = []
    for train, test in CV.split(X, y, groups):
        per_row = {name: value[train] for name, value in fit_params.items()}
        fold = fit_quietly(clone(model).set_params(**params), X[train], y[train], **per_row)
        scores.append(fold.score(X[test], y[test]))
    return np.array(scores)


def assert_hamiltonian(predict, X, *, is_so=True):
    """J^T Df is a Hessian, hence symmetric, if the field f is J grad H in the coordinates of X."""
    hessian = structure_matrix(2).T @ central_differences(predict, X)
    skew = np.abs(hessian - hessian.swapaxes(1, 2)).max() / np.abs(hessian).max()
    divergence = np.abs(np.trace(structure_matrix(2) @ hessian, axis1=1, axis2=2)).max()
    assert (skew < 1e-8) == is_so
    assert is_so or skew > 0.1
    assert not is_so or divergence < 1e-8


# ----------------------------------------------------------------------------------- scalers


def test_uniform_scaler_in_front_is_the_change_of_variables_by_hand(henon_heiles):
    X, y, X_test, _ = henon_heiles
    mu, s = X.mean(axis=0), np.sqrt(X.var(axis=0).mean())
    by_hand = fit_quietly(make(), (X - mu) / s, y)
    pipe = fit_quietly(make_pipeline(UniformScaler(), make()), X, y)
    np.testing.assert_allclose(
        pipe.predict(X_test), by_hand.predict((X_test - mu) / s), rtol=1e-6, atol=1e-8
    )

    def energy(X):  # H(x) = s h(z)
        return s * pipe[-1].energy((X - mu) / s)

    gradient = central_differences(energy, X_test)
    np.testing.assert_allclose(
        pipe.predict(X_test), gradient @ structure_matrix(2).T, rtol=1e-6, atol=1e-8
    )


def test_uniform_scaler_in_front_changes_nothing_but_rounding(henon_heiles):
    X, y, X_test, _ = henon_heiles
    plain = fit_quietly(make(), X, y)
    pipe = fit_quietly(make_pipeline(UniformScaler(), make()), X, y)
    np.testing.assert_allclose(pipe.predict(X_test), plain.predict(X_test), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize(
    ("scaler", "is_so"), [(UniformScaler(), True), (StandardScaler(), False)], ids=["one", "each"]
)
def test_only_one_scale_leaves_the_field_hamiltonian(henon_heiles, scaler, is_so):
    X, y, X_test, _ = henon_heiles
    pipe = fit_quietly(make_pipeline(scaler, make()), X, y)
    assert_hamiltonian(pipe.predict, X_test[:20], is_so=is_so)


def lost(X, y, x_scale, y_scale):
    """1 - R^2 of the best J grad H in scaled states and targets, H(q) a polynomial of degree 8.

    In y = (p, -grad V(q)) the momenta are uncoupled and fitted exactly; V is by least squares.
    """
    z1, z2 = (X[:, :2] / x_scale[:2]).T
    powers = [(a, b) for a in range(9) for b in range(9 - a) if a + b]
    d1 = np.stack([a * z1 ** max(a - 1, 0) * z2**b for a, b in powers], axis=1)
    d2 = np.stack([b * z1**a * z2 ** max(b - 1, 0) for a, b in powers], axis=1)
    force = y[:, 2:] / y_scale[2:]
    spread = force.std(axis=0)
    basis = np.concatenate([d1 / spread[0], d2 / spread[1]])
    target = np.concatenate((force / spread).T)
    coef = np.linalg.lstsq(basis, target, rcond=None)[0]
    return np.sum((basis @ coef - target) ** 2) / len(X) / 4


def test_standard_scaler_in_front_loses_what_no_network_can_fit(henon_heiles):
    X, y, X_test, y_test = henon_heiles
    model = make((16,), max_iter=200)
    uniform = fit_quietly(make_pipeline(UniformScaler(), clone(model)), X, y)
    standard = fit_quietly(make_pipeline(StandardScaler(), clone(model)), X, y)
    floor = lost(X_test, y_test, X.std(axis=0), np.ones(4))
    assert floor > 0.04
    assert 1 - standard.score(X_test, y_test) > 0.97 * floor
    assert lost(X_test, y_test, np.ones(4), np.ones(4)) < 1e-20
    assert 1 - uniform.score(X_test, y_test) < 0.002


def test_standard_scaler_on_the_targets_loses_what_no_network_can_fit(henon_heiles):
    X, y, X_test, y_test = henon_heiles
    model = make((16,), max_iter=200)
    plain = fit_quietly(clone(model), X, y)
    uniform, standard = (
        fit_quietly(TransformedTargetRegressor(clone(model), transformer=scaler), X, y)
        for scaler in (UniformScaler(), StandardScaler())
    )
    floor = lost(X_test, y_test, np.ones(4), y.std(axis=0))
    assert floor > 0.008
    assert 1 - standard.score(X_test, y_test) > 0.97 * floor
    assert 1 - uniform.score(X_test, y_test) < 0.002
    assert abs(uniform.score(X_test, y_test) - plain.score(X_test, y_test)) < 0.001


def test_uniform_scaler_on_the_targets_changes_the_unit_of_energy_only(swings):
    # With every state its mirror image, which has the mirrored derivative: the targets have
    # mean zero, so nothing is subtracted.
    X, y = (np.concatenate([part, -part]) for part in swings[:2])
    plain = fit_quietly(make(), X, y)
    wrapped = fit_quietly(TransformedTargetRegressor(make(), transformer=UniformScaler()), X, y)
    np.testing.assert_allclose(wrapped.predict(X), plain.predict(X), rtol=1e-6, atol=1e-8)
    energy = wrapped.transformer_.scale_ * wrapped.regressor_.energy(X)
    np.testing.assert_allclose(energy, plain.energy(X), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_set_output_makes_frames_between_the_steps(swings, library):
    frames = frames_of(library)
    X, y, _ = swings
    pipe = make_pipeline(UniformScaler(), make()).set_output(transform=library)
    named = frames.DataFrame(dict(zip(["q", "p"], X.T, strict=True)))
    fit_quietly(pipe, named, y)
    between = pipe[:-1].transform(named)
    assert isinstance(between, frames.DataFrame)
    assert list(between.columns) == ["q", "p"]
    assert list(pipe[-1].feature_names_in_) == ["q", "p"]
    scale = np.sqrt(X.var(axis=0).mean())
    np.testing.assert_allclose(between.to_numpy(), (X - X.mean(axis=0)) / scale, atol=1e-12)
    arrays = fit_quietly(make_pipeline(UniformScaler(), make()), X, y)
    # a frame keeps its columns one after another in memory, so sums over rows round differently,
    # and training amplifies that
    np.testing.assert_allclose(pipe.predict(named), arrays.predict(X), atol=1e-4)


# ---------------------------------------------------------------------------------- searches

GRID = {
    "hidden_layer_sizes": [(4,), (4, 4), 6],
    "alpha": [1e-6, 1e-2],
    "activation": ["tanh", "sin"],
}


@pytest.fixture(scope="module")
def grid_search(swings):
    X, y, groups = swings
    search = GridSearchCV(make(), GRID, cv=CV, n_jobs=2)
    with parallel_config("loky", inner_max_num_threads=1):
        return fit_quietly(search, X, y, groups=groups)


@pytest.mark.slow
def test_grid_search_in_two_processes_finds_what_a_loop_finds(swings, grid_search):
    scores = [scores_by_hand(make(), params, *swings).mean() for params in ParameterGrid(GRID)]
    np.testing.assert_allclose(grid_search.cv_results_["mean_test_score"], scores, rtol=1e-6)
    assert grid_search.best_score_ == pytest.approx(max(scores), rel=1e-6)
    assert grid_search.best_params_ == list(ParameterGrid(GRID))[np.argmax(scores)]
    assert np.ptp(scores) > 0.01  # the parameters arrived


@pytest.mark.slow
def test_the_best_estimator_of_a_search_is_refitted_and_simulates(swings, grid_search):
    X, y, _ = swings
    by_hand = fit_quietly(make().set_params(**grid_search.best_params_), X, y)
    np.testing.assert_allclose(grid_search.predict(X), by_hand.predict(X), rtol=1e-9, atol=1e-12)
    t = np.linspace(0, 5, 11)
    found = grid_search.best_estimator_.simulate(X[0], t)
    np.testing.assert_allclose(found, by_hand.simulate(X[0], t), rtol=1e-6, atol=1e-9)
    energy = by_hand.energy(found)
    assert np.ptp(energy) < 1e-7 * np.ptp(by_hand.energy(X))


def test_halving_search_gives_the_better_half_more_iterations(swings):
    X, y, groups = swings
    alphas = [1e-6, 1e-3, 1e-1, 10.0]
    search = HalvingGridSearchCV(
        make(), {"alpha": alphas}, resource="max_iter", min_resources=5, max_resources=20,
        factor=2, cv=CV,
    )  # fmt: skip
    fit_quietly(search, X, y, groups=groups)
    assert list(search.cv_results_["n_resources"]) == [5] * 4 + [10] * 2 + [20]
    left = alphas
    for max_iter in (5, 10, 20):
        rows = search.cv_results_["n_resources"] == max_iter
        assert sorted(search.cv_results_["param_alpha"][rows]) == sorted(left)
        scores = {
            alpha: scores_by_hand(make(), dict(alpha=alpha, max_iter=max_iter), *swings).mean()
            for alpha in left
        }
        np.testing.assert_allclose(
            sorted(search.cv_results_["mean_test_score"][rows]), sorted(scores.values()), rtol=1e-9
        )
        best = sorted(left, key=scores.get, reverse=True)
        left = best[: len(left) // 2]
    assert search.best_params_ == {"alpha": best[0], "max_iter": 20}
    assert search.best_score_ == pytest.approx(scores[best[0]], rel=1e-9)
    assert len(search.best_estimator_.loss_curve_) == search.best_estimator_.n_iter_ == 20


def test_randomized_search_reaches_a_parameter_through_nested_pipelines(swings):
    X, y, groups = swings
    nested = Pipeline([("pipe", make_pipeline(UniformScaler(), make()))])
    space = {"pipe__hnnregressor__alpha": loguniform(1e-6, 10)}
    search = RandomizedSearchCV(nested, space, n_iter=4, cv=CV, random_state=0)
    fit_quietly(search, X, y, groups=groups)
    scores = [scores_by_hand(nested, p, *swings).mean() for p in search.cv_results_["params"]]
    np.testing.assert_allclose(search.cv_results_["mean_test_score"], scores, rtol=1e-9)
    assert search.best_score_ == pytest.approx(max(scores), rel=1e-9)
    assert np.ptp(scores) > 0.01
    alpha = search.best_params_["pipe__hnnregressor__alpha"]
    assert search.best_estimator_[-1][-1].alpha == alpha


def test_optuna_search_is_at_least_as_good_as_its_first_trial(swings):
    optuna = pytest.importorskip("optuna", reason="needs optuna")
    integration = pytest.importorskip("optuna_integration", reason="needs optuna-integration")
    X, y, groups = swings
    first = {"hidden_layer_sizes": 8, "alpha": 1e-6, "activation": "tanh"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        # optuna's own, of one of its modules that it calls itself
        warnings.filterwarnings("ignore", "`optuna.terminator` module", FutureWarning)
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        study = optuna.create_study(
            direction="maximize", sampler=optuna.samplers.TPESampler(seed=0)
        )
        study.enqueue_trial(first)
        search = integration.OptunaSearchCV(
            make(),
            {
                "hidden_layer_sizes": optuna.distributions.IntDistribution(4, 12),
                "alpha": optuna.distributions.FloatDistribution(1e-8, 1e-1, log=True),
                "activation": optuna.distributions.CategoricalDistribution(["tanh", "silu"]),
            },
            study=study, cv=CV, n_trials=5,
        )  # fmt: skip
        search.fit(X, y, groups=groups)
    assert search.trials_[0].params == first
    for trial in search.trials_[:2]:
        by_hand = scores_by_hand(make(), trial.params, *swings).mean()
        assert trial.value == pytest.approx(by_hand, rel=1e-9)
    assert search.best_score_ == max(trial.value for trial in search.trials_)
    assert search.best_score_ >= search.trials_[0].value
    assert type(search.best_params_["hidden_layer_sizes"]) is int
    units = search.best_params_["hidden_layer_sizes"]
    assert search.best_estimator_.hidden_layer_sizes_ == (units,)
    by_hand = fit_quietly(make().set_params(**search.best_params_), X, y)
    np.testing.assert_array_equal(search.best_estimator_.predict(X), by_hand.predict(X))


@pytest.mark.slow
def test_optuna_study_searches_for_the_number_of_layers_too(swings):
    optuna = pytest.importorskip("optuna", reason="needs optuna")

    def objective(trial):
        sizes = (trial.suggest_int("units", 4, 8),) * trial.suggest_int("n_layers", 1, 2)
        return scores_by_hand(make(sizes), {}, *swings).mean()

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=0))
    study.enqueue_trial({"units": 8, "n_layers": 1})
    study.optimize(objective, n_trials=4)
    default = scores_by_hand(make((8,)), {}, *swings).mean()
    assert study.trials[0].value == pytest.approx(default, rel=1e-9)
    best = (study.best_params["units"],) * study.best_params["n_layers"]
    by_hand = scores_by_hand(make(best), {}, *swings).mean()
    assert study.best_value == pytest.approx(by_hand, rel=1e-9)
    assert study.best_value >= default
    assert {trial.params["n_layers"] for trial in study.trials} == {1, 2}


# -------------------------------------------------------------------------- cross-validation


def test_cross_validation_tests_on_whole_trajectories(swings):
    X, y, groups = swings
    result = cross_validate(
        make(), X, y, groups=groups, cv=CV, return_estimator=True, return_indices=True
    )
    for fold, model in enumerate(result["estimator"]):
        train, test = (result["indices"][side][fold] for side in ("train", "test"))
        assert not set(groups[train]) & set(groups[test])
        assert len(test) == 30 * len(np.unique(groups[test])) == 60
        residual = ((y[test] - model.predict(X[test])) ** 2).sum(axis=0)
        total = ((y[test] - y[test].mean(axis=0)) ** 2).sum(axis=0)
        score = np.mean(1 - residual / total)
        assert result["test_score"][fold] == pytest.approx(score, rel=1e-9)
    np.testing.assert_allclose(result["test_score"], scores_by_hand(make(), {}, *swings), rtol=1e-9)


def test_cross_validated_predictions_come_from_the_other_trajectories(swings):
    X, y, groups = swings
    predicted = cross_val_predict(make(), X, y, groups=groups, cv=CV)
    expected = np.full_like(y, np.nan)
    for train, test in CV.split(X, y, groups):
        expected[test] = fit_quietly(make(), X[train], y[train]).predict(X[test])
    np.testing.assert_allclose(predicted, expected, rtol=1e-9)


def test_validation_curve_over_the_penalty(swings):
    X, y, groups = swings
    alphas = [1e-6, 10.0]
    _, test = validation_curve(
        make(), X, y, param_name="alpha", param_range=alphas, groups=groups, cv=CV
    )
    by_hand = [scores_by_hand(make(), {"alpha": alpha}, *swings) for alpha in alphas]
    np.testing.assert_allclose(test, by_hand, rtol=1e-9)


def test_learning_curve_in_increments_goes_on_with_partial_fit(swings):
    X, y, groups = swings
    model = make(solver="adam", learning_rate_init=0.03)
    sizes, _, scores = learning_curve(
        model,
        X,
        y,
        groups=groups,
        cv=CV,
        train_sizes=[40, 80, 120],
        exploit_incremental_learning=True,
    )
    assert list(sizes) == [40, 80, 120]
    for fold, (train, test) in enumerate(CV.split(X, y, groups)):
        by_hand = clone(model)
        for i, rows in enumerate(np.split(train, 3)):
            by_hand.partial_fit(X[rows], y[rows])
            assert scores[i, fold] == pytest.approx(by_hand.score(X[test], y[test]), rel=1e-9)


# --------------------------------------------------------------------------------- ensembles


def test_bagging_averages_fits_of_bootstrap_samples(swings):
    X, y, _ = swings
    model = make(max_iter=10)
    bagging = fit_quietly(BaggingRegressor(model, n_estimators=3, random_state=0), X, y)
    mean = np.mean([member.predict(X) for member in bagging.estimators_], axis=0)
    np.testing.assert_allclose(bagging.predict(X), mean, rtol=1e-12)
    for member, rows in zip(bagging.estimators_, bagging.estimators_samples_, strict=True):
        again = fit_quietly(clone(member), X[rows], y[rows])
        np.testing.assert_allclose(member.predict(X), again.predict(X), rtol=1e-5, atol=1e-7)
    assert len({member.random_state for member in bagging.estimators_}) == 3


# ------------------------------------------------------------------------------ clone, routing


def test_a_clone_is_unfitted_and_fits_to_the_same_model(swings):
    X, y, _ = swings
    model = fit_quietly(make(solver="adam"), X, y)
    with config_context(enable_metadata_routing=True):
        model.set_fit_request(groups=True)
    copy = clone(model)
    assert copy.get_params() == model.get_params()
    assert copy.get_metadata_routing().fit.requests["groups"] is True
    with pytest.raises(NotFittedError):
        copy.predict(X)
    np.testing.assert_array_equal(fit_quietly(copy, X, y).predict(X), model.predict(X))


def test_weights_reach_the_last_step_of_a_pipeline_by_name(swings, weights):
    X, y, _ = swings
    pipe = make_pipeline(UniformScaler(), make())
    fit_quietly(pipe, X, y, hnnregressor__sample_weight=weights)
    Z = (X - X.mean(axis=0)) / np.sqrt(X.var(axis=0).mean())
    by_hand = fit_quietly(make(), Z, y, sample_weight=weights)
    # training amplifies the rounding of Z
    np.testing.assert_allclose(pipe.predict(X), by_hand.predict(Z), atol=1e-4)
    unweighted = fit_quietly(make(), Z, y)
    assert np.abs(pipe.predict(X) - unweighted.predict(Z)).max() > 1e-3


def test_weights_are_routed_through_a_search_and_a_pipeline(swings, weights):
    X, y, groups = swings
    grid = {"hnnregressor__alpha": [1e-6, 1e-2]}
    with config_context(enable_metadata_routing=True):
        pipe = make_pipeline(
            UniformScaler().set_fit_request(sample_weight=True),
            make().set_fit_request(sample_weight=True, groups=False),
        )
        scoring = get_scorer("r2").set_score_request(sample_weight=True)
        search = GridSearchCV(pipe, grid, scoring=scoring, cv=CV)
        fit_quietly(search, X, y, sample_weight=weights, groups=groups)

    def fit(alpha, rows):
        w = weights[rows] / weights[rows].sum()
        mu = w @ X[rows]
        scale = np.sqrt((w @ (X[rows] - mu) ** 2).mean())
        model = make(alpha=alpha)
        fit_quietly(model, (X[rows] - mu) / scale, y[rows], sample_weight=weights[rows])
        return lambda X: model.predict((X - mu) / scale)

    scores = [
        np.mean([
            r2_score(y[test], fit(alpha, train)(X[test]), sample_weight=weights[test])
            for train, test in CV.split(X, y, groups)
        ])
        for alpha in grid["hnnregressor__alpha"]
    ]  # fmt: skip
    np.testing.assert_allclose(search.cv_results_["mean_test_score"], scores, rtol=1e-5)
    np.testing.assert_allclose(search.best_estimator_[0].mean_, weights @ X / weights.sum())
    refitted = fit(search.best_params_["hnnregressor__alpha"], np.arange(len(X)))
    np.testing.assert_allclose(search.predict(X), refitted(X), rtol=1e-5, atol=1e-7)
    Z = search.best_estimator_[0].transform(X)
    unweighted = fit_quietly(clone(search.best_estimator_[-1]), Z, y)
    assert np.abs(search.predict(X) - unweighted.predict(Z)).max() > 1e-3


def test_groups_are_routed_to_the_splits_and_to_early_stopping(swings):
    X, y, groups = swings
    model = make(early_stopping=True, validation_fraction=0.3, max_iter=60)
    with config_context(enable_metadata_routing=True):
        search = GridSearchCV(
            clone(model).set_fit_request(groups=True), {"alpha": [1e-6, 1e-2]}, cv=CV
        )
        fit_quietly(search, X, y, groups=groups)
    for params, mean in zip(
        search.cv_results_["params"], search.cv_results_["mean_test_score"], strict=True
    ):
        by_hand = scores_by_hand(model, params, X, y, groups, groups=groups).mean()
        assert mean == pytest.approx(by_hand, rel=1e-9)
    best = clone(model).set_params(**search.best_params_)
    with_groups = fit_quietly(clone(best), X, y, groups=groups)
    by_rows = fit_quietly(clone(best), X, y)
    np.testing.assert_array_equal(search.predict(X), with_groups.predict(X))
    assert np.abs(search.predict(X) - by_rows.predict(X)).max() > 1e-3


def test_without_routing_a_search_uses_groups_for_its_splits_only(swings):
    X, y, groups = swings
    model = make(early_stopping=True, validation_fraction=0.3, max_iter=60)
    search = fit_quietly(GridSearchCV(model, {"alpha": [1e-6]}, cv=CV), X, y, groups=groups)
    by_rows = scores_by_hand(model, {}, X, y, groups).mean()
    assert search.best_score_ == pytest.approx(by_rows, rel=1e-9)
    np.testing.assert_array_equal(search.predict(X), fit_quietly(clone(model), X, y).predict(X))


def test_without_routing_cross_validate_hands_groups_to_fit_as_a_parameter(swings):
    X, y, groups = swings
    model = make(early_stopping=True, validation_fraction=0.3, max_iter=60)
    found = cross_validate(model, X, y, groups=groups, cv=CV, params={"groups": groups})
    by_hand = scores_by_hand(model, {}, X, y, groups, groups=groups)
    np.testing.assert_allclose(found["test_score"], by_hand, rtol=1e-9)
    by_rows = scores_by_hand(model, {}, X, y, groups)
    assert np.abs(found["test_score"] - by_rows).max() > 1e-3


# ----------------------------------------------------------------------------- frames and HTML


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_frames_give_the_numbers_of_arrays(swings, library):
    frames = frames_of(library)
    X, y, groups = swings
    named_X = frames.DataFrame({"angle": X[:, 0], "momentum": X[:, 1]})
    named_y = frames.DataFrame({"speed": y[:, 0], "torque": y[:, 1]})
    model, arrays = fit_quietly(make(), named_X, named_y), fit_quietly(make(), X, y)
    assert list(model.feature_names_in_) == ["angle", "momentum"]
    assert not hasattr(arrays, "feature_names_in_")
    np.testing.assert_array_equal(model.predict(named_X), arrays.predict(X))
    np.testing.assert_array_equal(model.energy(named_X), arrays.energy(X))
    assert model.score(named_X, named_y) == pytest.approx(arrays.score(X, y), rel=1e-12)
    with pytest.raises(ValueError, match="same order"):
        model.predict(named_X[["momentum", "angle"]])
    grid = {"alpha": [1e-6, 1e-2]}
    of_frames = fit_quietly(GridSearchCV(make(), grid, cv=CV), named_X, named_y, groups=groups)
    of_arrays = fit_quietly(GridSearchCV(make(), grid, cv=CV), X, y, groups=groups)
    np.testing.assert_allclose(
        of_frames.cv_results_["mean_test_score"],
        of_arrays.cv_results_["mean_test_score"],
        rtol=1e-9,
    )
    assert list(of_frames.feature_names_in_) == ["angle", "momentum"]


def test_html_links_to_the_documentation_and_changes_nothing(swings):
    X, y, _ = swings
    model = make()
    for _ in range(2):  # before and after fit
        before = pickle.dumps(model)
        html = model._repr_html_()
        links = set(re.findall(r"https://skhnn\.readthedocs\.io[^\"#]*", html))
        assert links == {PAGE}
        assert pickle.dumps(model) == before
        pipe = make_pipeline(UniformScaler(), model)
        assert PAGE in pipe._repr_html_()
        fit_quietly(model, X, y)
    assert ("not fitted" in make()._repr_html_().lower()) != ("not fitted" in html.lower())
