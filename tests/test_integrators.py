"""Integrators: order, symplecticity, energy, reversibility, against scipy's solutions."""

import numpy as np
import pytest
from helpers import structure_matrix
from scipy.integrate import RK45, solve_ivp

from skhnn import integrators
from skhnn.integrators import ImplicitMidpoint, StormerVerlet
from skhnn.integrators._system import System

METHODS = [getattr(integrators, n) for n in integrators.__all__ if n != "FixedStepSolver"]
FOR_ANY_H = [method for method in METHODS if not method.scheme.is_splitting]
ENERGY_PRESERVING = [integrators.AverageVectorField, integrators.AverageVectorField4]
SYMPLECTIC = [m for m in METHODS if m not in (*ENERGY_PRESERVING, integrators.Tao)]


def pendulum(t, x):
    return np.array([x[1], -np.sin(x[0])])


def pendulum_energy(x):
    return x[1] ** 2 / 2 - np.cos(x[0])


def coupled(t, x):  # H = (q^2 + 1) (p^2 + 1) / 2, not separable
    q, p = x
    return np.array([p * (q**2 + 1), -q * (p**2 + 1)])


def kepler(t, x):
    q, p = x[:2], x[2:]
    return np.concatenate([p, -q / (q @ q) ** 1.5])


def end(method, field, x0, span, h):
    return solve_ivp(field, (0, span), x0, method, step_size=h).y[:, -1]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("field", [pendulum, coupled])
def test_error_falls_with_the_order(method, field):
    if field is coupled and method not in FOR_ANY_H:
        return  # its result would be meaningless
    exact = solve_ivp(field, (0, 2), [0.8, 0.3], "DOP853", rtol=1e-13, atol=1e-14).y[:, -1]
    # Order 8 reaches rounding at small steps; the binding of Tao's copies needs them.
    step = 0.4 if method.scheme.order == 8 else 0.02 if method is integrators.Tao else 0.1
    errors = [np.abs(end(method, field, [0.8, 0.3], 2, h) - exact).max() for h in (step, step / 2)]
    assert errors[1] > 0
    order = np.log2(errors[0] / errors[1])
    assert method.scheme.order - 0.5 < order < method.scheme.order + 1


def defect(method, x0, **options):
    """|M^T J M - J| of the flow over a quarter of a Kepler orbit, by central differences."""
    h, J, M = 3e-4, structure_matrix(2), np.empty((4, 4))
    for k in range(4):
        ends = [
            solve_ivp(kepler, (0, 1.5), x0 + s * h * np.eye(4)[k], method, **options).y[:, -1]
            for s in (2, 1, -1, -2)
        ]
        M[:, k] = (-ends[0] + 8 * ends[1] - 8 * ends[2] + ends[3]) / (12 * h)
    return np.abs(M.T @ J @ M - J).max()


@pytest.mark.parametrize("method", SYMPLECTIC)
def test_flow_is_symplectic_and_that_of_runge_kutta_is_not(method):
    x0 = np.array([1.0, 0.0, 0.0, 1.1])
    assert defect(method, x0, step_size=0.1) < 1e-10
    assert defect(RK45, x0, rtol=1e-3, atol=1e-3, max_step=0.5, first_step=0.5) > 1e-5


def test_tao_is_symplectic_in_the_doubled_space():
    # columns of (x, copy) are (q, p, x, y); canonical pairs are (q, p) and (x, y)
    scheme = integrators.Tao.scheme.prepare(
        system := System(lambda t, X: np.stack([*coupled(t, X.T)], axis=1)),
        0.0,
        np.array([[0.5, 0.3]]),
    )
    J = np.kron(np.eye(2), structure_matrix(1))

    def flow(z):
        x, (copy, _) = scheme.advance(system, 0.0, z[None, :2], 0.1, (z[None, 2:], None))
        return np.concatenate([x[0], copy[0]])

    h, z = 1e-4, np.array([0.5, 0.3, 0.52, 0.28])
    M = np.stack(
        [
            (8 * (flow(z + e) - flow(z - e)) - flow(z + 2 * e) + flow(z - 2 * e)) / (12 * h)
            for e in h * np.eye(4)
        ],
        axis=1,
    )
    np.testing.assert_allclose(M.T @ J @ M, J, atol=1e-10)


@pytest.mark.parametrize("method", METHODS)
def test_forward_then_backward_returns_to_the_start(method):
    x0 = [3.1, 0.0]  # close to the separatrix
    there = end(method, pendulum, x0, 10, 0.1)
    back = solve_ivp(pendulum, (10, 0), there, method, step_size=0.1).y[:, -1]
    bound = 1e-2 if method is integrators.Tao else 1e-9  # its copy starts afresh
    np.testing.assert_allclose(back, x0, atol=bound)


@pytest.mark.slow
@pytest.mark.parametrize("method", [*SYMPLECTIC, *ENERGY_PRESERVING])
def test_energy_error_has_no_trend_over_fifty_periods(method):
    run = solve_ivp(pendulum, (0, 314), [1.0, 0.0], method, step_size=0.25)
    error = pendulum_energy(run.y) - pendulum_energy(run.y[:, 0])
    first, last = np.array_split(error, 10)[0], np.array_split(error, 10)[-1]
    assert np.abs(last).max() < 1.2 * np.abs(first).max() + 1e-11


@pytest.mark.parametrize("method", ENERGY_PRESERVING)
@pytest.mark.parametrize("field", [pendulum, coupled])
def test_energy_is_conserved_up_to_rounding(method, field):
    y = solve_ivp(field, (0, 50), [2.5, 0.0], method, step_size=0.05).y
    energy = pendulum_energy(y) if field is pendulum else (y[0] ** 2 + 1) * (y[1] ** 2 + 1) / 2
    assert np.ptp(energy) < 1e-11


@pytest.mark.parametrize("method", METHODS)
def test_dense_output_is_as_accurate_as_the_steps(method):
    t = np.linspace(0, 5, 37)
    fine = solve_ivp(pendulum, (0, 5), [1.0, 0.3], "DOP853", t, rtol=1e-12, atol=1e-13).y
    run = solve_ivp(pendulum, (0, 5), [1.0, 0.3], method, step_size=0.1, dense_output=True)
    on_grid = np.abs(run.y - solve_ivp(
        pendulum, (0, 5), [1.0, 0.3], "DOP853", run.t, rtol=1e-12, atol=1e-13
    ).y).max()  # fmt: skip
    assert np.abs(run.sol(t) - fine).max() < 2 * on_grid + 1e-12


@pytest.mark.parametrize("method", [ImplicitMidpoint, StormerVerlet])
def test_several_trajectories_advance_as_they_would_alone(method):
    starts = np.array([[1.0, 0.0], [0.1, 0.2], [2.0, 0.5]])

    def stacked(t, x):
        X = x.reshape(3, 2)
        return np.stack([X[:, 1], -np.sin(X[:, 0])], axis=1).ravel()

    together = solve_ivp(stacked, (0, 3), starts.ravel(), method, step_size=0.1, n_trajectories=3)
    alone = [end(method, pendulum, x0, 3, 0.1) for x0 in starts]
    np.testing.assert_allclose(together.y[:, -1].reshape(3, 2), alone, atol=1e-12)


def test_newton_takes_over_where_the_fixed_point_iteration_fails():
    stiff = np.array([[0.0, 1.0], [-1e4, 0.0]])
    options = {"method": ImplicitMidpoint, "step_size": 0.1}
    failed = solve_ivp(lambda t, x: stiff @ x, (0, 1), [1.0, 0.0], **options)
    assert failed.status == -1
    assert "pass the Jacobian" in failed.message
    run = solve_ivp(lambda t, x: stiff @ x, (0, 1), [1.0, 0.0], jac=stiff, **options)
    energy = run.y[1] ** 2 / 2 + 1e4 * run.y[0] ** 2 / 2
    np.testing.assert_allclose(energy, energy[0], rtol=1e-12)


def test_the_default_step_resolves_the_fastest_oscillation():
    run = StormerVerlet(lambda t, x: np.array([x[1], -100.0 * x[0]]), 0.0, [1.0, 0.0], 10.0)
    period = 2 * np.pi / 10
    assert run.step_size == pytest.approx(period / StormerVerlet.scheme.steps_per_period, rel=0.02)


def test_events_are_found_as_with_scipys_methods():
    def crossing(t, x):
        return x[0]

    runs = [
        solve_ivp(pendulum, (0, 20), [1.0, 0.0], method, events=crossing, **options)
        for method, options in (
            ("DOP853", {"rtol": 1e-11, "atol": 1e-12}),
            (integrators.GaussLegendre6, {"step_size": 0.05}),
        )
    ]
    np.testing.assert_allclose(*[run.t_events[0] for run in runs], atol=1e-8)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"step_size": -1.0}, "step_size must be a positive number"),
        ({"n_trajectories": 0}, "n_trajectories must be an integer"),
        ({"n_trajectories": 2}, "an even number of values each"),
    ],
)
def test_bad_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        solve_ivp(pendulum, (0, 1), [1.0, 0.0], StormerVerlet, **options)


# ---------------------------------------------------------------- time


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("origin", [2.45e6, 1.7e9])
def test_steps_do_not_depend_on_the_origin_of_time(method, origin):
    runs = [
        solve_ivp(
            pendulum, (first, first + 3.0), [1.0, 0.0], method, step_size=0.02, dense_output=True
        )
        for first in (0.0, origin)
    ]
    np.testing.assert_array_equal(runs[1].y, runs[0].y)
    np.testing.assert_allclose(runs[1].t - origin, runs[0].t, atol=np.spacing(origin))
    # sums of a few powers of two, so that both clocks show them exactly
    tau = np.array([0.03125, 1.25, 1.75, 2.59375])
    np.testing.assert_allclose(runs[1].sol(origin + tau), runs[0].sol(tau), atol=1e-12)


def test_times_between_the_ends_of_steps_are_not_taken_for_ends():
    run = solve_ivp(
        pendulum, (1.7e9, 1.7e9 + 1), [0.0, 1.0], StormerVerlet, step_size=0.5, dense_output=True
    )
    ahead = 1.7e9 + 0.5 + np.array([0.0, 2.0**-14])
    assert np.diff(run.sol(ahead)[0])[0] == pytest.approx(2.0**-14, rel=0.2)


@pytest.mark.parametrize("span", [0.3, 20.0, 1000.0])
def test_a_span_that_is_rounded_has_as_many_steps(span):
    for origin in (0.0, 2.45e6, 1.7e9, -1.7e9):
        for ends in ((origin, origin + span), (origin + span, origin)):
            solver = StormerVerlet(pendulum, ends[0], [1.0, 0.0], ends[1], step_size=0.1)
            assert solver.n_steps == round(span / 0.1)


@pytest.mark.parametrize("method", METHODS)
def test_the_order_is_kept_where_the_field_depends_on_time(method):
    def driven(t, x):  # H = p^2 / 2 + p sin(2 t) - cos(q - cos(t))
        return np.array([x[1] + np.sin(2 * t), -np.sin(x[0] - np.cos(t))])

    exact = solve_ivp(driven, (1, 3), [0.8, 0.3], "DOP853", rtol=1e-13, atol=1e-14).y[:, -1]
    step = 0.4 if method.scheme.order == 8 else 0.02 if method is integrators.Tao else 0.1
    errors = [
        np.abs(solve_ivp(driven, (1, 3), [0.8, 0.3], method, step_size=h).y[:, -1] - exact).max()
        for h in (step, step / 2)
    ]
    assert method.scheme.order - 0.5 < np.log2(errors[0] / errors[1]) < method.scheme.order + 1


@pytest.mark.parametrize("method", METHODS)
def test_rows_may_have_steps_of_their_own(method):
    def field(t, X):
        return np.stack([X[..., 1], -np.sin(X[..., 0])], axis=-1)

    def jacobian(t, X):
        zero = np.zeros(len(X))
        return np.stack(
            [np.stack([zero, zero + 1], -1), np.stack([-np.cos(X[:, 0]), zero], -1)], axis=1
        )

    x, h = np.array([[1.0, 0.0], [0.3, 0.4], [-2.0, 0.1]]), np.array([0.1, -0.05, 0.2])
    system = System(field, jacobian)
    scheme = method.scheme.prepare(system, 0.0, x)
    together, memory = scheme.advance(system, 0.0, x, h[:, None], None)
    together, _ = scheme.advance(system, 0.0, together, h[:, None], memory)
    for k in range(3):
        alone, memory = scheme.advance(system, 0.0, x[[k]], float(h[k]), None)
        alone, _ = scheme.advance(system, 0.0, alone, float(h[k]), memory)
        np.testing.assert_allclose(together[[k]], alone, atol=1e-13)
