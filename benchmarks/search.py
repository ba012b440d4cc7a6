"""A search over 40 small fits: serial against two processes, one thread against all.

``fit`` itself gives torch one thread for networks as narrow as these; the last row is without.

Prints medians of three runs, and ratios to the serial search in one thread of the same run.
"""

import os

os.environ["PYTHONWARNINGS"] = "ignore"  # of the workers: the fits stop at max_iter

import time
import warnings

import numpy as np
import torch
from joblib import Parallel, cpu_count, delayed, parallel_config
from sklearn.model_selection import GridSearchCV, GroupKFold
from threadpoolctl import threadpool_limits

from skhnn import HNNRegressor, _torch
from skhnn.datasets import make_pendulum

REPEATS = 3
GRID = {"hidden_layer_sizes": [(32,), (32, 32)], "alpha": [1e-8, 1e-6, 1e-4, 1e-2]}
N_SPLITS = 5


ONE_THREAD_UP_TO = _torch._WIDTH_FOR_ONE_THREAD


def search(n_jobs, data, n_threads=1, limit=ONE_THREAD_UP_TO):
    """The mean scores of the 8 candidates; 40 fits of 100 iterations."""
    _torch._WIDTH_FOR_ONE_THREAD = limit
    model = HNNRegressor(solver="lbfgs", max_iter=100, tol=0.0, random_state=0)
    found = GridSearchCV(model, GRID, cv=GroupKFold(N_SPLITS), refit=False)
    torch.set_num_threads(n_threads)
    with (
        threadpool_limits(n_threads),
        parallel_config("loky", n_jobs=n_jobs, inner_max_num_threads=1),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        found.fit(data.data, data.target, groups=data.groups)
    return found.cv_results_["mean_test_score"]


def warm_up(data):
    """Start the two workers and have each import torch, which happens once per pool."""
    start = time.perf_counter()
    search(2, data)
    with parallel_config("loky", n_jobs=2, inner_max_num_threads=1):
        threads = Parallel()(delayed(torch.get_num_threads)() for _ in range(2))
    assert threads == [1, 1]
    return time.perf_counter() - start


def main():
    data = make_pendulum(1000, sampling="trajectories", n_trajectories=10, random_state=0)
    n_cores = cpu_count()
    first = warm_up(data)
    runs = {
        "serial, one thread": (1, 1),
        "two processes (loky), one thread each": (2, 1),
        f"serial, {n_cores} threads allowed": (1, n_cores),
        f"serial, {n_cores} threads used by torch": (1, n_cores, 0),
    }
    times, scores = np.empty((REPEATS, len(runs))), []
    for repeat in range(REPEATS):  # in turn, so that a drift of the machine hits all
        for column, (n_jobs, *threads) in enumerate(runs.values()):
            start = time.perf_counter()
            scores.append(search(n_jobs, data, *threads))
            times[repeat, column] = time.perf_counter() - start
    np.testing.assert_array_equal(scores[1], scores[0])  # in processes: the same in every bit
    np.testing.assert_allclose(scores[2], scores[0], rtol=0.01)  # sums round differently

    print(f"GridSearchCV, 8 candidates x {N_SPLITS} folds = 40 fits, {n_cores} cores")
    print(f"{'':40}{'seconds':>10}{'times as fast as serial':>26}")
    median = np.median(times, axis=0)
    for name, seconds in zip(runs, median, strict=True):
        print(f"{name:40}{seconds:10.2f}{median[0] / seconds:26.2f}")
    print(f"the first search in two processes, which starts them: {first:.2f} s")


if __name__ == "__main__":
    main()
