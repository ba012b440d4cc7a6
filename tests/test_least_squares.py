"""Least squares by triangular factors is the least squares of all rows; its layers are sampled."""

import numpy as np
import pytest
from helpers import asymmetric_data, fit_quietly

from skhnn import HNNRegressor
from skhnn._scaling import Scaling
from skhnn._solvers import Problem
from skhnn._solvers._folds import make_folds
from skhnn._solvers._layers import equations_of
from skhnn._solvers._pool import fit_by_score
from skhnn._solvers._ridge import fit_ridge, reduce, union
from skhnn.hamiltonians import HAMILTONIANS, MLP, SAMPLING_SCALES

RNG = np.random.RandomState


@pytest.fixture(scope="module")
def problem():
    X, y = asymmetric_data(200)
    weight = np.random.default_rng(1).uniform(0.5, 2.0, 200)
    return Problem(X, y, weight, None, Scaling.from_data(X, y, weight))


@pytest.fixture(scope="module")
def model(problem):
    equations = equations_of(MLP(None, (12,), "tanh"), problem)
    return equations, equations.sample_params(problem.take(slice(None))[0], RNG(0), "pairs", 0.8)


def design(model, problem):
    """A and t with the weights of rows and columns, in one piece."""
    equations, params = model
    X, y, c = problem.take(slice(None))
    root = np.sqrt(c * problem.total_weight)[:, None] * np.sqrt(problem.scaling.w)
    A = equations.basis(params, X) * root[..., None]
    return A.reshape(-1, A.shape[2]), (y * root).ravel()


def test_factors_of_folds_together_have_the_gram_matrix_of_all_rows(model, problem):
    folds = [reduce(*model, problem, rows) for rows in make_folds(problem, 5, RNG(0))]
    A, t = design(model, problem)
    block = np.column_stack([A, t])
    R = union(folds).R
    np.testing.assert_allclose(R.T @ R, block.T @ block, atol=1e-11)
    assert union(folds).weight == pytest.approx(problem.weight.sum())


@pytest.mark.parametrize("ridge", [1e-9, 1e-3])
def test_weights_solve_the_normal_equations(model, problem, ridge):
    fit = fit_ridge([reduce(*model, problem, np.arange(200))], ridge)
    A, t = design(model, problem)
    expected = np.linalg.solve(A.T @ A + fit.ridge * np.eye(A.shape[1]), A.T @ t)
    np.testing.assert_allclose(fit.w, expected, rtol=1e-5)
    assert fit.ridge == ridge
    mean_square = np.sum((A @ fit.w - t) ** 2) / problem.weight.sum()
    assert fit.training_error == pytest.approx(np.sqrt(mean_square))


def test_error_is_that_of_cross_validation_by_hand(model, problem):
    rows = make_folds(problem, 5, RNG(0))
    folds = [reduce(*model, problem, part) for part in rows]
    fit = fit_ridge(folds)
    A, t = design(model, problem)
    squares = 0.0
    for part in rows:
        out = np.zeros(200, dtype=bool)
        out[part] = True
        out = np.repeat(out, 4)
        # the ridges are multiples of the largest singular value of each set of rows
        relative = fit.ridge / np.linalg.norm(A, 2) ** 2
        B = A[~out]
        gram = B.T @ B + relative * np.linalg.norm(B, 2) ** 2 * np.eye(A.shape[1])
        squares += np.sum((A[out] @ np.linalg.solve(gram, B.T @ t[~out]) - t[out]) ** 2)
    assert fit.error == pytest.approx(np.sqrt(squares / problem.weight.sum()), rel=1e-4)


def test_a_ridge_around_the_solution_changes_nothing(model, problem):
    folds = [reduce(*model, problem, np.arange(200))]
    solution = fit_ridge(folds, 1e-12).w
    np.testing.assert_allclose(fit_ridge(folds, 1e3, around=solution).w, solution, rtol=1e-5)


def test_folds_share_no_group_and_cover_all_rows():
    X, y = asymmetric_data(60)
    groups = np.repeat(np.arange(12), 5)
    weight = np.ones(60)
    problem = Problem(X, y, weight, groups, Scaling.from_data(X, y, weight))
    folds = make_folds(problem, 5, RNG(0))
    np.testing.assert_array_equal(np.sort(np.concatenate(folds)), np.arange(60))
    names = [set(groups[rows]) for rows in folds]
    assert sum(map(len, names)) == 12


@pytest.mark.parametrize("method", list(SAMPLING_SCALES))
@pytest.mark.parametrize("sizes", [(30,), (20, 10)])
def test_sampled_units_bend_inside_the_data(problem, method, sizes):
    X, _, _ = problem.take(slice(None))
    equations = equations_of(MLP(None, sizes, "tanh"), problem)
    params = equations.sample_params(X, RNG(0), method, 0.8)
    Z, _, _ = problem.gradients()
    a = Z @ params[0] + params[1]
    inside = (a.min(axis=0) < 0.1) & (a.max(axis=0) > -0.1)
    assert inside.mean() > 0.9
    assert not equations.last(params).any()


def test_pieces_of_partial_fit_are_the_fit_of_all_rows_on_the_same_layers():
    X, y = asymmetric_data(400)
    model = HNNRegressor((40,), solver="least_squares", random_state=0)
    for first in range(0, 400, 100):
        model.partial_fit(X[first : first + 100], y[first : first + 100])
    # the same layers and scaling, all rows at once
    scaling = model._scaling
    whole = Problem(X, y, np.ones(400), None, scaling)
    equations, params = model._model.equations.in_units_of(scaling.s), model.params_
    ridge = fit_ridge([reduce(equations, params, whole, np.arange(400))], 0.0)
    w = equations.last(params)
    A = equations.basis(params, scaling.states(X)) * np.sqrt(scaling.w)[:, None]
    residual = np.linalg.norm(A.reshape(-1, 54) @ (w - ridge.w))
    assert residual < 1e-2 * np.linalg.norm(A.reshape(-1, 54) @ ridge.w)
    assert model.n_iter_ == 4
    assert model._solver_state["n_equations"].sum() == 1600
    assert model.score(X, y) > 0.9999


def test_warm_start_keeps_the_hidden_layers():
    X, y = asymmetric_data(300)
    model = HNNRegressor(solver="least_squares", warm_start=True, random_state=0).fit(X, y)
    before = model.coefs_[0].copy()
    model.fit(X[:200], y[:200])
    np.testing.assert_allclose(model.coefs_[0], before, rtol=1e-12)


def test_a_smooth_system_is_fitted_to_many_digits():
    X, y = asymmetric_data(1000)
    X_test, y_test = asymmetric_data(500, seed=1)
    model = HNNRegressor(solver="least_squares", random_state=0).fit(X, y)
    assert 1 - model.score(X_test, y_test) < 1e-12


def test_rows_in_a_file_are_fitted_without_loading_them(tmp_path):
    X, y = asymmetric_data(3000)
    files = []
    for name, values in (("X", X), ("y", y)):
        values.tofile(tmp_path / name)
        files.append(np.memmap(tmp_path / name, dtype=float, mode="r", shape=values.shape))
    for solver in ("least_squares", "soap"):
        options = {"solver": solver, "hidden_layer_sizes": (20,), "random_state": 0}
        if solver == "soap":
            options["max_iter"] = 2
        mapped = fit_quietly(HNNRegressor(**options), *files)
        loaded = fit_quietly(HNNRegressor(**options), X, y)
        np.testing.assert_array_equal(mapped.coefs_[0], loaded.coefs_[0])


@pytest.mark.parametrize("solver", ["least_squares", "soap"])
def test_large_data_are_standardised_piece_by_piece(monkeypatch, solver):
    from skhnn._solvers import _objective, _problem

    X, y = asymmetric_data(500)
    options = {"solver": solver, "hidden_layer_sizes": (20,), "random_state": 0, "max_iter": 3}
    small = fit_quietly(HNNRegressor(**options), X, y)
    monkeypatch.setattr(_problem, "_BYTES_TO_KEEP", 0)
    monkeypatch.setattr(_objective, "_VALUES_TO_PLACE", 0)
    large = fit_quietly(HNNRegressor(**options), X, y)
    np.testing.assert_allclose(large.predict(X), small.predict(X), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("by", "n_rows"), [("evidence", 12), ("gcv", 200), ("evidence", 200)])
def test_scores_are_those_of_the_formulas(by, n_rows):
    X, y = asymmetric_data(n_rows)
    weight = np.ones(n_rows)
    problem = Problem(X, y, weight, None, Scaling.from_data(X, y, weight))
    equations, rows = equations_of(MLP(None, (60,), "tanh"), problem), np.arange(n_rows)
    X, y, _ = problem.take(rows)
    params = equations.sample_params(X, RNG(0), "hinge", 0.4)
    fit, score, common = fit_by_score(problem, equations, params, rows, 1e-6, by)
    root = np.sqrt(problem.scaling.w / n_rows)
    A = (equations.basis(params, X) * root[:, None]).reshape(len(y) * 4, -1)
    t = (y * root).ravel()
    r, n = fit.ridge, len(t)
    assert r >= 1e-6
    w = np.linalg.solve(A.T @ A + r * np.eye(A.shape[1]), A.T @ t)
    np.testing.assert_allclose(A @ fit.w, A @ w, atol=1e-6)
    rest = ((A @ w - t) ** 2).sum()
    if by == "gcv":
        free = np.trace(A @ np.linalg.solve(A.T @ A + r * np.eye(A.shape[1]), A.T))
        expected = -n / 2 * np.log(rest / n / (1 - 1.4 * free / n) ** 2)
        np.testing.assert_allclose(fit.effective_unknowns, free, rtol=1e-5)
    else:
        K = np.eye(n) + A @ A.T / r
        expected = -n / 2 * np.log(t @ np.linalg.solve(K, t) / n)
        expected -= 0.5 * np.linalg.slogdet(K)[1]
    np.testing.assert_allclose(score, expected, rtol=1e-5)
    np.testing.assert_allclose(common, score)


@pytest.mark.parametrize("by", ["evidence", "gcv"])
def test_parts_without_common_unknowns_are_scored_apart(by):
    X, y = asymmetric_data(100)
    weight = np.ones(100)
    problem = Problem(X, y, weight, None, Scaling.from_data(X, y, weight))
    separable = HAMILTONIANS["separable"].map_layers(lambda *_: ((20,), "tanh"))
    equations, rows = equations_of(separable, problem), np.arange(100)
    params = equations.sample_params(problem.take(rows)[0], RNG(0), "hinge", 0.4)
    fit, score, common = fit_by_score(problem, equations, params, rows, 1e-6, by)
    of_T, of_V = (
        fit_by_score(problem, _Half(equations, part), params, rows, 1e-6, by)
        for part in equations.blocks()
    )
    np.testing.assert_allclose(score, of_T[1] + of_V[1])
    np.testing.assert_allclose(fit.w, of_T[0].w + of_V[0].w)
    assert common < score  # a noise of its own for each part can only fit better


class _Half:
    """Equations with one of their blocks."""

    def __init__(self, equations, block):
        self.basis, self.n_last, self.block = equations.basis, equations.n_last, block

    def blocks(self):
        return [self.block]
