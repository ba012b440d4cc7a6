"""A fitted model is numpy and plain Python: it can be stored by pickle, joblib and skops."""

import copy
import io
import pickle

import joblib
import numpy as np
import pytest
from helpers import asymmetric_data, fit_quietly

from skhnn import HNNRegressor
from skhnn.hamiltonians import MLP, Known, Quadratic, Radial


@pytest.fixture(
    scope="module",
    params=["lbfgs", "auto", "least_squares", "adam", "float32", "early stopping", "cuda"],
)
def model(request):
    X, y = asymmetric_data(60)
    settings = {
        "lbfgs": {},
        "auto": {"solver": "auto"},
        "least_squares": {"solver": "least_squares"},
        "adam": {"solver": "adam"},
        "float32": {"dtype": "float32"},
        "early stopping": {"early_stopping": True},
        "cuda": {},
    }
    options = {"solver": "lbfgs", "max_iter": 5, "random_state": 0}
    model = HNNRegressor((5,), **options | settings[request.param])
    fit_quietly(model, X, y)
    if request.param == "cuda":  # as if it came from a machine with a GPU
        model.device, model._device = "cuda", "cuda:0"
    return model


def by_pickle(model):
    return pickle.loads(pickle.dumps(model))


def by_joblib(model):
    buffer = io.BytesIO()
    joblib.dump(model, buffer)
    buffer.seek(0)
    return joblib.load(buffer)


def by_skops(model):
    skops = pytest.importorskip("skops.io", reason="needs skops: the extra 'test'")
    stored = skops.dumps(model)
    ours = skops.get_untrusted_types(data=stored)
    assert all(name.startswith("skhnn.") for name in ours)  # nothing else has to be trusted
    return skops.loads(stored, trusted=ours)


@pytest.mark.filterwarnings("ignore::skhnn.ExtrapolationWarning")
@pytest.mark.parametrize("route", [by_pickle, by_joblib, by_skops, copy.deepcopy])
def test_a_stored_model_is_the_same(model, route):
    X, _ = asymmetric_data(60)
    again = route(model)
    assert again.get_params() == model.get_params()
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    np.testing.assert_array_equal(again.energy(X), model.energy(X))
    np.testing.assert_array_equal(again.simulate(X[0], [0, 1]), model.simulate(X[0], [0, 1]))
    assert again.loss_curve_ == model.loss_curve_
    assert vars(again).keys() == vars(model).keys()


@pytest.mark.parametrize("route", [by_pickle, by_skops])
def test_a_stored_model_trains_on(route):
    X, y = asymmetric_data(60)
    model = HNNRegressor((5,), solver="adam", random_state=0).partial_fit(X, y)
    again = route(model).partial_fit(X, y)
    np.testing.assert_array_equal(again.coefs_[0], model.partial_fit(X, y).coefs_[0])


def test_an_unfitted_model_is_stored():
    assert by_pickle(HNNRegressor((5,), alpha=0.5, solver="lbfgs")).alpha == 0.5


def test_another_version_says_why_it_does_not_load(model):
    state = model.__getstate__()
    for other in ({**state, "_skhnn_state": 99}, {"params_": [], "alpha": 1.0}):
        with pytest.raises(ValueError, match=r"another version of skhnn.*this version reads 9"):
            HNNRegressor().__setstate__(other)


def test_a_stored_model_is_small():
    X, y = asymmetric_data(5000)
    model = fit_quietly(HNNRegressor((5,), max_iter=5, solver="lbfgs"), X, y)
    assert len(pickle.dumps(model)) < 12_000  # no training data in it


def potential(q):
    return q[:, 0] ** 4


def slope(q):
    return 4.0 * q**3


def with_known_energy(function):
    H = Quadratic("p") + MLP("q", (5,)) + Known(function, slope, columns=[0])
    return HNNRegressor(hamiltonian=H, solver="least_squares", random_state=0)


@pytest.mark.parametrize("route", [by_pickle, by_joblib, by_skops])
def test_a_function_that_has_no_name_is_refused_when_it_is_saved(route):
    X, y = asymmetric_data(60)
    model = fit_quietly(with_known_energy(lambda q: q[:, 0] ** 4), X, y)
    with pytest.raises(pickle.PicklingError, match=r"function of a Known.*top of a module.*cloudp"):
        route(model)
    np.testing.assert_array_equal(copy.deepcopy(model).predict(X), model.predict(X))
    cloudpickle = pytest.importorskip("cloudpickle", reason="needs cloudpickle, as by joblib")
    by_value = pickle.loads(cloudpickle.dumps(model))
    np.testing.assert_array_equal(by_value.predict(X), model.predict(X))


def test_a_function_with_a_name_is_saved():
    X, y = asymmetric_data(60)
    model = fit_quietly(with_known_energy(potential), X, y)
    np.testing.assert_array_equal(by_pickle(model).predict(X), model.predict(X))


def skew(X):
    return np.broadcast_to([[0.0, 1.0], [-1.0, 0.0]], (len(X), 2, 2))


@pytest.mark.parametrize("route", [by_pickle, by_joblib, by_skops])
def test_structures_bodies_and_forces_are_saved(route):
    X = np.random.RandomState(0).uniform(-1, 1, (80, 2))
    y = np.column_stack([X[:, 1], -(X[:, 0] ** 3)])
    models = [
        HNNRegressor(structure=skew, solver="least_squares", random_state=0),
        HNNRegressor(hamiltonian=Radial(), dissipation="linear", solver="least_squares",
                     random_state=0),
        HNNRegressor(structure=[[0.0, 1.0], [-1.0, 0.0]], solver="least_squares", random_state=0),
    ]  # fmt: skip
    for model in models[1:] if route is by_skops else models:
        again = route(fit_quietly(model, X, y))
        np.testing.assert_array_equal(again.predict(X), model.predict(X))
    nameless = HNNRegressor(structure=lambda X: skew(X), solver="least_squares", random_state=0)
    fit_quietly(nameless, X, y)
    with pytest.raises(pickle.PicklingError, match="structure is <function"):
        route(nameless)
    np.testing.assert_array_equal(copy.deepcopy(nameless).predict(X), nameless.predict(X))
