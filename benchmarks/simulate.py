"""Simulation: one trajectory, many, against peers, and the drift of the energy on a long run.

Times are medians, of runs taken in turn, of the seconds that the processor was at work, which other
work on the machine disturbs less than the clock on the wall. Errors are the largest over all
trajectories, times and columns, against a reference at tight tolerances. One thread.
``python benchmarks/simulate.py single`` and so on; see the README beside.
"""

import os

# The threads of JAX are set before it is imported.
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
os.environ["NPROC"] = "1"

import argparse
import importlib.util
import sys
import time
import warnings

import numpy as np
import simulate_peers
import torch
from evaluate import autograd, bare
from fit_cases import henon_heiles
from scipy.integrate import solve_ivp
from threadpoolctl import threadpool_limits

from skhnn import HNNRegressor, integrators, simulate
from skhnn.datasets import make_pendulum
from skhnn.integrators._system import System
from skhnn.systems import Kepler

torch.set_num_threads(1)
PEERS = ("diffrax", "torchdiffeq", "torchode")


def pendulum():
    X, y = make_pendulum(1000, random_state=0, return_X_y=True)
    return HNNRegressor((64, 64), solver="soap", random_state=0).fit(X, y)


def swings(m):
    """Starts at rest, from small swings to one close to turning over; all stay within the data."""
    return np.column_stack([np.linspace(0.1, 2.7, m), np.zeros(m)])


def seconds(calls, repeats=7, enough=6.0):
    """Median seconds and the last result of each call; in turn, since a machine may drift.

    Calls that take long are repeated less often: ``enough`` seconds for each.
    """
    times, results = {name: [] for name in calls}, {}
    for _ in range(repeats):
        for name, call in calls.items():
            if sum(times[name]) + max(times[name], default=0.0) <= enough:
                start = time.process_time()
                results[name] = call()
                times[name].append(time.process_time() - start)
    return {name: np.median(values) for name, values in times.items()}, results


def table(*columns):
    print(f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}")


def row(*cells):
    cells = [f"{cell:.3g}" if isinstance(cell, float) else str(cell) for cell in cells]
    print(f"| {' | '.join(cells)} |", flush=True)


def worst(found, reference):
    return float(np.abs(found - reference).max())


def stacked(field, X0, t, rtol, atol):
    """All trajectories as one system of scipy, which gives them common steps."""
    shape = X0.shape
    found = solve_ivp(
        lambda _, x: field(x.reshape(shape)).ravel(), (t[0], t[-1]), X0.ravel(), "DOP853", t,
        rtol=rtol, atol=atol,
    )  # fmt: skip
    return found.y.T.reshape(len(t), *shape).swapaxes(0, 1), found.nfev


def single(args):
    """One trajectory, T = 100; where the time goes."""
    model, x0 = pendulum(), np.array([2.0, 0.0])
    field, tolerances = model._model.bind(), {"rtol": 1e-8, "atol": 1e-8}
    by_torch, formula = autograd(model), bare(model)
    table("times asked for", "run", "seconds", "ratio")
    shares = []
    for n_times in (2, 101, 1001):
        t = np.linspace(0.0, 100.0, n_times)

        def scipy(f, t=t):
            return solve_ivp(lambda _, x: f(x), (0.0, 100.0), x0, "DOP853", t, **tolerances)

        visited = []
        scipy(lambda x, visited=visited: visited.append(x.copy()) or field(x))
        calls = {
            "skhnn": lambda t=t: model.simulate(x0, t, **tolerances),
            "solve_ivp, the field that skhnn binds": lambda: scipy(field),
            "solve_ivp, numpy formula by hand": lambda: scipy(formula),
            "solve_ivp, torch autograd": lambda: scipy(by_torch),
            "the field": lambda visited=visited: [field(x) for x in visited],
        }
        spent, results = seconds(calls, args.repeats)
        assert worst(results["skhnn"], results["solve_ivp, torch autograd"].y.T) < 1e-6
        ours, plain, in_field = (spent[name] for name in (*list(calls)[:2], "the field"))
        for name in list(calls)[:-1]:
            row(n_times, name, spent[name], spent[name] / ours)
        parts = (in_field / ours, (plain - in_field) / ours, (ours - plain) / ours)
        shares.append((n_times, len(visited), *(f"{100 * part:.0f} %" for part in parts)))
    print()
    table("times asked for", "evaluations", "in the field", "in scipy", "in skhnn")
    for cells in shares:
        row(*cells)


def batch(args):
    """Many trajectories: against a loop, against common steps; the cost as their number grows."""
    model, t, X0 = pendulum(), np.linspace(0.0, 20.0, 21), swings(1000)
    field = model._model.bind()
    exact = model.simulate(X0, t, rtol=1e-13, atol=1e-14)
    some = slice(None, None, 100)
    tight = [solve_ivp(lambda _, x: field(x), (0, 20), x0, "DOP853", t, rtol=1e-13, atol=1e-14).y.T
             for x0 in X0[some]]  # fmt: skip
    assert worst(exact[some], np.array(tight)) < 1e-10
    table("tolerances", "1000 pendulums", "seconds", "worst error", "times as fast as the loop")
    for tol in (1e-6, 1e-8, 1e-10):
        both = {"rtol": tol, "atol": tol}
        less = tol / np.sqrt(len(X0))
        calls = {
            "a loop of single calls": lambda both=both: np.array(
                [model.simulate(x0, t, **both) for x0 in X0]
            ),
            "one call": lambda both=both: model.simulate(X0, t, **both),
            "stacked, tolerances / sqrt(1000)": lambda a=less: stacked(field, X0, t, a, a)[0],
            "stacked": lambda tol=tol: stacked(field, X0, t, tol, tol)[0],
        }
        spent, results = seconds(calls, args.repeats)
        loop = spent["a loop of single calls"]
        for name in calls:
            error = worst(results[name], exact)
            row(f"{tol:g}", name, spent[name], f"{error:.2e}", loop / spent[name])
    print()
    orbits(args)
    print()
    sizes, t = [10**k for k in range(6)], np.linspace(0.0, 5.0, 6)
    both, costs = {"rtol": 1e-8, "atol": 1e-8}, []
    table("trajectories", "seconds", "microseconds each", "times as fast as alone")
    for m in sizes:
        starts = swings(m) if m > 1 else swings(3)[1]
        spent, _ = seconds({"": lambda x=starts: model.simulate(x, t, **both)}, args.repeats)
        costs.append(1e6 * spent[""] / m)
        row(m, spent[""], costs[-1], costs[0] / costs[-1])
    if args.plot:
        import matplotlib.pyplot as plt

        _, axes = plt.subplots(figsize=(6, 4), layout="constrained")
        axes.loglog(sizes, costs, "o-")
        axes.set(xlabel="trajectories in one call", ylabel="microseconds per trajectory")
        axes.grid(alpha=0.3)
        plt.savefig(args.plot, dpi=120)


def orbits(args):
    """Kepler orbits of a = 1 and all eccentricities up to 0.95; exact, since they close."""
    e, E = np.linspace(0.0, 0.95, 200), np.random.default_rng(0).uniform(0.0, 2 * np.pi, 200)
    b, speed = np.sqrt(1 - e**2), 2 * np.pi / (1 - e * np.cos(E))
    X0 = np.column_stack([np.cos(E) - e, b * np.sin(E), -speed * np.sin(E), speed * b * np.cos(E)])
    t, system, exact = np.arange(11.0), Kepler(), X0[:, None]
    table("tolerances", "200 Kepler orbits", "seconds", "evaluations", "worst error", "ratio")
    for tol in (1e-6, 1e-9):
        less = tol / np.sqrt(len(X0))

        def own(tol=tol):
            found = simulate(system, X0, t, rtol=tol, atol=tol, return_solution=True)
            return found.y, found.nfev.sum()

        def common(tol):
            found, n = stacked(system.vector_field, X0, t, tol, tol)
            return found, n * len(X0)

        calls = {"own steps (one call)": own,
                 "common steps, tolerances / sqrt(200)": lambda a=less: common(a),
                 "common steps": lambda tol=tol: common(tol)}  # fmt: skip
        spent, results = seconds(calls, args.repeats)
        first = spent["own steps (one call)"]
        for name, (found, n) in results.items():
            error = f"{worst(found, exact):.2e}"
            row(f"{tol:g}", name, spent[name], f"{n:.2e}", error, spent[name] / first)


def peers(args):
    """The same network and tolerances through the solvers that others offer."""
    model, t, tol = pendulum(), np.linspace(0.0, 10.0, 11), 1e-8
    found = {"skhnn, DOP853": lambda X0, t, tol: (
        0.0, lambda: model.simulate(X0, t, rtol=tol, atol=tol))}  # fmt: skip
    for name in PEERS:
        if importlib.util.find_spec(name) is None:
            print(f"{name} is not installed.")
        else:
            found |= getattr(simulate_peers, f"by_{name}")(model)
    table("trajectories", "run", "seconds", "ratio", "worst error", "seconds to compile")
    for m in (None, 1, 100, 10_000):
        X0 = np.array([2.0, 0.0]) if m is None else swings(m) if m > 1 else np.array([[2.0, 0.0]])
        exact = model.simulate(X0, t, rtol=1e-13, atol=1e-14)
        ready = {name: prepare(X0, t, tol) for name, prepare in found.items()}
        for _, call in ready.values() if m != 10_000 else ():
            call()  # what is done at the first call only
        spent, results = seconds({name: call for name, (_, call) in ready.items()}, args.repeats)
        for name, (compiling, _) in ready.items():
            error = f"{worst(results[name], exact):.1e}"
            ratio = spent[name] / spent["skhnn, DOP853"]
            which = "one state" if m is None else f"batch of {m}"
            row(which, name, spent[name], ratio, error, compiling or "")


def energy(X):
    q1, q2, p1, p2 = np.moveaxis(np.asarray(X), -1, 0)
    return (p1**2 + p2**2 + q1**2 + q2**2) / 2 + q1**2 * q2 - q2**3 / 3


def force(t, q):
    q1, q2 = q[..., 0], q[..., 1]
    f = np.empty(q.shape)
    f[..., 0], f[..., 1] = -q1 - 2.0 * q1 * q2, q2 * q2 - q1 * q1 - q2
    return f


def field(t, x):
    return np.concatenate([x[..., 2:], force(t, x[..., :2])], axis=-1)


SPAN = 1e4
# Step sizes, or tolerances of the methods that choose their steps.
STEPS = {
    "StormerVerlet": (0.3, 0.1), "Yoshida4": (0.5, 0.2, 0.1), "Yoshida6": (0.5, 0.2),
    "Yoshida8": (1.0, 0.5), "BlanesMoan4": (1.0, 0.5, 0.2), "BlanesMoan6": (1.0, 0.5, 0.25),
    "Tao": (0.2, 0.1), "ImplicitMidpoint": (0.5, 0.2), "GaussLegendre4": (1.0, 0.5),
    "GaussLegendre6": (1.0, 0.5), "AverageVectorField": (0.5, 0.25),
    "AverageVectorField4": (0.5, 0.25), "DOP853": (1e-6, 1e-9, 1e-12), "RK45": (1e-5, 1e-7),
}  # fmt: skip


def drift(args):
    """The energy of a Henon-Heiles orbit, E = 1/12; the network only over the usual 1e4 units."""
    x0 = np.array([0.0, 0.1, np.sqrt(2 * (1 / 12 - energy([0.0, 0.1, 0.0, 0.0]))), 0.0])
    t, curves = np.linspace(0.0, args.span, 1001), {}
    table("method", "step or rtol", "evaluations", "seconds", "max. drift", "last / first tenth")

    def report(name, option, n_evaluations, took, H):
        change = np.abs(H - H[0])
        trend = change[-100:].max() / change[:101].max()
        row(name, f"{option:g}", f"{n_evaluations:.2g}", took, f"{change.max():.1e}", trend)
        return n_evaluations, change.max()

    for name, values in ((name, STEPS[name]) for name in args.methods):
        for value in values:
            if name in ("DOP853", "RK45"):
                method, options = name, {"rtol": value, "atol": value}
            else:
                system = System(field, velocity=lambda t, p: p, force=force)
                method, options = getattr(integrators, name), {"step_size": value, "system": system}
            start = time.process_time()
            found = solve_ivp(field, (0.0, args.span), x0, method, t, **options)
            took = time.process_time() - start
            if found.status:
                why = f"failed: {found.message}"
                row(name, f"{value:g}", f"{found.nfev:.2g}", took, why, "")
                continue
            point = report(name, value, found.nfev, took, energy(found.y.T))
            curves.setdefault(name, []).append(point)
    X = np.random.default_rng(0).uniform(-0.6, 0.6, (2000, 4))
    model = HNNRegressor(hamiltonian="separable", random_state=0).fit(X, henon_heiles(X))
    tight = {"rtol": 1e-9, "atol": 1e-9}
    runs = [("BlanesMoan6", {"step_size": 0.5}), ("GaussLegendre4", {"step_size": 0.5})]
    for method, options in [*runs, ("DOP853", tight)] if args.span == SPAN else []:
        start = time.process_time()
        found = model.simulate(x0, t, method=method, return_solution=True, **options)
        took, option = time.process_time() - start, next(iter(options.values()))
        report(f"{method}, separable network", option, found.nfev, took, found.energy)
    if args.plot:
        import matplotlib.pyplot as plt

        _, axes = plt.subplots(figsize=(7, 5), layout="constrained")
        for k, (label, points) in enumerate(curves.items()):
            style = {"color": f"C{k % 10}", "marker": "os^D"[k // 10 + 2 * (k >= 12)]}
            axes.loglog(*np.transpose(points), label=label, **style)
        axes.set(xlabel="evaluations of the field", ylabel="largest change of the energy")
        axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
        axes.grid(alpha=0.3)
        plt.savefig(args.plot, dpi=120)


def parse():
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(required=True)
    for function in (single, batch, peers, drift):
        command = commands.add_parser(function.__name__)
        command.set_defaults(run=function)
        command.add_argument("--repeats", type=int, default=7)
        command.add_argument("--plot")
        command.add_argument("--span", type=float, default=SPAN)
        command.add_argument("--methods", nargs="*", default=list(STEPS), choices=list(STEPS))
    return parser.parse_args()


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    arguments = parse()
    with threadpool_limits(1):  # for the peers
        sys.exit(arguments.run(arguments))
