"""Measured pendulums: the error of the field against noise and against the sampling, by many ways.

    python benchmarks/noise.py --seeds 3 --plot noise.png

The pendulum of Greydanus et al., H = 3 (1 - cos q) + p^2: 25 runs of T = 3. Errors are relative to
the spread of the field, on clean states of other runs; medians. Ways: the joint fit of states and
Hamiltonian; smoothing splines or differences, then HNNRegressor; PySINDy (polynomials of fifth
degree, and with sine and cosine, which have the truth); a neural ODE (torchdiffeq, Runge-Kutta
through windows of ten rows, as many steps of Adam as ``--seconds`` allow); and an oracle, which
knows the form and fits its two numbers with the initial states.
"""

import argparse
import time
import warnings

import numpy as np
import torch
from fit_cases import on_disc, original_pendulum, trajectories
from one_thread import one_thread
from scipy.optimize import least_squares

from skhnn import HNNRegressor, HNNTrajectoryRegressor
from skhnn.preprocessing import derivatives, from_trajectories

warnings.simplefilter("ignore")


def joint(runs, t, seconds):
    X, times, groups = from_trajectories(runs, t)
    model = HNNTrajectoryRegressor(coordinates="canonical", random_state=0)
    return model.fit(X, t=times, groups=groups).predict


def by_derivatives(method):
    def fit(runs, t, seconds):
        X, times, groups = from_trajectories(runs, t)
        X, y = derivatives(X, times, groups, method=method)
        return HNNRegressor(random_state=0).fit(X, y, groups=groups).predict

    return fit


def sindy(has_sine):
    def fit(runs, t, seconds):
        import pysindy

        library = pysindy.PolynomialLibrary(degree=3 if has_sine else 5)
        if has_sine:
            library = library + pysindy.FourierLibrary(n_frequencies=1)
        model = pysindy.SINDy(
            optimizer=pysindy.STLSQ(threshold=0.1),
            feature_library=library,
            differentiation_method=pysindy.SmoothedFiniteDifference(),
        )
        model.fit(list(runs), t=t[1] - t[0])
        return model.predict

    return fit


@one_thread()
def neural_ode(runs, t, seconds):
    """A network f of two layers of 64; windows begin at measured states."""
    from torchdiffeq import odeint

    torch.manual_seed(0)
    f = torch.nn.Sequential(
        torch.nn.Linear(2, 64), torch.nn.Tanh(), torch.nn.Linear(64, 64), torch.nn.Tanh(),
        torch.nn.Linear(64, 2),
    )  # fmt: skip
    n = min(10, len(t))
    data = torch.tensor(runs, dtype=torch.float32)
    windows = torch.cat([data[:, k : k + n] for k in range(len(t) - n + 1)])
    times = torch.tensor(t[:n], dtype=torch.float32)
    optimizer, start = torch.optim.Adam(f.parameters(), 1e-2), time.perf_counter()

    def spent():
        return (time.perf_counter() - start) / seconds

    rate = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda _: max(1.0 - spent(), 0.01))
    while spent() < 1.0:
        batch = windows[torch.randint(len(windows), (128,))]
        path = odeint(lambda _, x: f(x), batch[:, 0], times, method="rk4")
        loss = ((path.transpose(0, 1) - batch) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        rate.step()

    def predict(X):
        with torch.no_grad():
            return f(torch.tensor(X, dtype=torch.float32)).numpy().astype(float)

    return predict


def oracle(runs, t, seconds):
    """H = a (1 - cos q) + b p^2, with the initial states, by least squares."""
    n_runs = len(runs)

    def field(ab):
        return lambda X: np.stack([2 * ab[1] * X[:, 1], -ab[0] * np.sin(X[:, 0])], axis=1)

    def residuals(theta):
        paths = trajectories(field(theta[:2]), theta[2:].reshape(-1, 2), t)
        return (paths - runs).ravel()

    def jacobian(theta, h=1e-5):
        J = np.zeros((runs.size, len(theta)))
        at = residuals(theta)
        for k in range(4):  # both numbers; and both columns of all initial states at once
            moved = theta.copy()
            moved[k if k < 2 else slice(k, None, 2)] += h
            slope = (residuals(moved) - at) / h
            if k < 2:
                J[:, k] = slope
            else:
                slope = slope.reshape(n_runs, -1)
                for run in range(n_runs):
                    own = slice(run * slope.shape[1], (run + 1) * slope.shape[1])
                    J[own, k + 2 * run] = slope[run]
        return J

    start = np.concatenate([[2.5, 0.8], runs[:, 0].ravel()])
    return field(least_squares(residuals, start, jacobian).x[:2])


WAYS = {
    "joint": joint,
    "splines": by_derivatives("spline"),
    "differences": by_derivatives("differences"),
    "PySINDy, polynomials": sindy(False),
    "PySINDy, with sine": sindy(True),
    "neural ODE": neural_ode,
    "oracle": oracle,
}


def errors(noise, n, args):
    """The median error of every way."""
    found = {way: [] for way in args.ways}
    for seed in range(args.seeds):
        rng, t = np.random.default_rng(seed), np.linspace(0, 3, n)
        clean = trajectories(original_pendulum, on_disc(rng, 25, 1.3, 2.3), t)
        test = trajectories(original_pendulum, on_disc(rng, 25, 1.3, 2.3), t).reshape(-1, 2)
        runs, true = clean + noise * rng.standard_normal(clean.shape), original_pendulum(test)
        for way in args.ways:
            try:
                off = WAYS[way](runs, t, args.seconds)(test) - true
                error = np.sqrt(np.mean(np.mean(off**2, axis=0) / true.var(axis=0)))
            except (ValueError, ArithmeticError, np.linalg.LinAlgError):
                error = np.inf
            found[way].append(error)
    return [np.median(found[way]) for way in args.ways]


def main(args):
    axes = {"noise": [(noise, 45) for noise in args.noise],
            "rows of a run": [(args.noise_of_sampling, n) for n in args.rows]}  # fmt: skip
    tables = {}
    for axis, points in axes.items():
        print(f"| {axis} | {' | '.join(args.ways)} |\n|{'---|' * (1 + len(args.ways))}")
        tables[axis] = []
        for noise, n in points:
            tables[axis].append(errors(noise, n, args))
            cells = " | ".join(f"{error:.1e}" for error in tables[axis][-1])
            print(f"| {noise if axis == 'noise' else n} | {cells} |", flush=True)
    if args.plot:
        draw(tables, args)


def draw(tables, args):
    import matplotlib.pyplot as plt

    _, plots = plt.subplots(1, 2, figsize=(11, 4.2), sharey=True, layout="constrained")
    for plot, (axis, rows) in zip(plots, tables.items(), strict=True):
        x = args.noise if axis == "noise" else args.rows
        for way, column in zip(args.ways, np.transpose(rows), strict=True):
            style, width = ("k--", 1.5) if way == "oracle" else ("o-", 3 if way == "joint" else 1.5)
            plot.loglog(x, column, style, lw=width, label=way)
        plot.grid(alpha=0.3)
    plots[0].set_xlabel("noise of q and p")
    plots[1].set_xlabel(f"rows of a run of T = 3, noise {args.noise_of_sampling}")
    plots[0].set_ylabel("error of the field / its spread")
    plots[0].legend(fontsize=8, loc="lower right")
    plt.savefig(args.plot, dpi=110)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--noise", type=float, nargs="*", default=[0.003, 0.01, 0.03, 0.1, 0.2])
    parser.add_argument("--rows", type=int, nargs="*", default=[8, 12, 23, 45, 90])
    parser.add_argument("--noise-of-sampling", type=float, default=0.03)
    parser.add_argument("--ways", nargs="*", default=list(WAYS), choices=WAYS)
    parser.add_argument("--seconds", type=float, default=20.0, help="for the neural ODE")
    parser.add_argument("--plot")
    main(parser.parse_args())
