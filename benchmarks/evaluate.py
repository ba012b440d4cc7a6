"""The cost of evaluating a fitted model: one right-hand side, many rows, the import.

Prints ratios to a bare numpy formula and to torch, measured in this run.
"""

import subprocess
import sys
import timeit
import tracemalloc
import warnings

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from skhnn import HNNRegressor
from skhnn.systems import Kepler

torch.set_num_threads(1)
REPEATS = 7


def fitted(d=2):
    """A (64, 64) network on states of the Kepler problem; how well it fits does not matter here."""
    X = np.random.default_rng(0).uniform(0.5, 1.5, (200, 2 * d))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = HNNRegressor((64, 64), solver="soap", activation="tanh", max_iter=20)
        return model.set_params(random_state=0).fit(X, Kepler(mu=1.0, n_dim=d).vector_field(X))


def parts(last, n_units, n_columns):
    """The last weights of the network, and l and Q of l . z + 1/2 z^T Q z."""
    w, linear, products = np.split(last, [n_units, n_units + n_columns])
    half = np.zeros((n_columns, n_columns))
    half[np.triu_indices(n_columns)] = products
    return w, linear, half + half.T


def bare(model):
    """The formula for two hidden layers as one would write it by hand."""
    W1, W2, w = model.coefs_
    b1, b2, (_, *c) = model.intercepts_
    w, linear, Q = parts(w[:, 0], len(b2), len(c))
    c, W1_T, W2_T, d = np.array(c), W1.T.copy(), W2.T.copy(), model.n_dof_

    def field(x):
        z = x - c
        h1 = np.tanh(z @ W1 + b1)
        h2 = np.tanh(h1 @ W2 + b2)
        g = ((w * (1 - h2 * h2)) @ W2_T * (1 - h1 * h1)) @ W1_T + z @ Q + linear
        return np.concatenate([g[d:], -g[:d]])

    return field


def autograd(model):
    """The same through torch.autograd, as HNN code usually does."""
    coefs = [torch.tensor(W) for W in model.coefs_]
    intercepts = [torch.tensor(b) for b in model.intercepts_]
    d, n_units, c = model.n_dof_, len(intercepts[1]), intercepts[2][1:]
    w, linear, Q = map(torch.tensor, parts(model.coefs_[2][:, 0], n_units, len(c)))

    def field(x):
        x = torch.tensor(x, requires_grad=True)
        z = x - c
        h = torch.tanh(torch.tanh(z @ coefs[0] + intercepts[0]) @ coefs[1] + intercepts[1])
        (g,) = torch.autograd.grad((h @ w + z @ linear + 0.5 * (z * (z @ Q)).sum(-1)).sum(), x)
        return torch.cat([g[..., d:], -g[..., :d]], dim=-1).numpy()

    return field


def seconds(functions, number):
    """Median time of a call, the functions in turn so that a drift of the machine hits all."""
    rounds = [[timeit.timeit(f, number=number) / number for f in functions] for _ in range(REPEATS)]
    return np.median(rounds, axis=0)


def main():
    model = fitted()
    x = np.random.default_rng(1).uniform(0.5, 1.5, 4)
    ours, formula, by_torch = model._model.bind(), bare(model), autograd(model)
    assert np.allclose(ours(x), formula(x), atol=1e-12)
    assert np.allclose(ours(x), by_torch(x), atol=1e-12)
    calls = {
        "bare numpy formula": lambda: formula(x),
        "field bound by simulate": lambda: ours(x),
        "torch autograd": lambda: by_torch(x),
        "predict, validated": lambda: model.predict(x[None]),
    }
    times = seconds(list(calls.values()), 2000)
    print("one state, (64, 64), float64        microseconds    ratio to bare")
    for name, value in zip(calls, times, strict=True):
        print(f"{name:36}{1e6 * value:12.1f}{value / times[0]:17.2f}")

    X = np.random.default_rng(2).uniform(0.5, 1.5, (1_000_000, 4))
    tracemalloc.start()
    out = model.predict(X)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    print(f"\npredict of {X.shape} rows: {(peak - out.nbytes) / 1e6:.1f} MB above input and output")
    few = X[:100_000]
    at_once, in_pieces = seconds([lambda: ours(few), lambda: model.predict(few)], 1)
    print(f"predict of 100,000 rows: {at_once / in_pieces:.1f} times as fast as all rows at once")

    code = (
        "import time; t = time.perf_counter(); import sklearn, scipy.integrate; "
        "s = time.perf_counter(); import skhnn; print(time.perf_counter() - s)"
    )
    extra = [float(subprocess.check_output([sys.executable, "-c", code])) for _ in range(5)]
    print(f"import skhnn: {np.median(extra):.3f} s after sklearn and scipy.integrate")


if __name__ == "__main__":
    with threadpool_limits(1):  # for the bare formulas
        main()
