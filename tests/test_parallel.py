"""The same numbers from every backend of joblib, and no thread setting left changed."""

import importlib.util
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from helpers import asymmetric_data
from joblib import Parallel, delayed, parallel_config
from joblib.externals.loky import get_reusable_executor
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, GroupKFold
from threadpoolctl import threadpool_limits

from skhnn import HNNRegressor

needs_dask = pytest.mark.skipif(
    importlib.util.find_spec("distributed") is None, reason="needs dask and distributed"
)


@pytest.fixture(autouse=True)
def one_thread():
    """As in the workers: sums over two threads round differently."""
    before = torch.get_num_threads()
    with threadpool_limits(1):
        torch.set_num_threads(1)
        yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module", autouse=True)
def stop_loky():
    """One pool for all tests here; none is left behind."""
    yield
    get_reusable_executor().shutdown(wait=True)


@pytest.fixture(scope="module")
def data():
    X, y = asymmetric_data(120)
    return X, y, np.arange(120) // 20


def threads_of_a_new_thread():
    """How many torch would use in a thread that is started now: each has a number of its own."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(torch.get_num_threads).result()


def loky():
    return parallel_config("loky", n_jobs=2, inner_max_num_threads=1)


def search(X, y, groups, solver="lbfgs", **params):
    params = {"max_iter": 30, "tol": 0.0, "solver": solver, "random_state": 0, **params}
    grid = {"hidden_layer_sizes": [(6,), (4, 4)], "alpha": [1e-6, 1e-2]}
    found = GridSearchCV(HNNRegressor(**params), grid, cv=GroupKFold(3), return_train_score=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return found.fit(X, y, groups=groups)


def assert_same(found, serial, X):
    """Equal in every bit: 12 scores on training rows, 12 on test rows, the refitted model."""
    for side in ("train", "test"):
        for fold in range(3):
            scores = f"split{fold}_{side}_score"
            np.testing.assert_array_equal(found.cv_results_[scores], serial.cv_results_[scores])
            assert np.ptp(found.cv_results_[scores]) > 0
    assert found.best_score_ == serial.best_score_
    np.testing.assert_array_equal(found.predict(X), serial.predict(X))


@pytest.mark.slow
@pytest.mark.parametrize("solver", ["lbfgs", "adam"])
def test_two_processes_of_loky_find_what_a_serial_search_finds(data, solver):
    serial = search(*data, solver)
    with loky():
        found = search(*data, solver)
    assert_same(found, serial, data[0])


def test_loky_runs_torch_in_one_thread_per_worker():
    with loky():
        assert Parallel()(delayed(torch.get_num_threads)() for _ in range(4)) == [1] * 4


def fitted(X, y, seed=0):
    """A model, and whether the X that it was fitted to could be written to."""
    model = HNNRegressor((6,), solver="adam", max_iter=2, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(X, y), X.flags.writeable


def test_data_that_loky_shares_as_read_only_memory_give_the_same():
    X, y = asymmetric_data(40_000)  # 1.28 MB each; joblib shares arrays of more than 1 MB
    with loky():
        results = Parallel()(delayed(fitted)(X, y, seed) for seed in range(2))
    for seed, (model, writeable) in enumerate(results):
        assert not writeable
        np.testing.assert_array_equal(model.predict(X), fitted(X, y, seed)[0].predict(X))


def test_models_come_back_from_other_processes_ready_to_train_on(data):
    X, y, _ = data
    with loky():
        results = Parallel()(delayed(fitted)(X, y, seed) for seed in range(3))
    for seed, (model, _) in enumerate(results):
        serial, _ = fitted(X, y, seed)
        np.testing.assert_array_equal(model.predict(X), serial.predict(X))
        model.partial_fit(X, y)
        assert np.abs(model.predict(X) - serial.predict(X)).max() > 0
        np.testing.assert_array_equal(model.predict(X), serial.partial_fit(X, y).predict(X))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("n_threads", [1, 2])
def test_threads_find_the_same_and_leave_torch_as_it_was(data, n_threads):
    serial = search(*data)
    torch.set_num_threads(n_threads)
    with parallel_config("threading", n_jobs=2):
        found = search(*data)
    assert torch.get_num_threads() == threads_of_a_new_thread() == n_threads
    if n_threads == 1:
        assert_same(found, serial, data[0])
    scores, expected = (s.cv_results_["mean_test_score"] for s in (found, serial))
    np.testing.assert_allclose(scores, expected, rtol=1e-4)


@pytest.mark.parametrize("solver", ["lbfgs", "adam"])
def test_a_fit_leaves_the_threads_of_torch_as_they_were(data, solver):
    X, y, _ = data
    torch.set_num_threads(2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        HNNRegressor((4,), solver=solver, max_iter=3).fit(X, y).predict(X)
    assert torch.get_num_threads() == threads_of_a_new_thread() == 2


@needs_dask
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_dask_cluster_finds_what_a_serial_search_finds(data):
    from distributed import Client, LocalCluster

    serial = search(*data)
    workers = {"n_workers": 1, "threads_per_worker": 2}
    with (
        LocalCluster(processes=False, dashboard_address=None, **workers) as cluster,
        Client(cluster) as client,
    ):
        with parallel_config("dask"):
            found = search(*data)
        tasks = client.run_on_scheduler(lambda dask_scheduler: list(dask_scheduler.task_prefixes))
        threads = client.run(torch.get_num_threads)
    assert any("fit_and_score" in task for task in tasks)  # the cluster did the work
    assert list(threads.values()) == [1] * workers["n_workers"]
    assert_same(found, serial, data[0])
    assert torch.get_num_threads() == 1
