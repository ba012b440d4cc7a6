"""What knowing the mechanics of a system is worth: bodies, a centre, friction and inputs.

    python benchmarks/bodies.py orbits      # two and three bodies of Greydanus et al.
    python benchmarks/bodies.py more        # trained on three bodies, simulated with eight
    python benchmarks/bodies.py charges     # gravity of masses that are not known
    python benchmarks/bodies.py planets     # one radial potential for four planets
    python benchmarks/bodies.py driven      # damping and gain of a driven pendulum
    python benchmarks/bodies.py pendulum DATA    # a real one; DATA is the folder of its table

Each takes ``--seeds`` (medians of them are printed).
"""

import argparse
import time
import warnings
from pathlib import Path

import numpy as np
from sklearn.linear_model import LinearRegression
from sklearn.neural_network import MLPRegressor

from skhnn import HNNRegressor, SimulationError, simulate
from skhnn.datasets import (
    load_planet,
    make_damped_pendulum,
    make_n_body,
    make_three_body,
    make_two_body,
)
from skhnn.hamiltonians import Pairwise, Radial
from skhnn.systems import NBody


def errors_of_paths(model, system, starts, t):
    """Mean squared error of the true energy, and the root mean square of the coordinates."""
    d = starts.shape[1] // 2
    energies, coordinates = [], []
    for x0 in starts:
        truth = simulate(system, x0, t)
        try:
            path = model.simulate(x0, t)
        except SimulationError as error:
            path = np.full_like(truth, np.nan)
            path[: len(error.y)] = error.y[: len(truth)]
        energies.append(np.mean((system.energy(path) - system.energy(x0)) ** 2))
        coordinates.append(np.mean((path - truth)[:, :d] ** 2))
    return np.nanmean(energies), np.sqrt(np.nanmean(coordinates))


def orbits(args):
    # Greydanus et al. 2019: test loss, energy MSE, and coordinate RMSE of the original program.
    cases = {
        "two bodies": (make_two_body, Pairwise(2, 2), 25.0, (6.6e-6, 2.6e-5, 0.115)),
        "three bodies": (make_three_body, Pairwise(3, 2), 3.0, (0.47, 7.4e-3, 0.131)),
    }
    print("| data | rows | loss (original) | energy (original) | coordinates (original) | s |")
    print("|---|---|---|---|---|---|")
    for name, (make, hamiltonian, end, original) in cases.items():
        found = []
        for seed in range(args.seeds):
            bunch = make(random_state=seed)
            test = bunch.groups >= 0.8 * (bunch.groups.max() + 1)
            X, y, groups = (a[~test] for a in (bunch.data, bunch.target, bunch.groups))
            start = time.perf_counter()
            model = HNNRegressor(hamiltonian=hamiltonian, random_state=seed)
            model.fit(X, y, groups=groups)
            seconds = time.perf_counter() - start
            loss = np.mean((model.predict(bunch.data[test]) - bunch.target[test]) ** 2)
            firsts = np.flatnonzero(test)[np.unique(bunch.groups[test], return_index=True)[1]]
            t = np.linspace(0.0, end, 100)
            paths = errors_of_paths(model, bunch.system, bunch.data[firsts[: args.paths]], t)
            found.append((loss, *paths, seconds))
        loss, energy, coordinates, seconds = np.median(found, axis=0)
        cells = [
            f"{a:.1e} ({b:.2g})" for a, b in zip((loss, energy, coordinates), original, strict=True)
        ]
        print(f"| {name} | {len(X)} | {' | '.join(cells)} | {seconds:.1f} |", flush=True)


def more(args):
    print("| bodies | field error | error after 1, 2, 5 units of time |\n|---|---|---|")
    t = np.array([0.0, 1.0, 2.0, 5.0])
    for n in (3, 8):
        found = []
        for seed in range(args.seeds):
            bunch = make_three_body(300, random_state=seed)
            model = HNNRegressor(hamiltonian=Pairwise(3, 2), random_state=seed)
            model.fit(bunch.data, bunch.target, groups=bunch.groups)
            rng, angle = np.random.RandomState(seed), 2 * np.pi * np.arange(n) / n
            radius = 1.0 if n == 3 else 2.5
            q = radius * np.column_stack([np.cos(angle), np.sin(angle)])
            speed = 0.75 * (1.0 + 0.1 * rng.uniform(-1, 1, (n, 1)))
            v = speed * np.column_stack([-np.sin(angle), np.cos(angle)])
            x0 = np.concatenate([q.ravel(), v.ravel()])
            system, model = NBody(n, 2), model.with_bodies(n)
            truth, path = simulate(system, x0, t), model.simulate(x0, t)
            f = system.vector_field(truth)
            field = np.sqrt(np.mean((model.predict(truth) - f) ** 2) / np.mean(f**2))
            apart = np.sqrt(np.mean((path - truth)[1:, : 2 * n] ** 2, axis=1))
            found.append((field, *apart))
        field, *apart = np.median(found, axis=0)
        print(f"| {n} | {field:.1e} | {', '.join(f'{a:.1e}' for a in apart)} |", flush=True)


def charges(args):
    print("| bodies | noise | field error, masses given | learned | charges off by | s |")
    print("|---|---|---|---|---|---|")
    for masses in ([1.0, 2.5, 0.7], [1.0, 0.2, 3.0, 0.5], np.linspace(0.3, 3.0, 8).tolist()):
        n = len(masses)
        given = Pairwise(n, 2, masses=masses, charges=masses)
        learned = Pairwise(n, 2, charges="learned")
        for noise in (0.0, 0.01, 0.1):
            found = []
            for seed in range(args.seeds):
                X, y = make_n_body(
                    500, n_bodies=n, masses=masses, random_state=seed, return_X_y=True
                )
                fresh = make_n_body(500, n_bodies=n, masses=masses, random_state=seed + 1000)
                rng = np.random.RandomState(seed)
                noisy = y + noise * y.std(axis=0) * rng.normal(size=y.shape)
                row = []
                for hamiltonian in (given, learned):
                    start = time.perf_counter()
                    model = HNNRegressor(hamiltonian=hamiltonian, random_state=seed).fit(X, noisy)
                    seconds = time.perf_counter() - start
                    left = (model.predict(fresh.data) - fresh.target) / fresh.target.std(axis=0)
                    row.append(np.sqrt(np.mean(left**2)))
                c = np.array(model.hamiltonian_.charges)
                off = np.abs(c / c[0] / masses * masses[0] - 1.0).max()
                found.append((*row, off, seconds))
            cells = np.median(found, axis=0)
            numbers = " | ".join(f"{x:.1e}" for x in cells[:3])
            print(f"| {n} | {noise:.0%} | {numbers} | {cells[3]:.1f} |", flush=True)


def planets(args):
    names = ("venus", "earth", "mars", "jupiter")
    print("| left out | planet | learned, 50 years | Newton | ten years | Newton |")
    print("|---|---|---|---|---|---|")
    data = {name: load_planet(name, n_dim=3) for name in names}
    for left_out in (None, "mars"):
        used = [name for name in names if name != left_out]
        rows = [data[name].t < 1950 for name in used]
        X, y = (
            np.vstack([data[n][k][r] for n, r in zip(used, rows, strict=True)])
            for k in ("data", "target")
        )
        groups = np.repeat(np.arange(len(used)), [r.sum() for r in rows])
        model = HNNRegressor(hamiltonian=Radial(mass=1.0), random_state=0)
        model.fit(X, y, groups=groups)
        q, a = X[:, :3], y[:, 3:]
        unit = -q / np.linalg.norm(q, axis=1, keepdims=True) ** 3
        gm = np.sum(unit * a) / np.sum(unit * unit)

        def newton(x, gm=gm):
            r = np.linalg.norm(x[..., :3], axis=-1, keepdims=True)
            return np.concatenate([x[..., 3:], -gm * x[..., :3] / r**3], axis=-1)

        for name in names:
            test = (data[name].t >= 1950) & (data[name].t < 2000)
            x, t = data[name].data[test], data[name].t[test]
            cells = []
            for end in (2000, 1960):
                within = t < end
                for field in (model, newton):
                    path = simulate(field, x[0], t[within] - t[0])
                    apart = np.linalg.norm((path - x[within])[:, :3], axis=1)
                    cells.append(np.median(apart / np.linalg.norm(x[within, :3], axis=1)))
            shown = " | ".join(f"{c:.1e}" for c in cells)
            print(f"| {left_out or ''} | {name} | {shown} |", flush=True)
        r = np.linspace(0.75, 5.2, 50)
        states = np.pad(r[:, None], ((0, 0), (0, 5)))
        difference = model.energy(states) + gm / r
        print(f"V(r) + GM / r: constant to {np.ptp(difference) / (gm / 0.75):.1e} of GM / r(Venus)")


def driven(args):
    print("| noise | damping 0.1 | its error | gain 1 | its error | field error | s |")
    print("|---|---|---|---|---|---|---|")
    for noise in (0.0, 0.01, 0.05):
        found = []
        for seed in range(args.seeds):
            bunch = make_damped_pendulum(1000, random_state=seed)
            clean = bunch.target
            y = clean + noise * clean.std(axis=0) * np.random.RandomState(seed).normal(
                size=clean.shape
            )
            start = time.perf_counter()
            model = HNNRegressor(
                n_inputs=1, dissipation="linear", periodic=[0], random_state=seed
            ).fit(bunch.data, y)
            seconds = time.perf_counter() - start
            fresh = make_damped_pendulum(1000, random_state=seed + 1000)
            error = model.predict(fresh.data) - fresh.target
            error = np.sqrt(np.mean(error**2 / fresh.target.var(axis=0)))
            gamma, G = model.damping_[0, 0], model.input_matrix_[0, 0]
            found.append(
                (gamma, model.damping_std_[0, 0], G, model.input_matrix_std_[0, 0], error, seconds)
            )
        cells = [f"{value:.4g}" for value in np.median(found, axis=0)]
        print(f"| {noise:.0%} | {' | '.join(cells)} |", flush=True)


def pendulum(args):
    path = Path(args.data) / "real_pend_h_1.txt"
    if not path.exists():
        raise SystemExit(f"{path} is not there: the real pendulum of Schmidt and Lipson.")
    table = np.loadtxt(path, skiprows=1)
    t, X = table[:, 1], table[:, 2:4]
    y = np.diff(X, axis=0) / np.diff(t)[:, None]  # as Greydanus et al. take it
    X, t = 0.5 * (X[1:] + X[:-1]), 0.5 * (t[1:] + t[:-1])
    n = int(0.8 * len(X))
    models = {
        "HNNRegressor, friction": HNNRegressor(dissipation="linear", random_state=0),
        "HNNRegressor": HNNRegressor(random_state=0),
        "LinearRegression": LinearRegression(),
        "MLPRegressor": MLPRegressor(max_iter=2000, random_state=0),
    }
    print("| model | error of derivatives | error of the angle after 1, 5, 18 s |\n|---|---|---|")
    for name, model in models.items():
        model.fit(X[:n], y[:n])
        error = model.predict(X[n:]) - y[n:]
        field = np.sqrt(np.mean(error**2 / y[n:].var(axis=0)))
        path = simulate(model, X[n], t[n:] - t[n], on_failure="nan")
        apart = np.abs(path - X[n:])[:, 0]
        within = [np.sqrt(np.mean(apart[t[n:] - t[n] <= end] ** 2)) for end in (1, 5, 18)]
        print(f"| {name} | {field:.3f} | {', '.join(f'{w:.3f}' for w in within)} |")
        if hasattr(model, "damping_"):
            print(f"damping {model.damping_[0, 0]:.4f} +- {model.damping_std_[0, 0]:.4f} per s")
    print(f"spread of the angle in the last fifth: {X[n:, 0].std():.3f}")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(required=True)
    for function in (orbits, more, charges, planets, driven, pendulum):
        command = commands.add_parser(function.__name__)
        command.set_defaults(run=function)
        command.add_argument("--seeds", type=int, default=5)
        command.add_argument("--paths", type=int, default=20)
        if function is pendulum:
            command.add_argument("data")
    arguments = parser.parse_args()
    arguments.run(arguments)
