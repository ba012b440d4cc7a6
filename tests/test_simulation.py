"""simulate: accuracy, shapes, time in both directions, and honest failures."""

import os
import pickle
import signal
import threading

import numpy as np
import pytest
from helpers import asymmetric_data, fit_quietly
from scipy.integrate import RK45, solve_ivp

from skhnn import HNNRegressor, SimulationError
from skhnn.datasets import make_pendulum
from skhnn.hamiltonians import Equations

# The model below is asked for more than it was shown: what counts here is the integration.
pytestmark = pytest.mark.filterwarnings("ignore::skhnn.ExtrapolationWarning")

METHODS = ["DOP853", "RK45", "RK23", "Radau", "BDF", "LSODA"]
T = np.array([0.0, 0.1, 0.7, 2.0])


@pytest.fixture(scope="module")
def model():
    X, y = asymmetric_data(300)
    return fit_quietly(HNNRegressor((20, 20), max_iter=300, random_state=0, solver="lbfgs"), X, y)


@pytest.fixture(scope="module")
def pendulum():
    """A model whose simulations stay with its data for as long as one likes, however it rounds."""
    X, y = make_pendulum(300, random_state=0, return_X_y=True)
    return fit_quietly(HNNRegressor(solver="least_squares", random_state=0), X, y)


@pytest.fixture(scope="module")
def x0():
    return np.array([0.1, -0.2, 0.3, 0.1])


@pytest.mark.parametrize("method", METHODS)
def test_every_method_agrees_with_scipy_on_predict(model, x0, method):
    def fun(t, x):
        return model.predict(x[None])[0]

    expected = solve_ivp(fun, (0, 2), x0, "DOP853", T, rtol=1e-12, atol=1e-13).y.T
    rtol, bound = (1e-6, 1e-4) if method in ("BDF", "RK23", "Radau") else (1e-9, 1e-7)
    np.testing.assert_allclose(
        model.simulate(x0, T, method=method, rtol=rtol), expected, atol=bound
    )


def test_a_solver_class_is_taken(model, x0):
    by_class = model.simulate(x0, T, method=RK45)
    np.testing.assert_array_equal(by_class, model.simulate(x0, T, method="rk45"))


def test_energy_is_conserved(pendulum):
    t = np.linspace(0, 100, 200)
    energy = pendulum.energy(pendulum.simulate([0.5, 0.3], t))
    assert np.ptp(energy) < 1e-6


def test_forward_then_backward_returns_to_the_start(model, x0):
    there = model.simulate(x0, T)
    back = model.simulate(there[-1], T[::-1])
    np.testing.assert_allclose(back, there[::-1], atol=1e-7)


def test_flow_is_symplectic(model, x0):
    # M^T J M = J for the derivative M of the flow map, by central differences.
    from helpers import structure_matrix

    h, J = 1e-4, structure_matrix(2)
    starts = np.concatenate([x0 + h * np.eye(4), x0 - h * np.eye(4)])
    ends = model.simulate(starts, [0.0, 1.0], rtol=1e-12)[:, -1]
    M = ((ends[:4] - ends[4:]) / (2 * h)).T
    np.testing.assert_allclose(M.T @ J @ M, J, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["DOP853", "RK45", "RK23", "Radau"])
def test_batch_is_as_accurate_for_its_worst_member_as_a_loop(model, method):
    # Starts that need very different steps: from near rest to the edge of the data.
    X0 = asymmetric_data(40, seed=3)[0] * np.geomspace(1e-3, 1.0, 40)[:, None]
    loop = np.stack([model.simulate(x, T, method=method, rtol=1e-6) for x in X0])
    batch = model.simulate(X0, T, method=method, rtol=1e-6)
    assert batch.shape == (40, 4, 4)
    np.testing.assert_array_equal(batch[:, 0], X0)
    np.testing.assert_allclose(batch, loop, atol=1e-9)  # the same steps, up to rounding


def test_batches_are_integrated_in_pieces(model, monkeypatch):
    from skhnn import _learned_dynamics

    X0 = asymmetric_data(7, seed=3)[0]
    whole = model.simulate(X0, T)
    monkeypatch.setattr(_learned_dynamics, "ROWS_AT_ONCE", 3)
    np.testing.assert_allclose(model.simulate(X0, T), whole, atol=1e-8)


def with_a_hole(vector_field):
    """The fields of a Hamiltonian, not finite far from the origin."""

    def holed(self, params):
        field = vector_field(self, params)
        return lambda x: np.where(np.abs(x[..., :1]) > 1e3, np.nan, field(x))

    return holed


def test_one_failure_in_a_batch_leaves_the_others(model, monkeypatch):
    X0 = asymmetric_data(5, seed=3)[0]
    X0[2] = 1e200  # overflows in the finite-field test
    monkeypatch.setattr(Equations, "vector_field", with_a_hole(Equations.vector_field))
    with pytest.raises(SimulationError, match=r"1 of 5 trajectories.*row 2 of x0") as caught:
        model.simulate(X0, T)
    error = caught.value
    np.testing.assert_array_equal(error.t_reached, [2.0, 2.0, 0.0, 2.0, 2.0])
    np.testing.assert_allclose(error.y[3], model.simulate(X0[3], T), atol=1e-7)
    assert np.isnan(error.y[2, 1:]).all()


def test_output_does_not_depend_on_the_other_times(model, x0):
    dense = model.simulate(x0, np.linspace(0, 2, 41))
    np.testing.assert_allclose(dense[[0, 2, 14, 40]], model.simulate(x0, T), atol=1e-8)


def test_a_single_time_returns_the_start(model, x0):
    y = model.simulate(x0, [5.0])
    np.testing.assert_array_equal(y, x0[None])
    assert not np.shares_memory(y, x0)
    assert model.simulate(np.stack([x0, x0]), [5.0]).shape == (2, 1, 4)


def test_time_may_start_anywhere(model, x0):
    # an autonomous system: only differences of time matter, up to the rounding of t
    shifted = model.simulate(x0, T + 1000.0)
    np.testing.assert_allclose(shifted, model.simulate(x0, T), atol=1e-7)


def test_integer_and_list_input(model):
    expected = model.simulate(np.zeros(4), np.array([0.0, 1.0]))
    np.testing.assert_array_equal(model.simulate([0, 0, 0, 0], [0, 1]), expected)


def test_frames_and_series_are_taken_and_checked():
    pandas = pytest.importorskip("pandas")
    X, y = asymmetric_data(100)
    names = ["q_1", "q_2", "p_1", "p_2"]
    frame = pandas.DataFrame(X, columns=names)
    model = fit_quietly(HNNRegressor((5,), max_iter=50, random_state=0, solver="lbfgs"), frame, y)
    one = model.simulate(X[0], T)  # plain arrays do not warn
    np.testing.assert_array_equal(model.simulate(frame.iloc[0], T), one)
    np.testing.assert_array_equal(model.simulate(pandas.Series(X[0]), pandas.Series(T)), one)
    np.testing.assert_allclose(model.simulate(frame.iloc[:2], T)[0], one, atol=1e-8)
    with pytest.raises(ValueError, match="feature names"):
        model.simulate(frame.iloc[0][names[::-1]], T)


def test_default_tolerance_is_in_the_units_of_the_data():
    units = np.array([1e6, 1e-6])
    X, y = make_pendulum(200, random_state=0, return_X_y=True)
    t = np.linspace(0, 3, 7)
    kwargs = {"hidden_layer_sizes": (10,), "max_iter": 50, "random_state": 0}
    reference = fit_quietly(HNNRegressor(**kwargs), X, y)
    scaled = fit_quietly(HNNRegressor(**kwargs), X * units, y * units)
    for own, other in zip(scaled.params_, reference.params_, strict=True):
        own[...] = other  # the same model in other units: weights have none
    np.testing.assert_allclose(
        scaled.simulate(X[0] * units, t) / units, reference.simulate(X[0], t), atol=1e-7
    )


def test_tolerances_reach_the_integrator(model, x0):
    exact = model.simulate(x0, T, rtol=1e-12, atol=1e-13)
    errors = [np.abs(model.simulate(x0, T, rtol=r) - exact).max() for r in (1e-3, 1e-6, 1e-9)]
    assert errors[0] > errors[1] > errors[2]
    loose = model.simulate(x0, T, rtol=1e-3, atol=[1.0, 1.0, 1.0, 1.0])
    assert np.abs(loose - exact).max() > errors[0]
    stepped = model.simulate(x0, T, rtol=1e-3, max_step=0.01)
    assert np.abs(stepped - exact).max() < errors[0]


# ---------------------------------------------------------------- failures


class GivesUp(RK45):
    """RK45 that ends like scipy's solvers do when the step becomes too small, at t = 1."""

    def _step_impl(self):
        if self.t > 1.0:
            return False, self.TOO_SMALL_STEP
        return super()._step_impl()


def test_a_failed_integration_says_how_far_it_came(model, x0):
    t = np.linspace(0, 2, 9)
    with pytest.raises(SimulationError, match=r"stopped at t=1\..* of 2: .*loosen rtol") as caught:
        model.simulate(x0, t, method=GivesUp, max_step=0.1)
    error = caught.value
    assert 1.0 < error.t_reached < 1.2
    np.testing.assert_array_equal(error.t, [*t[:5], error.t_reached])
    np.testing.assert_allclose(error.y, model.simulate(x0, error.t), atol=1e-7)


def test_a_batch_keeps_what_was_computed(model, x0):
    t = np.linspace(0, 2, 9)
    with pytest.raises(SimulationError, match=r"2 of 2 trajectories.*row 0 of x0") as caught:
        model.simulate(np.stack([x0, -x0]), t, method=GivesUp, max_step=0.1)
    error = caught.value
    assert error.y.shape == (2, 9, 4)
    assert np.isfinite(error.y[:, :5]).all()
    assert np.isnan(error.y[:, 5:]).all()
    assert (error.t_reached > 1.0).all()


@pytest.mark.parametrize("method", METHODS)
def test_a_field_that_is_not_finite_ends_soon(x0, method):
    X, y = asymmetric_data(100)
    model = fit_quietly(HNNRegressor((5,), max_iter=50, random_state=0, solver="lbfgs"), X, y)
    model.params_[0][:] = np.nan
    with pytest.raises(
        SimulationError, match=r"stopped at t=0 of 2: the vector field is not finite"
    ):
        model.simulate(x0, T, method=method)


def test_ctrl_c_keeps_the_steps_so_far(pendulum):
    x0 = np.array([0.5, 0.3])
    timer = threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    t = np.arange(10**6) * 0.1
    with pytest.raises(SimulationError, match="interrupted by the user") as caught:
        pendulum.simulate(x0, t)
    timer.join()
    error = caught.value
    assert 0 < error.t_reached < t[-1]
    np.testing.assert_array_equal(error.t[:-1], t[t <= error.t_reached])
    assert error.t[-1] == error.t_reached
    short = pendulum.simulate(x0, t[:5])
    np.testing.assert_allclose(error.y[:5], short, atol=1e-7)


def test_ctrl_c_keeps_what_a_batch_has(pendulum):
    x0 = np.array([0.5, 0.3])
    timer = threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    t = np.arange(10**6) * 0.1
    with pytest.raises(SimulationError, match=r"3 of 3 trajectories.*interrupted") as caught:
        pendulum.simulate(np.stack([x0, x0, x0]), t)
    timer.join()
    error = caught.value
    for states, reached in zip(error.y, error.t_reached, strict=True):
        n_done = int((t <= reached).sum())
        assert n_done > 0
        assert np.isfinite(states[:n_done]).all()
        assert np.isnan(states[n_done:]).all()
    np.testing.assert_allclose(error.y[2, :2], pendulum.simulate(x0, t[:2]), atol=1e-7)


def test_simulation_error_survives_a_pickle():
    error = SimulationError("stopped", 1.0, np.array([0.0, 1.0]), np.zeros((2, 2)))
    copy = pickle.loads(pickle.dumps(error))
    assert (str(copy), copy.t_reached) == ("stopped", 1.0)
    np.testing.assert_array_equal(copy.y, error.y)
