"""Bad input is answered with a typed error that says the fact, what was got and what to do."""

import numpy as np
import pytest
from helpers import asymmetric_data, fit_quietly
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import sparse
from sklearn.exceptions import NotFittedError
from sklearn.metrics import r2_score

from skhnn import HNNRegressor, SimulationError

X, Y = asymmetric_data(30)


def quick(**kwargs):
    defaults = {"hidden_layer_sizes": (4,), "max_iter": 3, "random_state": 0, "solver": "lbfgs"}
    return HNNRegressor(**{**defaults, **kwargs})


@pytest.fixture(scope="module")
def model():
    return fit_quietly(quick(), X, Y)


def with_value(value):
    changed = X.copy()
    changed[3, 1] = value
    return changed


BAD_DATA = {
    "odd columns": (X[:, :3], Y[:, :3], ValueError, "even number of columns.*got 3 feature"),
    "one column": (X[:, :1], Y[:, :1], ValueError, r"even number of columns.*got 1 feature\(s\)"),
    "wide y": (X, np.hstack([Y, Y]), ValueError, r"shape of X, \(30, 4\).*got shape \(30, 8\)"),
    "long y": (X, Y[:20], ValueError, r"shape of X, \(30, 4\).*got shape \(20, 4\)"),
    "1-D y": (X, Y[:, 0], ValueError, r"shape of X.*got shape \(30,\)"),
    "3-D y": (X, Y[:, None], ValueError, r"shape of X.*got shape \(30, 1, 4\)"),
    "1-D X": (X[:, 0], Y, ValueError, "Expected 2D array, got 1D array"),
    "3-D X": (X[None], Y, ValueError, r"2-D.*1 runs of shapes \(30, 4\).*Concatenate"),
    "complex X": (X + 1j, Y, ValueError, "Complex data not supported"),
    "complex y": (X, Y + 1j, ValueError, "Complex data not supported"),
    "sparse X": (sparse.csr_matrix(X), Y, TypeError, "Sparse data was passed"),
    "sparse y": (X, sparse.csr_matrix(Y), TypeError, "Sparse data was passed"),
    "NaN in X": (with_value(np.nan), Y, ValueError, r"Input X contains NaN in 1 of .*isfinite"),
    "inf in X": (with_value(np.inf), Y, ValueError, "Input X contains infinity"),
    "NaN in y": (X, with_value(np.nan), ValueError, "Input y contains NaN"),
    "huge X": (with_value(1e200), Y, ValueError, "X contains values of magnitude 1.0e.200"),
    "huge y": (X, with_value(-1e200), ValueError, "y contains values of magnitude"),
    "strings": (X.astype(str).astype(object) + "a", Y, ValueError, "could not convert string"),
    "string y": (X, np.full(X.shape, "a"), ValueError, "could not convert string"),
    "no y": (X, None, ValueError, "requires y to be passed"),
    "dates": (X.astype("datetime64[s]"), Y, ValueError, "must be numbers; got datetime64"),
    "tiny X": (X * 1e-200, Y, ValueError, "use other units"),
    "one sample": (X[:1], Y[:1], ValueError, "1 sample"),
    "no samples": (X[:0], Y[:0], ValueError, "0 sample"),
    "no columns": (X[:, :0], Y[:, :0], ValueError, "0 feature"),
}


def test_a_failed_fit_leaves_the_earlier_one_usable():
    model = fit_quietly(quick(), X, Y)
    expected = model.predict(X)
    for bad in (np.hstack([X, X]), X[:, :2]):
        with pytest.raises(ValueError, match="shape of X"):
            model.fit(bad, Y)
    np.testing.assert_array_equal(model.predict(X), expected)


def test_contradicting_column_names():
    pandas = pytest.importorskip("pandas")
    names = ["q_1", "q_2", "p_1", "p_2"]
    frame = pandas.DataFrame(X, columns=names)
    shuffled = pandas.DataFrame(Y, columns=names)[["p_1", "q_1", "q_2", "p_2"]]
    with pytest.raises(ValueError, match=r"those of X in another order.*Pass y\[X.columns\]"):
        quick().fit(frame, shuffled)
    interleaved = pandas.DataFrame(X, columns=["q_1", "p_1", "q_2", "p_2"])
    with pytest.warns(UserWarning, match="taken as all coordinates q, then all momenta p"):
        fit_quietly(quick(), interleaved, Y)


def test_frames_with_dates_or_with_rows_in_another_order():
    pandas = pytest.importorskip("pandas")
    frame, y = pandas.DataFrame(X), pandas.DataFrame(Y)
    with pytest.raises(ValueError, match=r"rows of y .* another order.*Pass y\.loc\[X\.index\]"):
        quick().fit(frame, y[::-1])
    expected = fit_quietly(quick(), X, Y).predict(X)
    for other in (y, y.set_index(y.index + 100)):  # labels of its own say nothing
        np.testing.assert_array_equal(fit_quietly(quick(), frame, other).predict(X), expected)
    dated = frame.assign(time=pandas.date_range("2026-01-01", periods=len(X)))
    with pytest.raises(ValueError, match=r"times in \['time'\].*drop such columns"):
        quick().fit(dated, y)


def test_nothing_left_to_train_on():
    for kwargs, groups in [({"validation_fraction": 0.99}, None), ({}, np.arange(30) // 29)]:
        model = quick(**{"early_stopping": True, "validation_fraction": 0.6, **kwargs})
        with pytest.raises(ValueError, match="leaves nothing to train on; lower it"):
            model.fit(X, Y, groups=groups)


@pytest.mark.parametrize("case", BAD_DATA)
def test_bad_training_data(case):
    bad_X, bad_y, error, message = BAD_DATA[case]
    with pytest.raises(error, match=message):
        quick().fit(bad_X, bad_y)


BAD_WEIGHTS = {
    "negative": (-np.ones(30), "must not be negative"),
    "all zero": (np.zeros(30), "weight that is not zero"),
    "too few": (np.ones(29), r"shape \(30,\).*got \(29,\)"),
    "2-D": (np.ones((30, 1)), r"shape \(30,\).*got \(30, 1\)"),
    "NaN": (np.full(30, np.nan), "sample_weight contains NaN"),
}


@pytest.mark.parametrize("case", BAD_WEIGHTS)
def test_bad_weights(case):
    weight, message = BAD_WEIGHTS[case]
    with pytest.raises(ValueError, match=message):
        quick().fit(X, Y, sample_weight=weight)


def test_bad_groups():
    with pytest.raises(ValueError, match=r"groups must name the run.*\(30,\); got shape \(29,\)"):
        quick().fit(X, Y, groups=np.zeros(29))
    with pytest.raises(ValueError, match="1 have none, the first is row 4"):
        quick().fit(X, Y, groups=[0.0] * 4 + [np.nan] + [1.0] * 25)
    with pytest.raises(ValueError, match="needs at least two; got one"):
        quick(early_stopping=True).fit(X, Y, groups=np.zeros(30))


BAD_PARAMETERS = [
    ({"activation": "relu"}, ValueError, "piecewise constant.*Use one of .*'tanh'"),
    ({"activation": "identity"}, ValueError, "one constant vector"),
    ({"activation": "swish"}, ValueError, "activation must be one of"),
    (
        {"solver": "sgd"},
        ValueError,
        r"solver must be one of \['auto', .*'gauss_newton'\]; got 'sgd'",
    ),
    ({"dtype": "float16"}, ValueError, "dtype must be one of"),
    ({"device": "abacus"}, ValueError, "Unknown device 'abacus'.*cpu"),
    ({"device": 3.5}, ValueError, "Unknown device 3.5"),
    ({"hidden_layer_sizes": ()}, ValueError, "positive integer or a non-empty sequence"),
    ({"hidden_layer_sizes": (4, 0)}, ValueError, "positive integer or a non-empty sequence"),
    ({"hidden_layer_sizes": "many"}, ValueError, "positive integer or a non-empty sequence"),
    ({"hidden_layer_sizes": 2.5}, ValueError, "positive integer or a non-empty sequence"),
    ({"alpha": -1.0}, ValueError, "alpha must be a number at least 0"),
    ({"alpha": np.inf}, ValueError, "alpha must be a number at least 0 and finite"),
    ({"alpha": np.nan}, ValueError, "alpha must be"),
    ({"early_stopping": "no"}, TypeError, "early_stopping must be True or False; got 'no'"),
    ({"hidden_layer_sizes": {8}}, ValueError, "positive integer or a non-empty sequence"),
    ({"batch_size": 0}, ValueError, "batch_size must be an integer at least 1"),
    ({"batch_size": "all"}, TypeError, "batch_size must be an integer"),
    ({"learning_rate_init": 0.0}, ValueError, "greater than 0"),
    ({"max_iter": 0}, ValueError, "max_iter must be an integer at least 1"),
    ({"max_iter": 2.5}, TypeError, "max_iter must be an integer; got 2.5, a float"),
    ({"max_iter": True}, TypeError, "max_iter must be an integer"),
    ({"tol": -1e-3}, ValueError, "tol must be"),
    ({"n_iter_no_change": 0}, ValueError, "n_iter_no_change must be"),
    ({"validation_fraction": 1.0}, ValueError, "greater than 0 and less than 1"),
]


@pytest.mark.parametrize(("kwargs", "error", "message"), BAD_PARAMETERS, ids=str)
def test_bad_parameters(kwargs, error, message):
    with pytest.raises(error, match=message):
        quick(**kwargs).fit(X, Y)


def test_an_absent_gpu_is_named():
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has a CUDA device; the error is for machines without one")
    with pytest.raises(ValueError, match=r"'cuda:1' was asked for, but this machine has \['cpu'\]"):
        quick(device="cuda:1").fit(X, Y)


def test_device_auto_takes_what_there_is():
    assert fit_quietly(quick(device="auto"), X, Y).score(X, Y) < 1


@pytest.mark.parametrize("method", ["predict", "energy"])
def test_not_fitted(method):
    with pytest.raises(NotFittedError):
        getattr(HNNRegressor(), method)(X)
    with pytest.raises(NotFittedError):
        HNNRegressor().simulate(X[0], [0, 1])


def test_states_of_another_width(model):
    with pytest.raises(ValueError, match="X has 2 features, but HNNRegressor is expecting 4"):
        model.predict(X[:, :2])


BAD_STATES = {
    "wrong width": (X[0, :3], r"x0 must have shape \(4,\) or \(m, 4\).*got shape \(3,\)"),
    "wrong batch": (X[:, :2], r"got shape \(30, 2\)"),
    "3-D": (X[None], r"got shape \(1, 30, 4\)"),
    "NaN": ([0, 0, 0, np.nan], "x0 contains NaN"),
    "inf": ([0, 0, 0, -np.inf], "x0 contains infinity"),
    "empty": ([], r"x0 must have shape \(4,\).*got shape \(0,\)"),
    "a number": (5.0, r"got shape \(\)"),
    "None": (None, r"got shape \(\)"),
    "strings": (["a", "b", "c", "d"], "could not convert"),
    "complex": (X[0] + 1j, "Complex data not supported"),
}


@pytest.mark.parametrize("case", BAD_STATES)
def test_bad_initial_state(model, case):
    x0, message = BAD_STATES[case]
    with pytest.raises(ValueError, match=message):
        model.simulate(x0, [0.0, 1.0])


BAD_TIMES = {
    "unsorted": ([0, 2, 1], "strictly increasing or strictly decreasing"),
    "repeated": ([0, 1, 1, 2], "strictly increasing or strictly decreasing"),
    "empty": ([], "at least one time; got none"),
    "NaN": ([0, np.nan], "t contains NaN"),
    "inf": ([0, np.inf], "t contains infinity"),
    "2-D": ([[0, 1]], r"t must be 1-D for one start.*got 1 rows of times"),
    "a number": (1.0, "t must be 1-D"),
    "strings": (["now", "later"], "could not convert"),
    "dates": (np.array(["2000-01-01", "2001-01-01"], dtype="datetime64[D]"), "numbers"),
}


@pytest.mark.parametrize("case", BAD_TIMES)
def test_bad_times(model, case):
    t, message = BAD_TIMES[case]
    with pytest.raises(ValueError, match=message):
        model.simulate(X[0], t)


BAD_OPTIONS = [
    ({"method": "leapfrog"}, ValueError, "Unknown method 'leapfrog'; choose one of"),
    ({"method": int}, ValueError, "Unknown method"),
    ({"rtol": 0.0}, ValueError, "rtol must be a number greater than 0"),
    ({"rtol": "tight"}, TypeError, "rtol must be a number"),
    ({"atol": 0.0}, ValueError, "all positive"),
    ({"atol": -1.0}, ValueError, "atol must be None, a number or 4 numbers"),
    ({"atol": [1e-9, 1e-9]}, ValueError, "atol must be None, a number or 4 numbers"),
    ({"max_step": -1}, ValueError, "max_step must be"),
]


@pytest.mark.parametrize(("kwargs", "error", "message"), BAD_OPTIONS, ids=str)
def test_bad_simulation_options(model, kwargs, error, message):
    with pytest.raises(error, match=message):
        model.simulate(X[0], [0.0, 1.0], **kwargs)


# ---------------------------------------------------------------- odd input with a sensible result


def test_two_rows_fit():
    model = fit_quietly(quick(max_iter=200, hidden_layer_sizes=(20,)), X[:2], Y[:2])
    assert np.isfinite(model.predict(X)).all()
    assert model.score(X[:2], Y[:2]) > 0.9


@pytest.mark.filterwarnings("ignore::skhnn.ExtrapolationWarning")
def test_a_constant_column_fits():
    changed = X.copy()
    changed[:, 1] = 3.0
    model = fit_quietly(quick(max_iter=300, hidden_layer_sizes=(10,)), changed, Y)
    assert np.isfinite(model.predict(X)).all()
    assert np.isfinite(model.simulate(changed[0], [0.0, 1.0])).all()


def test_constant_targets_are_learned():
    constant = np.broadcast_to([1.0, -2.0, 0.5, 3.0], X.shape)
    model = fit_quietly(quick(max_iter=300, tol=1e-4), X, constant)
    np.testing.assert_allclose(model.predict(X), constant, atol=0.02)


def test_zero_targets_give_a_zero_field():
    model = fit_quietly(quick(max_iter=300), X, np.zeros_like(Y))
    assert np.abs(model.predict(X)).max() < 0.01


def test_identical_rows_fit():
    model = fit_quietly(quick(max_iter=50), np.ones((5, 4)), np.ones((5, 4)))
    np.testing.assert_allclose(model.predict(np.ones((1, 4))), 1.0, atol=0.01)


def test_a_column_of_rounding_errors_does_not_spoil_the_others():
    # H = p_1^2/2 + 2 p_2^2 + q_1^2 does not depend on q_2, so that dp_2/dt is zero but for
    # rounding. A weight of 1 / Var would make that column 1e34 times as important as the others.
    q1, _, p1, p2 = X.T
    noise = 1e-17 * np.random.default_rng(0).normal(size=len(X))
    y = np.stack([p1, 4 * p2, -2 * q1, noise], axis=1)
    model = fit_quietly(quick(max_iter=300, hidden_layer_sizes=(20,)), X, y)
    r2 = r2_score(y[:, :3], model.predict(X)[:, :3], multioutput="raw_values")
    assert (r2 > 0.999).all()
    assert np.abs(model.predict(X)[:, 3]).max() < 0.1


def test_rows_of_weight_zero_do_not_count():
    weight = np.r_[np.ones(20), np.zeros(10)]
    weighted = fit_quietly(quick(), X, Y, sample_weight=weight)
    fewer = fit_quietly(quick(), X[:20], Y[:20])
    np.testing.assert_array_equal(weighted.coefs_[0], fewer.coefs_[0])


TYPED = (ValueError, TypeError, SimulationError)
floats = st.floats(allow_nan=True, allow_infinity=True, width=64)
arrays = hnp.arrays(
    dtype=np.float64, shape=hnp.array_shapes(min_dims=0, max_dims=3, max_side=5), elements=floats
)


@settings(max_examples=150)
@given(X=arrays, y=arrays)
def test_any_arrays_fit_or_raise_a_typed_error(X, y):
    try:
        model = fit_quietly(quick(), X, y)
    except (ValueError, TypeError):
        return
    assert np.isfinite(model.predict(X)).all()


@settings(max_examples=150)
@given(
    data=hnp.array_shapes(min_dims=2, max_dims=2, min_side=2, max_side=6).flatmap(
        lambda shape: st.tuples(
            *[hnp.arrays(np.float64, shape, elements=st.floats(-1e60, 1e60))] * 2,
            hnp.arrays(np.float64, shape[0], elements=st.floats(0, 1e3)),
        )
    ),
    solver=st.sampled_from(["lbfgs", "adam"]),
)
def test_finite_data_of_any_scale_fit_without_a_warning(data, solver):
    X, y, weight = data
    tiny = any(0 < np.abs(A).max() < 1e-60 for A in (X, y))
    if X.shape[1] % 2 or not weight.any() or tiny:
        with pytest.raises(ValueError, match=r"even number|not zero|use other units"):
            quick(solver=solver).fit(X, y, sample_weight=weight)
        return
    model = fit_quietly(quick(solver=solver), X, y, sample_weight=weight)
    assert all(np.isfinite(W).all() for W in model.coefs_ + model.intercepts_)
    assert np.isfinite(model.predict(X)).all()


@pytest.mark.filterwarnings("ignore::skhnn.ExtrapolationWarning")
@settings(max_examples=150)
@given(
    x0=hnp.arrays(np.float64, 4, elements=st.floats(-1e3, 1e3)),
    t=hnp.arrays(np.float64, st.integers(0, 4), elements=st.floats(-5, 5)),
)
def test_any_state_and_times_simulate_or_raise_a_typed_error(model, x0, t):
    try:
        y = model.simulate(x0, t, rtol=1e-3, atol=1e-3)
    except TYPED:
        return
    assert y.shape == (len(t), 4)
    assert np.isfinite(y).all()


def test_a_transposed_table_is_refused_at_once():
    X = np.random.default_rng(0).normal(size=(2, 400))
    with pytest.raises(ValueError, match=r"got shape \(2, 400\)\. Is it transposed"):
        HNNRegressor().fit(X, X)
