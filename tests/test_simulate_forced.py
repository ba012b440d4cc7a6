"""simulate: functions of time and states, recognised, integrated by every method, in one t."""

import functools

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from skhnn import HNNRegressor, SimulationError, simulate
from skhnn.datasets import make_pendulum
from skhnn.systems import Pendulum

ADAPTIVE = ["DOP853", "RK45", "RK23", "Radau", "BDF", "LSODA"]
FIXED = ["StormerVerlet", "Yoshida4", "BlanesMoan6", "Tao", "ImplicitMidpoint", "GaussLegendre4",
         "AverageVectorField4"]  # fmt: skip
T = np.linspace(0, 8, 33)
X0 = np.array([0.4, -0.2])


def u(t):
    assert isinstance(t, float)  # so that every function of a number works
    return 0.5 * np.cos(1.3 * t)


def of_rows(t, x):
    return np.c_[x[:, 1], -np.sin(x[:, 0]) + u(t)]


def of_a_model(t, x):
    return Pendulum().vector_field(np.atleast_2d(x)) + np.array([0, u(t)])


def reference(x0, t):
    return solve_ivp(
        lambda t, x: [x[1], -np.sin(x[0]) + 0.5 * np.cos(1.3 * t)], (t[0], t[-1]), x0, "DOP853",
        t, rtol=1e-12, atol=1e-13,
    ).y.T  # fmt: skip


def options_of(method):
    return {"step_size": 0.01} if method in FIXED else {"rtol": 1e-8}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "function"),
    [(method, of_rows) for method in (*ADAPTIVE, *FIXED)]
    + [(method, of_a_model) for method in (ADAPTIVE[0], FIXED[0])],
)
def test_a_force_that_depends_on_time_is_integrated_by_every_method(method, function):
    atol = 1e-4 if method in ("StormerVerlet", "ImplicitMidpoint") else 3e-6
    starts = np.array([X0, [1.0, 0.3], X0])
    one = simulate(function, X0, T, method=method, **options_of(method))
    many = simulate(function, starts, T, method=method, **options_of(method))
    np.testing.assert_allclose(one, reference(X0, T), atol=atol)
    np.testing.assert_allclose(many[1], reference(starts[1], T), atol=atol)
    np.testing.assert_allclose(many[2], one, atol=1e-9 if method != "Tao" else atol)


@pytest.mark.parametrize("method", ["DOP853", "BDF", "BlanesMoan6", "GaussLegendre4"])
def test_the_function_gets_the_time_of_the_user(method):
    # started later, the phase of the force is another; and so it is backward
    times = [T, T + 2.0, np.linspace(5.0, -1.0, 13)]
    found = simulate(of_rows, [X0, X0, X0], times, method=method, **options_of(method))
    for t, y in zip(times, found, strict=True):
        np.testing.assert_allclose(y, reference(X0, t), atol=3e-6)
    assert np.abs(found[0] - found[1]).max() > 0.1
    common = simulate(of_rows, [X0, X0], times[2], method=method, **options_of(method))
    np.testing.assert_allclose(common[1], found[2], atol=1e-8)


@pytest.mark.parametrize("method", ["DOP853", "BlanesMoan6"])
def test_large_times_reach_the_function_as_they_are(method):
    origin, seen = 1.7e9, []

    def field(t, x):
        seen.append(t)
        return of_rows(t - origin, x)

    found = simulate(field, X0, origin + T, method=method, **options_of(method))
    # the force changes by at most 0.65 a second, and times are rounded to 2.4e-7 s
    np.testing.assert_allclose(found, reference(X0, T), atol=3e-6)
    assert min(seen) == origin
    assert max(seen) <= origin + 8.0 + 1e-6


@pytest.mark.parametrize("method", ["DOP853", "LSODA", "GaussLegendre4"])
def test_events_and_dense_output_of_a_driven_system(method):
    def crossing(t, x):
        return x[0]

    result = simulate(
        of_rows, X0, T, method=method, events=crossing, dense_output=True, return_solution=True,
        **options_of(method),
    )  # fmt: skip
    scipys = solve_ivp(
        lambda t, x: of_rows(float(t), x[None])[0], (0, 8), X0, "DOP853", rtol=1e-11, atol=1e-12,
        events=crossing,
    )  # fmt: skip
    assert len(scipys.t_events[0]) > 1
    np.testing.assert_allclose(result.t_events[0], scipys.t_events[0], atol=1e-5)
    np.testing.assert_allclose(result.sol(T), reference(X0, T), atol=1e-5)
    assert result.energy is None


def test_a_model_fitted_without_the_force_is_simulated_under_it():
    X, y = make_pendulum(400, random_state=0, return_X_y=True)
    model = HNNRegressor((60,), solver="least_squares", random_state=0).fit(X, y)
    found = simulate(lambda t, x: model.predict(np.atleast_2d(x)) + np.array([0, u(t)]), X0, T)
    expected = solve_ivp(
        lambda t, x: model.predict(x[None])[0] + [0, u(float(t))], (0, 8), X0, "DOP853", T,
        rtol=1e-10, atol=1e-11,
    ).y.T  # fmt: skip
    np.testing.assert_allclose(found, expected, atol=1e-6)


class Driven:
    def field(self, t, x):
        return of_rows(t, x)

    def __call__(self, t, x):
        return of_rows(t, x)


def with_a_default(t, x, strength=1.0):
    return of_rows(t, x)


def of_three(t, x, strength):
    return of_rows(t, x)


@pytest.mark.parametrize(
    "function",
    [
        Driven(),
        Driven().field,
        with_a_default,
        functools.partial(of_three, strength=2.0),
        functools.wraps(of_rows)(lambda *args: of_rows(*args)),
    ],
)
def test_functions_of_two_arguments_are_those_of_time(function):
    np.testing.assert_array_equal(simulate(function, X0, T), simulate(of_rows, X0, T))


def autonomous(x, scale=1.0):
    return scale * Pendulum().vector_field(x)


@pytest.mark.parametrize(
    "function",
    [
        autonomous,
        functools.partial(autonomous, scale=1.0),
        functools.partial(lambda scale, x: autonomous(x, scale), 1.0),
        lambda *args: autonomous(*args),
        Pendulum().vector_field,
    ],
)
def test_other_functions_are_those_of_states(function):
    np.testing.assert_allclose(simulate(function, X0, T), simulate(Pendulum(), X0, T), atol=1e-12)


def test_builtins_and_ufuncs_without_a_signature_are_functions_of_states():
    np.testing.assert_allclose(simulate(np.negative, X0, [0.0, 1.0])[1], X0 / np.e, atol=1e-8)
    with pytest.raises(TypeError, match=r"of their shape \(1, 2\); got \(2,\)"):
        simulate(max, X0, T)


def test_modules_of_torch_are_told_what_they_got():
    torch = pytest.importorskip("torch")
    with pytest.raises(TypeError, match=r"called as f\(x\) and a numpy array x of shape \(1, 2\)"):
        simulate(torch.nn.Linear(2, 2), X0, T)


def test_what_a_function_takes_can_be_said():
    def any_number(*args):
        return of_rows(*args)

    expected = simulate(of_rows, X0, T)
    np.testing.assert_array_equal(simulate(any_number, X0, T, time_dependent=True), expected)

    def states_and_strength(x, strength=2.0, *more):
        return autonomous(x)

    simulate(states_and_strength, X0, T, time_dependent=False)
    simulate(Pendulum(), X0, T, time_dependent=False)
    with pytest.raises(ValueError, match="time_dependent=True is for functions"):
        simulate(Pendulum(), X0, T, time_dependent=True)
    with pytest.raises(TypeError, match="time_dependent must be True or False"):
        simulate(of_rows, X0, T, time_dependent="yes")


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda t, x: [x[1], -x[0]], r"IndexError: .*f\(t, x\) with a number t .*shape \(1, 2\)"),
        (lambda x: [x[1], -x[0]], r"IndexError: .*f\(x\) and a numpy array x of shape \(1, 2\)"),
        (lambda t, x: x[:, 0], r"of their shape \(1, 2\); got \(1,\)\. States are rows"),
        (lambda t, x: x[0], r"of their shape \(1, 2\); got \(2,\)"),
        (of_three, r"one of 3 arguments, t, x, strength.*functools\.partial"),
        (lambda x, mass: x + mass.sum(axis=7), r"AxisError.*time_dependent=True or False"),
    ],
)
def test_functions_of_another_kind_are_told_what_is_taken(function, message):
    with pytest.raises(TypeError, match=message):
        simulate(function, X0, T)


def test_explicit_splitting_looks_at_more_than_the_first_time():
    def separable_at_zero(t, x):
        return np.c_[x[:, 1] * (1 + t * x[:, 0] ** 2), -x[:, 0] * (1 + t * x[:, 1] ** 2)]

    with pytest.raises(ValueError, match="not separable"):
        simulate(separable_at_zero, X0, T, method="StormerVerlet")


def test_a_failure_of_a_driven_system_says_when():
    def blows_up(t, x):
        return np.where(t > 12.0, np.nan, 1.0) * of_rows(t, x)

    with pytest.raises(SimulationError, match=r"stopped at t=1[12].* of 18: the vector field is"):
        simulate(blows_up, X0, 10.0 + T)
