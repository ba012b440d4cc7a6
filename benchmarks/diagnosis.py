"""How often fits warn of departures from Hamiltonian systems: falsely, and rightly.

    .venv/bin/python benchmarks/diagnosis.py alarms [SEEDS] [FILTER]
    .venv/bin/python benchmarks/diagnosis.py without_fits [SEEDS] [FILTER]
    .venv/bin/python benchmarks/diagnosis.py orders [SEEDS] [FILTER]
    .venv/bin/python benchmarks/diagnosis.py coordinates [SEEDS]
    .venv/bin/python benchmarks/diagnosis.py detection [SEEDS]

``alarms`` fits canonical data with the defaults of HNNRegressor: systems of one to five degrees of
freedom, few rows and many, boxes and trajectories, with and without groups, noise on the targets or
on states and targets. No warning of a departure is right. ``detection`` fits damped systems, and
velocities in place of momenta. ``without_fits`` puts the test to canonical data with the true field
in place of a fitted model, which is a hundred times as fast. ``orders`` puts what is asked after a
poor fit, whether another order of the columns fits better, to canonical data as they are and with
their columns in a wrong order. ``coordinates`` asks of canonical data with masses of one, and of
positions and velocities of other masses, which of the two they are. A fit says the same whatever
else the machine does, so this needs no idle machine.
"""

import re
import sys
import warnings

import numpy as np
from fit_cases import (
    bodies,
    box,
    double_pendulum,
    henon_heiles,
    magnetic,
    on_disc,
    pair_of_bodies,
    pendulum,
    spring,
    three_of_bodies,
    tilted_top,
    toda,
    trajectories,
    wave,
)
from velocity_cases import LAGRANGIAN

from skhnn import HNNRegressor
from skhnn._coordinates import coordinates_of
from skhnn._data import Problem
from skhnn._diagnosis import another_order, departure_from_hamiltonian
from skhnn._diagnosis._order import orders_in_use
from skhnn._scaling import Scaling
from skhnn._threads import one_blas_thread
from skhnn.datasets import make_kepler

WORDS = (
    "No Hamiltonian of these columns|which no Hamiltonian has|seem to be in another order|"
    "these are velocities|is no noise|angle.?\\?"
)


def vortices(X):
    """Three point vortices, smoothed: q and p on an equal footing."""
    q, p = np.split(X, 2, axis=1)
    dq, dp = q[:, :, None] - q[:, None], p[:, :, None] - p[:, None]
    others = (1 - np.eye(q.shape[1])) / (dq**2 + dp**2 + 0.1)
    return np.hstack([-(dp * others).sum(axis=2), (dq * others).sum(axis=2)])


def relativistic(X):
    q, p = np.split(X, 2, axis=1)
    return np.hstack([p / np.sqrt(1 + p**2), -np.sin(q) - 0.5 * (q - q[:, ::-1])])


def kepler_polar(X):
    r, _, p_r, p_phi = X.T
    return np.stack([p_r, p_phi / r**2, p_phi**2 / r**3 - 1 / r**2, 0 * r], axis=1)


def sines(X):
    """Bodies on a ring, coupled by sines."""
    q, p = np.split(X, 2, axis=1)
    force = np.sin(np.roll(q, -1, axis=1) - q)
    return np.hstack([p, force - np.roll(force, 1, axis=1) - 0.3 * np.sin(q)])


def circles(rng, n):
    """Circular orbits in one tilted plane, in space."""
    tilt, a = rng.uniform(0.2, 1.4), rng.uniform(0.9, 1.3, n)
    x, v = np.stack([a, 0 * a, 0 * a], axis=1), a[:, None] ** -0.5
    return np.hstack([x, v * [0, np.cos(tilt), np.sin(tilt)]])


def spherical_pendulum(X):
    theta, _, p, m = X.T
    s, c = np.sin(theta), np.cos(theta)
    return np.stack([p, m / s**2, m**2 * c / s**3 - s, 0 * p], axis=1)


def kepler(X):
    q, p = np.split(X, 2, axis=1)
    return np.hstack([p, -q / np.linalg.norm(q, axis=1)[:, None] ** 3])


def rotating_frame(X):
    """A quartic well in a rotating frame, with the canonical momenta."""
    (q1, q2), (p1, p2) = X[:, :2].T, X[:, 2:].T
    return np.stack([p1 + q2 / 2, p2 - q1 / 2, p2 / 2 - q1 - q1**3, -p1 / 2 - q2 - q2**3], axis=1)


def chain(X):
    """Fermi, Pasta, Ulam: springs with quadratic and cubic forces, fixed ends."""
    q, p = np.split(X, 2, axis=1)
    e = np.diff(np.pad(q, ((0, 0), (1, 1))), axis=1)
    force = e + 0.5 * e**2 + 0.3 * e**3
    return np.hstack([p, np.diff(force, axis=1)])


def lotka_volterra(X):
    """Predator and prey by the logarithms of their numbers."""
    return np.stack([np.exp(X[:, 1]) - 1, 1 - np.exp(X[:, 0])], axis=1)


def morse(X):
    e = np.exp(-X[:, 0])
    return np.stack([X[:, 1] / 3, -2 * (1 - e) * e], axis=1)


def quartic_kinetic(X):
    return np.stack([X[:, 1] ** 3, -X[:, 0]], axis=1)


# field, draw, duration of trajectories
SYSTEMS = {
    "pendulum": (pendulum, box(3, 3), 6),
    "spring": (spring, lambda rng, n: on_disc(rng, n, 0.9, 1.1), 3),
    "morse": (morse, box([-0.5, 2], 1.5), 10),
    "lotka_volterra": (lotka_volterra, box(1.5, 1.5), 8),
    "quartic_kinetic": (quartic_kinetic, box(2, 1.5), 8),
    "henon_heiles": (henon_heiles, box(0.4, 0.4, 0.4, 0.4), 12),
    "double_pendulum": (double_pendulum, box(2, 2, 2, 2), 8),
    "magnetic": (magnetic, box(1.5, 1.5, 1.5, 1.5), 8),
    "relativistic": (relativistic, box(2, 2, 2, 2), 8),
    "rotating_frame": (rotating_frame, box(1, 1, 1, 1), 8),
    "spherical_pendulum": (spherical_pendulum, box([0.5, 2.5], 3, 1, 1), 6),
    "kepler": (kepler, box([0.5, 1.5], 0.5, 0.4, [0.6, 1.1]), 10),
    "tilted_circles": (kepler, circles, 12.6),
    "kepler_polar": (kepler_polar, box([0.7, 2], 3, 0.5, [0.5, 1.5]), 8),
    "toda": (toda, box(*[1] * 6), 8),
    "vortices": (vortices, box(*[1] * 6), 6),
    "top": (tilted_top, box([0.5, 2.6], 3, 3, 1, 1, 1), 6),
    "wave": (wave, box(*[1] * 8), 6),
    "chain": (chain, box(*[1] * 10), 10),
    "two_bodies": (bodies, pair_of_bodies, 15),
    "three_bodies": (bodies, three_of_bodies, 5),
}
ON_TRAJECTORIES_ONLY = ("tilted_circles", "two_bodies", "three_bodies")
KINDS = {
    "rows": ("rows", 0.0, 0.0), "rows, 1 %": ("rows", 0.01, 0.0), "rows, 5 %": ("rows", 0.05, 0.0),
    "runs": ("runs", 0.0, 0.0), "runs, 2 %": ("runs", 0.02, 0.0),
    "runs without groups, 2 %": ("joined", 0.02, 0.0),
    "rows, 2 % on states too": ("rows", 0.02, 0.02),
    "one orbit": (1, 0.0, 0.0), "three orbits": (3, 0.0, 0.0), "three orbits, 2 %": (3, 0.02, 0.0),
}  # fmt: skip
SIZES = (60, 300, 1500)


def make(name, kind, n, seed, change=lambda X, y: y):
    """X, y, groups; ``change`` is applied to the true field."""
    field, draw, duration = SYSTEMS[name]
    layout, noise, state_noise = KINDS[kind]
    rng = np.random.default_rng([seed, n, list(SYSTEMS).index(name), list(KINDS).index(kind)])
    groups = None
    if layout == "rows" and name not in ON_TRAJECTORIES_ONLY:
        X = draw(rng, n)
    else:
        n_orbits = layout if isinstance(layout, int) else max(n // 40, 2)
        n_times = n // n_orbits if isinstance(layout, int) else 40
        starts = draw(rng, n_orbits)
        paths = trajectories(
            lambda X: change(X, field(X)), starts, np.linspace(0, duration, n_times), rtol=1e-8
        )
        X = paths.reshape(-1, paths.shape[2])
        groups = None if layout == "joined" else np.repeat(np.arange(len(paths)), paths.shape[1])
    y = change(X, field(X))
    X = X + state_noise * X.std(axis=0) * rng.standard_normal(X.shape)
    return X, y + noise * y.std(axis=0) * rng.standard_normal(y.shape), groups


def warnings_of(X, y, groups, seed):
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        model = HNNRegressor(random_state=seed).fit(X, y, groups=groups)
    return model, [str(w.message) for w in said if re.search(WORDS, str(w.message))]


def alarms(seeds, only):
    n_fits = n_alarms = 0
    for name in SYSTEMS:
        if only not in name:
            continue
        of_system = 0
        for kind in KINDS:
            for n in SIZES:
                for seed in range(seeds):
                    data = make(name, kind, n, seed)
                    if not np.isfinite(data[1]).all():
                        continue
                    _, said = warnings_of(*data, seed)
                    n_fits += 1
                    of_system += bool(said)
                    for text in said:
                        print(f"  {name}, {kind}, {n} rows, seed {seed}: {text[:150]}", flush=True)
        n_alarms += of_system
        print(f"{name:20s} {of_system} alarms; so far {n_alarms} in {n_fits} fits", flush=True)


def without_fits(seeds, only):
    n_data = n_alarms = 0
    for name in SYSTEMS:
        if only not in name:
            continue
        for kind in KINDS:
            for n in (*SIZES, 5000):
                for seed in range(seeds):
                    X, y, groups = make(name, kind, n, seed)
                    if not np.isfinite(y).all():
                        continue
                    weight = np.ones(len(X))
                    problem = Problem(X, y, weight, groups, Scaling.from_data(X, y, weight))
                    label = [str(k) for k in range(X.shape[1])]
                    with one_blas_thread():
                        said = departure_from_hamiltonian(problem, SYSTEMS[name][0], label)
                    n_data, n_alarms = n_data + 1, n_alarms + bool(said)
                    if said:
                        print(f"  {name}, {kind}, {n} rows, seed {seed}: {said[:150]}", flush=True)
        print(f"{name:20s} so far {n_alarms} alarms in {n_data} data sets", flush=True)


def is_canonical(columns):
    """Whether columns of (q, p) stand for coordinates and their momenta, or momenta and -q."""
    d = len(columns) // 2
    pairs = zip(columns[:d], columns[d:], strict=True)
    return all((i + d) % (2 * d) == j for i, j in pairs) and len({i < d for i in columns[:d]}) == 1


def orders(seeds, only):
    print("named falsely, of data in the right order; of wrong orders: right, wrong or none named")
    total = np.zeros(5, dtype=int)
    for name in SYSTEMS:
        counts = np.zeros(5, dtype=int)
        for kind in ("rows", "rows, 5 %", "runs, 2 %") if only in name else ():
            for n in (300, 1500):
                for seed in range(seeds):
                    X, y, groups = make(name, kind, n, seed)
                    d = X.shape[1] // 2
                    wrong = [np.argsort(order).tolist() for order in orders_in_use(d)]
                    for order in [list(range(2 * d)), *wrong] if d > 1 else []:
                        Z, rates, weight = X[:, order], y[:, order], np.ones(len(X))
                        problem = Problem(
                            Z, rates, weight, groups, Scaling.from_data(Z, rates, weight)
                        )
                        with one_blas_thread():
                            said = another_order(problem, [str(k) for k in range(2 * d)], None)
                        found = re.search(r"k = \[(.*)\]", said) if said else None
                        columns = [order[int(k)] for k in found[1].split(",")] if found else []
                        if order == sorted(order):
                            counts[:2] += [1, bool(columns)]
                        else:
                            counts[4 if not columns else 2 if is_canonical(columns) else 3] += 1
        total += counts
        if counts[0]:
            print(f"{name:20s} {counts[1]} of {counts[0]}; {counts[2:]}", flush=True)
    print(f"all: {total[1]} of {total[0]} falsely; right, wrong, none: {total[2:]}")


def coordinates(seeds):
    def found(X, y, noise, seed):
        d, rng = X.shape[1] // 2, np.random.default_rng(seed)
        y = y.copy()
        y[:, d:] += noise * y[:, d:].std(axis=0) * rng.standard_normal((len(y), d))
        return coordinates_of(HNNRegressor(), X, y, np.ones(len(X)), None)

    print("canonical data with masses of one that are taken for velocities")
    of_one = ("pendulum", "spring", "henon_heiles", "kepler", "tilted_circles", "toda", "chain")
    for name in (*of_one, "two_bodies", "three_bodies"):
        for noise in (0.0, 0.02, 0.1):
            said = [
                found(*make(name, kind, n, seed)[:2], noise, seed)
                for kind in ("rows", "runs", "one orbit", "three orbits")
                for n in SIZES
                for seed in range(seeds)
            ]
            print(
                f"{name:20s} noise {noise:4.2f}: {said.count('velocities')} of {len(said)}",
                flush=True,
            )
    for n_dim in (2, 3):
        for noise in (0.0, 0.02, 0.1):
            said = [
                found(*make_kepler(n, n_dim, random_state=seed, return_X_y=True), noise, seed)
                for n in (60, 150, 600, 1500)
                for seed in range(2 * seeds)
            ]
            of_them = f"{said.count('velocities')} of {len(said)}"
            print(f"make_kepler(n, {n_dim})    noise {noise:4.2f}: {of_them}", flush=True)
    print("velocities of other masses that are taken for momenta: 60, 300, 2000 rows")
    for case in LAGRANGIAN.values():
        X, a, _ = case().runs(0, 12)
        for noise in (0.0, 0.01, 0.1):
            said = []
            for n in (60, 300, 2000):
                rows = np.random.default_rng(1).permutation(len(X))[:n]
                y = np.hstack([X[rows, case.d :], a[rows]])
                said.append(found(X[rows], y, noise, 0) == "canonical")
            print(f"{case.__name__:20s} noise {noise:4.2f}: {said}", flush=True)
    print("chains of many coordinates, boxes of 200 and 1000 rows, called velocities")
    print("| coordinates | noise | masses of one | others, e^-1 to e |\n|---|---|---|---|")
    for d in (4, 6, 10, 20):
        for noise in (0.0, 0.01, 0.05, 0.1):
            cells = []
            for spread in (0.0, 1.0):
                said = []
                for field in (toda, sines):
                    for n in (200, 1000):
                        for seed in range(seeds):
                            rng = np.random.default_rng([d, n, seed])
                            mass = np.exp(spread * rng.uniform(-1, 1, d))
                            X = rng.uniform(-1.5, 1.5, (n, 2 * d))
                            y = field(X) / np.concatenate([np.ones(d), mass])
                            said.append(found(X, y, noise, seed))
                cells.append(f"{said.count('velocities')} of {len(said)}")
            print(f"| {d} | {noise:g} | {' | '.join(cells)} |", flush=True)


def damped(rate):
    """Friction on dp/dt, -rate p."""

    def change(X, y):
        d = X.shape[1] // 2
        return y - rate * np.c_[np.zeros_like(X[:, :d]), X[:, d:]]

    return change


def detection(seeds):
    print("fits that warn, of all; median of the rates found; of their standard errors")
    for name in ("pendulum", "henon_heiles"):
        for noise in ("rows", "rows, 1 %", "rows, 5 %"):
            for n in (200, 1000, 5000):
                for rate in (0.02, 0.1, 0.3):
                    found = []
                    for seed in range(seeds):
                        X, y, groups = make(name, noise, n, seed, damped(rate))
                        _, said = warnings_of(X, y, groups, seed)
                        rates = [re.findall(r"(-?\d[-\d.e]*) \+- (\d[-\d.e]*)", s) for s in said]
                        found += [r[0] if r else (np.nan, np.nan) for r in rates]
                    values = np.array(found, dtype=float).reshape(-1, 2)
                    middle = np.nanmedian(values, axis=0) if len(values) else (np.nan, np.nan)
                    print(
                        f"{name:14s} {noise:10s} {n:5d} rows, damping {rate:4.2f}: "
                        f"{len(found)}/{seeds}  {middle[0]:.3f} +- {middle[1]:.1g}",
                        flush=True,
                    )


if __name__ == "__main__":
    what = sys.argv[1] if len(sys.argv) > 1 else "alarms"
    n_seeds = int(sys.argv[2]) if len(sys.argv) > 2 else 2
    of = sys.argv[3] if len(sys.argv) > 3 else ""
    if what == "alarms":
        alarms(n_seeds, of)
    elif what == "without_fits":
        without_fits(n_seeds, of)
    elif what == "orders":
        orders(n_seeds, of)
    elif what == "coordinates":
        coordinates(n_seeds)
    else:
        detection(n_seeds)
