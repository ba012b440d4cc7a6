"""max_time: every solver ends in time, with a model, and says so."""

import time

import numpy as np
import pytest
from helpers import asymmetric_data, fit_quietly
from sklearn.exceptions import ConvergenceWarning

from skhnn import HNNRegressor
from skhnn._data import DerivativeFit
from skhnn._selection import _select
from skhnn._solvers import SolverOptions, _sampled
from skhnn.datasets import make_spherical_pendulum

SOLVERS = ["auto", "least_squares", "soap", "adam", "lbfgs", "gauss_newton"]
NO_TIME = 1e-9


@pytest.mark.parametrize("solver", SOLVERS)
def test_without_any_time_there_is_a_model_and_a_warning(solver):
    X, y = asymmetric_data(300)
    model = HNNRegressor(solver=solver, max_time=NO_TIME, random_state=0)
    with pytest.warns(
        ConvergenceWarning, match=r"stopped at max_time=1e-09 s .* R2 = .*not looked for.*increase"
    ):
        model.fit(X, y)
    assert np.isfinite(model.predict(X)).all()
    assert model.fit_report_[-1] == {
        "chosen": model.solver_,
        "why": "the best when max_time was over",
    }
    assert np.isfinite(model.loss_)
    assert model.n_iter_ == 1


@pytest.mark.parametrize("solver", SOLVERS)
def test_time_that_suffices_changes_nothing(solver):
    X, y = asymmetric_data(80)
    options = {"solver": solver, "hidden_layer_sizes": (6,), "max_iter": 3, "random_state": 0}
    if solver == "least_squares":
        del options["max_iter"]
    without, with_ = (
        fit_quietly(HNNRegressor(**options, max_time=seconds), X, y) for seconds in (None, 1e6)
    )
    np.testing.assert_array_equal(without.predict(X), with_.predict(X))
    assert "max_time" not in str(with_.fit_report_)


@pytest.mark.parametrize("solver", ["soap", "adam"])
def test_an_epoch_of_many_batches_ends_after_the_batch(solver, monkeypatch):
    batches = []
    original = DerivativeFit.loss_and_gradient

    def counting(self, params, rows=None):
        batches.append(rows)
        return original(self, params, rows)

    monkeypatch.setattr(DerivativeFit, "loss_and_gradient", counting)
    model = HNNRegressor((5,), solver=solver, batch_size=10, max_time=NO_TIME, random_state=0)
    fit_quietly(model, *asymmetric_data(200))
    assert len(batches) == 1
    assert len(model.loss_curve_) == 1


def test_least_squares_solves_one_and_no_more(monkeypatch):
    solved = []
    original = _sampled.fit_last_weights

    def counting(*args, **kwargs):
        solved.append(kwargs)
        return original(*args, **kwargs)

    monkeypatch.setattr(_sampled, "fit_last_weights", counting)
    model = HNNRegressor(solver="least_squares", max_time=NO_TIME, random_state=0)
    fit_quietly(model, *asymmetric_data(400))
    assert len(solved) == 1
    assert model.loss_ == pytest.approx(0.5 * (1 - model.score(*asymmetric_data(400))))


def test_the_default_keeps_the_best_candidate_so_far(monkeypatch):
    # Time is over when a trained network has been told of.
    monkeypatch.setattr(
        SolverOptions,
        "is_out_of_time",
        property(lambda self: any(entry.get("solver") == "soap" for entry in self.report)),
    )
    X = np.random.default_rng(0).uniform(-1, 1, (2500, 2))  # enough for SOAP
    y = np.stack([X[:, 1], -np.sign(X[:, 0]) * np.abs(X[:, 0]) ** 0.5], axis=1)  # never exact
    model = HNNRegressor(hamiltonian="mlp", max_iter=1, max_time=1e6, random_state=0)
    with pytest.warns(ConvergenceWarning, match="max_time"):
        model.fit(X, y)
    errors = {e["solver"]: e["error"] for e in model.fit_report_ if "error" in e}
    assert {"soap", "least_squares"} <= set(errors)
    assert model.solver_ == min(errors, key=errors.get)
    assert 1 - model.score(X, y) < 2.0 * min(errors.values()) ** 2


def test_partial_fit_takes_a_whole_epoch_of_its_rows():
    X, y = asymmetric_data(60)
    options = {"solver": "adam", "hidden_layer_sizes": (5,), "batch_size": 10, "random_state": 0}
    limited, free = (
        HNNRegressor(**options, max_time=seconds).partial_fit(X, y) for seconds in (NO_TIME, None)
    )
    np.testing.assert_array_equal(limited.predict(X), free.predict(X))


@pytest.mark.parametrize(
    ("value", "kind"), [(0, ValueError), (-1.0, ValueError), (np.inf, ValueError), ("1", TypeError)]
)
def test_a_time_that_is_none_is_refused(value, kind):
    with pytest.raises(kind, match="max_time must be a number"):
        HNNRegressor(max_time=value).fit(*asymmetric_data(20))


def test_a_warm_start_runs_in_the_precision_of_the_solver_that_goes_on(monkeypatch):
    from skhnn import _fit

    X, y = asymmetric_data(40)
    model = HNNRegressor((6,), solver="soap", max_iter=2, random_state=0, warm_start=True)
    fit_quietly(model, X, y)
    places = []
    original = _fit.run_solver

    def spy(solver, problem, start, monitor, options):
        places.append((solver.name, options.place.dtype))
        return original(solver, problem, start, monitor, options)

    monkeypatch.setattr(_fit, "run_solver", spy)
    fit_quietly(model.set_params(solver="auto"), X, y)
    fit_quietly(HNNRegressor((6,), solver="auto", random_state=0), X, y)
    assert places == [("soap", "float32"), ("auto", "float64")]


@pytest.mark.parametrize("coordinates", ["canonical", "velocities"])
def test_interrupted_before_anything_was_chosen_there_is_a_model(coordinates, monkeypatch):
    X, y = make_spherical_pendulum(200, coordinates=coordinates, random_state=0, return_X_y=True)

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(_select, "run_race", interrupted)
    model = HNNRegressor(coordinates=coordinates, random_state=0)
    with pytest.warns(ConvergenceWarning, match="was interrupted"):
        model.fit(X, y)
    assert np.isfinite(model.predict(X)).all()


@pytest.mark.slow
def test_many_coordinates_end_in_time_with_a_model_that_is_no_nonsense():
    # More coefficients of quadratic energies than equations in the first round: they were 5e10.
    d = 25
    X = np.random.default_rng(8).uniform(-1.2, 1.2, (300, 2 * d))
    q, p = X[:, :d], X[:, d:]
    r = np.roll(q, -1, 1) - q
    tension = r + 0.3 * r**2 + 0.5 * r**3
    y = np.hstack([p, tension - np.roll(tension, 1, 1) - np.sin(q)])
    began = time.perf_counter()
    model = HNNRegressor(max_time=1, random_state=0)
    with pytest.warns(ConvergenceWarning, match="stopped at max_time=1 s"):
        model.fit(X, y)
    assert time.perf_counter() - began < 20  # 65 s before; 2.5 s where nothing else runs
    assert model.score(X, y) > 0.3
