"""Least squares by triangular factors is the least squares of all rows; its layers are sampled."""

import functools
from collections import Counter
from itertools import combinations

import numpy as np
import pytest
from helpers import asymmetric_data, fit_quietly
from scipy.integrate import solve_ivp

from skhnn import HNNRegressor
from skhnn._data import DerivativeFit, Factor, Place, Problem, Shared, make_folds
from skhnn._data._factor import Reflections
from skhnn._scaling import Scaling
from skhnn._solvers import SolverOptions
from skhnn._solvers._evidence import WIDE, _Part
from skhnn._solvers._last_weights import fit_last_weights
from skhnn._solvers._layers import equations_of
from skhnn._solvers._sampled import Race
from skhnn.hamiltonians import MLP, SAMPLING_SCALES
from skhnn.hamiltonians._sampling import sample_layer

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
    """A and t in units where the targets have spread one, in one piece."""
    equations, params = model
    X, y, c = problem.take(slice(None))
    root = np.sqrt(c / c.mean())[:, None] * np.sqrt(problem.scaling.w * problem.n_features)
    A = equations.basis(params, X) * root[..., None]
    return A.reshape(-1, A.shape[2]), (y * root).ravel()


def factor_of(model, problem, rows=None):
    equations, params = model
    rows = np.arange(problem.n_samples) if rows is None else rows
    m = equations.n_last
    data = DerivativeFit(problem, equations)
    (factor,) = data.reduced(params, rows, np.zeros(m), np.ones(m, dtype=bool))
    return factor


def in_order(factor):
    """The places of the columns of A in the order of the last weights."""
    return np.argsort(factor.weights)


def test_the_factor_has_the_gram_matrix_of_all_rows(model, problem):
    factor = factor_of(model, problem)
    A, t = design(model, problem)
    block = np.column_stack([A[:, factor.weights], t])
    R = factor.normalised
    np.testing.assert_allclose(R.T @ R, block.T @ block, atol=1e-9)
    assert factor.n_equations == len(t)


@pytest.mark.parametrize("n_rows", [1, 2, 4, 200])
def test_reduction_is_right_for_fewer_rows_than_unknowns(model, problem, n_rows):
    rows = np.arange(n_rows)
    A, t = design(model, problem.subset(rows))
    R = factor_of(model, problem, rows).R
    block = np.column_stack([A[:, factor_of(model, problem, rows).weights], t])
    scale = problem.subset(rows).mean_weight  # design has weights of mean one
    np.testing.assert_allclose(R.T @ R, scale * block.T @ block, atol=1e-9)


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0), (1, 3), (5, 3)])
def test_reflections_keep_all_products_of_columns(shape, capfd):
    rng = RNG(0)
    A, B = rng.normal(size=shape), rng.normal(size=(shape[0], 2))
    found = Reflections(A)
    beside, below = found.of(B)
    np.testing.assert_allclose(found.R.T @ found.R, A.T @ A, atol=1e-12)
    np.testing.assert_allclose(found.R.T @ beside, A.T @ B, atol=1e-12)
    np.testing.assert_allclose(beside.T @ beside + below.T @ below, B.T @ B, atol=1e-12)
    assert capfd.readouterr() == ("", "")  # LAPACK prints what it does not take


def test_what_networks_share_changes_no_fit(problem):
    equations = equations_of(MLP(None, (12,), "tanh"), problem)
    X, rows, shared = problem.take(slice(None))[0], np.arange(200), Shared()
    for scale in (0.2, 0.4, 0.8):
        params = equations.sample_params(X, RNG(0), "pairs", scale)
        alone = fit_last_weights(problem, equations, params, rows)
        fit = fit_last_weights(problem, equations, params, rows, shared=shared)
        np.testing.assert_allclose(fit.w, alone.w, rtol=1e-9, atol=1e-12)
        assert fit.log_evidence == pytest.approx(alone.log_evidence)


def test_factors_of_pieces_add_up_to_that_of_all_rows(model, problem):
    parts = [factor_of(model, problem, rows) for rows in make_folds(problem, 5, RNG(0))]
    together = functools.reduce(Factor.with_more, parts)
    whole = factor_of(model, problem)
    np.testing.assert_allclose(together.R.T @ together.R, whole.R.T @ whole.R, atol=1e-9)
    assert (together.n_equations, together.size) == pytest.approx((whole.n_equations, whole.size))


@pytest.mark.parametrize("alpha", [1e-6, 1e-2])
def test_weights_solve_the_normal_equations(model, problem, alpha):
    equations, params = model
    fit = fit_last_weights(problem, equations, params, np.arange(200), alpha=alpha)
    A, t = design(model, problem)
    # The evidence would take a smaller ridge, and the next one it has is taken.
    ridges = [alpha * 10**k for k in np.arange(0, 0.51, 1e-3)]
    units = ~equations.is_quadratic
    best = min(
        np.abs(np.linalg.solve(A.T @ A + ridge * np.diag(1.0 * units), A.T @ t) - fit.w).max()
        for ridge in ridges
    )
    assert best < 0.02 * np.abs(fit.w).max()
    assert fit.left == pytest.approx(np.sqrt(np.mean((A @ fit.w - t) ** 2)), rel=1e-6)


@pytest.mark.parametrize("n_rows", [12, 200])
def test_the_evidence_is_that_of_a_gaussian_process(n_rows):
    X, y = asymmetric_data(n_rows)
    y = y + 0.1 * np.random.default_rng(0).standard_normal(y.shape)
    problem = Problem(X, y, np.ones(n_rows), None, Scaling.from_data(X, y, np.ones(n_rows)))
    equations = equations_of(MLP(None, (60,), "tanh"), problem)
    params = equations.sample_params(problem.take(slice(None))[0], RNG(0), "hinge", 0.4)
    A, t = design((equations, params), problem)
    units = ~equations.is_quadratic
    factor = factor_of((equations, params), problem)
    part = _Part(factor, 1.0, np.inf)
    k = part.best(0.0)
    ridge, variance = part.ridges[k], part.Q[k] / len(t)
    fit = fit_last_weights(problem, equations, params, np.arange(n_rows))
    assert fit.log_evidence == pytest.approx(part.log_evidence[k])
    # log N(t; 0, K) for units with their prior, and a wide one for quadratic energies
    prior = np.where(units, variance / ridge, WIDE**2)
    K = variance * np.eye(len(t)) + (A * prior) @ A.T
    expected = -0.5 * (t @ np.linalg.solve(K, t) + np.linalg.slogdet(K)[1])
    # the formula leaves out N / 2, which is t K^-1 t / 2 at the best sigma, and what u costs
    assert fit.log_evidence - 0.5 * len(t) == pytest.approx(expected, rel=0.02, abs=2.0)


def test_a_prior_around_the_solution_changes_nothing(model, problem):
    equations, params = model
    rows = np.arange(200)
    first = fit_last_weights(problem, equations, params, rows)
    again = fit_last_weights(problem, equations, params, rows, around=first.w)
    A, _ = design(model, problem)
    assert np.linalg.norm(A @ (again.w - first.w)) < 0.02 * np.linalg.norm(A @ first.w)


def test_rows_left_out_choose_the_largest_ridge_that_is_as_good(model, problem):
    equations, params = model
    rows, judge = np.arange(120), problem.subset(np.arange(120, 200))
    fit = fit_last_weights(problem, equations, params, rows, judge=judge)
    X, y, c = judge.take(slice(None))

    def error_of(w):
        field = equations.field(equations.with_last(params, w), X)
        return c @ ((field - y) ** 2) @ judge.scaling.w

    part = _Part(factor_of(model, problem, rows), 1.0, np.inf)
    place = in_order(factor_of(model, problem, rows))
    errors = [error_of(part.weights(k)[place]) for k in range(len(part.ridges))]
    assert error_of(fit.w) <= 1.001**2 * min(errors) * (1 + 1e-9)


def test_a_direction_without_data_gets_no_quadratic_energy():
    # q2 = q1 and p2 = p1 but for 1e-9; the error of what a few units cannot fit must not be blown
    # up into energies of the difference.
    rng = np.random.default_rng(0)
    half = rng.uniform(-1, 1, (300, 2))
    X = half[:, [0, 0, 1, 1]] + 1e-9 * rng.standard_normal((300, 4))
    y = np.stack([X[:, 2], X[:, 3], -np.sin(3 * X[:, 0]), -np.sin(3 * X[:, 1])], axis=1)
    problem = Problem(X, y, np.ones(300), None, Scaling.from_data(X, y, np.ones(300)))
    equations = equations_of(MLP(None, (5,), "tanh"), problem)
    params = equations.sample_params(problem.take(slice(None))[0], RNG(0), "hinge", 0.4)
    fit = fit_last_weights(problem, equations, params, np.arange(300))
    assert np.abs(fit.w[equations.is_quadratic]).max() < 10 * WIDE


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
    a = (X - problem.scaling.mean) @ params[0] + params[1]
    inside = (a.min(axis=0) < 0.1) & (a.max(axis=0) > -0.1)
    assert inside.mean() > 0.9
    columns = np.count_nonzero(params[0], axis=0)
    assert (columns == (2 if method == "sparse" else 4)).all()
    assert not equations.last(params).any()


def test_units_of_two_columns_read_all_pairs_alike_often():
    X = np.random.default_rng(0).normal(size=(50, 6))
    W, _ = sample_layer(X, 45, RNG(0), "sparse", 0.8)
    pairs = [tuple(np.flatnonzero(w)) for w in W.T]
    assert Counter(pairs) == dict.fromkeys(combinations(range(6), 2), 3)


@pytest.mark.parametrize("method", ["hinge", "sparse"])
def test_there_are_units_for_all_polynomials_of_fourth_degree(method):
    """A random polynomial of four columns, of pairs of them where units read these."""
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (400, 4))
    weights = rng.normal(size=(4, 40))
    if method == "sparse":
        weights[[2, 3], :20], weights[[0, 1], 20:] = 0.0, 0.0
    a = X @ weights + rng.normal(size=40)
    gradient = 4.0 * a**3 @ weights.T
    y = np.hstack([gradient[:, 2:], -gradient[:, :2]])
    problem = Problem(X, y, np.ones(400), None, Scaling.from_data(X, y, np.ones(400)))
    race = Race(problem, MLP(), SolverOptions(Place.on_numpy("float64"), RNG(0)))
    race.samplings = [s for s in race.every if (s.activation, s.method) == ("quartic", method)]
    race.run(100)
    assert race.best.fit.error < 1e-10


@pytest.mark.parametrize("n_inputs", [2, 4])
def test_there_are_as_many_units_for_polynomials_as_for_others(n_inputs):
    """Fewer determine all coefficients, but what they leave among noise is larger."""
    X = np.random.default_rng(0).normal(size=(50, n_inputs))
    problem = Problem(X, X, np.ones(50), None, Scaling.from_data(X, X, np.ones(50)))
    race = Race(problem, MLP(), SolverOptions(Place.on_numpy("float64"), RNG(0)))
    race.run(100)
    units = {one.sampling.activation: one.equations.n_last for one in race.found}
    assert units["quartic"] == units["tanh"]


@pytest.mark.parametrize(("sizes", "is_sampled"), [(None, True), ((20,), True), ((20, 20), False)])
def test_polynomials_of_sixteenth_degree_are_not_sampled(sizes, is_sampled):
    X = np.random.default_rng(0).normal(size=(50, 2))
    problem = Problem(X, X, np.ones(50), None, Scaling.from_data(X, X, np.ones(50)))
    race = Race(problem, MLP(None, sizes), SolverOptions(Place.on_numpy("float64"), RNG(0)))
    assert any(sampling.activation == "quartic" for sampling in race.every) == is_sampled


def test_two_columns_have_no_layers_of_fewer():
    X = np.random.default_rng(0).uniform(-1, 1, (200, 4))
    y = np.stack([X[:, 2], X[:, 3], -np.sin(X[:, 0]), -np.sin(X[:, 1])], axis=1)
    problem = Problem(X, y, np.ones(200), None, Scaling.from_data(X, y, np.ones(200)))
    options = SolverOptions(Place.on_numpy("float64"), RNG(0))
    ways = [
        {sampling.method for sampling in Race(problem, hamiltonian, options).samplings}
        for hamiltonian in (MLP("q"), MLP())
    ]
    assert ways == [{"hinge", "pairs"}, {"hinge", "pairs", "sparse"}]


def test_pieces_of_partial_fit_are_the_fit_of_all_rows_on_the_same_layers():
    X, y = asymmetric_data(400)
    model = HNNRegressor((40,), solver="least_squares", random_state=0)
    for first in range(0, 400, 100):
        model.partial_fit(X[first : first + 100], y[first : first + 100])
    # the same layers and scaling, all rows at once
    scaling = model._scaling
    whole = Problem(X, y, np.ones(400), None, scaling)
    equations, params = model._model.equations.in_units_of(scaling.units), model.params_
    fit = fit_last_weights(whole, equations, params, np.arange(400))
    A = equations.basis(params, scaling.states(X)) * np.sqrt(scaling.w)[:, None]
    A = A.reshape(-1, equations.n_last)
    residual = np.linalg.norm(A @ (equations.last(params) - fit.w))
    assert residual < 1e-2 * np.linalg.norm(A @ fit.w)
    assert model.n_iter_ == 4
    assert model._solver_state["counts_0"][1] == 1600
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
    from skhnn._data import _derivative_fit, _problem

    X, y = asymmetric_data(500)
    options = {"solver": solver, "hidden_layer_sizes": (20,), "random_state": 0, "max_iter": 3}
    small = fit_quietly(HNNRegressor(**options), X, y)
    monkeypatch.setattr(_problem, "_BYTES_TO_KEEP", 0)
    monkeypatch.setattr(_derivative_fit, "_VALUES_TO_PLACE", 0)
    large = fit_quietly(HNNRegressor(**options), X, y)
    np.testing.assert_allclose(large.predict(X), small.predict(X), rtol=1e-5, atol=1e-6)


def test_columns_of_very_different_size_are_fitted_alike():
    # Two separate pendulums, the second one light: its rows of the design are 1e7 times as large.
    q1, q2, v1, v2 = np.random.default_rng(0).uniform(-1.5, 1.5, (4, 500))
    for mass in (1.0, 1e-7):
        X = np.stack([q1, q2, v1, mass * v2], axis=1)
        y = np.stack([v1, v2, -np.sin(q1), -mass * np.sin(q2)], axis=1)
        model = HNNRegressor(hamiltonian="mechanical", random_state=0).fit(X, y)
        assert 1 - model.score(X, y) < 1e-11


@pytest.mark.slow
def test_rounding_does_not_roughen_a_field_that_is_to_be_simulated():
    # Two bodies about their centre by one network of eight columns: units that nearly cancel.
    rng = np.random.default_rng(0)
    n, r, angle = 2000, rng.uniform(0.5, 1.5, 2000), rng.uniform(0, 2 * np.pi, 2000)
    q = r[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    p = np.stack([-q[:, 1], q[:, 0]], axis=1) / (2 * r[:, None] ** 1.5)
    p *= 1 + 0.05 * rng.standard_normal((n, 1))
    force = -q / (4 * r[:, None] ** 3)
    X, y = np.hstack([q, -q, p, -p]), np.hstack([p, -p, force, -force])
    model = HNNRegressor(hamiltonian=MLP(), coordinates="canonical", random_state=0)
    model.set_params(solver="least_squares").fit(X, y)
    assert 1 - model.score(X, y) < 1e-3
    k = np.arange(101.0)
    near = model.predict(X[0] + 1e-9 * k[:, None] * X[0])
    line = np.polynomial.polynomial.polyval(k, np.polynomial.polynomial.polyfit(k, near, 1)).T
    assert ((near - line).std(axis=0) / y.std(axis=0)).max() < 1e-6  # it was 2e-4


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_part_that_is_exact_does_not_roughen_the_other(seed):
    # cos q is exact whatever the scale, and its evidence by far the larger; p^2 / length^2 is not.
    rng = np.random.default_rng(0)
    length = rng.uniform(0.5, 1.5, 800)
    q, p = rng.uniform(-2, 2, (2, 800))
    X, y = np.column_stack([q, p, length]), np.column_stack([p / length**2, -length * np.sin(q)])
    model = HNNRegressor(hamiltonian="separable", n_parameters=1, periodic=[0], random_state=seed)
    model.fit(X, y)
    t, start = np.linspace(0, 20, 101), [1.0, 0.0]
    found = model.simulate(start, t, parameters=[0.7])
    exact = solve_ivp(
        lambda _, x: [x[1] / 0.49, -0.7 * np.sin(x[0])], (0, 20), start, "DOP853", t,
        rtol=1e-10, atol=1e-12,
    ).y.T  # fmt: skip
    assert np.abs(found - exact).max() < 1e-3
