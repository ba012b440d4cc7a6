"""skhnn.simulate: any model, options, events, results, failures, data that are left."""

import itertools
import os
import pickle
import signal
import sys
import threading
import warnings

import numpy as np
import pytest
import scipy
from scipy.integrate import RK45, solve_ivp
from sklearn.compose import TransformedTargetRegressor
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestRegressor
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, StandardScaler

from skhnn import ExtrapolationWarning, HNNRegressor, SimulationError, simulate
from skhnn.datasets import make_pendulum
from skhnn.integrators import GaussLegendre4, StormerVerlet
from skhnn.preprocessing import UniformScaler
from skhnn.systems import Kepler, Pendulum

T = np.linspace(0.0, 5.0, 11)
SIDE_BY_SIDE = ["DOP853", "RK45", "RK23"]
FIXED = ["GaussLegendre4", "ImplicitMidpoint", "AverageVectorField", "Tao"]


def pendulum(X):
    return np.stack([X[:, 1], -np.sin(X[:, 0])], axis=1)


def nan_beyond_two(X):
    return np.where(np.abs(X[:, :1]) > 2, np.nan, np.stack([X[:, 0] * 0 + 1, X[:, 1] * 0], axis=1))


def blow_up(X):  # q = 1 / (1 - t)
    return np.stack([X[:, 0] ** 2, 0 * X[:, 1]], axis=1)


@pytest.fixture(scope="module")
def data():
    return make_pendulum(500, random_state=0, return_X_y=True)


@pytest.fixture(scope="module")
def model(data):
    return HNNRegressor(random_state=0).fit(*data)


@pytest.fixture(scope="module")
def coupled(data):
    return HNNRegressor(hamiltonian="mlp", random_state=0).fit(*data)


@pytest.fixture(scope="module", params=["separable", "mechanical"])
def separable(data, request):
    return HNNRegressor(hamiltonian=request.param, random_state=0).fit(*data)


def starts(n, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (n, 2)) * [2.0, 1.0]


# ---------------------------------------------------------------- what is simulated


def test_method_and_function_are_one(model):
    np.testing.assert_array_equal(simulate(model, [1, 0], T), model.simulate([1, 0], T))


def test_a_function_and_a_known_system_are_taken():
    expected = solve_ivp(
        lambda t, x: pendulum(x[None])[0], (0, 5), [1, 0], "DOP853", T, rtol=1e-11, atol=1e-12
    ).y.T
    for source in (pendulum, Pendulum()):
        np.testing.assert_allclose(simulate(source, [1, 0], T), expected, atol=1e-7)
        np.testing.assert_allclose(simulate(source, [[0, 0], [1, 0]], T)[1], expected, atol=1e-7)


@pytest.mark.parametrize("scaler", [UniformScaler(), "passthrough", MinMaxScaler((-1, 1))])
def test_a_pipeline_that_keeps_the_equations_hamiltonian_is_unwrapped(scaler):
    X = np.random.default_rng(0).uniform(-2, 2, (400, 2))
    X[:2] = [[-2, -2], [2, 2]]  # the same range in both columns
    pipeline = make_pipeline(scaler, HNNRegressor(random_state=0)).fit(X, pendulum(X))
    result = simulate(pipeline, [1, 0], T, return_solution=True)
    exact = simulate(Pendulum(), [1, 0], T)
    np.testing.assert_allclose(result.y, exact, atol=1e-6)
    assert result.energy_drift < 1e-7  # it has an energy: of the equations in x
    change = Pendulum().energy(X) - result.energy[0] - Pendulum().energy([1, 0])
    assert result.extrapolates.any() == False  # noqa: E712
    # its energy, up to a constant, is that of the pendulum
    states = simulate(pipeline, [[0.5, 0.5]], T, return_solution=True)
    difference = states.energy[0, 0] - result.energy[0]
    truth = Pendulum().energy([0.5, 0.5]) - Pendulum().energy([1, 0])
    assert difference == pytest.approx(truth, abs=1e-6)
    assert np.isfinite(change).all()
    field = pipeline.predict(np.array([[1.0, 0.0]]))[0]
    slope = (simulate(pipeline, [1, 0], [0, 1e-6], rtol=1e-12)[1] - [1, 0]) / 1e-6
    np.testing.assert_allclose(slope, field, atol=1e-5)


@pytest.mark.parametrize(
    "transformer", [StandardScaler(), PCA(), FunctionTransformer(lambda X: X * [1.0, 2.0])]
)
def test_a_pipeline_that_breaks_them_says_so(transformer, data):
    pipeline = make_pipeline(transformer, HNNRegressor((20,), solver="least_squares"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pipeline.fit(*data)
    with pytest.warns(UserWarning, match=r"not Hamiltonian.*UniformScaler"):
        found = simulate(pipeline, [1, 0], T[:3])
    slope = simulate_quietly(pipeline, [1.0, 0.0], [0, 1e-5])[1] - [1.0, 0.0]
    np.testing.assert_allclose(slope / 1e-5, pipeline.predict(np.array([[1.0, 0.0]]))[0], atol=1e-3)
    assert found.shape == (3, 2)


def simulate_quietly(*args, **kwargs):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return simulate(*args, **kwargs)


def test_transformed_targets_that_break_them_say_so(data):
    model = TransformedTargetRegressor(HNNRegressor(random_state=0), transformer=StandardScaler())
    with pytest.warns(UserWarning, match="not Hamiltonian"):
        simulate(model.fit(*data), [1, 0], T[:3])


def test_a_search_is_unwrapped(data):
    search = GridSearchCV(
        HNNRegressor(solver="least_squares", random_state=0), {"alpha": [0.0]}, cv=2
    ).fit(*data)
    np.testing.assert_array_equal(
        simulate(search, [1, 0], T), search.best_estimator_.simulate([1, 0], T)
    )


def test_other_regressors_are_taken_and_do_not_warn_of_names(data):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(data[0], columns=["q", "p"])
    for other in (
        MLPRegressor(
            hidden_layer_sizes=(20,), solver="lbfgs", max_iter=15000, random_state=0, tol=1e-3
        ),
        RandomForestRegressor(5, random_state=0),
        make_pipeline(StandardScaler(), RandomForestRegressor(5, random_state=0)),
    ):
        other.fit(frame, data[1])
        found = simulate(other, frame.iloc[:2], [0, 0.1], method="RK23", rtol=1e-2)
        assert found.shape == (2, 2, 2)
        with pytest.raises(ValueError, match="feature names"):
            simulate(other, frame[["p", "q"]].iloc[:2], [0, 0.1])


def test_another_shape_is_a_type_error():
    with pytest.raises(TypeError, match=r"of their shape \(1, 2\); got \(1,\)"):
        simulate(lambda X: X[:, 0], [1.0, 0.0], T)


def test_a_function_that_takes_rows_for_columns_is_a_type_error():
    def of_one_state(t, x):  # right for scipy; rows of x (1, 4) are not its columns
        return np.concatenate([x[2:], -x[:2]])

    with pytest.raises(TypeError, match=r"in each of 9 rows: does it index rows for columns\?"):
        simulate(of_one_state, [1.0, 0.0, 0.0, 0.0], [0.0, 1.0])

    def of_any_shape(t, x):
        return np.concatenate([x[..., 2:], -x[..., :2]], axis=-1)

    found = simulate(of_any_shape, [1.0, 0.0, 0.0, 0.0], [0.0, 1.0])
    np.testing.assert_allclose(found[-1], [np.cos(1), 0, -np.sin(1), 0], atol=1e-7)


def test_a_function_of_one_row_alone_simulates_one_trajectory():
    found = simulate(lambda x: np.array([[x[0, 1], -x[0, 0]]]), [1.0, 0.0], [0.0, 1.0])
    np.testing.assert_allclose(found[-1], [np.cos(1), -np.sin(1)], atol=1e-7)


def test_what_is_no_model_is_refused():
    for wrong in (3, HNNRegressor):
        with pytest.raises(TypeError, match="model must be"):
            simulate(wrong, [1, 0], T)
    for unfitted in (HNNRegressor(), make_pipeline(HNNRegressor()), MLPRegressor()):
        with pytest.raises(NotFittedError):
            simulate(unfitted, [1, 0], T)


# ---------------------------------------------------------------- batches and methods


@pytest.mark.parametrize("method", [*SIDE_BY_SIDE, "Radau", *FIXED])
def test_a_batch_is_what_a_loop_computes(model, method):
    X0 = starts(7)
    options = {"rtol": 1e-6} if method not in FIXED else {"step_size": 0.02}
    # Rounding in a network moves the steps a little: the known system has next to none.
    model = Pendulum() if method in SIDE_BY_SIDE else model
    loop = np.stack([simulate(model, x, T, method=method, **options) for x in X0])
    # The binding of Tao's copies is chosen for all, so that they agree as far as they are right.
    atol = 5e-3 if method == "Tao" else 1e-9
    np.testing.assert_allclose(simulate(model, X0, T, method=method, **options), loop, atol=atol)


def test_trajectories_that_differ_take_steps_of_their_own(model):
    # slow near the bottom of the well, fast far from it
    result = simulate(model, [[1e-6, 0.0], [2.0, 0.5]], T, return_solution=True, atol=1e-9)
    alone = [
        simulate(model, x, T, return_solution=True, atol=1e-9).nfev for x in result.y[:, 0]
    ]  # fmt: skip
    assert result.nfev[0] < result.nfev[1]
    assert np.abs(result.nfev / alone - 1).max() < 0.35  # interpolation is counted differently


@pytest.mark.parametrize("method", ["GaussLegendre4", "AverageVectorField4", "ImplicitMidpoint"])
def test_implicit_steps_end_near_an_equilibrium(model, method):
    # there the rounding of the network is larger than the state
    for x0 in ([0.0, 0.0], [1e-6, 0.0], [[1e-9, 0.0], [1.0, 0.0]]):
        y = simulate(model, x0, T, method=method, step_size=0.1)
        assert np.abs(y[0] if len(x0) == 2 and np.ndim(x0) == 2 else y).max() < 1e-5


@pytest.mark.parametrize("method", ["StormerVerlet", "BlanesMoan6", "yoshida_4"])
def test_explicit_splitting_is_for_separable_models(coupled, separable, method):
    exact = simulate(Pendulum(), [1, 0], T)
    found = simulate(separable, [1, 0], T, method=method, step_size=0.01)
    np.testing.assert_allclose(found, exact, atol=1e-4)
    batch = simulate(separable, [[1, 0], [0.5, 0.2]], T, method=method, step_size=0.01)
    np.testing.assert_allclose(batch[0], found, atol=1e-12)
    with pytest.raises(ValueError, match=r"not separable.*GaussLegendre4.*hamiltonian='separable'"):
        simulate(coupled, [1, 0], T, method=method)


def test_explicit_splitting_is_refused_for_other_fields_that_are_not_separable(data):
    def coupled(X):  # H = (q^2 + 1) (p^2 + 1) / 2
        q, p = X.T
        return np.stack([p * (q**2 + 1), -q * (p**2 + 1)], axis=1)

    for field in (
        coupled,
        MLPRegressor(hidden_layer_sizes=(5,), solver="lbfgs", max_iter=2000).fit(*data),
    ):
        with pytest.raises(ValueError, match="not separable: the result would be wrong"):
            simulate(field, [0.5, 0.3], T, method="StormerVerlet")
    simulate(pendulum, [0.5, 0.3], T, method="StormerVerlet")


def test_the_step_is_chosen_and_reported(separable):
    result = simulate(separable, [0.1, 0], T, method=StormerVerlet, return_solution=True)
    period = 2 * np.pi
    assert result.step_size <= period / StormerVerlet.scheme.steps_per_period
    assert 0.5 / result.step_size == pytest.approx(round(0.5 / result.step_size))
    assert result.nfev < 2.1 * 5 / result.step_size
    bounded = simulate(
        separable, [0.1, 0], T, method="StormerVerlet", max_step=0.01, return_solution=True
    )
    assert bounded.step_size == pytest.approx(0.01)


@pytest.mark.parametrize("x0", [[1.0, 0.0], [[1.0, 0.0], [0.2, 0.3]]])
def test_times_between_steps_are_as_accurate(separable, x0):
    uneven = np.array([0.0, 0.013, 1.7, 1.71, 4.2, 5.0])
    for t in (uneven, 5.0 - uneven):
        found = simulate(separable, x0, t, method="BlanesMoan6", step_size=0.1)
        np.testing.assert_allclose(found, simulate(Pendulum(), x0, t), atol=1e-6)


def test_methods_with_fixed_steps_run_on_tensors(model, separable, monkeypatch):
    # What runs on a GPU, here on tensors of the CPU.
    X0 = starts(50)
    on_numpy = {
        method: simulate(form, X0, T, method=method)
        for form, method in ((model, "GaussLegendre4"), (model, "Tao"), (separable, "Yoshida4"))
    }
    used = []
    from skhnn import _learned_dynamics

    original = _learned_dynamics.system_on_device
    monkeypatch.setattr(
        _learned_dynamics, "system_on_device", lambda *a, **k: used.append(a) or original(*a, **k)
    )
    monkeypatch.setattr(HNNRegressor, "_is_for_device", lambda self, n: True)
    for method, expected in on_numpy.items():
        form = separable if method == "Yoshida4" else model
        np.testing.assert_allclose(simulate(form, X0, T, method=method), expected, atol=1e-10)
        uneven = simulate(form, X0, T[[0, 1, 4, 10]], method=method)
        np.testing.assert_allclose(uneven, expected[:, [0, 1, 4, 10]], atol=1e-3)
    assert len(used) == 6


@pytest.mark.parametrize("method", ["StormerVerlet", "GaussLegendre4"])
def test_states_stay_on_the_device_from_step_to_step(separable, monkeypatch, method):
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(HNNRegressor, "_is_for_device", lambda self, n: True)
    copied, original = [], torch.Tensor.cpu
    monkeypatch.setattr(
        torch.Tensor, "cpu", lambda self: copied.append(self.numel()) or original(self)
    )
    counts = []
    for step_size in (0.1, 0.01):
        copied.clear()
        simulate(separable, starts(50), [0.0, 1.0, 2.0], method=method, step_size=step_size)
        counts.append(len([n for n in copied if n >= 50]))
    assert counts[0] == counts[1] <= 4  # one for each time asked for, and the end


@pytest.mark.cuda
@pytest.mark.filterwarnings("ignore::skhnn.ExtrapolationWarning")
def test_a_large_ensemble_advances_on_the_device(data):
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    model = HNNRegressor((64, 64), solver="soap", device="cuda", random_state=0).fit(*data)
    X0 = starts(100_000)
    found = simulate(model, X0, [0.0, 1.0], method="GaussLegendre4")
    model._device = "cpu"
    expected = simulate(model, X0[:20], [0.0, 1.0])
    np.testing.assert_allclose(found[:20], expected, atol=1e-3)


# ---------------------------------------------------------------- events and results


def crossing(t, x):
    return x[0]


def turning(t, x):
    return x[1]


def upward(t, x):
    return x[0] - 0.1


upward.direction = 1.0


def stop(t, x):
    return x[0] + 0.5


stop.terminal = True


@pytest.mark.parametrize("method", [*SIDE_BY_SIDE, "LSODA", "GaussLegendre4"])
def test_events_are_those_of_scipy(method):
    t, X0 = np.linspace(0, 20, 5), np.array([[1.0, 0.0], [0.4, 0.2], [2.5, 0.1]])
    options = {"step_size": 0.02} if method == "GaussLegendre4" else {"rtol": 1e-8, "atol": 1e-9}
    batch = simulate(
        Pendulum(), X0, t, method=method, events=[crossing, upward], return_solution=True, **options
    )
    for row, x0 in enumerate(X0):
        alone = simulate(
            Pendulum(), x0, t, method=method, events=[crossing, upward], return_solution=True,
            **options,
        )  # fmt: skip
        scipys = solve_ivp(
            lambda t, x: pendulum(x[None])[0], (0, 20), x0, "DOP853", rtol=1e-11, atol=1e-12,
            events=[crossing, upward],
        )  # fmt: skip
        for k in range(2):
            assert len(scipys.t_events[k]) > 1
            np.testing.assert_allclose(batch.t_events[row][k], scipys.t_events[k], atol=1e-4)
            np.testing.assert_allclose(batch.y_events[row][k], scipys.y_events[k], atol=1e-4)
            np.testing.assert_allclose(alone.t_events[k], batch.t_events[row][k], atol=1e-8)


@pytest.mark.parametrize("method", ["DOP853", "BDF", "GaussLegendre4"])
def test_a_terminal_event_ends_its_own_trajectory(method):
    X0, t = np.array([[1.0, 0.0], [0.2, 0.0]]), np.linspace(0, 10, 21)
    result = simulate(Pendulum(), X0, t, method=method, events=stop, return_solution=True)
    np.testing.assert_array_equal(result.status, [1, 0])
    np.testing.assert_array_equal(result.success, [True, True])
    end = result.t_reached[0]
    assert 0 < end < 10
    assert result.t_events[0][0] == [end]
    np.testing.assert_allclose(result.y_reached[0, 0], -0.5, atol=1e-5)
    np.testing.assert_array_equal(np.isnan(result.y[0, :, 0]), t > end)
    assert np.isfinite(result.y[1]).all()
    alone = simulate(Pendulum(), X0[0], t, method=method, events=stop, return_solution=True)
    assert alone.t_reached == pytest.approx(end, abs=1e-8)
    np.testing.assert_array_equal(np.isnan(alone.y[:, 0]), t > end)
    cut = simulate(
        Pendulum(), X0[0], t, method=method, events=stop, return_solution=True,
        on_failure="truncate",
    )  # fmt: skip
    np.testing.assert_array_equal(cut.t, t[t <= end])


COUNTS = tuple(map(int, scipy.__version__.split(".")[:2])) >= (1, 12)


@pytest.mark.parametrize(
    "x0",
    [
        pytest.param(
            [1.0, 0.0],
            marks=pytest.mark.skipif(not COUNTS, reason="solve_ivp counts from scipy 1.12 on"),
        ),
        [[1.0, 0.0], [0.5, 0.0]],
    ],
)
def test_the_third_occurrence_ends_it(x0):
    def third(t, x):
        return x[0]

    third.terminal = 3
    result = simulate(Pendulum(), x0, [0, 50.0], events=third, return_solution=True)
    times = np.ravel(result.t_events[0])
    assert len(times) == 3
    assert np.ravel(result.t_reached)[0] == times[-1]


def test_events_run_backward_too():
    forward = simulate(Pendulum(), [1.0, 0.0], [0, 7.0], events=crossing, return_solution=True)
    for x0 in ([1.0, 0.0], [[1.0, 0.0]]):
        back = simulate(Pendulum(), x0, [0, -7.0], events=crossing, return_solution=True)
        np.testing.assert_allclose(np.ravel(back.t_events), -forward.t_events[0], atol=1e-7)


@pytest.mark.parametrize("method", ["DOP853", "Radau", "Tao"])
def test_dense_output_is_a_function_of_time(method):
    result = simulate(
        Pendulum(), [[1, 0], [0.5, 0]], T, method=method, dense_output=True, return_solution=True
    )
    np.testing.assert_allclose(result.sol(T), result.y, atol=1e-9)
    assert result.sol(0.3).shape == (2, 2)
    single = simulate(Pendulum(), [1, 0], T, method=method, dense_output=True, return_solution=True)
    np.testing.assert_allclose(single.sol(T), result.y[0], atol=1e-6)
    assert np.isnan(single.sol([6.0])).all()  # beyond the end
    assert single.sol([0.3, 0.4]).shape == (2, 2)


def test_the_result_tells_the_energy_and_what_it_cost(model):
    result = model.simulate(starts(4), T, return_solution=True)
    assert result.y.shape == (4, 11, 2)
    np.testing.assert_allclose(result.energy[1], model.energy(result.y[1]))
    drift = np.abs(result.energy - result.energy[:, :1]).max(axis=1)
    np.testing.assert_array_equal(result.energy_drift, drift)
    assert (result.nfev > 50).all()
    assert result.message[0] == "The last time was reached."
    again = pickle.loads(pickle.dumps(result))
    np.testing.assert_array_equal(again.y, result.y)
    assert "array(4, 11, 2)" in repr(result)
    one = model.simulate([1, 0], T, return_solution=True)
    assert (one.status, one.success, type(one.nfev)) == (0, True, int)
    assert one.energy_drift < 1e-6


# ---------------------------------------------------------------- failures

FAILURES = [
    (nan_beyond_two, [0.0, 0.0], 2.0, "not finite"),
    (blow_up, [1.0, 0.0], 1.0, "stopped at t="),
]


@pytest.mark.parametrize("method", [*SIDE_BY_SIDE, "Radau", "LSODA", "BDF", "GaussLegendre4"])
@pytest.mark.parametrize(("field", "x0", "end", "message"), FAILURES)
def test_a_failure_says_when_and_keeps_what_was_computed(method, field, x0, end, message):
    t = np.linspace(0, 3, 31)
    options = {"max_nfev": 5_000}
    for start in (x0, [x0, [-5.0, 0.0]]):
        with pytest.raises(SimulationError, match=message) as caught:
            simulate(field, start, t, method=method, **options)
        reached = np.ravel(caught.value.t_reached)[0]
        # implicit methods of scipy look far ahead, and fixed steps end with the last good one
        slack = 0.05 if method in SIDE_BY_SIDE else 1.3
        assert end - slack < reached < end + 0.05
        assert caught.value.advice
        done = int((t <= reached).sum())
        y = caught.value.y if len(np.shape(start)) == 1 else caught.value.y[0]
        assert np.isfinite(y[:done]).all()
        checked = slice(0, min(done, 9))
        exact = 1 / (1 - t[checked]) if field is blow_up else t[checked]
        np.testing.assert_allclose(y[checked, 0], exact, rtol=1e-2, atol=1e-4)


@pytest.mark.parametrize("method", ["DOP853", "GaussLegendre4"])
def test_others_of_a_batch_go_on(method):
    X0 = [[0.0, 0.0], [-1.0, 0.0], [-1.5, 0.0]]
    t = np.linspace(0, 2.5, 6)
    with pytest.warns(RuntimeWarning, match=r"1 of 3 .* row 0 of x0\. It stopped at t="):
        result = simulate(
            nan_beyond_two, X0, t, method=method, on_failure="nan", return_solution=True
        )
    np.testing.assert_array_equal(result.status, [-1, 0, 0])
    np.testing.assert_allclose(result.y[1, :, 0], t - 1, atol=1e-9)
    np.testing.assert_array_equal(np.isnan(result.y[0, :, 0]), t > result.t_reached[0])
    assert "not finite" in result.message[0]
    with pytest.warns(RuntimeWarning, match="not completed"):
        cut = simulate(nan_beyond_two, X0, t, method=method, on_failure="truncate")
    assert cut.shape == (3, int((t <= result.t_reached[0]).sum()), 2)
    assert np.isfinite(cut).all()


@pytest.mark.parametrize("method", ["DOP853", "RK23", "Radau", "GaussLegendre4", "StormerVerlet"])
def test_a_budget_ends_it(method):
    for x0 in ([1.0, 0.0], [[1.0, 0.0], [0.5, 0.0]]):
        with pytest.raises(SimulationError, match="max_nfev evaluations") as caught:
            simulate(Pendulum(), x0, [0.0, 1000.0], method=method, max_nfev=500)
        assert 0 < np.min(caught.value.t_reached) < 1000
        with pytest.warns(RuntimeWarning, match="max_nfev"):
            result = simulate(
                Pendulum(), x0, [0.0, 1000.0], method=method, max_nfev=500, on_failure="nan",
                return_solution=True,
            )  # fmt: skip
        assert np.max(result.nfev) < 560


def test_a_run_goes_on_from_where_it_failed():
    t = np.linspace(0, 30, 31)
    with pytest.raises(SimulationError) as caught:
        simulate(Pendulum(), [1.0, 0.0], t, max_nfev=300)
    error = caught.value
    rest = np.concatenate([[error.t_reached], t[t > error.t_reached]])
    found = simulate(Pendulum(), error.y[-1], rest)
    exact = simulate(Pendulum(), [1.0, 0.0], t)
    np.testing.assert_allclose(found[-1], exact[-1], atol=1e-6)


@pytest.mark.parametrize("method", ["DOP853", "Radau", "GaussLegendre4"])
def test_ctrl_c_ends_a_batch_and_keeps_it(method):
    timer = threading.Timer(0.7, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    t = np.arange(10**5) * 0.5
    with pytest.raises(SimulationError, match=r"2 of 2 .* interrupted by the user") as caught:
        simulate(Pendulum(), [[1.0, 0.0], [0.5, 0.0]], t, method=method)
    timer.join()
    reached = caught.value.t_reached
    done = int((t <= reached[0]).sum())
    assert done > 2
    assert np.isfinite(caught.value.y[0, :done]).all()


@pytest.mark.parametrize(
    "options", [{"method": "DOP853"}, {"method": "GaussLegendre4", "step_size": 0.1}]
)
def test_an_interrupt_is_lost_at_no_call_of_a_step(options):
    def is_told(n_calls):
        rates, calls = itertools.count(), iter(range(n_calls))

        def interrupt(frame, event, arg):
            if event == "call" and next(calls, None) is None:
                raise KeyboardInterrupt

        def model(X):
            if next(rates) == 30:  # the setting up is over
                sys.setprofile(interrupt)
            return pendulum(X)

        try:
            simulate(model, [[1.0, 0.0], [0.5, 0.0]], np.linspace(0.0, 30.0, 9), **options)
        except SimulationError as error:
            return "interrupted by the user" in str(error)
        finally:
            sys.setprofile(None)
        return False

    lost = [n_calls for n_calls in range(600) if not is_told(n_calls)]
    assert not lost


def test_a_solver_that_gives_up_is_quoted():
    class GivesUp(RK45):
        def _step_impl(self):
            return False, "No more steps."

    with pytest.raises(SimulationError, match=r"stopped at t=0 of 5: No more steps\."):
        simulate(Pendulum(), [1.0, 0.0], T, method=GivesUp)


# ---------------------------------------------------------------- leaving the data


def test_leaving_the_data_draws_a_warning_with_time_and_distance(model):
    with pytest.warns(
        ExtrapolationWarning, match=r"leaves the training data at t=\S+ and comes to \S+ stand"
    ):
        result = simulate(model, [0.0, 2.9], np.linspace(0, 8, 81), return_solution=True)
    assert not result.extrapolates[0]
    first = int(np.argmax(result.extrapolates))
    assert np.abs(result.y[first, 0]) > np.pi  # the data end at q = pi
    assert (result.distance[result.extrapolates] > result.distance[0]).all()
    for run in (model.simulate, lambda *args: simulate(model, *args)):
        with pytest.warns(ExtrapolationWarning) as caught:
            run([0.0, 2.9], np.linspace(0, 8, 81))
        assert caught[0].filename == __file__  # the line of the user
    with pytest.warns(ExtrapolationWarning, match=r"1 of 2 trajectories .*\(row 1 of x0\)"):
        simulate(model, [[1.0, 0.0], [0.0, 2.9]], np.linspace(0, 8, 81))


def test_trajectories_within_the_data_draw_none(model):
    X0 = make_pendulum(200, q_range=(-2, 2), p_range=(-0.5, 0.5), random_state=3).data
    result = simulate(model, X0, np.linspace(0, 20, 101), return_solution=True)
    assert not result.extrapolates.any()


def test_an_orbit_has_an_inside_that_is_outside():
    # data on a ring: its centre is far from them, though within the range of every column
    angle = np.linspace(0, 2 * np.pi, 300, endpoint=False)
    X = np.stack([np.sin(angle), np.cos(angle)], axis=1)
    ring = HNNRegressor(random_state=0).fit(X, np.stack([X[:, 1], -X[:, 0]], axis=1))
    simulate(ring, X[0], np.linspace(0, 10, 50))
    with pytest.warns(ExtrapolationWarning, match="t=0 and "):
        simulate(ring, [0.1, 0.0], [0.0, 0.1])


def test_pieces_of_data_add_to_what_is_known(data):
    X, y = data
    left = X[:, 0] < 0
    model = HNNRegressor((60,), solver="least_squares", random_state=0)
    model.partial_fit(X[left], y[left])
    with pytest.warns(ExtrapolationWarning):
        model.simulate([1.5, 0.0], [0.0, 0.1])
    model.partial_fit(X[~left], y[~left])
    model.simulate([1.5, 0.0], [0.0, 0.1])
    assert len(model._support[0]) <= 300


# ---------------------------------------------------------------- options


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"method": "euler"}, ValueError, "Unknown method 'euler'; choose one of"),
        ({"step_size": 0.1}, ValueError, "DOP853 chooses its steps. Use max_step"),
        ({"method": "Tao", "step_size": -1.0}, ValueError, "step_size must be a number greater"),
        ({"method": "Tao", "step_size": "0.1"}, TypeError, "step_size must be a number"),
        ({"first_step": 0.0}, ValueError, "first_step must be a number greater than 0"),
        ({"max_nfev": 0}, ValueError, "max_nfev must be an integer at least 1"),
        ({"max_nfev": 1.5}, TypeError, "max_nfev must be an integer"),
        ({"on_failure": "ignore"}, ValueError, "on_failure must be one of"),
        ({"events": 3}, TypeError, "events must be a function"),
        ({"events": [3]}, TypeError, "events must be a function"),
        ({"dense_output": "yes"}, TypeError, "dense_output must be True or False"),
        ({"verbose": "yes"}, TypeError, "verbose must be True or False"),
        ({"speed": 1}, TypeError, "unexpected keyword argument 'speed'"),
    ],
)
def test_bad_options_are_refused_before_any_work(options, error, message):
    def field(X):
        raise AssertionError("no work should have been done")

    with pytest.raises(error, match=message):
        simulate(field, [1.0, 0.0], T, **options)


def test_options_without_effect_are_named(separable):
    with pytest.warns(UserWarning, match="rtol, atol have no effect with StormerVerlet"):
        simulate(separable, [1, 0], T, method="StormerVerlet", rtol=1e-3, atol=1e-3)


def test_what_only_the_result_shows_is_named_without_it():
    for options, message in (
        ({"events": crossing}, "events have no effect on the states alone"),
        ({"dense_output": True}, "dense_output has no effect on the states alone"),
    ):
        with pytest.warns(UserWarning, match=message):
            simulate(Pendulum(), [1.0, 0.0], T, **options)
    simulate(Pendulum(), [1.0, 0.0], T, events=stop)  # it ends the trajectory


def test_a_tolerance_below_rounding_says_so(model):
    with pytest.warns(UserWarning, match="rtol=1e-15 is below the rounding"):
        simulate(model, [1, 0], T[:2], rtol=1e-15)


@pytest.mark.parametrize("x0", [[1.0, 0.0], [[1.0, 0.0], [0.5, 0.0]]])
def test_first_and_longest_step_reach_the_method(x0):
    small, short = (
        simulate(Pendulum(), x0, [0.0, 5.0], return_solution=True, **options).nfev
        for options in ({"first_step": 1e-6}, {"max_step": 0.01})
    )
    assert np.min(short) > 5 / 0.01 * 12
    assert np.max(small) < np.min(short)


def test_progress_is_printed(capsys, monkeypatch):
    from skhnn._simulation import _record

    monkeypatch.setattr(_record._Progress, "_SECONDS", 0.0)
    simulate(Pendulum(), [1.0, 0.0], T, verbose=True)
    assert "simulate: t=5 of 5, 100 %" in capsys.readouterr().out
    simulate(Pendulum(), [[1.0, 0.0], [0.5, 0.0]], T, verbose=True)
    assert "2 of 2 trajectories ended, 100 %" in capsys.readouterr().out


@pytest.mark.slow
def test_kepler_energy_is_kept_over_many_orbits_by_symplectic_methods():
    kepler, x0 = Kepler(mu=1.0), np.array([1.0, 0.0, 0.0, 1.1])
    t = np.linspace(0, 500, 100)
    symplectic = simulate(kepler, x0, t, method="BlanesMoan4", step_size=0.1, return_solution=True)
    drift = np.abs(symplectic.energy - symplectic.energy[0])
    assert drift[-25:].max() < 1.5 * drift[:25].max()
    conserved = simulate(kepler, x0, t[:8], method="AverageVectorField4", return_solution=True)
    assert conserved.energy_drift < 1e-11
    exact = simulate(kepler, x0, t[:8], rtol=1e-12, atol=1e-13)
    accurate = simulate(kepler, x0, t[:8], method=GaussLegendre4, step_size=0.02)
    np.testing.assert_allclose(accurate, exact, atol=1e-3)
