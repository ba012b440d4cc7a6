"""Whether the test of steadiness tells which models of thin data simulate well.

    .venv/bin/python benchmarks/steadiness.py models [SEEDS]
    .venv/bin/python benchmarks/steadiness.py runs [SEEDS]

Every model that a default fit looks at, of one to three orbits, has a deviation (the test) and an
error: of simulations over three revolutions from rows of the data, at most, in standard deviations
of the columns. Half of the models are wrong by more than a tenth; a good test fails these, passes
the others, and ranks all of them as their errors do.

``runs`` fits HNNTrajectoryRegressor to five revolutions of one orbit, sixty rows each, and
simulates the next one, and the next five, from the true state. Without noise seeds differ by
rounding: each adds some of 1e-15.
"""

import sys
import time
import warnings
from itertools import product

import numpy as np
from fit_cases import double_pendulum, henon_heiles, pendulum
from scipy.integrate import solve_ivp
from scipy.stats import spearmanr

from skhnn import HNNRegressor, HNNTrajectoryRegressor
from skhnn._selection import _steadiness, _thin_data

REVOLUTION = 2 * np.pi
RIGHT = 0.1


def kepler(X):
    q, p = np.split(X, 2, axis=1)
    return np.hstack([p, -q / np.linalg.norm(q, axis=1)[:, None] ** 3])


def orbit(a, e=0.0, tilt=0.9):
    """A state in space on an orbit with semi-major axis a and eccentricity e, in a tilted plane."""
    c, s, v = np.cos(tilt), np.sin(tilt), np.sqrt((1 + e) / (1 - e) / a)
    return [a * (1 - e), 0, 0, 0, v * c, v * s]


# field, starts, times of the data, a revolution
DATA = {
    "three circles": (kepler, [orbit(1), orbit(1.03), orbit(1.07)], (12.6, 300), REVOLUTION),
    "an ellipse": (kepler, [orbit(1, 0.4)], (12.6, 400), REVOLUTION),
    "two ellipses": (kepler, [orbit(1, 0.2), orbit(1.2, 0.3)], (12.6, 300), REVOLUTION),
    "an ellipse in the plane": (kepler, [[1, 0, 0, 1.1]], (12.6, 300), 1.5 * REVOLUTION),
    "Henon-Heiles": (henon_heiles, [[0.1, 0.2, 0.3, 0.1]], (60, 600), REVOLUTION),
    "Henon-Heiles, short": (henon_heiles, [[0.3, 0, 0, 0.2]], (30, 400), REVOLUTION),
    "pendulum": (pendulum, [[1.5, 0]], (20, 400), 1.2 * REVOLUTION),
    "two swings of a pendulum": (pendulum, [[2.5, 0], [2.6, 0]], (20, 300), 1.4 * REVOLUTION),
    "double pendulum": (double_pendulum, [[0.4, 0.5, 0, 0]], (30, 500), REVOLUTION),
    "double pendulum, large": (double_pendulum, [[1.2, 0.8, 0, 0.1]], (20, 500), REVOLUTION),
}


def solve(field, x0, t):
    """States (n_times, 2d) of a field (m, 2d) -> (m, 2d); None if they cannot be had."""
    left = 20_000

    def flat(_, x):
        nonlocal left
        left -= 1
        dx = field(x[None])[0]
        if left < 0 or not np.isfinite(dx).all():
            raise FloatingPointError
        return dx

    try:
        found = solve_ivp(flat, (t[0], t[-1]), x0, "DOP853", t, rtol=1e-9, atol=1e-10)
    except FloatingPointError:
        return None
    return found.y.T if found.status == 0 else None


def error_of(model, visited, starts, exact, t):
    field, c, s = visited.field(model), visited.c, visited.s
    errors = []
    for x0, truth in zip(starts, exact, strict=True):
        states = solve(field, (x0 - c) / s, t)
        far = np.inf if states is None else np.abs(states - (truth - c) / s).max()
        errors.append(far)
    return float(np.median(errors))


def models(n_seeds):
    seen = []

    def deviation(model, visited, rng, other):
        seen.append((model, visited, _steadiness.deviation(model, visited, rng, other)))
        return seen[-1][2]

    _thin_data.deviation = deviation
    rows = []
    print("| data | Hamiltonian | seed | deviation | error |\n|---|---|---|---|---|")
    for name, (field, starts, (end, n), revolution) in DATA.items():
        X = np.concatenate([solve(field, x0, np.linspace(0, end, n)) for x0 in starts])
        runs = np.repeat(np.arange(len(starts)), n)
        t = np.linspace(0, 3 * revolution, 120)
        begin = X[np.random.default_rng(0).choice(len(X), 6, replace=False)]
        exact = [solve(field, x0, t) for x0 in begin]
        for hamiltonian in ("auto", "mechanical", "mlp"):
            for seed in range(n_seeds):
                seen.clear()
                HNNRegressor(hamiltonian=hamiltonian, random_state=seed).fit(
                    X, field(X), None, runs
                )
                for model, visited, deviation_ in seen:
                    rows.append((deviation_, error_of(model, visited, begin, exact, t)))
                    print(f"| {name} | {hamiltonian} | {seed} | {rows[-1][0]:.1e} | "
                          f"{rows[-1][1]:.1e} |", flush=True)  # fmt: skip
    deviations, errors = np.minimum(rows, 1e9).T
    right, passes = errors < RIGHT, [_steadiness.is_steady(d) for d in deviations]
    print(
        f"\n{len(rows)} models: {np.sum(right & passes)} of {right.sum()} right ones pass, "
        f"{np.sum(~right & ~np.array(passes))} of {(~right).sum()} wrong ones fail; rank "
        f"correlation of deviations and errors {spearmanr(deviations, errors)[0]:.2f}"
    )


def runs(n_seeds):
    t = np.linspace(0, 10 * REVOLUTION, 601)
    print("| noise | columns | e | one revolution | five | off by .1 | seconds |")
    print("|---|---|---|---|---|---|---|")
    for noise, columns, e in product((0.0, 1e-4, 1e-2), ("q", "q, v"), (0.05, 0.15, 0.3)):
        clean = solve(kepler, [1 - e, 0, 0, np.sqrt((1 + e) / (1 - e))], t)
        X, ahead, errors, seconds = clean[:301], clean[300:], [], []
        X = X[:, :2] if columns == "q" else X
        for seed in range(n_seeds):
            rng = np.random.default_rng(seed)
            noisy = X + max(noise, 1e-15) * X.std(axis=0) * rng.standard_normal(X.shape)
            coordinates = "positions" if columns == "q" else "velocities"
            start = time.perf_counter()
            model = HNNTrajectoryRegressor(coordinates=coordinates, random_state=seed)
            model.fit(noisy, t=t[:301])
            seconds.append(time.perf_counter() - start)
            path = model.simulate(ahead[0], t[300:] - t[300], on_failure="nan")
            off = np.nan_to_num(np.abs(path - ahead)[:, :2].max(axis=1), nan=np.inf)
            errors.append([off[:61].max(), off.max()])
        one, five = np.median(errors, axis=0)
        failed = np.sum(np.array(errors)[:, 1] > RIGHT)
        print(f"| {noise:g} | {columns} | {e:g} | {one:.1e} | {five:.1e} | {failed} of {n_seeds} | "
              f"{np.median(seconds):.1f} |", flush=True)  # fmt: skip


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    what = {"models": models, "runs": runs}[sys.argv[1]]
    what(int(sys.argv[2]) if len(sys.argv) > 2 else 2)
