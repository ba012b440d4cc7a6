"""simulate: the origin of time, and times of its own for each trajectory."""

import numpy as np
import pytest

from skhnn import ExtrapolationWarning, HNNRegressor, SimulationError, simulate
from skhnn._simulation import _record
from skhnn._validation import check_times
from skhnn.datasets import make_pendulum
from skhnn.systems import Kepler, MassSpring, Pendulum

JULIAN, UNIX = 2.45e6, 1.7e9
ADAPTIVE = ["DOP853", "RK45", "RK23", "Radau", "BDF", "LSODA"]
FIXED = ["StormerVerlet", "BlanesMoan6", "Tao", "ImplicitMidpoint", "GaussLegendre4",
         "AverageVectorField4"]  # fmt: skip
X0 = np.array([[1.0, 0.0], [0.3, -0.4], [-0.7, 0.2], [2.0, 0.1], [0.5, 0.5]])


def options_of(method):
    return {"step_size": 0.07} if method in FIXED else {"rtol": 1e-7}


def own_times():
    """Uneven, even, a single time, backward, and seconds since 1970."""
    rng = np.random.default_rng(0)
    return [
        np.sort(rng.uniform(3, 9, 40)),
        np.linspace(-2, 4, 13),
        np.array([5.0]),
        np.linspace(1, -3, 9),
        UNIX + np.arange(0, 4, 0.25),
    ]


# ---------------------------------------------------------------- the origin of time


@pytest.mark.parametrize(("origin", "x0"), [(JULIAN, X0[0]), (UNIX, X0)])
@pytest.mark.parametrize("method", [*ADAPTIVE, *FIXED])
def test_the_origin_of_time_does_not_matter(method, x0, origin):
    tau = np.arange(0, 6, 0.1)
    given = origin + tau
    options = options_of(method)
    at_zero = simulate(Pendulum(), x0, tau, method=method, return_solution=True, **options)
    shifted = simulate(Pendulum(), x0, given, method=method, return_solution=True, **options)
    # speeds are at most 2, and the times are rounded
    moved = 2 * np.abs((given - origin) - tau).max()
    np.testing.assert_allclose(shifted.y, at_zero.y, atol=2 * moved + 1e-12)
    np.testing.assert_array_equal(shifted.t, given)
    shifted.t[0] = 0.0  # an array of the user
    np.testing.assert_array_equal(shifted.t_reached, given[-1])
    if method in FIXED:
        np.testing.assert_array_equal(shifted.nfev, at_zero.nfev)
        assert shifted.step_size == pytest.approx(at_zero.step_size, rel=1e-6)


@pytest.mark.parametrize("method", ["StormerVerlet", "GaussLegendre4"])
@pytest.mark.parametrize("x0", [X0[0], X0])
@pytest.mark.parametrize("step_size", [None, 0.01, 0.005])
def test_a_grid_is_even_up_to_its_own_rounding(method, x0, step_size):
    tau = np.arange(0, 3, 0.01)
    for origin in (0.0, JULIAN, UNIX):
        result = simulate(
            Pendulum(), x0, origin + tau, method=method, step_size=step_size, return_solution=True
        )
        assert result.step_size == pytest.approx(step_size or 0.01, rel=1e-6)
    # no state is interpolated: that would cost a step more for each (a whole field for each half)
    per_step = np.max(result.nfev) / (2.99 / result.step_size)
    assert per_step < (2.2 if method == "StormerVerlet" else 60)


def test_uneven_times_are_not_taken_for_even_ones():
    t = UNIX + np.array([0.0, 0.5, 1.25, 2.0, 3.0])
    found = simulate(MassSpring(), [1.0, 0.0], t, method="BlanesMoan6", step_size=0.05)
    np.testing.assert_allclose(found[:, 0], np.cos(t - UNIX), atol=1e-8)


@pytest.mark.parametrize("method", ["DOP853", "LSODA", "BlanesMoan6"])
@pytest.mark.parametrize("x0", [[1.0, 0.0], [[1.0, 0.0], [0.5, 0.0]]])
def test_events_and_dense_output_speak_in_the_times_of_the_user(method, x0):
    seen = []

    def crossing(t, x):
        seen.append(t)
        return x[0]

    options = {"step_size": 0.01} if method == "BlanesMoan6" else {}
    t = UNIX + np.linspace(0, 10, 11)
    result = simulate(
        MassSpring(), x0, t, method=method, events=crossing, dense_output=True,
        return_solution=True, **options,
    )  # fmt: skip
    crossings = result.t_events if np.ndim(x0) == 1 else result.t_events[1]
    # zeros of the cosine
    np.testing.assert_allclose(crossings[0] - UNIX, np.pi * np.array([0.5, 1.5, 2.5]), atol=1e-6)
    assert min(seen) >= UNIX
    states = result.sol(t[0] + 0.3) if np.ndim(x0) == 1 else result.sol(t[0] + 0.3)[0]
    assert states[0] == pytest.approx(np.cos(0.3), abs=1e-6)
    np.testing.assert_array_equal(np.isnan(result.sol(np.array([0.0, 5.0]))), True)


def test_messages_speak_in_the_times_of_the_user(capsys, monkeypatch):
    monkeypatch.setattr(_record._Progress, "_SECONDS", 0.0)
    t = UNIX + np.linspace(0, 100, 11)
    with pytest.raises(SimulationError, match=r"stopped at t=17000000\d\d\.\d+ of 1700000100") as e:
        simulate(Pendulum(), [1.0, 0.0], t, max_nfev=500)
    assert t[0] < e.value.t_reached < t[-1]
    rest = np.append(e.value.t_reached, t[t > e.value.t_reached])
    found = simulate(Pendulum(), e.value.y[-1], rest)
    np.testing.assert_allclose(found[-1], simulate(Pendulum(), [1.0, 0.0], t)[-1], atol=1e-5)
    simulate(Pendulum(), [1.0, 0.0], t, verbose=True)
    assert "t=1700000100 of 1700000100, 100 %" in capsys.readouterr().out


# ---------------------------------------------------------------- times of its own


@pytest.mark.parametrize("method", [*ADAPTIVE, *FIXED])
def test_own_times_give_what_a_loop_gives(method):
    times, options = own_times(), options_of(method)
    found = simulate(Pendulum(), X0, times, method=method, **options)
    assert isinstance(found, list)
    # the binding of Tao's copies is chosen for all
    atol = 1e-3 if method == "Tao" else 1e-9
    for x0, t, y in zip(X0, times, found, strict=True):
        alone = simulate(Pendulum(), x0, t, method=method, **options)
        np.testing.assert_allclose(y, alone, atol=atol)
        np.testing.assert_array_equal(y[0], x0)


@pytest.mark.parametrize("method", ["DOP853", "GaussLegendre4"])
def test_equally_many_times_give_an_array(method):
    times = np.stack([np.linspace(a, a + 3, 7) for a in (0.0, -5.0, 100.0)])
    options = options_of(method)
    found = simulate(Pendulum(), X0[:3], times, method=method, **options)
    assert found.shape == (3, 7, 2)
    common = simulate(Pendulum(), X0[:3], times[0], method=method, **options)
    np.testing.assert_allclose(found, common, atol=1e-9)
    result = simulate(
        Pendulum(), X0[:3], list(times), method=method, return_solution=True, **options
    )
    np.testing.assert_array_equal(result.t, times)
    assert result.t.flags.writeable
    np.testing.assert_array_equal(result.y, found)
    assert result.energy.shape == (3, 7)


@pytest.mark.parametrize("method", ["DOP853", "Radau", "BlanesMoan6", "GaussLegendre4"])
def test_the_result_of_own_times_has_a_list_for_what_is_a_function_of_time(method):
    def crossing(t, x):
        return x[0]

    times, options = own_times(), options_of(method)
    both = {"method": method, "events": crossing, "return_solution": True, **options}
    result = simulate(Pendulum(), X0, times, dense_output=True, **both)
    sided = simulate(Pendulum(), X0, times, **both)
    for k, t in enumerate(times):
        alone = simulate(Pendulum(), X0[k], t, **both)
        for found in (result, sided):
            np.testing.assert_array_equal(found.t[k], t)
            np.testing.assert_allclose(found.y[k], alone.y, atol=1e-8)
            np.testing.assert_allclose(found.energy[k], alone.energy, atol=1e-8)
            np.testing.assert_allclose(found.t_events[k][0], alone.t_events[0], atol=1e-6)
            assert found.t_reached[k] == t[-1]
        if len(t) > 1:
            np.testing.assert_allclose(result.sol(t)[k], alone.y, atol=1e-8)
        if method in FIXED and len(t) > 1:
            assert sided.step_size[k] == alone.step_size
    np.testing.assert_array_equal(result.status, 0)
    assert result.energy_drift.shape == (5,)


def test_own_times_are_integrated_side_by_side():
    calls = []

    def field(X):
        calls.append(len(X))
        return Pendulum().vector_field(X)

    starts = np.random.default_rng(0).uniform(-1, 1, (200, 2))
    times = [np.linspace(k, k + 5, 20 + k % 7) for k in range(200)]
    for options in ({}, {"method": "GaussLegendre4", "step_size": 0.1}):
        calls.clear()
        simulate(field, starts, times, **options)
        assert np.mean(calls) > 100


def test_a_terminal_event_and_a_failure_end_their_own_trajectory():
    def falls(t, x):
        return x[0] - 0.2

    falls.terminal = True
    times = own_times()
    result = simulate(MassSpring(), X0, times, events=falls, return_solution=True)
    np.testing.assert_array_equal(result.status, [1, 1, 0, 1, 1])
    for t, y, end in zip(times, result.y, result.t_reached, strict=True):
        np.testing.assert_array_equal(np.isnan(y[:, 0]), np.sign(t[-1] - t[0]) * (t - end) > 0)
    with pytest.raises(SimulationError, match=r"of 5 .* row 0 of x0\. It stopped at t=") as caught:
        simulate(Pendulum(), X0, times, max_nfev=120, rtol=1e-6)
    error = caught.value
    assert [len(y) for y in error.y] == [len(t) for t in times]
    assert times[0][0] < error.t_reached[0] < times[0][-1]
    assert error.t_reached[2] == 5.0
    with pytest.warns(RuntimeWarning, match="not completed"):
        cut = simulate(
            Pendulum(), X0, times, max_nfev=120, rtol=1e-6, on_failure="truncate",
            return_solution=True,
        )  # fmt: skip
    np.testing.assert_array_equal(cut.t_reached, error.t_reached)
    for k, t in enumerate(times):
        done = np.abs(t - t[0]) <= abs(cut.t_reached[k] - t[0])
        np.testing.assert_array_equal(cut.t[k], t[done])
        assert len(cut.y[k]) == len(cut.energy[k]) == done.sum()
        assert np.isfinite(cut.y[k]).all()


def test_a_fitted_model_takes_own_times_and_says_which_trajectory_leaves():
    model = HNNRegressor((60,), solver="least_squares", random_state=0).fit(
        *make_pendulum(300, random_state=0, return_X_y=True)
    )
    times = [np.linspace(10, 12, 5), np.linspace(50, 58, 81)]
    found = model.simulate(X0[:2], times)
    np.testing.assert_array_equal(found[1], simulate(model, X0[:2], times)[1])
    with pytest.warns(ExtrapolationWarning, match=r"\(row 1 of x0\) at t=5\d\.\d"):
        model.simulate([[0.5, 0.0], [0.0, 2.9]], times)
    result = model.simulate(X0[:2], times, return_solution=True)
    assert [len(d) for d in result.distance] == [5, 81]


def test_methods_with_fixed_steps_take_own_times_on_tensors(monkeypatch):
    pytest.importorskip("torch")
    model = HNNRegressor((60,), hamiltonian="mlp", solver="least_squares", random_state=0).fit(
        *make_pendulum(300, random_state=0, return_X_y=True)
    )
    methods = ["GaussLegendre4", "Tao", "AverageVectorField"]
    on_numpy = [simulate(model, X0, own_times(), method=m, step_size=0.1) for m in methods]
    monkeypatch.setattr(HNNRegressor, "_is_for_device", lambda self, n: True)
    for method, expected in zip(methods, on_numpy, strict=True):
        found = simulate(model, X0, own_times(), method=method, step_size=0.1)
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_allclose(a, b, atol=1e-10)


def test_long_steps_of_stiff_rows_are_solved_with_their_own_lengths():
    # Newton's method: the steps differ by row, and so do the matrices
    model = HNNRegressor((60,), hamiltonian="mlp", solver="least_squares", random_state=0).fit(
        *make_pendulum(300, random_state=0, return_X_y=True)
    )
    times = [np.linspace(0, 4.5, 4), np.linspace(0, 5.2, 5)]
    both = {"method": "GaussLegendre4", "step_size": 1.5}
    for k, found in enumerate(simulate(model, X0[:2], times, **both)):
        np.testing.assert_allclose(found, simulate(model, X0[k], times[k], **both), atol=1e-8)


def test_kinds_of_sequences():
    times = [np.array([0.0, 1.0, 2.0]), np.array([5.0, 6.0])]
    expected = simulate(Pendulum(), X0[:2], times)
    ragged = np.empty(2, dtype=object)
    ragged[:] = times
    for kind in ([list(t) for t in times], tuple(times), ragged):
        for a, b in zip(simulate(Pendulum(), X0[:2], kind), expected, strict=True):
            np.testing.assert_array_equal(a, b)
    # numbers, of whatever kind, are times in common
    for common in ([0, 1, 2], np.array([0, 1, 2], dtype=object), [np.float64(0), np.float32(1)]):
        assert simulate(Pendulum(), X0[:2], common).shape == (2, len(common), 2)
    assert simulate(Pendulum(), X0[:1], [[0, 1, 2]]).shape == (1, 3, 2)
    assert simulate(Pendulum(), X0[:2], [[1.0], [2.0]]).shape == (2, 1, 2)


def test_series_and_tensors_are_sequences():
    pandas, torch = pytest.importorskip("pandas"), pytest.importorskip("torch")
    times = [np.array([0.0, 1.0, 2.0]), np.array([5.0, 6.0])]
    expected = simulate(Pendulum(), X0[:2], times)
    series = [pandas.Series(t, index=range(7, 7 + len(t))) for t in times]
    for kind in (series, pandas.Series(times), [torch.tensor(t) for t in times]):
        for a, b in zip(simulate(Pendulum(), X0[:2], kind), expected, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("t", "message"),
    [
        (np.zeros((3, 4)), "got 3 rows of times for 2 rows of x0"),
        ([[0, 1], [0, 1], [0, 1]], "got 3 rows of times for 2 rows of x0"),
        ([[0, 1], [0, 2, 1]], r"t\[1\] must be strictly increasing.*np\.unique\(t\[1\]\)"),
        ([[0, 1], [0, np.nan]], r"t\[1\] contains NaN"),
        ([[0, 1], []], r"t\[1\] must contain at least one time"),
        ([[0, 1], 2.0], r"t\[1\] must be 1-D"),
        ([[0, 1], [[1, 2], [3, 4]]], r"t\[1\] must be 1-D.*\(2, 2\)"),
        (np.zeros((2, 2, 2)), r"t must be 1-D.*got shape \(2, 2, 2\)"),
        ([[0, 1], np.array(["2020-01-01"], dtype="datetime64[D]")], r"t\[1\] must be numbers"),
    ],
)
def test_bad_times_are_refused_before_any_work(t, message):
    def field(X):
        raise AssertionError("no work should have been done")

    with pytest.raises(ValueError, match=message):
        simulate(field, X0[:2], t)


def test_several_rows_of_times_for_one_start_are_refused():
    for t in (np.array([[0.0, 1.0], [2.0, 3.0]]), [[0.0, 1.0], [2.0, 3.0]], [[0.0, 1.0]]):
        with pytest.raises(ValueError, match=r"1-D for one start.*x0 of shape \(m, 2d\)"):
            simulate(Pendulum(), X0[0], t)


def test_common_times_are_not_copied_for_each_start():
    assert isinstance(check_times(np.arange(5.0), 3), np.ndarray)
    orbits = simulate(Kepler(mu=1.0), np.tile([1.0, 0, 0, 1.0], (3, 1)), np.arange(5.0))
    np.testing.assert_allclose(orbits[2, :, 0], np.cos(np.arange(5.0)), atol=1e-7)
