"""HNNTrajectoryRegressor: states and Hamiltonian of measured runs, against what is known."""

import pickle
import warnings
from types import SimpleNamespace

import numpy as np
import pytest
import sklearn
from helpers import asymmetric_data, fit_quietly
from scipy.integrate import solve_ivp, trapezoid
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GroupKFold, cross_val_score

from skhnn import HNNRegressor, HNNTrajectoryRegressor
from skhnn._solvers._directions import Directions
from skhnn._trajectories import Grid, Runs, Smoothed, _choice, _fits, _layers, _steadiness
from skhnn._trajectories._candidates import NoFitError
from skhnn._trajectories._collocation import _defects, linearised
from skhnn._trajectories._measured import Measured, Shown
from skhnn._trajectories._settled import simplest
from skhnn._trajectories._smoothing import smoothed
from skhnn.datasets import make_double_pendulum
from skhnn.hamiltonians import MLP, Natural, Quadratic, has_constant_masses
from skhnn.preprocessing import derivatives, from_trajectories
from skhnn.systems import Kepler

pytestmark = pytest.mark.filterwarnings("ignore::skhnn.ExtrapolationWarning")


def run(field, x0, t):
    return solve_ivp(
        lambda time, x: field(x), (t[0], t[-1]), x0, "DOP853", t, rtol=1e-10, atol=1e-12
    ).y.T


def pendulum(x, damping=0.0):
    return np.stack([x[..., 1], -np.sin(x[..., 0]) - damping * x[..., 1]], axis=-1)


def table(field, starts, times, noise, seed=0):
    """Clean and noisy rows, their times and runs; noise relative to the spread of the columns."""
    clean = [run(field, x0, t) for x0, t in zip(starts, times, strict=True)]
    X, t, groups = from_trajectories(clean, times)
    rng = np.random.default_rng(seed)
    return X, X + noise * X.std(axis=0) * rng.standard_normal(X.shape), t, groups


def of_pendulum(noise=0.01, damping=0.0, n_runs=10, seed=0):
    """Runs of unequal lengths at twenty samples a second."""
    rng = np.random.default_rng(seed)
    starts = rng.uniform(-1.5, 1.5, (n_runs, 2))
    times = [np.arange(rng.integers(30, 90)) * 0.05 for _ in range(n_runs)]
    return table(lambda x: pendulum(x, damping), starts, times, noise, seed)


def relative(found, true):
    return np.sqrt(np.mean(np.mean((found - true) ** 2, axis=0) / true.var(axis=0)))


def fitted(X, t, groups, said=None, **params):
    with warnings.catch_warnings(record=True) as record:
        warnings.simplefilter("always")
        model = HNNTrajectoryRegressor(random_state=0, **params).fit(X, t=t, groups=groups)
    if said is not None:
        said += [str(warning.message) for warning in record]
    return model


@pytest.fixture(scope="module")
def clean_and_model():
    clean, X, t, groups = of_pendulum()
    return clean, X, t, groups, fitted(X, t, groups)


# ------------------------------------------------------------------------------ smoothing splines


@pytest.mark.parametrize("noise", [0.003, 0.03, 0.3])
def test_a_spline_finds_the_level_of_the_noise(noise):
    rng, found = np.random.default_rng(0), []
    for _ in range(5):
        times = [np.sort(rng.uniform(0, 5, 80)) for _ in range(3)]
        values = [np.sin(2 * t + k) + noise * rng.standard_normal(80) for k, t in enumerate(times)]
        found.append(smoothed(times, values).noise / noise)
    assert 0.9 < np.median(found) < 1.1


def test_a_spline_of_exact_values_is_exact():
    t = np.linspace(0, 3, 61)
    column = smoothed([t], [np.cos(2 * t)])
    assert column.noise < 1e-6
    np.testing.assert_allclose(column.splines[0](t), np.cos(2 * t), atol=1e-6)
    inside = t[3:-3]
    np.testing.assert_allclose(column.splines[0](inside, 1), -2 * np.sin(2 * inside), atol=1e-4)


def test_a_spline_minimises_what_it_says():
    """At its own lambda, against a dense solution for polynomials of degree five between knots."""
    rng = np.random.default_rng(1)
    t = np.sort(rng.uniform(0, 4, 12))
    x = np.sin(t) + 0.1 * rng.standard_normal(12)
    spline = smoothed([t], [x]).splines[0]
    fine = np.linspace(t[0], t[-1], 20_001)

    def roughness(other):
        return trapezoid(other(fine, 3) ** 2, fine)

    misfit = np.sum((x - spline(t)) ** 2)
    for _ in range(20):  # no neighbour is both closer and smoother
        step = 1e-3 * rng.standard_normal(len(spline.c))
        up, down = (type(spline)(spline.t, spline.c + s * step, 5) for s in (1, -1))
        gains = [
            (np.sum((x - o(t)) ** 2) - misfit, roughness(o) - roughness(spline)) for o in (up, down)
        ]
        assert all(max(gain) > 0 for gain in gains)


def test_standard_deviations_of_a_spline_cover_the_truth():
    rng, inside = np.random.default_rng(2), []
    for _ in range(20):
        t = np.linspace(0, 6, 60)
        column = smoothed([t], [np.sin(2 * t) + 0.05 * rng.standard_normal(60)])
        for order, true in ((0, np.sin(2 * t)), (1, 2 * np.cos(2 * t))):
            off = np.abs(column.splines[0](t, order) - true)
            inside.append(np.mean(off < 2 * column.std(0, t, order)))
    assert 0.85 < np.mean(inside) < 1.0


# ------------------------------------------------------------------------------ collocation


def trained(kind):
    """Equations with weights, states at nodes and their grid."""
    rng = np.random.default_rng(0)
    if kind == "canonical":
        model = HNNRegressor((30,), solver="gauss_newton", random_state=0)
        fit_quietly(model, *asymmetric_data(200))
    else:
        q, v = rng.uniform(-1, 1, (2, 200, 2))
        mass = np.array([1.0, 2.5])
        y = np.hstack([v, -(np.sin(q) + 0.3 * (q - q[:, ::-1])) / mass])
        model = HNNRegressor(
            hamiltonian=Natural("diagonal"), solver="least_squares", random_state=0
        ).fit(np.hstack([q, v]), y)
    times = [np.array([0.0, 0.2, 0.25, 0.7]), np.linspace(0, 1, 6)]
    runs = Runs(times, [np.zeros((len(t), 4)) for t in times], 4, None, [])
    return model._model.equations, model._model.params, runs, model


@pytest.mark.parametrize("kind", ["canonical", "velocities"])
def test_true_paths_have_no_defects_up_to_the_fifth_order(kind):
    equations, params, runs, model = trained(kind)
    largest = []
    for step in (0.2, 0.1, 0.05):
        grid = Grid.of(runs, step)
        x = np.concatenate(
            [
                model.simulate([0.3, -0.2, 0.1, 0.2], grid.t[a:b], rtol=1e-12)
                for a, b in zip(grid.ends[:-1], grid.ends[1:], strict=True)
            ]
        )
        D = _defects(equations, params, x, grid, Directions.alone(np.arange(1)))[0]
        largest.append(np.abs(D).max())
    ratios = np.array(largest[:-1]) / largest[1:]
    assert (ratios > 20).all(), ratios


@pytest.mark.parametrize("is_pushed", [False, True])
@pytest.mark.parametrize("kind", ["canonical", "velocities"])
def test_the_linearised_system_is_that_of_a_dense_solution(kind, is_pushed):
    equations, params, runs, _ = trained(kind)
    grid, rng = Grid.of(runs, 0.2), np.random.default_rng(3)
    x = 0.3 * rng.standard_normal((len(grid.t), 4))
    misfit, precision = rng.standard_normal((2, len(x), 6))
    precision = np.where(precision > 0, precision**2, 0.0)
    E = rng.standard_normal((len(x), 6, 4))
    B = rng.standard_normal((len(x), 6, 5))  # the last three weights, and two more unknowns
    free = Directions.alone(np.arange(0, equations.n_last, 3))
    shown = Shown(misfit, E, B)
    n, k, m = len(x), len(grid.first), len(free)
    T, of_more = None, None
    if is_pushed:
        T, of_more = rng.uniform(0.1, 1.0, (k, 4)) * [0, 0, 1, 1], rng.standard_normal((k, 4, 1))
    found = linearised(
        equations, params, x, grid, free, shown, precision, n_more=2, T=T, of_more=of_more
    )

    D, A0, A1, C, _ = _defects(equations, params, x, grid, free)
    A, H = np.zeros((4 * k, 4 * n)), np.zeros((4 * n, 4 * n))
    for i, node in enumerate(grid.first):
        A[4 * i : 4 * i + 4, 4 * node : 4 * node + 4] = A0[i]
        A[4 * i : 4 * i + 4, 4 * node + 4 : 4 * node + 8] = A1[i]
    right = np.zeros((4 * n + 4 * k, 1 + m + 2))
    for node in range(n):
        W = E[node].T * precision[node]
        own = slice(4 * node, 4 * node + 4)
        H[own, own] = W @ E[node]
        right[own, 0] = W @ misfit[node]
        right[own, m - 2 :] = -W @ B[node]
    right[4 * n :, 0] = -D.ravel()
    right[4 * n :, 1 : 1 + m] = -C.reshape(4 * k, m)
    variance = np.zeros(4 * k)
    if is_pushed:
        variance = T.ravel()
        right[4 * n :, -1:] = -of_more.reshape(4 * k, 1)
    K = np.block([[H, A.T], [A, -np.diag(variance)]])
    solution = np.linalg.solve(K, right)
    dense = solution[: 4 * n].reshape(n, 4, -1)
    np.testing.assert_allclose(found.dx0, dense[..., 0], rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(found.Psi, dense[..., 1:], rtol=1e-6, atol=1e-7)
    assert len(found.push) == (k if is_pushed else 0)
    if is_pushed:
        push = np.sqrt(variance)[:, None] * solution[4 * n :]
        np.testing.assert_allclose(found.push, push.reshape(k, 4, -1), rtol=1e-6, atol=1e-7)
    size = np.sqrt(np.mean(x**2, axis=0))  # the volume is that of x / size and D / size
    scales = np.concatenate([np.tile(size, n), np.tile(1 / size, k)])
    expected = np.linalg.slogdet(scales[:, None] * K * scales)[1]
    np.testing.assert_allclose(found.volume, expected, rtol=1e-8)


@pytest.mark.parametrize("kind", ["canonical", "velocities"])
def test_derivatives_of_defects_are_those_by_differences(kind):
    equations, params, runs, _ = trained(kind)
    grid, rng = Grid.of(runs, 0.2), np.random.default_rng(4)
    x = 0.3 * rng.standard_normal((len(grid.t), 4))
    free = Directions.of_all(equations, params, x)
    _, A0, A1, C, F = _defects(equations, params, x, grid, free)
    np.testing.assert_array_equal(F, equations.jacobian(params, x)[grid.first])
    dx, w = rng.standard_normal(x.shape), equations.last(params)
    dw, h = rng.standard_normal(len(free)) * np.abs(w[free.places]), 1e-6

    def defects(sign):
        moved = equations.with_last(params, w + sign * h * free.full(dw, len(w)))
        return _defects(equations, moved, x + sign * h * dx, grid, free)[0]

    k = grid.first
    along = np.einsum("nij,nj->ni", A0, dx[k]) + np.einsum("nij,nj->ni", A1, dx[k + 1]) + C @ dw
    differences = (defects(1) - defects(-1)) / (2 * h)
    np.testing.assert_allclose(along, differences, atol=1e-5 * np.abs(differences).max())


def test_a_joint_fit_of_masses_that_depend_on_q_goes_nowhere_from_its_end(monkeypatch):
    """When one weight was held, L became smaller at every step, and the log evidence by forty."""
    fit, steps = _fits.fit_jointly, []
    for seed in range(3):
        runs = make_double_pendulum(
            600, sampling="trajectories", n_trajectories=8, t_span=(0, 3), coordinates="velocities",
            noise=0.01, random_state=seed,
        )  # fmt: skip
        ends = []

        def noted(*args, ends=ends, **kwargs):
            ends.append((fit(*args, **kwargs), args, kwargs))
            return ends[-1][0]

        monkeypatch.setattr(_fits, "fit_jointly", noted)
        fitted(runs.data, runs.t, runs.groups, hamiltonian=Natural("q"), coordinates="velocities")
        converged = [end for end in ends if end[0] is not None and end[0].status == "converged"]
        joint, (equations, _, free, _, _, *rest), kwargs = max(
            converged, key=lambda end: end[0].log_evidence
        )
        again = fit(equations, joint.params, free, joint.x, joint.sigma, *rest, **kwargs)
        steps.append(again.n_steps)
        assert again.log_evidence == pytest.approx(joint.log_evidence, abs=0.5)
        before, after = (j.equations.field(j.params, runs.data) for j in (joint, again))
        assert np.sqrt(np.mean((after - before) ** 2)) < 1e-3 * before.std()
    assert np.median(steps) <= 2


@pytest.mark.parametrize("unit", [1.0, 1e-3])
def test_the_stiffness_of_a_spring_is_its_rate_times_the_interval(unit):
    """H = a (q^2 + p^2) has the rate 2 a, whatever the units."""
    X = np.random.default_rng(0).standard_normal((50, 2)) * [1.0, unit]
    dX = 6.0 * np.stack([X[:, 1] / unit, -X[:, 0] * unit], axis=1)
    model = HNNRegressor(hamiltonian=Quadratic()).fit(X, dX)._model
    t = np.linspace(0, 2, 11)
    grid = Grid.of(Runs([t], [np.zeros((11, 2))], 2, None, []), 0.1)
    x = np.stack([np.cos(6 * grid.t), -unit * np.sin(6 * grid.t)], axis=1)
    shown = Shown(np.zeros_like(x), np.tile(np.eye(2), (len(x), 1, 1)), np.zeros((len(x), 2, 0)))
    free, precision = Directions.alone(np.zeros(0, dtype=int)), np.ones_like(x)
    found = linearised(model.equations, model.params, x, grid, free, shown, precision)
    assert found.stiffness == pytest.approx(6.0 * grid.h.max(), rel=0.1)


def test_a_model_that_the_grid_does_not_resolve_comes_behind_all_others():
    def candidate(is_resolved, log_evidence):
        return SimpleNamespace(joint=SimpleNamespace(rank=(is_resolved, log_evidence)))

    jumps, poor, good = candidate(False, 900.0), candidate(True, 10.0), candidate(True, 100.0)
    assert simplest([jumps, poor, good]) is good
    assert simplest([jumps, candidate(True, 98.0), good]).joint.rank[1] == 98.0
    assert simplest([candidate(False, 5.0), jumps]) is jumps


def test_what_is_known_stays_where_all_other_fits_fail(monkeypatch):
    known = SimpleNamespace(joint=SimpleNamespace(rank=(True, 1.0)), has_ended=True)
    choice = _choice.Choice.__new__(_choice.Choice)
    choice.fits = None  # none of the known ones is taken further

    def fails(*_):
        raise NoFitError

    monkeypatch.setattr(choice, "_best_of", fails, raising=False)
    assert choice._best_with([], [known]) is known
    with pytest.raises(ValueError, match="No joint fit"):
        choice._best_with([], [])


@pytest.mark.slow
def test_inputs_are_not_taken_for_friction_with_more_units(monkeypatch):
    """An oscillator that is driven, without friction: none comes back with the units."""
    rng, t = np.random.default_rng(0), np.arange(100) * 0.1
    for module in (_choice, _layers):  # so that more are asked for
        monkeypatch.setattr(module, "FIRST_UNITS", 2)
    monkeypatch.setattr(_layers, "LAST_UNITS", 8)
    tables = []
    for _ in range(4):
        a, b = rng.uniform(0.5, 1.5, 2)

        def forced(time, x, a=a, b=b):
            return [x[1], -x[0] - x[0] ** 3 + a * np.sin(b * time)]

        x = solve_ivp(forced, (0, 9.9), rng.uniform(-1, 1, 2), "DOP853", t, rtol=1e-9).y.T
        tables.append(np.column_stack([x, a * np.sin(b * t)]))
    X = np.concatenate(tables)
    X[:, :2] += 1e-4 * rng.standard_normal((len(X), 2))
    times, groups = np.tile(t, 4), np.repeat(np.arange(4), 100)
    model = fitted(X, times, groups, n_inputs=1, coordinates="velocities", between="cubic")
    assert not hasattr(model, "damping_") or np.abs(model.damping_).max() < 1e-3


# ------------------------------------------------------------------------------ what is found


@pytest.mark.slow
@pytest.mark.parametrize(
    ("eccentricity", "columns"), [(0.05, "velocities"), (0.3, "velocities"), (0.05, "positions")]
)
def test_an_orbit_without_noise_is_simulated(eccentricity, columns):
    """Five revolutions, sixty rows each; the next one. (One of these fits left the data.)"""
    system, e = Kepler(), eccentricity
    start = np.array([1 - e, 0.0, 0.0, 2 * np.pi * np.sqrt((1 + e) / (1 - e))])
    t = np.linspace(0, 6, 361)
    clean = run(system.vector_field, start, t)
    before, after = slice(0, 301), slice(300, None)
    X = clean[before] if columns == "velocities" else clean[before, :2]
    model = fitted(X, t[before], None, coordinates=columns)
    path = model.simulate(clean[300], t[after] - t[300])
    assert np.abs(path[:, :2] - clean[after, :2]).max() < 1e-2


def thin_orbit():
    """Two revolutions about a centre, with noise of 1e-4."""
    start, t = np.array([1.0, 0.0, 0.0, 6.0]), np.linspace(0, 2, 121)
    X = run(Kepler().vector_field, start, t)
    return X + 1e-4 * X.std(axis=0) * np.random.default_rng(0).standard_normal(X.shape), t


@pytest.mark.slow
def test_thin_data_that_all_simulations_leave_draw_a_warning(monkeypatch):
    X, t = thin_orbit()
    monkeypatch.setattr(_steadiness.Steadiness, "deviation", lambda *args: 0.5)
    said = []
    model = fitted(X, t, None, said, coordinates="velocities")
    assert any("leave them by 0.5 standard" in word for word in said)
    assert any(entry.get("deviation") == 0.5 for entry in model.fit_report_)


@pytest.mark.slow
def test_of_thin_data_a_fit_is_taken_that_stays(monkeypatch):
    X, t = thin_orbit()
    found = iter([0.5, 0.5, 0.5])  # of the best twice, and of the second one
    monkeypatch.setattr(_steadiness.Steadiness, "deviation", lambda *args: next(found, 0.01))
    said = []
    model = fitted(X, t, None, said, coordinates="velocities")
    assert not any("thin" in word for word in said)
    assert [one["why"] for one in model.fit_report_ if "why" in one] == [
        "simulations leave thin data less"
    ]
    assert relative(model.predict(X), Kepler().vector_field(X)) < 1e-2


def gaining_energy(noise=1e-3):
    """A spring whose swings grow, (q, p)."""
    starts = np.array([[0.5, 0.0], [0.0, 0.4]])
    field = lambda x: np.stack([x[..., 1], 0.03 * x[..., 1] - x[..., 0]], -1)  # noqa: E731
    return table(field, starts, [np.linspace(0, 12, 100)] * 2, noise)


def test_friction_at_its_bound_leaves_the_fit_without_it():
    _, X, t, groups = gaining_energy()
    params = {"hamiltonian": Quadratic(), "coordinates": "canonical"}
    bound = fitted(X, t, groups, dissipation="linear", **params)
    without = fitted(X, t, groups, dissipation=None, **params)
    np.testing.assert_allclose(bound.damping_, 0.0, atol=1e-12)
    assert np.isnan(bound.damping_std_).all()
    np.testing.assert_allclose(bound.predict(X), without.predict(X), atol=1e-4)
    np.testing.assert_allclose(bound.noise_std_, without.noise_std_, rtol=1e-2)


def test_friction_is_none_negative_after_ctrl_c(monkeypatch):
    _, X, t, groups = gaining_energy()
    done, fit = [], _fits.fit_jointly

    def interrupted(*args, **kwargs):
        if done:
            raise KeyboardInterrupt
        done.append(args)
        return fit(*args, **kwargs)

    monkeypatch.setattr(_fits, "fit_jointly", interrupted)
    model = fitted(
        X, t, groups, hamiltonian=Quadratic(), coordinates="canonical", dissipation="linear"
    )
    assert model.damping_[0, 0] >= 0.0
    assert np.isnan(model.damping_std_).all()


def test_what_is_left_below_a_millionth_does_not_count_as_lasting_noise():
    """Nearly exact fits lack something; with n / kappa values one that left 2e-2 was preferred."""
    t = np.linspace(0, 1, 200)
    alike = np.outer(np.sin(8 * t), [1.0, 1.0])
    choice = _choice.Choice.__new__(_choice.Choice)
    choice.fits = _fits.JointFits.__new__(_fits.JointFits)
    choice.fits.runs = Runs([t], [alike], 2, None, [np.arange(200)])
    choice.fits.grid, choice.fits.tau = Grid.of(choice.fits.runs, 1.0), 1.0
    best = SimpleNamespace(joint=SimpleNamespace(residuals=alike, is_exact=True))
    choice.options = SimpleNamespace(is_out_of_time=False)
    assert choice._with_errors_that_are_alike(best, []) is best
    assert choice.fits.tau == 1.0


def test_forces_that_give_energy_are_no_friction():
    _, X, t, groups = gaining_energy()
    model = fitted(
        X, t, groups, hamiltonian=Quadratic(), coordinates="canonical", dissipation="auto"
    )
    assert not hasattr(model, "damping_")


@pytest.mark.slow
def test_noise_does_not_bias_the_frequency():
    """The spring of Greydanus et al., noise 0.1: a regression finds it too slow by percents."""
    rng, slow, ours = np.random.default_rng(0), [], []
    for seed in range(3):
        angle, radius = rng.uniform(0, 2 * np.pi, 25), rng.uniform(0.1, 1, 25)
        starts = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
        t = np.linspace(0, 3, 30)
        clean, _, t, groups = table(
            lambda x: 2 * np.stack([x[..., 1], -x[..., 0]], -1), starts, [t] * 25, 0.0
        )
        X = clean + 0.1 * np.random.default_rng(seed).standard_normal(clean.shape)
        model = fitted(X, t, groups, hamiltonian=Quadratic(), dissipation=None)
        J = model._model.jacobian(np.zeros((1, 2)))[0]
        ours.append(np.sqrt(-J[0, 1] * J[1, 0]) / 2 - 1)
        true = 2 * np.stack([clean[:, 1], -clean[:, 0]], axis=1)
        raw = HNNRegressor(hamiltonian=Quadratic()).fit(X, true)._model.jacobian(np.zeros((1, 2)))
        slow.append(np.sqrt(-raw[0, 0, 1] * raw[0, 1, 0]) / 2 - 1)
        np.testing.assert_allclose(model.noise_std_, 0.1, rtol=0.1)
    assert np.median(slow) < -0.03
    assert np.max(np.abs(ours)) < 0.01


def test_a_pendulum_is_found_and_simulated(clean_and_model):
    clean, X, t, groups, model = clean_and_model
    assert model.coordinates_ == "velocities"
    assert relative(model.predict(clean), pendulum(clean)) < 5e-3
    np.testing.assert_allclose(model.noise_std_, 0.01 * clean.std(axis=0), rtol=0.2)
    assert relative(model.states_, clean) < 0.4 * 0.01
    true = run(pendulum, [1.0, 0.0], np.linspace(0, 10, 50))
    assert np.abs(model.simulate([1.0, 0.0], np.linspace(0, 10, 50)) - true).max() < 0.05
    assert not hasattr(model, "damping_")
    assert model.score(X, t=t, groups=groups) > 0.999
    assert model.residual_correlation_ == 1.0


def test_error_bars_cover_the_field(clean_and_model):
    clean, *_, model = clean_and_model
    field, std = model.predict(clean, return_std=True)
    assert np.mean(np.abs(field - pendulum(clean))[:, 1] < 2 * std[:, 1]) > 0.7
    assert np.mean(np.abs(field - pendulum(clean))[:, 1] < 4 * std[:, 1]) > 0.95
    path, band = model.simulate(clean[0], np.linspace(0, 5, 11), return_std=True)
    assert path.shape == band.shape == (11, 2)
    assert band[0].max() < 1e-12 < band[-1].max() < 0.1


def test_bands_leave_the_model_as_it_is_and_refuse_what_has_none(clean_and_model):
    clean, *_, model = clean_and_model
    before = model.predict(clean)
    model.simulate(clean[0], [0.0, 1.0], return_std=True)
    np.testing.assert_array_equal(model.predict(clean), before)
    with pytest.raises(ValueError, match="exclude each other"):
        model.simulate(clean[0], [0.0, 1.0], return_std=True, return_solution=True)
    with pytest.raises(ValueError, match="as many times for every start"):
        model.simulate(clean[:2], [[0.0, 1.0], [0.0, 0.5, 1.0]], return_std=True)


def test_a_target_of_one_column_is_not_used_and_named():
    _, X, t, groups = of_pendulum(n_runs=2)
    with pytest.warns(UserWarning, match="y is not used: it has one column"):
        HNNTrajectoryRegressor(hamiltonian=Natural(1.0), random_state=0).fit(
            X, np.zeros(len(X)), t=t, groups=groups
        )


def of_noisy_springs(noise_of_y, seed=0):
    """Ten runs of H = q^2 + p^2 with noise of 0.1, their rates, and clean states."""
    rng, t = np.random.default_rng(seed), np.linspace(0.0, 3.0, 30)
    radius, phase = rng.uniform(0.3, 1.0, (10, 1)), rng.uniform(0.0, 2 * np.pi, (10, 1))
    clean = np.stack([radius * np.cos(2 * t + phase), -radius * np.sin(2 * t + phase)], axis=2)
    X, times, groups = from_trajectories(clean, t)
    y = np.stack([2 * X[:, 1], -2 * X[:, 0]], axis=1)
    noisy = X + 0.1 * rng.standard_normal(X.shape)
    return X, y, noisy, y + noise_of_y * rng.standard_normal(y.shape), times, groups


def test_measured_derivatives_are_further_equations():
    clean, field, X, y, t, groups = of_noisy_springs(0.1)
    y[::3] = np.nan
    errors = []
    for given in (None, y):
        model = HNNTrajectoryRegressor("mechanical", coordinates="canonical", random_state=0)
        model.fit(X, given, t=t, groups=groups)
        errors.append(np.sqrt(np.mean((model.predict(clean) - field) ** 2)))
    assert errors[1] < 0.05
    assert errors[1] < errors[0]
    np.testing.assert_allclose(model.derivative_noise_std_, 0.1, rtol=0.2)
    np.testing.assert_allclose(model.noise_std_, 0.1, rtol=0.2)
    model.fit(X, t=t, groups=groups)
    assert not hasattr(model, "derivative_noise_std_")


@pytest.mark.parametrize(("wrong", "said"), [
    (np.zeros((300, 3)), "at every row, shape"),
    (np.full((300, 2), np.inf), "y contains infinity"),
])  # fmt: skip
def test_derivatives_of_another_shape_are_refused(wrong, said):
    _, _, X, _, t, groups = of_noisy_springs(0.1)
    with pytest.raises(ValueError, match=said):
        HNNTrajectoryRegressor().fit(X, wrong, t=t, groups=groups)


@pytest.mark.parametrize("noise_of_y", [0.0, 0.2])
def test_noise_of_states_that_is_told_does_not_bias_the_field(noise_of_y):
    clean, field, X, y, _, _ = of_noisy_springs(noise_of_y, seed=1)
    taken_for_exact = fit_quietly(HNNRegressor(hamiltonian="mechanical", random_state=0), X, y)
    model = HNNRegressor(hamiltonian="mechanical", noise_std=0.1, random_state=0).fit(X, y)
    errors = [np.sqrt(np.mean((m.predict(clean) - field) ** 2)) for m in (taken_for_exact, model)]
    assert errors[1] < 0.04
    assert errors[1] < 0.6 * errors[0]
    off = np.sqrt(np.mean((model.states_ - clean) ** 2))
    assert off < 0.08
    np.testing.assert_allclose(model.derivative_noise_std_, noise_of_y, atol=0.07)
    assert 1.0 - 2.0 * model.loss_ == pytest.approx(model.score(X, y))
    assert pickle.loads(pickle.dumps(model)).predict(X) == pytest.approx(model.predict(X))


def test_too_large_a_noise_does_less_harm_than_too_small_a_one():
    clean, field, X, y, _, _ = of_noisy_springs(0.0, seed=1)
    errors = []
    for noise in (0.05, 0.2):
        model = HNNRegressor(hamiltonian="mechanical", noise_std=noise, random_state=0).fit(X, y)
        errors.append(np.mean((model.predict(clean) - field) ** 2))
    assert errors[1] < 0.5 * errors[0]


def test_an_accelerometer_alone_is_a_further_equation():
    rng, (clean, X, t, groups) = np.random.default_rng(5), of_pendulum(0.05)
    y = np.full_like(X, np.nan)
    y[:, 1] = -np.sin(clean[:, 0]) + 0.05 * rng.standard_normal(len(y))
    model = HNNTrajectoryRegressor(Natural(1.0), coordinates="velocities", random_state=0)
    model.fit(X, y, t=t, groups=groups)
    assert model.derivative_noise_std_[1] == pytest.approx(0.05, rel=0.2)
    assert np.isnan(model.derivative_noise_std_[0])
    field = np.stack([clean[:, 1], -np.sin(clean[:, 0])], axis=1)
    assert relative(model.predict(clean), field) < 0.03


def test_pieces_of_rows_with_noise_are_refused():
    _, _, X, y, _, _ = of_noisy_springs(0.1)
    with pytest.raises(ValueError, match="noise_std needs all rows at once"):
        HNNRegressor(solver="least_squares", noise_std=0.1).partial_fit(X, y)


def test_weights_of_rows_count_where_states_are_noisy():
    clean, field, X, y, _, _ = of_noisy_springs(0.1, seed=2)
    spoilt, weight = y.copy(), np.ones(len(y))
    spoilt[:100], weight[:100] = 5.0, 1e-6
    model = HNNRegressor(hamiltonian="mechanical", noise_std=[0.1, 0.1], random_state=0)
    model.fit(X, spoilt, sample_weight=weight)
    assert np.sqrt(np.mean((model.predict(clean) - field) ** 2)) < 0.06


def test_friction_is_found_where_states_are_noisy():
    clean, _, X, y, _, _ = of_noisy_springs(0.05, seed=3)
    y[:, 1] -= 0.5 * 2.0 * clean[:, 1]  # -damping dq/dt
    model = HNNRegressor(
        hamiltonian="mechanical", noise_std=0.1, dissipation="auto", random_state=0
    ).fit(X, y)
    assert abs(model.damping_[0, 0] - 0.5) < 4.0 * model.damping_std_[0, 0]
    assert 0.0 < model.damping_std_[0, 0] < 0.1


@pytest.mark.parametrize(("params", "said"), [
    ({"noise_std": -1.0}, "noise_std must be positive"),
    ({"noise_std": [1.0, 1.0, 1.0]}, "one for each of the 2"),
    ({"noise_std": 0.1, "solver": "soap"}, "noise_std needs solver"),
    ({"noise_std": 0.1, "warm_start": True}, "exclude each other"),
])  # fmt: skip
def test_noise_that_makes_no_sense_is_refused(params, said):
    _, _, X, y, _, _ = of_noisy_springs(0.1)
    with pytest.raises(ValueError, match=said):
        HNNRegressor(**params).fit(X, y)


def test_deviations_of_smoothed_states_cover_their_errors():
    rng = np.random.default_rng(4)
    clean, X, t, groups = of_pendulum(0.02, n_runs=10)
    model = fitted(X, t, groups, hamiltonian=Natural(1.0))
    noisy = clean + 0.02 * rng.standard_normal(clean.shape)  # new runs
    noisy[5:10, 0] = np.nan
    states, std = model.smooth(noisy, t, groups, return_std=True)
    np.testing.assert_array_equal(states, model.smooth(noisy, t, groups))
    assert 0.85 < np.mean(np.abs(states - clean) < 2.0 * std) < 1.0
    assert std.max() < 0.02


@pytest.mark.slow
def test_friction_is_found_within_its_error_bar():
    off = []
    for seed in range(3):
        _, X, t, groups = of_pendulum(0.01, 0.1, seed=seed)
        model = fitted(X, t, groups, hamiltonian=Natural(1.0))
        off.append((model.damping_[0, 0] - 0.1) / model.damping_std_[0, 0])
        assert model.damping_std_[0, 0] < 0.002
    assert np.max(np.abs(off)) < 4


def test_positions_alone_are_enough():
    clean, X, t, groups = of_pendulum()
    model = fitted(X[:, :1], t, groups, coordinates="positions", hamiltonian=Natural(1.0))
    assert model.n_features_in_ == 1
    assert model.coordinates_ == "velocities"
    assert relative(model.predict(clean), pendulum(clean)) < 0.05
    assert relative(model.states_, clean) < 0.01
    assert model.score(X[:, :1], t=t, groups=groups) > 0.999
    with pytest.raises(ValueError, match="2 columns, positions and their velocities"):
        model.predict(X[:, :1])


class SeenEnoughError(Exception):
    """Ends a fit."""


@pytest.mark.slow
def test_constant_masses_come_into_joint_fits_where_masses_of_q_have_more_rows(monkeypatch):
    """Of three coordinates masses of q have more weights, and so evidences of more equations."""

    def springs(x):
        q, v = x[..., :3], x[..., 3:]
        force = -q - 0.3 * q**3 + 0.2 * np.roll(q, 1, axis=-1)
        return np.concatenate([v, force], axis=-1)

    starts = np.random.default_rng(0).uniform(-1, 1, (20, 6))
    _, X, t, groups = table(springs, starts, [np.arange(41) / 10] * 20, 0.01)
    found, started = [], _choice.Choice._started

    def noted(self, entries):
        found.extend(started(self, entries))
        raise SeenEnoughError

    monkeypatch.setattr(_choice.Choice, "_started", noted)
    with pytest.raises(SeenEnoughError):
        fitted(X, t, groups, coordinates="velocities")
    assert any(has_constant_masses(entry.hamiltonian) for entry in found)


@pytest.mark.slow
def test_masses_are_found():
    mass, rng = np.array([1.0, 2.5]), np.random.default_rng(0)

    def field(x):
        q, v = x[..., :2], x[..., 2:]
        F = -(q**3) - 0.5 * q - 0.7 * (q - q[..., ::-1])
        return np.concatenate([v, F / mass], axis=-1)

    times = [np.arange(40) * 0.1] * 10
    _, X, t, groups = table(field, rng.uniform(-1, 1, (10, 4)), times, 0.01)
    model = fitted(X, t, groups)
    assert model.hamiltonian_.mass == "diagonal"
    assert abs(model.masses_[1, 1] - 2.5) < max(4 * model.masses_std_[1, 1], 0.02)


@pytest.mark.parametrize("coupling", [0.0, 0.3])
def test_masses_that_positions_do_not_show_are_named(coupling):
    """Of bodies that do not see each other the ratio of masses; of others none."""
    mass, rng = np.array([1.0, 3.0]), np.random.default_rng(0)

    def field(x):
        q, v = x[..., :2], x[..., 2:]
        F = -mass * np.sin(q) * [1.0, 2.0] - coupling * (q - q[..., ::-1])
        return np.concatenate([v, F / mass], axis=-1)

    times = [np.arange(60) * 0.1] * 8
    _, X, t, groups = table(field, rng.uniform(-1, 1, (8, 4)), times, 0.01)
    said = []
    options = {"coordinates": "positions", "hamiltonian": "mechanical", "dissipation": None}
    model = fitted(X[:, :2], t, groups, said, **options)
    assert len(model.undetermined_masses_) == (coupling == 0.0)
    assert any("does not show" in sentence for sentence in said) == (coupling == 0.0)
    if coupling:
        assert abs(model.masses_[1, 1] - 3.0) < 4 * model.masses_std_[1, 1] < 1.5
    else:
        assert np.isinf(model.masses_std_[1, 1])


def test_where_a_model_lacks_something_layers_are_taken_of_which_data_use_least():
    def candidate(left, n_freed, has_ended=True):
        joint = SimpleNamespace(residuals=np.array([[left, np.nan]]), n_freed=n_freed)
        return SimpleNamespace(
            joint=joint, has_ended=has_ended, has_the_terms_of=lambda _: n_freed != 1
        )

    best, fewer = candidate(1.0, 9), candidate(1.04, 6)  # of squares 1.08
    of_other_terms, worse, astray = candidate(1.0, 1), candidate(1.1, 4), candidate(0.9, 2, False)
    fits = SimpleNamespace(found=[of_other_terms, worse, astray, best])
    assert _layers.with_the_simplest_layers(best, fits) is best
    fits.found.append(fewer)
    assert _layers.with_the_simplest_layers(best, fits) is fewer


@pytest.mark.parametrize(
    ("kappas", "n_freed", "taken"),
    [((3.0, 1.8, 1.2), 60, 800), ((3.0, 1.8, 1.6), 60, 400), ((3.0, 2.1, 2.1), 60, None),
     ((9.0, 3.0, 2.5), 60, None), ((3.0, 1.0, 1.0), 40, None)],
)  # fmt: skip
def test_many_units_are_taken_if_errors_are_less_alike(monkeypatch, kappas, n_freed, taken):
    """Of few, of half of the most and of the most, where the data use most of the weights."""
    samplings = []

    def candidate(units, evidence):
        joint = SimpleNamespace(n_freed=n_freed, n_last=100, log_evidence=evidence)
        entry = SimpleNamespace(
            hamiltonian="H", has_friction=False, race=SimpleNamespace(layers_given=False)
        )
        return SimpleNamespace(
            units=units, joint=joint, entry=entry, sampled=SimpleNamespace(sampling=units)
        )

    def race(*_):
        found = SimpleNamespace(samplings=["every"], found=[])

        def run(units):
            samplings.append(found.samplings)
            found.found = [units]

        found.run = run
        return SimpleNamespace(race=found)

    kappa = dict(zip((None, 400, 800), kappas, strict=True))
    fits = SimpleNamespace(
        options=SimpleNamespace(is_out_of_time=False),
        correlation_of=lambda one: kappa[one.units],
        fit=lambda entry, sampled, near: [candidate(sampled, float(sampled))],
    )
    monkeypatch.setattr(
        _layers, "settled", lambda found, fits: max(found, key=lambda one: one.joint.log_evidence)
    )
    best = _layers.with_many_units(candidate(None, 0.0), fits, race)
    assert best.units == taken
    assert samplings == ([["every"], [400]] if n_freed > 50 else [])


@pytest.mark.slow
def test_velocities_that_are_mixed_are_calibrated():
    S = np.array([[0.8, 0.2], [0.05, 0.95]])
    rng = np.random.default_rng(0)

    def field(x):
        q, v = x[..., :2], x[..., 2:]
        return np.concatenate([v, (-2 * q + q[..., ::-1]) / [1.0, 2.0]], axis=-1)

    times = [np.arange(80) * 0.1] * 8
    clean, X, t, groups = table(field, rng.uniform(-1, 1, (8, 4)), times, 0.01)
    X[:, 2:] = X[:, 2:] @ S.T
    said = []
    model = fitted(
        X,
        t,
        groups,
        said,
        coordinates="velocities",
        hamiltonian=Quadratic("q") + Natural("diagonal"),
    )
    np.testing.assert_allclose(model.calibration_, S, atol=0.02)
    assert any("are S dq/dt with S" in message for message in said)
    assert relative(model.predict(clean), field(clean)) < 0.02


@pytest.mark.slow
def test_inputs_are_found():
    rng, X, times = np.random.default_rng(0), [], []
    for _ in range(8):
        t = np.arange(100) * 0.05
        phase, rate = rng.uniform(0, 6, 2)
        x = solve_ivp(
            lambda s, x, a=phase, w=1 + rate: [x[1], -np.sin(x[0]) + 2 * np.sin(w * s + a)],
            (0, 5), rng.uniform(-1, 1, 2), "DOP853", t, rtol=1e-10,
        ).y.T  # fmt: skip
        noisy = x + 0.01 * rng.standard_normal(x.shape)
        X.append(np.column_stack([noisy, np.sin((1 + rate) * t + phase)]))
        times.append(t)
    X, t, groups = from_trajectories(X, times)
    model = fitted(X, t, groups, n_inputs=1, hamiltonian=Natural(1.0))
    assert model.between_ == "cubic"
    np.testing.assert_allclose(model.input_matrix_, [[2.0]], rtol=0.01)
    assert model.score(X, t=t, groups=groups) > 0.99


# ------------------------------------------------------------------------------ shapes of data


def test_gaps_uneven_steps_and_missing_values_are_taken():
    clean, X, t, groups = of_pendulum()
    rng = np.random.default_rng(5)
    X = X.copy()
    X[rng.uniform(size=X.shape) < 0.2] = np.nan  # one value or both
    kept = np.sort(rng.permutation(len(X))[: int(0.7 * len(X))])
    model = fitted(X[kept], t[kept], groups[kept], hamiltonian=Natural(1.0))
    assert relative(model.predict(clean), pendulum(clean)) < 0.02
    assert np.isfinite(model.states_).all()


def test_runs_may_be_interleaved_and_in_any_order():
    _, X, t, groups = of_pendulum(n_runs=4)
    model = fitted(X, t, groups, hamiltonian=Natural(1.0))
    order = np.argsort(t, kind="stable")  # rows of all runs by time
    names = np.array(["b", "c", "a", "d"])[groups]
    other = fitted(X[order], t[order], names[order], hamiltonian=Natural(1.0))
    np.testing.assert_allclose(other.states_, model.states_[order], atol=1e-3)


def test_the_origin_of_time_does_not_matter_where_times_are_exact():
    _, X, t, groups = of_pendulum(n_runs=4)
    t = np.round(t * 1024) / 1024
    one, other = (fitted(X, t + shift, groups, hamiltonian=Natural(1.0)) for shift in (0.0, 1024.0))
    np.testing.assert_array_equal(other.states_, one.states_)


def test_units_do_not_matter():
    _, X, t, groups = of_pendulum(n_runs=4)
    one = fitted(X, t, groups, hamiltonian="mechanical", coordinates="canonical")
    units = np.array([1e3, 1e-2])
    other = fitted(X * units, t * 60, groups, hamiltonian="mechanical", coordinates="canonical")
    np.testing.assert_allclose(
        other.predict(X * units) * 60 / units, one.predict(X), rtol=1e-3, atol=1e-3
    )
    np.testing.assert_allclose(other.noise_std_ / units, one.noise_std_, rtol=1e-3)


@pytest.mark.slow
def test_angles_may_be_wrapped():
    rng = np.random.default_rng(0)
    starts = np.column_stack([rng.uniform(-1, 1, 6), rng.uniform(2.2, 2.8, 6)])  # it turns over
    clean, X, t, groups = table(pendulum, starts, [np.arange(100) * 0.05] * 6, 0.0)
    X = X + 0.01 * rng.standard_normal(X.shape)
    wrapped = X.copy()
    wrapped[:, 0] = (X[:, 0] + np.pi) % (2 * np.pi) - np.pi
    model = fitted(wrapped, t, groups, periodic=[0], hamiltonian=Natural(1.0))
    assert relative(model.predict(clean), pendulum(clean)) < 0.01
    np.testing.assert_allclose(
        model.predict(clean + np.array([2 * np.pi, 0])), model.predict(clean), atol=1e-9
    )
    assert model.score(wrapped, t=t, groups=groups) > 0.99


def test_rows_without_times_are_a_step_apart():
    _, X, t, groups = of_pendulum(n_runs=4)
    given = fitted(X, t, groups, hamiltonian=Natural(1.0))
    counted = fitted(X, None, groups, hamiltonian=Natural(1.0), time_step=0.05)
    np.testing.assert_allclose(counted.states_, given.states_, atol=1e-6)
    assert counted.score(X, groups=groups) == pytest.approx(
        given.score(X, t=t, groups=groups), abs=1e-6
    )


@pytest.mark.slow
def test_rows_far_off_count_less_where_asked_for():
    clean, X, t, groups = of_pendulum(n_runs=6)
    X = X.copy()
    off = np.random.default_rng(6).permutation(len(X))[:12]
    X[off] += 0.5
    errors = [
        relative(
            fitted(X, t, groups, hamiltonian=Natural(1.0), robust=robust).predict(clean),
            pendulum(clean),
        )
        for robust in (False, True)
    ]
    assert errors[1] < 0.6 * errors[0]


def test_pairs_of_states_are_runs():
    rng = np.random.default_rng(0)
    starts = rng.uniform(-1, 1, (60, 2))
    clean, X, t, groups = table(pendulum, starts, [np.array([0.0, 0.3])] * 60, 1e-4)
    model = fitted(X, t, groups, hamiltonian="mechanical", coordinates="canonical")
    assert relative(model.predict(clean), pendulum(clean)) < 0.02


# ------------------------------------------------------------------------------ the estimator


def test_new_runs_are_smoothed_and_forecast(clean_and_model):
    *_, model = clean_and_model
    clean, X, t, groups = of_pendulum(noise=0.05, n_runs=3, seed=7)
    states = model.smooth(X, t, groups)
    assert relative(states, clean) < 0.5 * 0.05
    cut = 20
    last = model.smooth(X[:cut], t[:cut])[-1]
    ahead = model.simulate(last, t[cut - 1 : np.sum(groups == 0)])
    assert np.abs(ahead - clean[cut - 1 : np.sum(groups == 0)]).max() < 0.15


def test_it_is_pickled_cloned_and_searched(clean_and_model):
    clean, X, t, groups, model = clean_and_model
    again = pickle.loads(pickle.dumps(model))
    for found, expected in zip(
        again.predict(clean, return_std=True), model.predict(clean, return_std=True), strict=True
    ):
        np.testing.assert_array_equal(found, expected)
    skops = pytest.importorskip("skops.io", reason="needs skops: the extra 'test'")
    stored = skops.dumps(model)
    ours = skops.get_untrusted_types(data=stored)
    assert all(name.startswith("skhnn.") for name in ours)
    again = skops.loads(stored, trusted=ours)
    np.testing.assert_array_equal(again.predict(clean), model.predict(clean))
    assert clone(model).get_params() == model.get_params()
    with sklearn.config_context(enable_metadata_routing=True):
        estimator = HNNTrajectoryRegressor(
            hamiltonian=Natural(1.0), dissipation=None, random_state=0
        )
        estimator.set_fit_request(t=True, groups=True).set_score_request(t=True, groups=True)
        scores = cross_val_score(estimator, X, cv=GroupKFold(2), params={"t": t, "groups": groups})
    assert (scores > 0.95).all()


def test_frames_give_names():
    pandas = pytest.importorskip("pandas")
    _, X, t, groups = of_pendulum(n_runs=3)
    frame = pandas.DataFrame(X, columns=["angle", "rate"])
    model = fitted(frame, t, groups, hamiltonian=Natural(1.0), periodic=["angle"])
    assert model.feature_names_in_.tolist() == ["angle", "rate"]
    assert model.smooth(frame, t, groups).shape == X.shape


def test_time_may_be_limited():
    _, X, t, groups = of_pendulum(n_runs=4)
    with pytest.warns(ConvergenceWarning, match="ended at max_time=0.001 s.* more time"):
        model = HNNTrajectoryRegressor(max_time=1e-3, random_state=0).fit(X, t=t, groups=groups)
    assert np.isfinite(model.predict(X)).all()


@pytest.mark.parametrize("n_fits", [0, 2])
def test_ctrl_c_leaves_the_best_model_so_far(monkeypatch, n_fits):
    _, X, t, groups = of_pendulum(n_runs=4)
    done, fit = [], _fits.fit_jointly

    def interrupted(*args, **kwargs):
        if len(done) == n_fits:
            raise KeyboardInterrupt
        done.append(args)
        return fit(*args, **kwargs)

    monkeypatch.setattr(_fits, "fit_jointly", interrupted)
    estimator = HNNTrajectoryRegressor(hamiltonian=Natural(1.0), random_state=0)
    if not n_fits:  # before there is a model
        with pytest.raises(KeyboardInterrupt):
            estimator.fit(X, t=t, groups=groups)
        return
    with pytest.warns(ConvergenceWarning, match="ended by Ctrl-C, before it converged"):
        estimator.fit(X, t=t, groups=groups)
    assert np.isfinite(estimator.predict(X)).all()
    assert np.isfinite(estimator.states_).all()


def lasting(rng, shape, rho=0.9):
    """Noise that is alike from row to row, of variance one."""
    noise = rng.standard_normal(shape)
    for k in range(1, len(noise)):
        noise[k] = rho * noise[k - 1] + np.sqrt(1.0 - rho**2) * noise[k]
    return noise


def pushed(strength, n_runs, t, seed=0, n_between=50):
    """Pendulums with random forces, (n_runs, len(t), 2), by leapfrog between the times."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1.5, 1.5, (n_runs, 2))
    states, h = [x], (t[1] - t[0]) / n_between
    for _ in t[1:]:
        q, v = x.T
        for _ in range(n_between):
            v = v - 0.5 * h * np.sin(q)
            q = q + h * v
            v = v - 0.5 * h * np.sin(q) + strength * np.sqrt(h) * rng.standard_normal(n_runs)
        x = np.stack([q, v], axis=1)
        states.append(x)
    return np.stack(states, axis=1)


def likelihood_of_an_oscillator(y, h, q, sigma):
    """log p(y) of a pushed oscillator, up to a constant, by its covariance; any start is alike."""
    c, s = np.cos(h), np.sin(h)
    step = np.array([[c, s], [-s, c]])
    push = 0.5 * q * np.array([[h - s * c, s**2], [s**2, h + s * c]])
    V, of_start, P = [], [np.eye(2)], np.zeros((2, 2))
    for _ in y[1:]:
        of_start.append(step @ of_start[-1])
    for k in range(len(y)):  # Cov(x_k, x_l) = step^(l - k) P_k for l >= k
        V.append([(of_start[j - k] @ P).T if j >= k else V[j][k].T for j in range(len(y))])
        P = step @ P @ step.T + push
    V, A = np.block(V) + sigma**2 * np.eye(y.size), np.concatenate(of_start)
    W, r = np.linalg.inv(V), y.ravel()
    r = r - A @ np.linalg.solve(A.T @ W @ A, A.T @ W @ r)
    volumes = np.linalg.slogdet(V)[1] + np.linalg.slogdet(A.T @ W @ A)[1]
    return -0.5 * (volumes + r @ W @ r)


def test_evidence_with_random_forces_is_the_likelihood_of_the_process():
    rng, h, n = np.random.default_rng(0), 0.02, 40
    y = np.stack([np.cos(h * np.arange(n)), -np.sin(h * np.arange(n))], axis=1)
    y = y + 0.1 * rng.standard_normal(y.shape)
    X = rng.uniform(-1, 1, (50, 2))
    model = HNNRegressor(hamiltonian=Quadratic()).fit(X, np.stack([X[:, 1], -X[:, 0]], axis=1))
    grid = Grid.of(Runs([h * np.arange(n)], [y], 2, None, []), 1.0)
    measured = Measured(y, np.full(2, np.nan), False, np.eye(2), np.zeros((2, 2), dtype=bool))
    known = model._model.equations, model._model.params
    none = Directions.alone(np.zeros(0, dtype=int))

    def evidence(q, sigma):
        shown = measured.shown(*known, y, grid, np.eye(2), none)
        precision = np.full(y.shape, sigma**-2)
        T = np.array([0.0, q]) * grid.h[:, None]
        found = linearised(*known, y, grid, none, shown, precision, T=T)
        squares = np.sum((found.dx0 / sigma) ** 2) + np.sum(found.push**2)
        return -0.5 * (squares + found.volume) - y.size * np.log(sigma)

    pairs = [(0.01, 0.1), (0.1, 0.1), (0.5, 0.1), (0.1, 0.06), (0.5, 0.3)]
    ours = np.array([evidence(*pair) for pair in pairs])
    exact = np.array([likelihood_of_an_oscillator(y, h, *pair) for pair in pairs])
    assert np.ptp(exact) > 10.0
    np.testing.assert_allclose(ours - ours[0], exact - exact[0], atol=0.05)


@pytest.mark.slow
def test_random_forces_are_found_and_spoil_the_field_less():
    t, noise = np.arange(101) * 0.1, 0.02
    paths = pushed(0.1, 5, t, seed=2)
    clean, times, groups = paths.reshape(-1, 2), np.tile(t, 5), np.repeat(np.arange(5), 101)
    X = clean + noise * np.random.default_rng(102).standard_normal(clean.shape)
    white, model = (fitted(X, times, groups, noise=kind) for kind in ("white", "process"))
    np.testing.assert_allclose(model.process_noise_std_, [0.0, 0.1], rtol=0.15)
    np.testing.assert_allclose(model.noise_std_, noise, rtol=0.15)
    assert not hasattr(white, "process_noise_std_")
    assert model.evidence_ > white.evidence_ + 100.0
    test = np.random.default_rng(0).uniform(-1.2, 1.2, (300, 2))
    assert relative(model.predict(test), pendulum(test)) < 0.04
    assert relative(model.predict(test), pendulum(test)) < relative(
        white.predict(test), pendulum(test)
    )
    states, std = model.smooth(X, times, groups, return_std=True)
    covered = np.mean(np.abs(states - clean) < 2.0 * std)
    assert 0.88 < covered < 0.99
    assert np.sqrt(np.mean((states - clean) ** 2)) < 0.8 * noise


def test_random_forces_that_are_asked_for_and_not_fitted_are_told(monkeypatch):
    _, X, t, groups = of_pendulum(0.02, n_runs=3)
    monkeypatch.setattr(_choice, "first_densities", lambda *_: np.array([0.0, np.inf]))
    said = []
    options = {"hamiltonian": Natural(1.0), "dissipation": None}
    model = fitted(X, t, groups, said, noise="process", **options)
    assert not hasattr(model, "process_noise_std_")
    assert any("No joint fit with random forces" in sentence for sentence in said)


@pytest.mark.slow
def test_random_forces_are_not_invented():
    _, X, t, groups = of_pendulum(0.02, n_runs=6)
    options = {"hamiltonian": Natural(1.0), "dissipation": None}
    white, auto, asked_for = (
        fitted(X, t, groups, noise=kind, **options) for kind in ("white", "auto", "process")
    )
    assert not hasattr(auto, "process_noise_std_")
    assert auto.evidence_ == white.evidence_
    assert asked_for.evidence_ < white.evidence_ + 3.0
    assert asked_for.process_noise_std_[1] < 0.01 * X[:, 1].std()


@pytest.mark.slow
def test_noise_that_lasts_counts_for_less():
    rng, (clean, _, t, groups) = np.random.default_rng(0), of_pendulum(0.0, 0.1)
    X = clean.copy()
    for run_ in np.unique(groups):
        X[groups == run_] += 0.02 * lasting(rng, X[groups == run_].shape)
    model = fitted(X, t, groups, hamiltonian=Natural(1.0))
    field = np.stack([clean[:, 1], -np.sin(clean[:, 0]) - 0.1 * clean[:, 1]], axis=1)
    assert model.residual_correlation_ > 4.0
    assert relative(model.predict(clean), field) < 0.03
    assert abs(model.damping_[0, 0] - 0.1) < 3.0 * model.damping_std_[0, 0]


@pytest.mark.slow
def test_evidence_is_that_of_white_noise_whatever_counts_for_less(monkeypatch):
    rng, (clean, _, t, groups) = np.random.default_rng(1), of_pendulum(0.0, n_runs=6)
    X = 1e3 * (clean + 0.02 * lasting(rng, clean.shape))
    params = {"hamiltonian": Natural(1.0), "coordinates": "velocities"}
    counted_for_less = fitted(X, t, groups, **params)
    monkeypatch.setattr(_choice, "_CORRELATED", np.inf)
    as_white = fitted(X, t, groups, **params)
    assert as_white.residual_correlation_ > 4.0
    assert abs(counted_for_less.evidence_ / as_white.evidence_ - 1.0) < 0.02
    assert counted_for_less.evidence_ < as_white.evidence_ + 1.0  # which that one maximises


@pytest.mark.slow
def test_what_a_model_lacks_is_said():
    rng = np.random.default_rng(0)
    t = np.arange(400) * 0.05
    x = run(lambda x: pendulum(x, 0.3), [1.5, 0.0], t) + 0.003 * rng.standard_normal((400, 2))
    said = []
    fitted(x, t, None, said, dissipation=None, hamiltonian=Natural(1.0))
    assert any("the model lacks something (friction" in message for message in said)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"t": lambda t: t[::-1]}, "must increase from row to row; in run 0 row 1 has"),
        ({"t": lambda t: np.zeros_like(t)}, "average repeated times"),
        ({"t": lambda t: t[:-1]}, "a time for every row of X"),
        ({"t": lambda t: np.where(t > 1, np.nan, t)}, "t must be finite"),
        ({"groups": lambda g: g[:-1]}, "groups must name the run of every row"),
        ({"groups": lambda g: np.arange(len(g))}, "Every run needs two rows"),
        ({"X": lambda X: X[:, :1]}, "as many columns of momenta"),
        ({"X": lambda X: np.where(X > 1, np.inf, X)}, "X contains infinity"),
        ({"noise_std": -1.0}, "noise_std must be positive"),
        ({"noise_std": [1.0, 1.0, 1.0]}, "one for each of the 2 measured"),
        ({"coordinates": "cartesian"}, "coordinates must be one of"),
        ({"between": "nearest"}, "between must be one of"),
        ({"noise": "pink"}, "noise must be one of"),
        ({"input_matrix": [[1.0]]}, "input_matrix needs n_inputs"),
        ({"n_inputs": 2}, "X must have columns of a state before 2 inputs"),
        ({"time_step": 0.0}, "time_step must be a number greater than 0"),
    ],
)
def test_bad_input_is_named(change, match):
    _, X, t, groups = of_pendulum(n_runs=2)
    data = {"X": X, "t": t, "groups": groups}
    params = {}
    for name, value in change.items():
        if name in data:
            data[name] = value(data[name])
        else:
            params[name] = value
    with pytest.raises(ValueError, match=match):
        HNNTrajectoryRegressor(**params).fit(data["X"], t=data["t"], groups=data["groups"])


def test_runs_of_one_row_are_left_out_and_named():
    _, X, t, groups = of_pendulum(n_runs=3)
    X, t, groups = np.vstack([X, X[:1]]), np.append(t, 0.0), np.append(groups, 3)
    said = []
    model = fitted(X, t, groups, said, hamiltonian=Natural(1.0))
    assert any("1 of 4 runs have fewer than two measured rows" in message for message in said)
    assert np.isnan(model.states_[-1]).all()


# ------------------------------------------------------------------------------ preprocessing


@pytest.mark.parametrize("method", ["spline", "savgol", "differences"])
def test_derivatives_of_every_run_are_its_own(method):
    t = np.arange(40) * 0.05
    X, times, groups = from_trajectories([np.column_stack([np.sin(t)]), np.column_stack([t**2])], t)
    smooth, dX = derivatives(X, times, groups, method=method)
    tolerance = 0.03 if method == "differences" else 1e-3
    np.testing.assert_allclose(dX[:40, 0], np.cos(t), atol=tolerance)
    np.testing.assert_allclose(dX[40:, 0], 2 * t, atol=0.06 if method == "differences" else 1e-3)
    np.testing.assert_allclose(smooth, X, atol=1e-4)


def test_derivatives_have_standard_deviations():
    rng, t = np.random.default_rng(0), np.arange(100) * 0.05
    x = np.sin(2 * t) + 0.02 * rng.standard_normal(100)
    x[40:50] = np.nan
    smooth, dX, smooth_std, dX_std = derivatives(x[:, None], t, return_std=True)
    assert np.mean(np.abs(smooth[:, 0] - np.sin(2 * t)) < 3 * smooth_std[:, 0]) > 0.9
    assert np.mean(np.abs(dX[:, 0] - 2 * np.cos(2 * t)) < 3 * dX_std[:, 0]) > 0.9
    assert dX_std[45, 0] > dX_std[20, 0]


@pytest.mark.parametrize(
    ("params", "match"),
    [
        ({"method": "kalman"}, "method must be one of"),
        ({"method": "savgol", "window_length": 10}, "window_length must be odd"),
        ({"method": "savgol", "window_length": 99}, "needs runs of 99 rows"),
        ({"method": "savgol", "return_std": True}, "return_std needs method='spline'"),
    ],
)
def test_bad_options_of_derivatives_are_named(params, match):
    with pytest.raises(ValueError, match=match):
        derivatives(np.zeros((20, 1)), np.arange(20.0), **params)


def test_lists_of_runs_become_a_table():
    X, t, groups = from_trajectories(np.zeros((2, 3, 2)))
    assert X.shape == (6, 2)
    assert t.tolist() == [0, 1, 2, 0, 1, 2]
    assert groups.tolist() == [0, 0, 0, 1, 1, 1]
    with pytest.raises(ValueError, match="the same columns"):
        from_trajectories([np.zeros((2, 2)), np.zeros((2, 3))])
    with pytest.raises(ValueError, match="times of every row of every run"):
        from_trajectories([np.zeros((2, 2))], [[0.0, 1.0, 2.0]])


def test_smoothed_runs_have_the_rates_of_positions_where_velocities_lack():
    t = np.linspace(0, 4, 81)
    Y = np.column_stack([np.sin(t), np.full(81, np.nan)])
    start = Smoothed(Runs([t], [Y], Y.shape[1], None, [np.arange(81)]), True)
    np.testing.assert_allclose(start.at(0, t[5:-5])[:, 1], np.cos(t[5:-5]), atol=1e-4)
    np.testing.assert_allclose(start.at(0, t[5:-5], 1)[:, 1], -np.sin(t[5:-5]), atol=1e-3)


def test_generic_checks_fail_for_odd_numbers_of_columns_only():
    from sklearn.utils.estimator_checks import check_estimator

    estimator = HNNTrajectoryRegressor(
        hamiltonian=Quadratic("p") + Quadratic("q"), coordinates="canonical", dissipation=None,
        random_state=0,
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # random rows are no motion
        results = check_estimator(estimator, on_fail=None, on_skip=None)
    failed = [result for result in results if result["status"] == "failed"]
    for result in failed:
        assert "as many columns of momenta" in str(result["exception"]), result["check_name"]
    assert sum(result["status"] == "passed" for result in results) >= 20


@pytest.mark.parametrize("hamiltonian", ["mlp", MLP(), MLP("q") + MLP("p")])
def test_a_hamiltonian_of_momenta_makes_the_columns_momenta(hamiltonian):
    _, X, t, groups = of_pendulum(n_runs=5)
    model = fitted(X, t, groups, hamiltonian=hamiltonian)
    assert model.coordinates_ == "canonical"


def test_columns_that_are_no_coordinates_or_angles_are_named():
    _, X, t, groups = of_pendulum(n_runs=4)
    wrapped, said = X.copy(), []
    wrapped[:, 0] = np.mod(X[:, 0], 2 * np.pi)
    fitted(wrapped, t, groups, said, max_time=0.01)
    assert any("Column 0 jumps by 6.283" in sentence for sentence in said)
    with pytest.warns(UserWarning, match=r"Column 0 jumps by 6\.283"):
        derivatives(wrapped, t, groups)
    said = []
    fitted(np.rad2deg(X), t, groups, said, periodic=[0], max_time=0.01)
    assert any("in other units (degrees: periodic={0: 360})" in sentence for sentence in said)
    said, rest = [], np.ones(len(X))
    resting = np.column_stack([X[:, 0], rest, X[:, 1], 0 * rest])
    model = fitted(resting, t, groups, said)
    assert any("Column 1 never changes within a run" in sentence for sentence in said)
    assert model.simulate(model.states_[0], [0.0, 0.1]).shape == (2, 4)


def test_too_few_rows_are_told():
    _, X, t, groups = of_pendulum(n_runs=1)
    for n, is_told in ((3, True), (12, False)):
        said = []
        fitted(X[:n], t[:n], groups[:n], said)
        assert any("take all of the measured values" in sentence for sentence in said) is is_told
        assert not any("empty slice" in sentence for sentence in said)


def test_times_in_the_place_of_y_are_asked_after():
    _, X, t, groups = of_pendulum(n_runs=2)
    with warnings.catch_warnings(record=True) as record:
        warnings.simplefilter("always")
        HNNTrajectoryRegressor(max_time=0.01, time_step=0.05).fit(X, t, groups=groups)
    assert "say fit(X, t=...)" in str(record[0].message)


def test_rows_of_no_run_are_refused():
    _, X, t, groups = of_pendulum(n_runs=2)
    some = np.where(np.arange(len(X)) < 3, np.nan, groups)
    for method in (HNNTrajectoryRegressor().fit, derivatives):
        with pytest.raises(ValueError, match="3 have none, the first is row 0"):
            method(X, t=t, groups=some)


def test_bands_of_forecasts_begin_with_the_uncertainty_of_their_start(clean_and_model):
    *_, model = clean_and_model
    rng, z = np.random.default_rng(1), []
    for _ in range(12):
        t = np.arange(60) * 0.05
        clean = run(pendulum, rng.uniform(-1.2, 1.2, 2), np.arange(80) * 0.05)
        X = clean[:60] + 0.01 * clean.std(axis=0) * rng.standard_normal((60, 2))
        states, std = model.smooth(X, t, return_std=True)
        later = np.arange(59, 80, 5) * 0.05
        found, band = model.simulate(states[-1], later, return_std=True, x0_std=std[-1])
        z.append((found - clean[59::5]) / band)
        _, narrow = model.simulate(states[-1], later, return_std=True)
        assert not narrow[0].any()
    assert 0.5 < np.sqrt(np.mean(np.square(z))) < 1.6
    with pytest.raises(ValueError, match="x0_std needs return_std=True"):
        model.simulate(states[-1], later, x0_std=std[-1])
    with pytest.raises(ValueError, match=r"of the shape of x0, \(2,\); got shape \(1,\)"):
        model.simulate(states[-1], later, return_std=True, x0_std=[0.1])


@pytest.mark.slow
@pytest.mark.parametrize(("n_rows", "n_seeds"), [(60, 4), (350, 2)])  # rows of each run
def test_error_bars_know_what_the_hidden_layers_lack(n_rows, n_seeds):
    # Of the longer runs, 2800 rows, some are taken to compare models, and then all.
    def two_masses(x):
        q, v = x[..., :2], x[..., 2:]
        s = np.sin(q[..., :1] - q[..., 1:])
        force = np.concatenate([s - q[..., :1] - 0.3 * q[..., 1:],
                                -s - q[..., 1:] ** 3 - 0.3 * q[..., :1]], axis=-1)  # fmt: skip
        return np.concatenate([v, force / [1.0, 3.0]], axis=-1)

    inside, without = [], []
    for seed in range(n_seeds):
        rng = np.random.default_rng(seed)
        starts, times = rng.uniform(-1.2, 1.2, (8, 4)), [np.arange(n_rows) * 0.1] * 8
        clean, X, t, groups = table(two_masses, starts, times, 0.01, seed)
        model = fitted(X, t, groups)
        field, std = model.predict(clean, return_std=True)
        alone = np.sqrt(model._posterior.chosen.variance(clean))
        off = np.abs(field - two_masses(clean))[:, 2:]
        inside.append(np.mean(off < 2 * std[:, 2:]))
        without.append(np.mean(off < 2 * alone[:, 2:]))
        assert len(model._posterior.others) == 3
    assert np.mean(inside) > 0.9
    assert np.mean(inside) > np.mean(without)


@pytest.mark.slow
def test_layers_that_all_runs_find_lacking_are_not_kept():
    # By 2000 of the 5020 samples polynomials are the best; all have residuals that are alike then.
    def double_pendulum(x):
        q1, q2, v1, v2 = np.moveaxis(x, -1, 0)
        c, s = np.cos(q1 - q2), np.sin(q1 - q2)
        f1 = -s * v2**2 - 2 * 9.8 * np.sin(q1)
        f2 = s * v1**2 - 9.8 * np.sin(q2)
        return np.stack([v1, v2, (f1 - c * f2) / (2 - c**2), (2 * f2 - c * f1) / (2 - c**2)], -1)

    rng, times = np.random.default_rng(1), [np.arange(251) / 50] * 20
    clean, X, t, groups = table(double_pendulum, rng.uniform(-1, 1, (20, 4)), times, 0.001, 1)
    model = fitted(X[:, :2], t, groups, coordinates="positions")
    assert model.residual_correlation_ < 1.3  # it was 1.7
    a, std = (part[:, 2:] for part in model.predict(clean, return_std=True))
    off = np.abs(a - double_pendulum(clean)[:, 2:])
    assert np.mean(off < 2 * std) > 0.8  # it was 0.3


@pytest.mark.parametrize("units", [(1.0, 1000.0), (1000.0, 1.0), (1.0, 57.3)])
def test_velocities_in_other_units_are_calibrated(units):
    _, X, t, groups = of_pendulum()
    model = fitted(X * units, t, groups, coordinates="velocities")
    np.testing.assert_allclose(model.calibration_, units[1] / units[0], rtol=0.01)
    np.testing.assert_allclose(model.noise_std_ / X.std(axis=0), 0.01 * np.array(units), rtol=0.2)


@pytest.mark.slow
def test_velocities_in_other_units_are_no_momenta_of_unequal_masses():
    def two_masses(x):
        q, v = x[..., :2], x[..., 2:]
        s = np.sin(q[..., :1] - q[..., 1:])
        force = np.concatenate([s - q[..., :1], -s - q[..., 1:] ** 3], axis=-1)
        return np.concatenate([v, force / [1.0, 3.0]], axis=-1)

    rng = np.random.default_rng(0)
    starts, times = rng.uniform(-1.2, 1.2, (8, 4)), [np.arange(60) * 0.1] * 8
    _, X, t, groups = table(two_masses, starts, times, 0.01)
    model = fitted(X * [1.0, 1.0, 57.3, 57.3], t, groups)
    assert model.coordinates_ == "velocities"
    np.testing.assert_allclose(np.diag(model.calibration_), 57.3, rtol=0.02)
    np.testing.assert_allclose(model.masses_[1, 1], 3.0, atol=0.1)
    momenta = fitted(X * [1.0, 1.0, 1.0, 3.0], t, groups)
    assert momenta.coordinates_ == "canonical"


def test_runs_in_a_list_and_times_among_the_columns_are_refused_with_the_way():
    _, X, t, groups = of_pendulum(n_runs=2)
    parts = [X[groups == k] for k in (0, 1)]
    with pytest.raises(ValueError, match="from_trajectories"):
        HNNTrajectoryRegressor().fit(parts)
    with pytest.raises(ValueError, match="Column 2 of X is the time t"):
        HNNTrajectoryRegressor().fit(np.column_stack([X, t]), t=t, groups=groups)
