"""What the rows say about the columns: order, clocks and labels, next states, tables of runs."""

import warnings

import numpy as np
import pandas as pd
import pytest
from fields import henon_heiles, on_paths, pendulum
from helpers import fit_quietly

from skhnn import HNNRegressor, simulate
from skhnn._layout import at_rest, suspicions
from skhnn.systems import HenonHeiles

ORDERS = {"interleaved": [0, 2, 1, 3], "momenta first": [2, 3, 0, 1], "reversed": [3, 2, 1, 0]}


def found(X, y, names=None):
    return suspicions(np.asarray(X), np.asarray(y), names)


def box_of_henon_heiles(n=500, seed=0):
    X = np.random.default_rng(seed).uniform(-0.5, 0.5, (n, 4))
    return X, henon_heiles(X)


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
@pytest.mark.parametrize("masses", [(1.0, 1.0), (1.0, 2.45), (1e-9, 3.0)])
@pytest.mark.parametrize("noise", [0.0, 0.02])
def test_the_order_is_read_off_the_rows(order, masses, noise):
    X, y = box_of_henon_heiles()
    units = np.array([1.0, 1.0, *masses])  # momenta m v
    y = y + noise * y.std(axis=0) * np.random.default_rng(1).standard_normal(y.shape)
    X, y = X * units, y * units
    given = np.argsort(order)  # columns such that X[:, order] is (q, p)
    (sentence,) = found(X[:, given], y[:, given])
    assert (
        f"with k = {order}" in sentence
        or f"with k = {[order[1], order[0], order[3], order[2]]}" in sentence
    )


def test_names_are_used_where_there_are_any():
    X, y = box_of_henon_heiles()
    names = ["theta1", "omega1", "theta2", "omega2"]
    given = [0, 2, 1, 3]
    with pytest.warns(UserWarning, match=r"k = \['theta1', 'theta2', 'omega1', 'omega2'\]"):
        fit_quietly(
            HNNRegressor(solver="least_squares", random_state=0),
            pd.DataFrame(X[:, given], columns=names),
            y[:, given],
        )


@pytest.mark.parametrize("masses", [(0.5, 3.0), (2.0, 0.3)])
def test_columns_of_y_in_another_order_than_those_of_x_are_not_called_friction(masses):
    X, y = box_of_henon_heiles()
    units = np.array([1.0, 1.0, *masses])
    (sentence,) = found(X * units, (y * units)[:, [2, 3, 0, 1]])
    assert "columns of y seem to be in another order" in sentence


@pytest.mark.parametrize(
    "field",
    [
        henon_heiles,
        lambda X: np.c_[0.5 * X[:, :2], -0.5 * X[:, 2:] + X[:, :2] ** 2],  # a saddle
        lambda X: X[:, [3, 2, 0, 1]] * [1, 1, -1, -2],  # H = p1 p2 + ...
        lambda X: X[:, [2, 3, 0, 1]],  # inverted oscillators: dp/dt = q
        lambda X: np.c_[X[:, 2:] + 0.5 * X[:, [1, 0]] * [1, -1], -X[:, :2]],  # rotating frame
    ],
)
def test_canonical_columns_are_not_suspected(field):
    X = np.random.default_rng(0).uniform(-0.5, 0.5, (500, 4))
    assert found(X, field(X)) == []


def test_one_mode_of_two_oscillators_shows_no_order():
    t = np.linspace(0, 9, 200)
    x = np.cos(t), np.cos(t), -np.sin(t), -np.sin(t)
    y = -np.sin(t), -np.sin(t), -np.cos(t), -np.cos(t)
    assert found(np.stack(x, axis=1), np.stack(y, axis=1)) == []


def runs_with_a_clock(origin=0.0, label=True):
    X, y, groups = on_paths(pendulum, 5, 1.5, np.arange(0, 12, 0.1))
    t = origin + np.tile(np.arange(0, 12, 0.1), 5)
    first = groups.astype(float) if label else np.full(len(X), 3.0)
    rates = np.c_[np.zeros(len(X)), np.ones(len(X))]
    return np.c_[first, t, X], np.c_[rates, y]


@pytest.mark.parametrize("origin", [0.0, 2.45e6, 1.7e9])
@pytest.mark.parametrize("label", [True, False])
def test_clocks_and_labels_are_named(origin, label):
    X, y = runs_with_a_clock(origin, label)
    sentences = found(X, y, ["run", "t", "theta", "omega"])
    assert "'t' is 1 in all rows" in sentences[0]
    assert "a clock" in sentences[0]
    assert "'run' is 0 in all rows" in sentences[1]
    assert "groups" in sentences[1]


def test_a_label_beside_a_clock_is_named_with_it():
    X, y = runs_with_a_clock()
    order = [1, 2, 0, 3]  # the clock and theta, then the run and omega
    (sentence,) = found(X[:, order], y[:, order], ["t", "theta", "run", "omega"])
    assert "column 'run', whose rate is 0, another label" in sentence
    q, p = np.random.default_rng(0).normal(size=(2, 500))
    (sentence,) = found(np.c_[np.arange(500.0), q, q**2, p], np.c_[np.ones(500), p, p * q, -q])
    assert "label" not in sentence


def test_differences_of_a_clock_are_one_up_to_rounding():
    X = runs_with_a_clock(1.7e9)[0][:120]  # one run
    y = np.gradient(X, np.arange(len(X)) * 0.1, axis=0)
    assert any("a clock" in sentence for sentence in found(X, y))


def test_a_conserved_momentum_and_a_body_at_rest_are_no_clocks():
    R, r, P, p = np.random.default_rng(0).normal(size=(4, 500))
    assert found(np.c_[R, r, P, p], np.c_[P / 2, 2 * p, 0 * P, -r]) == []
    assert found(np.c_[0 * R, r, 0 * P, p], np.c_[0 * R, p, 0 * P, -r]) == []


@pytest.mark.parametrize("step", [0.01, 0.1, 0.5])
@pytest.mark.parametrize("offset", [0.0, 100.0])
def test_next_states_are_recognised_and_friction_is_not_blamed(step, offset):
    runs = on_paths(pendulum, 10, 1.5, np.arange(0, 10, step))[0].reshape(10, -1, 2) + offset
    X, y = runs[:, :-1].reshape(-1, 2), runs[:, 1:].reshape(-1, 2)
    (sentence,) = found(X, y)
    assert "are these the next states?" in sentence
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        HNNRegressor(solver="least_squares", random_state=0).fit(X, y)
    assert not any("friction" in str(w.message) for w in said[:1])
    assert "next states" in str(said[0].message)
    assert all("damping" not in str(w.message) for w in said)


def test_an_unstable_orbit_on_which_y_is_x_is_no_next_state():
    x = np.exp(np.linspace(0, 2, 50))
    assert found(np.c_[x, x], np.c_[x, x]) == []


@pytest.mark.parametrize("kind", ["list", "tuple", "3-D", "object"])
def test_runs_given_apart_are_refused_with_the_way_to_join_them(kind):
    runs = [np.zeros((n, 2)) for n in ((5, 5) if kind == "3-D" else (5, 7))]
    as_given = {"list": list, "tuple": tuple, "3-D": np.array}.get(kind, lambda r: r)(runs)
    if kind == "object":
        as_given = np.empty(2, dtype=object)
        as_given[:] = runs
    with pytest.raises(ValueError, match=r"got 2 runs of shapes \(5, 2\).*Concatenate.*groups="):
        HNNRegressor().fit(as_given, as_given)


def test_an_odd_column_names_inputs_and_time():
    with pytest.raises(ValueError, match=r"even number.*n_inputs.*n_parameters.*structure"):
        HNNRegressor().fit(np.zeros((9, 3)), np.zeros((9, 3)))


def rotations(wrapped_before_differences):
    """Runs of a pendulum that rotates, the angle wrapped; derivatives by differences."""
    t = np.linspace(0, 20, 400)
    X, _, runs = on_paths(lambda x: pendulum(x), 3, 1.0, t, seed=1)
    parts = []
    for run in range(3):
        q = X[runs == run, 0] + 2.5 * t
        rows = np.stack([(q + np.pi) % (2 * np.pi) - np.pi, X[runs == run, 1] + 2.5], axis=1)
        y = np.gradient(rows if wrapped_before_differences else np.stack([q, rows[:, 1]], 1),
                        t[1], axis=0)  # fmt: skip
        parts.append((rows, y))
    return tuple(np.concatenate(part) for part in zip(*parts, strict=True))


@pytest.mark.parametrize("unit", [1.0, 180 / np.pi])
@pytest.mark.parametrize("declared", [False, True])
def test_differences_across_the_jump_of_an_angle_are_named(unit, declared):
    X, y = rotations(wrapped_before_differences=True)
    X, y = X * [unit, 1], y * [unit, 1]
    sentence, *_ = suspicions(X, y, None, {0: 2 * np.pi * unit} if declared else None)
    assert "Column 0 jumps by its period" in sentence
    assert "np.unwrap" in sentence
    assert ("periodic=[0]" in sentence) is not declared


@pytest.mark.slow
def test_degrees_with_the_period_of_radians_are_asked_after():
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (200, 2))
    y = np.rad2deg(pendulum(X))
    with pytest.warns(UserWarning, match="is it in degrees") as said:
        HNNRegressor(periodic=[0], random_state=0).fit(np.rad2deg(X), y)
    text = " ".join(str(warning.message) for warning in said)
    assert "Column 0 spans 18 times its period 2 pi: is it in degrees?" in text
    assert "another order" not in text


def test_an_angle_that_is_wrapped_after_its_derivative_is_not_suspected():
    X, y = rotations(wrapped_before_differences=False)
    assert not suspicions(X, y, None, {0: 2 * np.pi})
    (sentence,) = suspicions(X, y, None)  # unless nobody said that it is an angle
    assert "unless periodic=[0] says so" in sentence
    rng = np.random.default_rng(0)  # nor rows in no order
    X = rng.uniform(-np.pi, np.pi, (500, 2))
    assert not suspicions(X, pendulum(X), None)


def test_rates_in_another_order_than_the_columns_are_named():
    X = np.random.default_rng(0).normal(size=(200, 4))
    y = np.column_stack([X[:, 2] / 2.0, X[:, 3], -X[:, 0] - X[:, 1], -2.0 * X[:, 1] - X[:, 0]])
    (sentence,) = suspicions(X, y[:, [0, 2, 1, 3]], None)
    assert "y[:, 2] is, up to a factor, column 3 of X" in sentence


def test_a_code_for_missing_values_is_named():
    X = np.random.default_rng(0).normal(size=(300, 2))
    y = np.column_stack([X[:, 1], -X[:, 0]])
    X[[3, 70, 200], 0] = 999.0
    sentence, *_ = suspicions(X, y, None)
    assert sentence.startswith("Column 0 is 999 in 3 of 300 rows")
    X, y = np.random.default_rng(0).normal(size=(300, 2)), y.copy()
    y[:] = np.column_stack([X[:, 1], -X[:, 0]])
    y[[3, 70, 200], 1] = -999.0
    sentence, *_ = suspicions(X, y, None)
    assert sentence.startswith("The rate of column 1 is -999 in 3 of 300 rows")
    at_rest = np.repeat([[0.0, 0.0], [1.0, 2.0]], [5, 295], axis=0)
    at_rest[5:] += np.random.default_rng(0).normal(size=(295, 2))
    assert not suspicions(at_rest, np.column_stack([at_rest[:, 1], -at_rest[:, 0]]), None)


def _runs_with_clock_and_label():
    """Columns q_1, q_2, p_1, p_2, t, run of six runs of the Henon-Heiles system."""
    found = [], []
    rng = np.random.default_rng(0)
    for run in range(6):
        t = np.linspace(0, rng.uniform(4, 8), 60)
        x = simulate(HenonHeiles(), rng.uniform(-0.3, 0.3, 4), t)
        ones = np.ones((len(t), 1))
        found[0].append(np.hstack([x, t[:, None], run * ones]))
        found[1].append(np.hstack([HenonHeiles().vector_field(x), ones, 0 * ones]))
    return map(np.vstack, found)


@pytest.mark.parametrize(
    ("columns", "clock", "run"),
    [
        ([0, 1, 2, 3, 4, 5], 4, 5),
        ([0, 1, 2, 3, 5, 4], 5, 4),
        ([0, 2, 4, 5], 2, 3),
        ([4, 0, 1, 2, 3, 5], 0, 5),
    ],
)
def test_a_clock_and_a_label_behind_the_state_are_named(columns, clock, run):
    X, y = _runs_with_clock_and_label()
    said = " ".join(suspicions(X[:, columns], y[:, columns], None))
    if clock:
        assert f"column {clock} a clock (its rate is 1 in all rows)" in said
    else:
        assert "The rate of column 0 is 1 in all rows" in said
    assert f"column {run} a label of the run (its rate is 0 in all rows)" in said


def test_momenta_that_rise_evenly_or_are_conserved_whole_numbers_are_no_clocks():
    rng = np.random.default_rng(0)
    q, r, p = rng.normal(size=(3, 500))
    k = rng.integers(-3, 4, 500).astype(float)
    falls = np.c_[q, r, p, k], np.c_[p, k, -q, np.ones(500)]
    turns = np.c_[q, r, p, k], np.c_[p, k * np.exp(q), -q - 0.5 * k**2 * np.exp(q), 0 * q]
    for X, y in (falls, turns):
        assert not suspicions(X, y, None)


def test_coordinates_at_rest_are_named_beside_those_that_move():
    X, label = np.random.default_rng(0).normal(size=(50, 4)), [*"abcd"]
    assert at_rest(X, label) == []
    X[:, 1] = 2.0
    assert at_rest(X, label) == []  # it moves, at one place
    X[:, 3] = 0.0
    (sentence,) = at_rest(X, label)
    assert sentence.startswith("Column b never changes, nor does d")
    assert at_rest(np.ones((50, 4)), label) == []


@pytest.mark.parametrize("velocities", ["measured", "differences"])
def test_derivatives_across_the_jumps_of_an_angle_that_turns_are_named(velocities):
    t = np.arange(0.0, 40.0, 0.05)
    path = simulate(pendulum, [0.0, 4.5], t)
    q = (path[:, 0] + np.pi) % (2.0 * np.pi) - np.pi
    v = path[:, 1] if velocities == "measured" else np.gradient(q, t)
    X = np.column_stack([q, v])
    y = np.column_stack([np.gradient(q, t), np.gradient(v, t)])
    said = " ".join(suspicions(X, y, None, {0: 2.0 * np.pi}))
    assert "differences across the jump" in said
    unwrapped = np.column_stack([path[:, 1], np.gradient(path[:, 1], t)])
    assert suspicions(np.column_stack([q, path[:, 1]]), unwrapped, None, {0: 2.0 * np.pi}) == []
