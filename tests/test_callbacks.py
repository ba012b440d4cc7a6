"""scikit-learn's callbacks, where it has them (1.9 and newer)."""

import numpy as np
import pytest
import sklearn
from helpers import asymmetric_data, fit_quietly
from sklearn.model_selection import GridSearchCV

from skhnn import HNNRegressor

callback = pytest.importorskip(
    "sklearn.callback", reason=f"scikit-learn {sklearn.__version__} has no callbacks; 1.9 has"
)


@pytest.fixture(scope="module")
def data():
    return asymmetric_data(80)


def make(**kwargs):
    options = {"hidden_layer_sizes": (6,), "max_iter": 7, "tol": 0.0, "solver": "lbfgs"}
    options |= {"learning_rate": "constant", "dtype": "float64"}
    return HNNRegressor(**{**options, **kwargs})


class Recorder:
    """Keeps the name of every hook, what it was given, and stops at ``stop_at`` iterations."""

    def __init__(self, stop_at=None):
        self.stop_at, self.hooks, self.scores = stop_at, [], []

    def setup(self, estimator, context):
        self.hooks.append("setup")

    def teardown(self, estimator, context):
        self.hooks.append("teardown")

    def on_fit_task_begin(self, estimator, context):
        self.hooks.append(f"begin {context.task_name}")

    def on_fit_task_end(self, estimator, context, *, X, y, metadata, fitted_estimator):
        self.hooks.append(f"end {context.task_name}")
        if fitted_estimator is not None and context.task_name == "iteration":
            weight = metadata["sample_weight"]
            self.scores.append(fitted_estimator.score(X, y, sample_weight=weight))
            return len(self.scores) == self.stop_at
        return False


@pytest.mark.parametrize("solver", ["lbfgs", "adam"])
def test_hooks_are_called_in_order_and_in_pairs(data, solver):
    recorder = Recorder()
    fit_quietly(make(solver=solver).set_callbacks(recorder), *data)
    iteration = ["begin iteration", "end iteration"]
    assert recorder.hooks == ["setup", "begin fit", *iteration * 7, "end fit", "teardown"]


def test_hooks_see_a_fitted_estimator_after_every_iteration(data):
    recorder = Recorder()
    model = fit_quietly(make(alpha=0.0).set_callbacks(recorder), *data)
    # without penalty the loss of an iteration is (1 - R^2) / 2 of its weights
    np.testing.assert_allclose(recorder.scores, 1 - 2 * np.array(model.loss_curve_), atol=1e-10)


@pytest.mark.parametrize("solver", ["lbfgs", "adam"])
def test_a_callback_can_stop_the_fit(data, solver):
    model = make(solver=solver, max_iter=50).set_callbacks(Recorder(stop_at=3))
    model.fit(*data)  # stopped on request: no ConvergenceWarning
    assert model.n_iter_ == 3


def test_an_error_in_a_callback_ends_each_task_once(data):
    class Fails(Recorder):
        def on_fit_task_end(self, estimator, context, *, X, y, metadata, fitted_estimator):
            super().on_fit_task_end(
                estimator, context, X=X, y=y, metadata=metadata, fitted_estimator=fitted_estimator
            )
            if len(self.scores) == 2:
                raise StopIteration

    recorder = Fails()
    with pytest.raises(RuntimeError, match="to stop the fit, return True"):
        make().set_callbacks(recorder).fit(*data)
    assert recorder.hooks.count("end iteration") == 2


def test_a_stopped_fit_begins_no_further_task(data):
    recorder = Recorder(stop_at=3)
    make(max_iter=50).set_callbacks(recorder).fit(*data)
    assert recorder.hooks.count("begin iteration") == 3


def test_a_stopped_fit_is_the_shorter_fit(data):
    stopped = make(random_state=0, max_iter=50).set_callbacks(Recorder(stop_at=3)).fit(*data)
    short = fit_quietly(make(random_state=0, max_iter=3), *data)
    np.testing.assert_array_equal(stopped.coefs_[0], short.coefs_[0])


def test_callbacks_do_not_change_the_fit(data):
    watched = fit_quietly(make(random_state=0).set_callbacks(Recorder()), *data)
    alone = fit_quietly(make(random_state=0), *data)
    np.testing.assert_array_equal(watched.coefs_[0], alone.coefs_[0])


def test_scoring_monitor_has_a_score_for_every_iteration(data):
    monitor = callback.ScoringMonitor(scoring="r2")
    model = fit_quietly(make(alpha=0.0).set_callbacks(monitor), *data)
    log = monitor.get_logs(select="most_recent").data
    scores = [row["r2"] for row in log if row["task_name"] == "iteration"]
    np.testing.assert_allclose(scores, 1 - 2 * np.array(model.loss_curve_), atol=1e-10)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_callbacks_work_inside_a_search(data):
    monitor = callback.ScoringMonitor(scoring="r2")
    model = make(random_state=0, max_iter=4).set_callbacks(monitor)
    GridSearchCV(model, {"alpha": [0.0, 1.0]}, cv=2).fit(*data)
    (log,) = monitor.get_logs(select="all")
    iterations = [row for row in log.data if row["task_name"] == "iteration"]
    assert len(iterations) == 5 * 4  # two values in two folds and the refit, 4 iterations each
    assert all(row["r2"] < 1 for row in iterations)


def test_progress_bar_runs(data, capsys):
    pytest.importorskip("rich", reason="ProgressBar needs rich: the extra 'test'")
    fit_quietly(make().set_callbacks(callback.ProgressBar()), *data)
    assert "HNNRegressor - fit" in capsys.readouterr().out
