"""Fitting, against what a user would take instead: error, time, simulations, and cost as it grows.

Errors are the root mean square of the field error on fresh clean rows, each column divided by its
own spread. Peers get one thread, as many as ``fit`` takes. ``python benchmarks/fit.py main`` and so
on; see the README beside.
"""

import os

# The threads of JAX are set before it is imported.
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"

import argparse
import contextlib
import subprocess
import sys
import tempfile
import time
import warnings
from itertools import product
from pathlib import Path

import numpy as np
import torch
from fit_cases import CASES, SMALL, Case, henon_heiles, toda, trajectories
from joblib import Parallel, delayed
from one_thread import one_thread
from sklearn.kernel_ridge import KernelRidge
from sklearn.neural_network import MLPRegressor

from skhnn import HNNRegressor, SimulationError

warnings.simplefilter("ignore")


@one_thread()
def original(X, y, seed, steps=2000, batch=256):
    """The recipe of Greydanus et al. (2019): 2 x 200 tanh, Adam at 1e-3, autograd taken twice."""
    torch.manual_seed(seed)
    d, n = X.shape[1] // 2, len(X)
    layers = [torch.nn.Linear(2 * d, 200), torch.nn.Linear(200, 200)]
    last = torch.nn.Linear(200, 1, bias=False)
    for layer in (*layers, last):
        torch.nn.init.orthogonal_(layer.weight)
    net = torch.nn.Sequential(layers[0], torch.nn.Tanh(), layers[1], torch.nn.Tanh(), last)
    optimizer = torch.optim.Adam(net.parameters(), 1e-3, weight_decay=1e-4)
    X, y = (torch.tensor(a, dtype=torch.float32) for a in (X, y))

    def field(x):
        x = x.clone().requires_grad_(True)
        (g,) = torch.autograd.grad(net(x).sum(), x, create_graph=True)
        return torch.cat([g[:, d:], -g[:, :d]], dim=1)

    batch = n if n <= 1125 else batch
    for _ in range(steps):
        rows = torch.randperm(n)[:batch] if batch < n else slice(None)
        loss = ((field(X[rows]) - y[rows]) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return lambda Z: field(torch.tensor(Z, dtype=torch.float32)).detach().numpy().astype(float)


def standardised(fit, X, y):
    """A plain regressor on standardised columns, as a field."""
    mu, s, nu, r = X.mean(0), X.std(0), y.mean(0), y.std(0)
    predict = fit((X - mu) / s, (y - nu) / r)
    return lambda Z: predict((Z - mu) / s) * r + nu


@one_thread()
def kernel_ridge(X, y, seed):
    """RBF kernel; width and ridge by a hold-out of every fifth row, at most 3000 rows."""
    rows = np.random.default_rng(seed).permutation(len(X))[:3000]

    def fit(Z, t):
        out = np.arange(len(Z)) % 5 == 0
        grid = [(g, a) for g in (0.02, 0.1, 0.5) for a in (1e-10, 1e-6, 1e-3, 1e-1)]

        def loss(pair):
            model = KernelRidge(kernel="rbf", gamma=pair[0], alpha=pair[1]).fit(Z[~out], t[~out])
            return np.mean((model.predict(Z[out]) - t[out]) ** 2)

        gamma, alpha = min(grid, key=loss)
        return KernelRidge(kernel="rbf", gamma=gamma, alpha=alpha).fit(Z, t).predict

    return standardised(fit, X[rows], y[rows])


@one_thread()
def mlp(X, y, seed):
    params = {"activation": "tanh", "solver": "lbfgs", "max_iter": 1000, "random_state": seed}

    def fit(Z, t):
        return MLPRegressor(hidden_layer_sizes=100, **params).fit(Z, t).predict

    return standardised(fit, X, y)


def errors(field, X, y):
    """The error, and the median of |f - y| / |y| over the rows."""
    R = field(X) - y
    by_row = np.linalg.norm(R, axis=1) / np.linalg.norm(y, axis=1)
    return np.sqrt(np.mean((R**2).mean(axis=0) / y.var(axis=0))), np.median(by_row)


def timed(function, *args, **kwargs):
    start = time.perf_counter()
    result = function(*args, **kwargs)
    return result, time.perf_counter() - start


def fit_ours(data, seed, **params):
    X, y, groups = data
    return HNNRegressor(random_state=seed, **params).fit(X, y, groups=groups)


def printed(args, row, *columns):
    """Print the rows of a table as they come, ``row(*values)`` for each of the zipped columns."""

    def alone(*values):
        warnings.simplefilter("ignore")
        return row(*values)

    tasks = (delayed(alone)(*values) for values in zip(*columns, strict=True))
    for line in Parallel(n_jobs=args.jobs, return_as="generator")(tasks):
        print(line, flush=True)


def main(args):
    header = ["case", "original: error, median, s", "kernel ridge", "MLPRegressor", "skhnn"]
    print(f"| {' | '.join([*header, 'error ratio', 'time ratio', 'chosen'])} |")
    print("|---|---|---|---|---|---|---|---|")

    def row(name):
        case, found, chosen = CASES[name], [], set()
        for seed in range(args.seeds):
            data, test, cells = case.train(seed), case.test(seed), []
            if args.skip_peers:
                cells += [(np.nan, np.nan, np.nan)] * 3
            else:
                steps = {"steps": case.steps, "batch": case.batch}
                field, seconds = timed(original, *data[:2], seed, **steps)
                cells.append((*errors(field, *test), seconds))
                for peer in (kernel_ridge, mlp):
                    field, seconds = timed(peer, *data[:2], seed)
                    cells.append((*errors(field, *test), seconds))
            model, seconds = timed(fit_ours, data, seed)
            found.append([*cells, (*errors(model.predict, *test), seconds)])
            chosen.add(f"{model.solver_} {model.hidden_layer_sizes_}")
        first, *others, ours = np.median(found, axis=0)
        cells = [f"{e:.1e}, {m:.1e}, {s:.1f}" for e, m, s in (first, *others, ours)]
        ratios = f"{first[0] / ours[0]:.2g} | {ours[2] / first[2]:.2g}"
        return f"| {name} | {' | '.join(cells)} | {ratios} | {', '.join(sorted(chosen))} |"

    printed(args, row, args.cases)


def small(args):
    print("| system | n | noise | original | skhnn | |\n|---|---|---|---|---|---|")

    def row(name, n, noise):
        field, draw = SMALL[name]
        case, pairs = Case(field, n, draw, 6.3, noise=noise), []
        for seed in range(args.seeds):
            data, test = case.train(seed), case.test(seed)
            theirs = None if args.skip_peers else original(*data[:2], seed)
            ours = fit_ours(data, seed).predict
            pairs.append([errors(f, *test)[0] if f else np.nan for f in (theirs, ours)])
        first, ours = np.median(pairs, axis=0)
        mark = "worse" if ours > first else ""
        return f"| {name} | {n} | {noise:g} | {first:.1e} | {ours:.1e} | {mark} |"

    printed(args, row, *zip(*product(SMALL, (20, 50, 200, 1000), (0.0, 0.1, 0.3)), strict=True))


def rollouts(args):
    print("| case | solver | field error | error of ten periods |\n|---|---|---|---|")

    def row(name, solver):
        case = CASES[name]
        data, test, starts = case.train(0), case.test(0), case.starts(0)
        t = np.linspace(0, 10 * case.period, 200)
        exact, found = trajectories(case.field, starts, t), []
        model = fit_ours(data, 0, solver=solver)
        for x0, truth in zip(starts, exact, strict=True):
            try:
                difference = model.simulate(x0, t, rtol=1e-8) - truth
                found.append(np.sqrt(np.mean(difference**2)) / truth.std(axis=0).mean())
            except SimulationError:
                found.append(np.inf)
        error = errors(model.predict, *test)[0]
        return f"| {name} | {solver} | {error:.1e} | {np.median(found):.1e} |"

    printed(args, row, *zip(*product(args.cases, args.solvers), strict=True))


def one_point(args):
    """Fit once and print seconds and the growth of the peak memory in MB; its own process."""
    import resource

    def peak():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

    axis, size, solver = args.axis, args.size, args.solver
    params = {"solver": solver, "random_state": 0}
    rng = np.random.default_rng(0)
    if axis == "rows":
        with tempfile.TemporaryDirectory() as folder:
            files = [
                np.memmap(Path(folder) / name, float, "w+", shape=(size, 4)) for name in ("X", "y")
            ]
            for first in range(0, size, 100_000):
                part = slice(first, min(first + 100_000, size))
                files[0][part] = rng.uniform(-1, 1, (part.stop - first, 4))
                files[1][part] = henon_heiles(files[0][part])
            X, y = (np.memmap(f.filename, float, "r", shape=(size, 4)) for f in files)
            if solver == "least_squares":
                params["hidden_layer_sizes"] = (200,)
            HNNRegressor(**params | {"hidden_layer_sizes": (8,)}).fit(X[:100], y[:100])
            before = peak()
            _, seconds = timed(HNNRegressor(**params).fit, X, y)
    else:
        d = size // 2 if axis == "columns" else 2
        X = rng.uniform(-1, 1, (2000, 2 * d))
        y = toda(X) if axis == "columns" else henon_heiles(X)
        if axis == "width":
            params["hidden_layer_sizes"] = (size,) if solver == "least_squares" else (size, size)
        before = peak()
        _, seconds = timed(HNNRegressor(**params).fit, X, y)
    print(seconds, peak() - before)


GROWTH = [
    ("rows", "least_squares", [10**k for k in range(2, 8)]),
    ("rows", "soap", [10**k for k in range(2, 8)]),
    ("rows", "auto", [10**k for k in range(2, 8)]),
    ("columns", "auto", [2, 4, 8, 20, 40, 60]),
    ("width", "least_squares", [16, 64, 256, 1024]),
    ("width", "soap", [16, 64, 256, 1024]),
]


def growth(args):
    print(
        "| against | solver | sizes | seconds | memory (MB) | exponent |\n|---|---|---|---|---|---|"
    )
    curves = []
    for axis, solver, sizes in GROWTH:
        sizes = [size for size in sizes if axis != "rows" or size <= args.most_rows]
        points = []
        for size in sizes:
            command = [sys.executable, __file__, "one_point", axis, solver, str(size)]
            out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            points.append([float(value) for value in out.split()])
        seconds, memory = np.transpose(points)
        upper = slice(len(sizes) // 2, None)
        exponent = np.polyfit(np.log(sizes[upper]), np.log(seconds[upper]), 1)[0]
        cells = [" ".join(f"{v:.3g}" for v in column) for column in (sizes, seconds, memory)]
        print(f"| {axis} | {solver} | {' | '.join(cells)} | {exponent:.2f} |", flush=True)
        curves.append((f"{solver}, {axis}", sizes, seconds))
    if args.plot:
        import matplotlib.pyplot as plt

        figure, axes = plt.subplots(figsize=(8, 4), layout="constrained")
        for label, sizes, seconds in curves:
            axes.loglog(sizes, seconds, "o-", label=label)
        axes.set(xlabel="size", ylabel="seconds of a fit")
        figure.legend(loc="outside right upper")
        plt.savefig(args.plot, dpi=120)


@one_thread()
def steps(args):
    """One loss and gradient at (64, 64), batch 256, single precision; medians in milliseconds."""
    from skhnn._data import DerivativeFit, Place, Problem
    from skhnn._scaling import Scaling
    from skhnn._solvers import equations_of
    from skhnn.hamiltonians import MLP

    def cost(function, n=200):
        function()
        return (
            1e3
            * np.median([timed(lambda: [function() for _ in range(n)])[1] for _ in range(7)])
            / n
        )

    X, y, _ = CASES["pendulum"].train(0)
    weight = np.ones(len(X))
    problem = Problem(X, y, weight, None, Scaling.from_data(X, y, weight))
    equations, rows = equations_of(MLP(None, (64, 64), "tanh"), problem), np.arange(256)
    params = equations.init_params(np.random.RandomState(0))
    A, B = (
        np.random.default_rng(0).random(shape, dtype=np.float32) for shape in ((256, 64), (64, 64))
    )
    out = A @ B
    found = {"six products 256 x 64 x 64 (numpy)": 6 * cost(lambda: np.matmul(A, B, out=out)),
             "two tanh (numpy)": 2 * cost(lambda: np.tanh(A))}  # fmt: skip
    for label, place in (("numpy", Place.on_numpy("float32")),
                         ("torch", Place.on_torch(torch.device("cpu"), "float32"))):  # fmt: skip
        objective, placed = (
            DerivativeFit(problem, equations, place=place),
            [place.array(p) for p in params],
        )
        batch = rows if label == "numpy" else torch.from_numpy(rows)
        found[f"skhnn, {label}"] = cost(
            lambda o=objective, p=placed, b=batch: o.loss_and_gradient(p, b)
        )
    Z, G, _ = (torch.tensor(a[:256], dtype=torch.float32) for a in problem.take(slice(None)))
    leaves = [torch.tensor(p, dtype=torch.float32, requires_grad=True) for p in params[:-1]]

    def twice():
        z = Z.clone().requires_grad_(True)
        h = torch.tanh(torch.tanh(z @ leaves[0] + leaves[1]) @ leaves[2] + leaves[3]) @ leaves[4]
        (g,) = torch.autograd.grad(h.sum(), z, create_graph=True)
        torch.autograd.grad(((g - G) ** 2).mean(), leaves)

    found["torch, automatic differentiation twice"] = cost(twice)
    with contextlib.suppress(ImportError):
        found["JAX, automatic differentiation twice, fused loop"] = cost_of_jax(
            [p.numpy(force=True) for p in leaves], Z.numpy(), G.numpy()
        )
    print("| step | ms |\n|---|---|")
    for label, value in found.items():
        print(f"| {label} | {value:.3f} |")


def cost_of_jax(leaves, Z, G, n=2000):
    """The same loss and gradient, compiled; milliseconds of one of n steps in a compiled loop."""
    import jax

    def loss(leaves):
        def h(z):
            W1, b1, W2, b2, w = leaves
            return (jax.numpy.tanh(jax.numpy.tanh(z @ W1 + b1) @ W2 + b2) @ w)[0]

        return ((jax.vmap(jax.grad(h))(Z) - G) ** 2).mean()

    @jax.jit
    def loop(leaves):
        def step(_, leaves):  # a tiny descent, lest the compiler moves the gradient out of the loop
            gradient = jax.grad(loss)(leaves)
            return [p - 1e-6 * g for p, g in zip(leaves, gradient, strict=True)]

        return jax.lax.fori_loop(0, n, step, leaves)

    def run():
        return jax.block_until_ready(loop(leaves))

    run()
    return 1e3 * np.median([timed(run)[1] for _ in range(7)]) / n


def parse():
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(required=True)
    everything = list(CASES)
    solvers = ["auto", "least_squares", "soap", "adam", "lbfgs", "gauss_newton"]
    for function in (main, small, rollouts, growth, steps, one_point):
        command = commands.add_parser(function.__name__)
        command.set_defaults(run=function)
        if function is one_point:
            command.add_argument("axis")
            command.add_argument("solver")
            command.add_argument("size", type=int)
            continue
        command.add_argument("--cases", nargs="*", default=everything, choices=everything)
        command.add_argument("--solvers", nargs="*", default=solvers, choices=solvers)
        command.add_argument("--seeds", type=int, default=3)
        command.add_argument("--skip-peers", action="store_true")
        command.add_argument("--jobs", type=int, default=1, help="rows at a time; not for times")
        command.add_argument("--most-rows", type=int, default=10**7)
        command.add_argument("--plot")
    return parser.parse_args()


if __name__ == "__main__":
    arguments = parse()
    arguments.run(arguments)
