"""Whether the test of steadiness tells which models of thin data simulate well.

    .venv/bin/python benchmarks/steadiness.py [SEEDS]

Every model that a default fit looks at, of one to three orbits, has a deviation (the test) and an
error: of simulations over three revolutions from rows of the data, at most, in standard deviations
of the columns. Half of the models are wrong by more than a tenth; a good test fails these, passes
the others, and ranks all of them as their errors do.
"""

import sys
import warnings

import numpy as np
from fit_cases import double_pendulum, henon_heiles, pendulum
from scipy.integrate import solve_ivp
from scipy.stats import spearmanr

from skhnn import HNNRegressor
from skhnn._selection import _select, _steadiness

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


def main(n_seeds):
    seen = []

    def deviation(model, visited, rng, other):
        seen.append((model, visited, _steadiness.deviation(model, visited, rng, other)))
        return seen[-1][2]

    _select.deviation = deviation
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


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2)
