"""Rows of measured runs that are far apart, and gaps between them."""

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from test_trajectories import fitted, pendulum, relative, table

from skhnn import HNNTrajectoryRegressor
from skhnn._trajectories import Grid, Runs, _choice
from skhnn._trajectories._candidates import NoFitError
from skhnn._trajectories._gaps import bridged, cut_at_gaps, outside_of_gaps

pytestmark = pytest.mark.filterwarnings("ignore::skhnn.ExtrapolationWarning")

OPTIONS = {"hamiltonian": "mechanical", "dissipation": None}


def with_gaps(n_runs=6, seed=0):
    """Runs of pendulums for two periods and more, without what is measured in one of them."""
    rng = np.random.default_rng(seed)
    times = [np.arange(0.0, 16.0, 0.1)] * n_runs
    clean, X, t, groups = table(pendulum, rng.uniform(-1.5, 1.5, (n_runs, 2)), times, 0.01, seed)
    in_gap = (t > 5.0) & (t < 11.0)
    X[in_gap] = np.nan
    return clean, X, t, groups, in_gap


@pytest.fixture(scope="module")
def data_and_model():
    data = with_gaps()
    return data, fitted(*data[1:4], **OPTIONS)


def runs_at(*times):
    times = [np.array(t, dtype=float) for t in times]
    Y = [np.column_stack([np.cos(t), -np.sin(t)]) for t in times]
    return Runs(times, Y, 2, None, [np.arange(len(t)) for t in times])


def test_runs_are_cut_where_nothing_is_measured_for_longer():
    runs = runs_at([0, 1, 2, 10, 11, 12], [0, 1, 2, 3, 4, 5])
    assert cut_at_gaps(runs, 8.0) is runs
    pieces = cut_at_gaps(runs, 7.9)
    assert [t.tolist() for t in pieces.t] == [[0, 1, 2], [10, 11, 12], [0, 1, 2, 3, 4, 5]]
    assert [rows.tolist() for rows in pieces.rows][:2] == [[0, 1, 2], [3, 4, 5]]


def test_rows_of_nan_are_no_measurements_and_pieces_have_none_in_a_gap():
    runs = runs_at(range(12))
    runs.Y[0][[0, 4, 5, 6, 7, 10]] = np.nan
    pieces = cut_at_gaps(runs, 4.0)
    assert [t.tolist() for t in pieces.t] == [[0, 1, 2, 3], [8, 9, 10, 11]]


@pytest.mark.parametrize("times", [[0, 10, 11], [0, 1, 11], [0, 10, 20], [0, 1, 9, 20, 21]])
def test_every_piece_has_two_measured_rows(times):
    pieces = cut_at_gaps(runs_at(times), 5.0)
    assert sum(len(t) for t in pieces.t) == len(times)
    assert all(len(t) >= 2 for t in pieces.t)


def test_every_piece_has_two_values_of_every_column():
    """Splines of a column need them; here the velocity was measured once before the gap."""
    runs = runs_at([0, 1, 2, 10, 11, 12])
    runs.Y[0][:2, 1] = np.nan
    assert cut_at_gaps(runs, 5.0) is runs
    runs.Y[0][:, 1] = np.nan
    assert len(cut_at_gaps(runs, 5.0)) == 2


@pytest.mark.parametrize(
    "rows", [[0, 10, 11, 12, 20, 21, 22], [0, 1, 10, 20, 21], [0, 1, 9, 10, 30]]
)
def test_nodes_outside_of_gaps_are_those_of_the_pieces(rows):
    """Also beside a row that is alone, before which nothing is cut."""
    runs = runs_at(rows, [0, 1, 2])
    grid, of_pieces = Grid.of(runs, 0.5), Grid.of(cut_at_gaps(runs, 5.0), 0.5)
    np.testing.assert_array_equal(grid.t[outside_of_gaps(runs, grid, 5.0)], of_pieces.t)


def test_paths_from_both_sides_fill_a_gap(data_and_model):
    model = data_and_model[1]
    runs = runs_at([0.0, 0.1, 4.0, 4.1])
    grid = Grid.of(runs, 0.1)
    start = np.array([1.0, 0.0])
    true = model.simulate(start, grid.t)
    is_known = outside_of_gaps(runs, grid, 1.0)
    assert 3 < (~is_known).sum() == len(grid.t) - 4
    x = np.where(is_known[:, None], true, 0.0)
    found = bridged(model._model.equations, model._model.params, x, grid, is_known)
    assert np.abs(found - true).max() < 1e-4  # the rule is of fourth order
    np.testing.assert_array_equal(found[is_known], true[is_known])


def test_long_gaps_are_bridged(data_and_model):
    (clean, _, _, _, in_gap), model = data_and_model
    assert any(entry.get("pieces") == 12 for entry in model.fit_report_)
    error = model.states_ - clean
    assert np.sqrt(np.mean(error**2)) < 0.01
    assert np.sqrt(np.mean(error[in_gap] ** 2)) < 0.01
    test = np.random.default_rng(1).uniform(-1.0, 1.0, (200, 2))
    assert relative(model.predict(test), pendulum(test)) < 0.02


def test_gaps_of_all_lengths_are_bridged():
    """Some are cut; which does not change with what splines of pieces say of the shortest time."""
    clean, X, t, groups, _ = with_gaps(9)
    whole = table(pendulum, [clean[groups == k][0] for k in range(9)],
                  [t[groups == k] for k in range(9)], 0.01)[1]  # fmt: skip
    X = np.where((np.abs(t - 8.0) < 1.0 + 0.3 * groups)[:, None], np.nan, whole)
    model = fitted(X, t, groups, **OPTIONS)
    assert 9 < next(entry["pieces"] for entry in model.fit_report_ if "pieces" in entry) < 18
    assert np.abs(model.states_ - clean).max() < 0.05


def test_pieces_that_are_not_linked_keep_their_model(monkeypatch):
    clean, X, t, groups, in_gap = with_gaps()
    monkeypatch.setattr(_choice, "linked", lambda *_: None)
    model = fitted(X, t, groups, **OPTIONS)
    assert np.isnan(model.states_[in_gap]).all()
    assert np.abs(model.states_ - clean)[~in_gap].max() < 0.05


def test_whole_runs_that_leave_more_than_their_pieces_are_not_linked(monkeypatch):
    _, X, t, groups, in_gap = with_gaps()
    t = t + np.where(t > 8.0, 1.5 * groups, 0.0)  # a clock that stopped in every gap
    model = fitted(X, t, groups, **OPTIONS)
    assert np.isnan(model.states_[in_gap]).all()
    assert any("stay apart" in entry.get("why", "") for entry in model.fit_report_)
    assert np.all(model.noise_std_ < 0.02)


def test_new_runs_are_smoothed_across_gaps(data_and_model):
    model = data_and_model[1]
    clean, X, t, groups, in_gap = with_gaps(2, seed=1)
    states, std = model.smooth(X, t, groups, return_std=True)
    assert np.abs(states - clean).max() < 0.05
    covered = np.abs(states - clean) < 2.0 * std
    assert covered.mean() > 0.8
    assert covered[in_gap].mean() > 0.8


def test_states_that_are_not_found_draw_a_warning(data_and_model):
    model = data_and_model[1]
    rng = np.random.default_rng(0)
    with pytest.warns(ConvergenceWarning, match="No states that follow the learned dynamics"):
        states = model.smooth(5.0 * rng.standard_normal((60, 2)), np.arange(60.0))
    assert states.shape == (60, 2)


def test_a_fit_to_all_runs_that_fails_keeps_that_to_some(monkeypatch):
    rng = np.random.default_rng(0)
    times = [np.arange(0.0, 8.0, 0.1)] * 30
    _, X, t, groups = table(pendulum, rng.uniform(-1.5, 1.5, (30, 2)), times, 0.01)

    def failed(*_):
        raise NoFitError

    monkeypatch.setattr(_choice, "with_all_runs", failed)
    model = HNNTrajectoryRegressor(random_state=0, **OPTIONS)
    with pytest.warns(ConvergenceWarning, match="with some of the runs"):
        model.fit(X, t=t, groups=groups)
    fitted_rows = ~np.isnan(model.states_).any(axis=1)
    assert 2000 <= fitted_rows.sum() < len(X)
    test = rng.uniform(-1.0, 1.0, (200, 2))
    assert relative(model.predict(test), pendulum(test)) < 0.02
