"""What the threads of BLAS and torch cost: as they come, against one, on idle and busy cores.

Every fit runs in processes of its own, since the variables that limit threads are read at the
start. The ratio is that of the medians of runs taken in turns. "busy" is one process for each core
that does nothing but compute.
"""

import argparse
import os
import subprocess
import sys
import time

import numpy as np

VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
# name: (rows, columns of the network or None, noise of y, parameters)
FITS = {
    "least squares": (1000, "pendulum", 0.0, {}),
    "least squares, 1000 units": (10_000, "henon_heiles", 0.0,
                                  {"solver": "least_squares", "hidden_layer_sizes": (1000,)}),
    "noise, several models pooled": (2000, "henon_heiles", 0.1, {}),
    "few rows": (30, "henon_heiles", 0.1, {}),
    "auto, with training": (2000, "double_pendulum", 0.0, {}),
    "soap": (2000, "henon_heiles", 0.0, {"solver": "soap"}),
    "soap, (256, 256)": (1000, "henon_heiles", 0.0,
                         {"solver": "soap", "hidden_layer_sizes": (256, 256), "max_iter": 20}),
    "lbfgs": (1000, "henon_heiles", 0.0, {"solver": "lbfgs", "max_iter": 300}),
    "gauss_newton": (1000, "henon_heiles", 0.0, {"solver": "gauss_newton", "max_iter": 20}),
}  # fmt: skip
EVALUATIONS = ("predict", "simulate")


def data(n, system, noise):
    from fit_cases import double_pendulum, henon_heiles

    from skhnn.systems import Pendulum

    field, d, size = {
        "pendulum": (Pendulum().vector_field, 1, 3.0),
        "henon_heiles": (henon_heiles, 2, 0.5),
        "double_pendulum": (double_pendulum, 2, 1.5),
    }[system]
    rng = np.random.default_rng(0)
    X = rng.uniform(-size, size, (n, 2 * d))
    y = field(X)
    return X, y + noise * y.std(axis=0) * rng.standard_normal(y.shape)


def one(name):
    """Seconds of one call, after a small one that imports everything."""
    import warnings

    from skhnn import HNNRegressor

    warnings.simplefilter("ignore")
    if name in EVALUATIONS:
        X, y = data(500, "henon_heiles", 0.0)
        call = HNNRegressor((256, 256), solver="soap", max_iter=2, random_state=0).fit(X, y)
        X = np.tile(X, (40, 1))
        t = np.linspace(0.0, 1.0, 20)

        def run():
            return call.predict(X) if name == "predict" else call.simulate(X[:500], t, rtol=1e-5)
    else:
        n, system, noise, params = FITS[name]
        X, y = data(n, system, noise)
        HNNRegressor(**{**params, "hidden_layer_sizes": (4,), "random_state": 0}).fit(
            X[:50], y[:50]
        )

        def run():
            return HNNRegressor(random_state=0, **params).fit(X, y)

    start = time.perf_counter()
    run()
    print(time.perf_counter() - start)


def seconds(name, one_thread):
    environment = {k: v for k, v in os.environ.items() if k not in VARIABLES}
    if one_thread:
        environment |= dict.fromkeys(VARIABLES, "1")
    command = [sys.executable, __file__, "--one", name]
    return float(subprocess.run(command, env=environment, capture_output=True, text=True,
                                check=True).stdout)  # fmt: skip


def ratio(name, repeats):
    """Seconds with one thread, and how many times as long it takes with threads as they come."""
    times = [[seconds(name, True), seconds(name, False)] for _ in range(repeats)]
    first, second = np.median(times, axis=0)
    return first, second / first


def main(names, repeats):
    print(f"{os.cpu_count()} cores\n")
    print("| | idle: one thread, s | as it comes | busy: one thread, s | as it comes |")
    print("|---|---|---|---|---|")
    for name in names:
        idle = ratio(name, repeats)
        spin = "import time\nend = time.time() + 3600\nwhile time.time() < end: pass"
        others = [subprocess.Popen([sys.executable, "-c", spin]) for _ in range(os.cpu_count())]
        try:
            busy = ratio(name, repeats)
        finally:
            for process in others:
                process.kill()
        cells = " | ".join(f"{s:.2g} | {r:.2f}" for s, r in (idle, busy))
        print(f"| {name} | {cells} |", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--cases", nargs="*", default=[*FITS, *EVALUATIONS])
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    if arguments.one:
        one(arguments.one)
    else:
        main(arguments.cases, arguments.repeats)
