"""Measured runs without derivatives: the field, rollouts, error bars, real data, cost.

    python benchmarks/trajectories.py original --seeds 5
    python benchmarks/trajectories.py silverbox --data FOLDER

Errors are those of the field at clean states of runs that were not seen. Subcommands ``original``
(the noisy spring and pendulum of Greydanus et al.), ``systems``, ``pendulum``, ``carts`` and
``silverbox`` (measured data, which do not come with the package), ``planets`` (positions alone),
``table``, ``forces`` (that are random), ``shapes`` (of runs) and ``cost``.
"""

import argparse
import time
import warnings
from itertools import product
from pathlib import Path

import numpy as np
from fit_cases import henon_heiles, on_disc, original_pendulum, spring, trajectories
from scipy.integrate import solve_ivp
from scipy.optimize import least_squares
from velocity_cases import DoublePendulum, Masses

from skhnn import HNNRegressor, HNNTrajectoryRegressor
from skhnn.datasets import load_planet
from skhnn.hamiltonians import Natural, Radial
from skhnn.preprocessing import derivatives, from_trajectories

warnings.simplefilter("ignore")


def fitted(X, t, groups, **params):
    start = time.perf_counter()
    model = HNNTrajectoryRegressor(random_state=0, **params).fit(X, t=t, groups=groups)
    return model, time.perf_counter() - start


def print_row(*cells):
    print("|", " | ".join(str(cell) for cell in cells), "|", flush=True)


def header(*names):
    print_row(*names)
    print("|" + "---|" * len(names), flush=True)


def frequency(q, t):
    """Oscillations per time of q, by the first and the last time that it passes zero upwards."""
    up = np.flatnonzero((q[:-1] < 0.0) & (q[1:] >= 0.0))
    times = t[up] - q[up] * (t[up + 1] - t[up]) / (q[up + 1] - q[up])
    return (len(up) - 1) / (times[-1] - times[0]) if len(up) > 1 else np.nan


def original(args):
    """Half of the original noisy trajectories, by what is known of them."""
    header("task", "known", "MSE", "range", "coordinates, T = 20", "frequency", "inside 2 std", "s")
    tasks = {"spring": (spring, 0.1, 1.0, 30), "pendulum": (original_pendulum, 1.3, 2.3, 45)}

    ways = {
        "states, times": lambda X, y, t, g: HNNTrajectoryRegressor(
            coordinates="canonical", random_state=0
        ).fit(X, t=t, groups=g),
        "states, times, derivatives": lambda X, y, t, g: HNNTrajectoryRegressor(
            coordinates="canonical", random_state=0
        ).fit(X, y, t=t, groups=g),
        "states, derivatives, noise": lambda X, y, t, g: HNNRegressor(
            noise_std=0.1, random_state=0
        ).fit(X, y),
        "states, derivatives": lambda X, y, t, g: HNNRegressor(random_state=0).fit(X, y),
        "states, times; splines, `HNNRegressor`": lambda X, y, t, g: HNNRegressor(
            random_state=0
        ).fit(*derivatives(X, t, g), groups=g),
    }
    for name, (field, low, high, n) in tasks.items():
        found = {way: [] for way in ways}
        for seed in range(args.seeds):
            rng, t = np.random.default_rng(seed), np.linspace(0, 3, n)
            clean = trajectories(field, on_disc(rng, 25, low, high), t)
            test = trajectories(field, on_disc(rng, 25, low, high), t).reshape(-1, 2)
            X, times, groups = from_trajectories(clean, t)
            y = field(X)
            X = X + 0.1 * rng.standard_normal(X.shape)
            starts, far = on_disc(rng, 10, low, high), np.linspace(0, 20, 400)
            paths = trajectories(field, starts, far)
            for way, fit in ways.items():
                start = time.perf_counter()
                model = fit(X, y, times, groups)
                s = time.perf_counter() - start
                f, inside = model.predict(test), np.nan
                if isinstance(model, HNNTrajectoryRegressor):
                    f, std = model.predict(test, return_std=True)
                    inside = np.mean(np.abs(f - field(test)) < 2 * std)
                own = model.simulate(starts, far, on_failure="nan")
                off = [
                    frequency(a[:, 0], far) / frequency(b[:, 0], far) - 1.0
                    for a, b in zip(own, paths, strict=True)
                ]
                found[way].append(
                    [
                        np.mean((f - field(test)) ** 2), np.sqrt(np.nanmean((own - paths) ** 2)),
                        np.nanmedian(np.abs(off)), inside, s,
                    ]
                )  # fmt: skip
        for way, rows in found.items():
            mse, off, of_frequency, inside, s = np.median(rows, axis=0)
            low_, high_ = np.min(rows, axis=0)[0], np.max(rows, axis=0)[0]
            print_row(
                name, way, f"{mse:.1e}", f"{low_:.1e} to {high_:.1e}", f"{off:.3f}",
                f"{100 * of_frequency:.2f} %", "" if np.isnan(inside) else f"{inside:.2f}",
                f"{s:.1f}",
            )  # fmt: skip


def field_of(system):
    def field(X):
        d = system.d
        return np.hstack([X[:, d:], system.acceleration(X[:, :d], X[:, d:])])

    return field


def driven(rng, n, t, damping=0.15):
    """A damped pendulum pushed by five sines, held linear between its samples: q, v and u."""
    runs = []
    for _ in range(n):
        size, rate, phase = rng.uniform(0, 0.2, 5), rng.uniform(0.3, 3, 5), rng.uniform(0, 6.3, 5)
        u = np.sum(size * np.sin(rate * t[:, None] + phase), axis=1)
        path = solve_ivp(
            lambda s, x, u=u: [x[1], np.interp(s, t, u) - damping * x[1] - np.sin(x[0])],
            (t[0], t[-1]), rng.uniform(-1, 1, 2), "DOP853", t, rtol=1e-10, atol=1e-10,
            max_step=t[1] / 2,
        ).y.T  # fmt: skip
        runs.append(np.column_stack([path, u]))
    return np.stack(runs)


def field_of_driven(X, damping=0.15):
    return np.stack([X[:, 1], X[:, 2] - damping * X[:, 1] - np.sin(X[:, 0])], axis=1)


def systems(args):
    """Errors relative to the spread, of dx/dt, or of accelerations where there are velocities."""
    header("system", "columns", "noise", "error", "range", "inside 2 std", "Hamiltonian", "s")

    def runs_of(system, t):
        def draw(rng):
            return np.stack([system.run(system.start(rng), t) for _ in range(20)])

        return field_of(system), t, draw

    t_hh, t_driven = np.linspace(0, 10, 51), np.arange(251) / 25
    double = runs_of(DoublePendulum(), np.arange(251) / 50)
    masses = runs_of(Masses(), np.arange(101) / 20)
    pushed = field_of_driven, t_driven, lambda rng: driven(rng, 20, t_driven)
    states, positions = {"coordinates": "velocities"}, {"coordinates": "positions"}
    cases = {
        "Henon-Heiles": (
            henon_heiles, t_hh,
            lambda rng: trajectories(henon_heiles, rng.uniform(-0.3, 0.3, (40, 4)), t_hh), {},
        ),
        "double pendulum": (*double, states),
        "double pendulum, q": (*double, positions),
        "double pendulum, declared": (*double, states | {"periodic": [0, 1]}),
        "double pendulum, declared, q": (*double, positions | {"periodic": [0, 1]}),
        "three masses": (*masses, states),
        "three masses, q": (*masses, positions),
        "driven pendulum": (*pushed, states | {"n_inputs": 1}),
        "driven pendulum, q": (*pushed, positions | {"n_inputs": 1}),
    }  # fmt: skip
    for name in args.cases or cases:
        field, t, draw, params = cases[name]
        for noise in args.noise:
            rows, forms = [], set()
            for seed in range(args.seeds):
                rng = np.random.default_rng(seed)
                clean, test = draw(rng), np.concatenate(draw(rng))
                X, times, groups = from_trajectories(clean, t)
                D = field(test[:1]).shape[1]
                X[:, :D] += noise * X[:, :D].std(axis=0) * rng.standard_normal((len(X), D))
                if params.get("coordinates") == "positions":
                    X = np.delete(X, range(D // 2, D), axis=1)
                model, s = fitted(X, times, groups, **params)
                f, std = model.predict(test, return_std=True)
                of_a = model.coordinates_ == "velocities"  # dq/dt is exact there
                rates = slice(D // 2 if of_a else 0, None)
                off, true = (f - field(test))[:, rates], field(test)[:, rates]
                error = np.sqrt(np.mean(np.mean(off**2, axis=0) / true.var(axis=0)))
                rows.append([error, np.mean(np.abs(off) < 2 * std[:, rates]), s])
                forms.add(repr(model.hamiltonian_.map_layers(lambda *_: (None, None))))
            (e, inside, s), columns = np.median(rows, axis=0), X.shape[1]
            print_row(
                name, columns, f"{100 * noise:g} %", f"{e:.1e}",
                f"{np.min(rows, axis=0)[0]:.1e} to {np.max(rows, axis=0)[0]:.1e}", f"{inside:.2f}",
                ", ".join(sorted(forms)), f"{s:.0f}",
            )  # fmt: skip


def load(args, name):
    path = Path(args.data) / name
    if not path.exists():
        raise SystemExit(f"{path} is not there; these data do not come with the package.")
    return path


def pendulum(args):
    """A real pendulum: the last fifth forecast from what was measured before."""
    table = np.loadtxt(load(args, "real_pend_h_1.txt"), skiprows=1)
    table = table[np.argsort(table[:, 1], kind="stable")]
    t, X = table[:, 1], table[:, 2:4]
    n = int(0.8 * len(t))
    header("columns", "error of the angle, rad", "damping per s", "noise", "kappa", "S", "s")
    for name, columns, params in (
        ("angle", 1, {"coordinates": "positions"}),
        ("angle, declared", 1, {"coordinates": "positions", "periodic": [0]}),
        ("angle and velocity", 2, {}),
        ("angle, random forces", 1, {"coordinates": "positions", "noise": "process"}),
    ):
        model, s = fitted(X[:n, :columns], t[:n], None, **params)
        path = model.simulate(model.states_[-1], t[n - 1 :], on_failure="nan")[1:, 0]
        damping, std = model.damping_[0, 0], model.damping_std_[0, 0]
        print_row(
            name, f"{np.sqrt(np.mean((path - X[n:, 0]) ** 2)):.3f}", f"{damping:.5f} ± {std:.5f}",
            np.round(model.noise_std_, 4), f"{model.residual_correlation_:.1f}",
            np.round(getattr(model, "calibration_", 1.0), 3), f"{s:.1f}",
        )  # fmt: skip


def carts(args):
    """Two real carts: positions off after a forecast, in their standard deviations."""
    table = np.loadtxt(load(args, "real_double_linear_h_1.txt"), skiprows=1)
    t, X = table[:, 1], table[:, 2:6]
    n, ahead = int(0.7 * len(t)), np.array([1.0, 2.0, 4.0])
    header("columns", "after 1, 2, 4 s", "mass ratio", "S", "s")
    for name, columns, params in (
        ("positions", 2, {"coordinates": "positions"}),
        ("positions and velocities", 4, {}),
    ):
        model, s = fitted(X[:n, :columns], t[:n], None, **params)
        off = []
        for k in range(n + 17, int(np.searchsorted(t, t[-1] - 4.1)), 3):
            rows = slice(k - 16, k + 1)
            start = model.smooth(X[rows, :columns], t[rows])[-1]
            path = model.simulate(start, np.append(t[k], t[k] + ahead), on_failure="nan")[1:, :2]
            true = np.stack([np.interp(t[k] + ahead, t, X[:, j]) for j in (0, 1)], axis=1)
            off.append(np.sqrt(np.mean(((path - true) / X[:, :2].std(axis=0)) ** 2, axis=1)))
        errors = ", ".join(f"{value:.3f}" for value in np.median(off, axis=0))
        ratio, std = model.masses_[1, 1], model.masses_std_[1, 1]
        S = np.round(getattr(model, "calibration_", np.eye(2)), 2).tolist()
        print_row(name, errors, f"{ratio:.3f} ± {std:.3f}", S, f"{s:.1f}")


def silverbox(args):
    """The Silverbox: simulated from the input, RMSE in mV."""
    data = np.load(load(args, "silverbox.npz"))
    u, y = data["u"].astype(float), 1e3 * data["y"].astype(float)
    t, train = np.arange(len(u)) / 610.35, slice(40650, 105712)
    header(
        "potential", "friction", "multisine, arrow, without extrapolation", "damping", "between",
        "kappa", "s",
    )  # fmt: skip
    from skhnn.forces import CubicDamping, Damping

    models, known = {}, Natural(activation="quartic")
    potentials = ("auto", "auto"), ("fourth degree", known)
    frictions = ("auto", "auto"), ("linear and cubic", Damping() + CubicDamping())
    for (potential, hamiltonian), (friction, dissipation) in product(potentials, frictions):
        model, s = fitted(
            np.column_stack([y, u])[train], t[train], None, coordinates="positions", n_inputs=1,
            hamiltonian=hamiltonian, dissipation=dissipation,
        )  # fmt: skip
        models[f"{potential}; {friction}"], errors = model, []
        for first, last in ((105712, 127400), (100, 40575), (100, 32100)):
            head, rest = slice(first, first + 50), slice(first + 49, last)
            start = model.smooth(np.column_stack([y, u])[head], t[head])[-1]
            path = model.simulate(start, t[rest], u=u[rest, None], on_failure="nan", rtol=1e-6)
            errors.append(np.sqrt(np.mean((path[1:, 0] - y[first + 50 : last]) ** 2)))
        print_row(
            potential, friction, ", ".join(f"{e:.3f}" for e in errors),
            f"{model.damping_[0, 0]:.3f} ± {model.damping_std_[0, 0]:.3f}",
            model.between_, f"{model.residual_correlation_:.1f}", f"{s:.0f}",
        )  # fmt: skip
    if args.plot:
        plot_silverbox(models, y[train], args.plot)


def plot_silverbox(models, y, path):
    """V(y) and the forces that are not linear, per mass, with two standard deviations."""
    import matplotlib.pyplot as plt
    from scipy.integrate import cumulative_trapezoid

    _, (of_V, of_force, of_friction) = plt.subplots(
        1, 3, figsize=(13, 4.2), layout="constrained"
    )  # fmt: skip
    q = np.linspace(*np.quantile(y, [1e-4, 1 - 1e-4]), 201)
    v = np.linspace(-1, 1, 201) * 610.35 * np.abs(np.diff(y)).max()
    for name, model in models.items():
        pulled, moving = np.zeros((2, 201, 3))
        pulled[:, 0], moving[:, 1] = q, v
        (force, std), (friction, of_v) = (
            [-a[:, 1] if k == 0 else a[:, 1] for k, a in enumerate(model.predict(X, True))]
            for X in (pulled, moving)
        )
        V, band = (cumulative_trapezoid(a, q, initial=0.0) for a in (force, 2 * std))
        middle = np.argmin(np.abs(q))
        V, band = V - V[middle], np.abs(band - band[middle])
        (line,) = of_V.plot(q, V / 1e6, label=name)
        of_V.fill_between(q, (V - band) / 1e6, (V + band) / 1e6, alpha=0.3)
        near = np.abs(q) < 0.1 * np.abs(q).max()
        bent = force - np.polyval(np.polyfit(q[near], force[near], 1), q)
        of_force.plot(q, bent / 1e6, color=line.get_color())
        of_force.fill_between(q, (bent - 2 * std) / 1e6, (bent + 2 * std) / 1e6, alpha=0.3)
        friction = friction - friction[100]
        gain, of_gain = model.input_matrix_[0, 0], model.input_matrix_std_[0, 0]
        label = (
            f"damping {model.damping_[0, 0]:.3f} ± {model.damping_std_[0, 0]:.3f} per s\n"
            f"gain {gain / 1e3:.1f} ± {of_gain / 1e3:.1f} V/s² per V"
        )
        of_friction.plot(v / 1e3, friction / 1e3, color=line.get_color(), label=label)
        of_friction.fill_between(
            v / 1e3, (friction - 2 * of_v) / 1e3, (friction + 2 * of_v) / 1e3, alpha=0.3
        )
    of_V.set(xlabel="y, mV", ylabel="V(y) per mass, V²/s²", title="potential")
    of_force.set(xlabel="y, mV", ylabel="1000 V/s²", title="force, less its linear part")
    of_friction.set(xlabel="dy/dt, V/s", ylabel="V/s²", title="friction")
    for plot in (of_V, of_force, of_friction):
        plot.grid(alpha=0.3)
    of_V.legend()
    of_friction.legend(fontsize="small")
    plt.savefig(path, dpi=100)


def table(args):
    """Twenty runs of a pendulum of unequal length, 20 Hz, one percent of noise."""
    header("damping", "columns", "field", "states", "path over 20 s", "damping found", "s")
    for damping in (0.0, 0.1):
        for columns, params in ((2, {}), (1, {"coordinates": "positions"})):
            rows, found = [], []
            for seed in range(args.seeds):
                rng = np.random.default_rng(seed)

                def field(X, damping=damping):
                    return np.stack([X[:, 1], -np.sin(X[:, 0]) - damping * X[:, 1]], axis=1)

                lengths = rng.integers(40, 160, 20)
                clean = trajectories(field, rng.uniform(-1.5, 1.5, (20, 2)), np.arange(160) / 20)
                clean = [run[:n] for run, n in zip(clean, lengths, strict=True)]
                X, t, groups = from_trajectories(clean, [np.arange(n) / 20 for n in lengths])
                noisy = X + 0.01 * X.std(axis=0) * rng.standard_normal(X.shape)
                model, s = fitted(noisy[:, :columns], t, groups, **params)
                far = np.linspace(0, 20, 201)
                path = trajectories(field, X[:1], far)[0]
                off = (model.predict(X) - field(X))[:, 1]
                rows.append(
                    [
                        np.sqrt(np.mean(off**2)) / field(X)[:, 1].std(),
                        np.sqrt(np.mean((model.states_ - X) ** 2)),
                        np.sqrt(np.mean((model.simulate(X[0], far) - path) ** 2)),
                        s,
                    ]
                )
                if hasattr(model, "damping_"):
                    found.append(f"{model.damping_[0, 0]:.4f} ± {model.damping_std_[0, 0]:.4f}")
            e, x, path, s = np.median(rows, axis=0)
            print_row(
                damping, columns, f"{e:.1e}", f"{x:.1e}", f"{path:.1e}",
                "; ".join(found) or "none", f"{s:.1f}",
            )  # fmt: skip


PERIODS = {"venus": 0.615, "earth": 1.0, "mars": 1.881, "jupiter": 11.86}


def planets(args):
    """Positions alone over five revolutions, sixty rows each; the next five are forecast."""
    header("planet", "noise, au", "Hamiltonian", "error", "Newton", "noise found", "kappa", "s")
    for name in args.cases or PERIODS:
        data = load_planet(name)
        t, q, span = data.t, data.data[:, :2], 5 * PERIODS[name]
        step = max(round(span / 300 / (t[1] - t[0])), 1)
        before = np.flatnonzero((t > 1960 - span) & (t <= 1960))[::-step][::-1]
        after = np.flatnonzero((t > 1960) & (t < 1960 + span))
        for noise in (0.0, 1e-3):
            rng = np.random.default_rng(0)
            X = q[before] + noise * rng.standard_normal((len(before), 2))
            times = np.concatenate([t[before[-1:]], t[after]])

            def error(path, after=after, q=q):
                off = np.linalg.norm(path[1:, :2] - q[after], axis=1)
                return np.median(off / np.linalg.norm(q[after], axis=1))

            newton = error(by_newton(X, t[before], data.data[before[0]], data.gm_sun, times))
            for hamiltonian in ("auto", Radial()):
                model, s = fitted(
                    X, t[before], None, hamiltonian=hamiltonian, coordinates="positions"
                )
                last = model.smooth(X, t[before])[-1]
                off = error(model.simulate(last, times, on_failure="nan"))
                found = f"{model.noise_std_.mean():.1e}", f"{model.residual_correlation_:.1f}"
                off, known = f"{off:.1e}", f"{newton:.1e}"
                print_row(name, noise, hamiltonian, off, known, *found, f"{s:.0f}")


def by_newton(X, t, first, gm, times):
    """The path of the two-body law whose start and GM fit positions X best."""

    def path(params, times):
        def rates(_, x):
            return np.concatenate([x[2:], -params[4] * x[:2] / np.hypot(*x[:2]) ** 3])

        all_times = np.concatenate([t[:1], times])
        options = {"t_eval": times, "rtol": 1e-10, "atol": 1e-12}
        return solve_ivp(rates, all_times[[0, -1]], params[:4], "DOP853", **options).y.T

    found = least_squares(lambda p: (path(p, t)[:, :2] - X).ravel(), np.append(first, gm))
    return path(found.x, times)


def shaken(strength, n_runs, t, rng, n_between=50):
    """Pendulums with random forces, (n_runs, len(t), 2), by leapfrog between the times."""
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


def forces(args):
    """Ten runs of a pendulum that is pushed at random, noise 0.02."""
    header("strength", "noise=", "accelerations", "strength found", "noise found", "inside 2 std")
    t, test = np.arange(101) * 0.1, np.random.default_rng(0).uniform(-1.3, 1.3, (500, 2))
    true = -np.sin(test[:, 0])
    for strength in (0.0, 0.05, 0.1, 0.2):
        for kind in ("white", "process", "auto"):
            rows = []
            for seed in range(args.seeds):
                rng = np.random.default_rng(seed)
                X = shaken(strength, 10, t, rng).reshape(-1, 2)
                X = X + 0.02 * rng.standard_normal(X.shape)
                model, _ = fitted(X, np.tile(t, 10), np.repeat(np.arange(10), 101), noise=kind)
                field, std = model.predict(test, return_std=True)
                off = field[:, 1] - true
                found = getattr(model, "process_noise_std_", np.zeros(2))[1]
                inside = np.mean(np.abs(off) < 2 * std[:, 1])
                relative = np.sqrt(np.mean(off**2)) / true.std()
                rows.append([relative, found, *model.noise_std_, inside])
            error, found, *noise, inside = np.median(rows, axis=0)
            print_row(
                strength, kind, f"{error:.4f}", f"{found:.3f}", np.round(noise, 4), f"{inside:.2f}"
            )


def thinned(shape, n, rng):
    """Which of n rows, fifty a second, are recorded."""
    if shape == "half at random":
        return np.sort(rng.permutation(n)[: n // 2])
    if shape == "10 Hz":
        return np.arange(0, n, 5)
    keep = np.ones(n, dtype=bool)
    if shape.startswith("gap"):
        length = int(50 * float(shape.split()[1]))
        first = rng.integers(n // 5, n - n // 5 - length)
        keep[first : first + length] = False
    return np.flatnonzero(keep)


def shapes(args):
    """A double pendulum with declared angles, 1 % of noise: runs of many shapes."""
    header("runs", "rows", "columns", "error", "range", "inside 2 std", "s")
    system = DoublePendulum()
    field, of_all = field_of(system), {"periodic": [0, 1]}
    cases = {
        "20 of 5 s": (20, 5.0), "100 of 1 s": (100, 1.0), "300 of 0.3 s": (300, 0.3),
        "one of 100 s": (1, 100.0), "half at random": (20, 5.0), "10 Hz": (20, 5.0),
        "gap 0.5 s": (20, 5.0), "gap 1 s": (20, 5.0), "gap 1.5 s": (20, 5.0),
    }  # fmt: skip
    for name, coordinates in product(args.cases or cases, ("velocities", "positions")):
        n_runs, length = cases[name]
        rows = []
        for seed in range(args.seeds):
            rng = np.random.default_rng(seed)
            t = np.arange(int(50 * length) + 1) / 50
            t_test = np.arange(251) / 50
            test = np.concatenate([system.run(system.start(rng), t_test) for _ in range(20)])
            clean = [system.run(system.start(rng), t) for _ in range(n_runs)]
            kept = [thinned(name, len(t), rng) for _ in range(n_runs)]
            parts = [run[k] for run, k in zip(clean, kept, strict=True)]
            X, times, groups = from_trajectories(parts, [t[k] for k in kept])
            X = X + 0.01 * X.std(axis=0) * rng.standard_normal(X.shape)
            X = X[:, :2] if coordinates == "positions" else X
            model, s = fitted(X, times, groups, coordinates=coordinates, **of_all)
            a, std = (part[:, 2:] for part in model.predict(test, return_std=True))
            off, true = a - field(test)[:, 2:], field(test)[:, 2:]
            error = np.sqrt(np.mean(np.mean(off**2, axis=0) / true.var(axis=0)))
            rows.append([error, np.mean(np.abs(off) < 2 * std), s])
        (e, inside, s), low, high = (
            np.median(rows, axis=0),
            np.min(rows, axis=0),
            np.max(rows, axis=0),
        )
        print_row(
            name, len(X), X.shape[1], f"{e:.1e}", f"{low[0]:.1e} to {high[0]:.1e}",
            f"{inside:.2f}", f"{s:.0f}",
        )  # fmt: skip


def cost(args):
    """Seconds and exponents against rows, and against columns."""
    header("rows", "columns", "units", "s", "exponent")
    rows = [10**k for k in range(2, 7)]
    for axis, sizes in (("rows", rows), ("columns", (2, 4, 8, 12, 20))):
        before = None
        for size in sizes:
            n, d = (size, 1) if axis == "rows" else (2000, size // 2)
            rng, t = np.random.default_rng(0), np.arange(max(n // 20, 5)) / 20

            def field(X, d=d):
                q, p = X[:, :d], X[:, d:]
                beside = np.roll(q, 1, axis=1) + np.roll(q, -1, axis=1)
                return np.hstack([p, -np.sin(q) - 0.3 * (q - 0.5 * beside)])

            clean = trajectories(field, rng.uniform(-1, 1, (20, 2 * d)), t)
            X, times, groups = from_trajectories(clean, t)
            X = X + 0.01 * X.std(axis=0) * rng.standard_normal(X.shape)
            model, s = fitted(
                X, times, groups, hamiltonian=Natural(1.0), coordinates="velocities",
                dissipation=None,
            )  # fmt: skip
            exponent = (
                "" if before is None else f"{np.log(s / before[1]) / np.log(size / before[0]):.2f}"
            )
            units = ", ".join(map(str, model.hidden_layer_sizes_))
            print_row(len(X), X.shape[1], units, f"{s:.1f}", exponent)
            before = size, s


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(required=True)
    for function in (
        original,
        systems,
        pendulum,
        carts,
        silverbox,
        planets,
        table,
        forces,
        shapes,
        cost,
    ):
        command = commands.add_parser(function.__name__, help=function.__doc__)
        command.add_argument("--seeds", type=int, default=5)
        command.add_argument("--noise", type=float, nargs="*", default=[0.001, 0.01, 0.05])
        command.add_argument("--cases", nargs="*")
        command.add_argument("--data", default="", help="the folder of measured data")
        command.add_argument("--plot", help="where the plot of silverbox goes")
        command.set_defaults(run=function)
    args = parser.parse_args()
    args.run(args)
