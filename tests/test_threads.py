"""Small matrices are worked on by one thread, and every setting is as it was afterwards."""

import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from helpers import asymmetric_data, fit_quietly
from threadpoolctl import ThreadpoolController, threadpool_limits

from skhnn import HNNRegressor
from skhnn._threads import one_blas_thread
from skhnn.hamiltonians import Equations

SMALL = {
    "auto": {"hamiltonian": "mlp"},
    "least_squares": {"hidden_layer_sizes": (30,)},
    "gauss_newton": {"hidden_layer_sizes": (8,), "max_iter": 2},
    "lbfgs": {"hidden_layer_sizes": (8,), "max_iter": 2},
    "soap": {"hidden_layer_sizes": (8,), "max_iter": 2},
    "adam": {"hidden_layer_sizes": (8,), "max_iter": 2},
}


def blas_threads():
    """The numbers of the BLAS libraries of numpy and scipy, without repetition."""
    info = ThreadpoolController().select(user_api="blas").info()
    return {library["num_threads"] for library in info}


def set_blas_threads(n):
    threadpool_limits(n, "blas")
    with threadpool_limits(None):  # now other threads may set it as well
        pass


@pytest.fixture(autouse=True)
def two_threads():
    """As on a machine with two cores where nothing was set."""
    of_torch, of_blas = torch.get_num_threads(), max(blas_threads())
    set_blas_threads(2)
    if blas_threads() != {2}:
        pytest.skip("this BLAS does not take two threads")
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(of_torch)
    set_blas_threads(of_blas)


@pytest.fixture
def seen(monkeypatch):
    """The numbers of threads, (BLAS, torch), found wherever a network is evaluated.

    That of torch is None where numpy computes.
    """
    found = []

    def spying(original):
        def method(self, *args, **kwargs):
            of_torch = torch.get_num_threads() if any(a is torch for a in args) else None
            found.append((blas_threads(), of_torch))
            return original(self, *args, **kwargs)

        return method

    for name in ("about_last", "field_and_pullback", "field"):
        monkeypatch.setattr(Equations, name, spying(getattr(Equations, name)))
    return found


@pytest.mark.parametrize("solver", SMALL)
def test_a_fit_runs_in_one_thread_and_sets_it_back(seen, solver):
    model = HNNRegressor(solver=solver, random_state=0, **SMALL[solver])
    X, y = asymmetric_data(100)
    fit_quietly(model, X, y)
    assert seen
    assert all(blas == {1} for blas, _ in seen)
    if solver in ("lbfgs", "soap", "adam"):
        assert {of_torch for _, of_torch in seen} - {None} == {1}
    assert (blas_threads(), torch.get_num_threads()) == ({2}, 2)


def test_predictions_of_many_rows_and_simulations_run_in_one_thread(seen):
    X, y = asymmetric_data(200)
    model = fit_quietly(HNNRegressor((8,), solver="lbfgs", max_iter=2, random_state=0), X, y)
    for call in (
        lambda: model.predict(X),
        lambda: model.simulate(X[:3], [0, 1e-3]),
        lambda: model.simulate(X[0], [0, 1e-3], method="ImplicitMidpoint", step_size=1e-3),
    ):
        seen.clear()
        call()
        assert all(blas == {1} for blas, _ in seen)
        assert blas_threads() == {2}


def test_an_error_inside_of_a_fit_sets_the_threads_back(monkeypatch):
    def fail(*args):
        raise ArithmeticError("in the middle of a fit")

    monkeypatch.setattr(Equations, "field_and_pullback", fail)
    for solver in ("lbfgs", "soap"):
        with pytest.raises(ArithmeticError):
            HNNRegressor((5,), solver=solver).fit(*asymmetric_data(40))
        assert (blas_threads(), torch.get_num_threads()) == ({2}, 2)


def test_the_last_of_several_threads_sets_blas_back():
    # The first one in leaves first: were it to set two, or the second to set the one it found, the
    # number would be wrong inside or afterwards.
    first_is_in, second_is_in, first_is_out = (threading.Event() for _ in range(3))

    def first():
        with one_blas_thread():
            first_is_in.set()
            assert second_is_in.wait(10)
        first_is_out.set()

    def second():
        assert first_is_in.wait(10)
        with one_blas_thread():
            second_is_in.set()
            assert first_is_out.wait(10)
            return blas_threads()

    with ThreadPoolExecutor(2) as pool:
        futures = [pool.submit(first), pool.submit(second)]
        assert [future.result(10) for future in futures] == [None, {1}]
    assert blas_threads() == {2}


@pytest.mark.parametrize("nested", [False, True])
def test_others_may_set_blas_afterwards(nested):
    # threadpoolctl lets one thread at a time set OpenBLAS.
    with one_blas_thread(), one_blas_thread(nested):
        assert blas_threads() == {1}
    with ThreadPoolExecutor(1) as pool:
        pool.submit(set_blas_threads, 3).result(10)
    assert blas_threads() in ({3}, {2})  # two where there are no more cores
    set_blas_threads(2)
    assert blas_threads() == {2}


def test_threads_that_fitted_at_once_have_their_number_of_torch_threads_again(monkeypatch):
    # Of two threads that train at the same time, the second one finds the one of the first.
    X, y = asymmetric_data(40)
    meet = threading.Barrier(2, timeout=10)

    original = Equations.field_and_pullback
    met = set()

    def waiting(self, *args):
        if threading.get_ident() not in met:
            met.add(threading.get_ident())
            meet.wait()
        return original(self, *args)

    monkeypatch.setattr(Equations, "field_and_pullback", waiting)

    def fit(seed):
        HNNRegressor((5,), solver="soap", max_iter=30, random_state=seed).fit(X, y)
        return torch.get_num_threads()

    with ThreadPoolExecutor(2) as pool, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert list(pool.map(fit, range(2))) == [2, 2]
        assert {pool.submit(torch.get_num_threads).result(10) for _ in range(4)} == {2}
    assert (blas_threads(), torch.get_num_threads()) == ({2}, 2)
