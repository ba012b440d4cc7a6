"""Derivatives that somebody took from the rows themselves, wrongly, are named before the fit."""

import numpy as np
import pytest
from fields import on_paths, pendulum

from skhnn._layout import suspicions
from skhnn._row_differences import of_differences

DT = 0.1


def runs(n=6, size=1.5):
    X, y, groups = on_paths(pendulum, n, size, np.arange(0, 6, DT))
    return X, y, groups, [X[groups == k] for k in range(n)]


@pytest.mark.parametrize("has_groups", [True, False])
@pytest.mark.parametrize(
    ("rates", "said"),
    [
        (lambda x: np.diff(x, axis=0, append=2 * x[-1:] - x[-2:-1]) / DT, "half a step"),
        (lambda x: np.diff(x, axis=0, prepend=2 * x[:1] - x[1:2]) / DT, "half a step"),
        (lambda x: np.diff(x, axis=0, append=x[-1:]), "not divided"),
        (lambda x: np.roll(x, -1, axis=0), "next row of X"),
    ],
)
def test_one_sided_differences_and_next_rows_are_named(rates, said, has_groups):
    X, _, groups, parts = runs()
    y = np.concatenate([rates(x) for x in parts])
    (sentence,) = of_differences(X, y, groups if has_groups else None)
    assert said in sentence


@pytest.mark.parametrize("has_groups", [True, False])
def test_differences_across_the_ends_of_runs_are_named(has_groups):
    X, _, groups, parts = runs()
    given = groups if has_groups else None
    (sentence,) = of_differences(X, np.gradient(X, DT, axis=0), given)
    assert "across the ends of runs" in sentence
    proper = np.concatenate([np.gradient(x, DT, axis=0) for x in parts])
    assert not of_differences(X, proper, given)


@pytest.mark.parametrize("has_groups", [True, False])
def test_one_sided_differences_across_the_ends_of_runs_are_named_as_both(has_groups):
    X, _, groups, _ = runs()
    given = groups[:-1] if has_groups else None
    (sentence,) = of_differences(X[:-1], np.diff(X, axis=0) / DT, given)
    assert "half a step" in sentence
    n_seen = 5 if has_groups else 3  # without groups those that jump
    assert f"across the ends of runs, too, at {n_seen} rows" in sentence


def test_derivatives_themselves_draw_no_word():
    X, y, groups, _ = runs()
    assert not of_differences(X, y, groups)
    free = np.column_stack([np.arange(40) * 0.3, np.full(40, 3.0)])  # forward differences are right
    assert not of_differences(free, np.tile([3.0, 0.0], (40, 1)), None)
    for at_rest in (np.ones((40, 2)), np.zeros((40, 2))):
        assert not of_differences(at_rest, np.zeros((40, 2)), None)


@pytest.mark.parametrize("has_groups", [True, False])
def test_an_angle_that_is_wrapped_in_many_runs_is_named(has_groups):
    rng = np.random.default_rng(0)
    t = np.arange(0, 6, 0.05)
    rates = rng.uniform(2.2, 3.5, 12)
    angle = np.concatenate([rate * t + 0.2 * np.sin(t) for rate in rates])
    velocity = np.concatenate([rate + 0.2 * np.cos(t) for rate in rates])
    X = np.column_stack([(angle + np.pi) % (2 * np.pi) - np.pi, velocity])
    y = np.column_stack([velocity, -0.2 * np.sin(np.tile(t, 12))])
    groups = np.repeat(np.arange(12), len(t)) if has_groups else None
    (sentence,) = suspicions(X, y, None, groups=groups)
    assert "periodic=[0]" in sentence


def test_a_clock_that_starts_again_in_every_run_is_no_angle():
    X, y, groups, _ = runs()
    t = np.tile(np.arange(0, 6, DT), 6)
    X, y = (
        np.column_stack([X[:, 0], t, X[:, 1], groups]),
        np.column_stack([y[:, 0], 0 * t + 1, y[:, 1], 0 * t]),
    )
    assert not any("angle" in sentence for sentence in suspicions(X, y, None))
