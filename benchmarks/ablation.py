"""Which constants of the default matter: each is halved and doubled, everything else as it is.

    python benchmarks/ablation.py --seeds 2
    python benchmarks/ablation.py --seeds 1 --variants _SPREAD last_weights

For every variant the geometric mean, over cases and seeds, of the ratio of its errors to those of
the default, the worst ratio of a case, and the ratio of the times. The first row is that with
other seeds of the fit, on the same data: what chance alone does.
"""

import argparse
import time
import warnings
from contextlib import contextmanager, nullcontext
from dataclasses import fields
from functools import partial
from itertools import islice

import numpy as np
from fit import CASES, SMALL, errors
from fit_cases import Case
from joblib import Parallel, delayed

from skhnn import HNNRegressor
from skhnn._selection import _left_out, _race, _rule, _select, _steadiness
from skhnn._selection._budget import Budget
from skhnn._solvers import _evidence, _gauss_newton, _sampled

MODULES = (
    _select, _race, _rule, _left_out, _steadiness, _sampled, _evidence, _gauss_newton,
)  # fmt: skip
# Module constants: half and double; of ratios that begin at one, of what exceeds it.
CONSTANTS = {
    "ALIKE": (1.05, 1.2),
    "_ALIKE_AFTER_SHORT": (1.35, 2.4),
    "_STANDS_STILL": (0.125, 0.5),
    "_EQUATIONS_PER_WEIGHT": (6, 24),
    "_WORTH_SMOOTHNESS": (1.5, 6.0),
    "_EQUATIONS_PER_UNIT": (4, 16),
    "_KEEP": (2, 6),
    "WIDE": (5.0, 20.0),
    "_SPREAD": (1.5, 6.0),
    "_FIRST_NOISE": (0.25, 1.0),
    "_STEADY": (0.05, 0.2),
}
# Errors below this are no different from each other.
ROUNDING = 1e-9


def cases(everything):
    """Those where training decides, those that are cheap, and some of few rows."""
    names = list(CASES) if everything else [n for n in CASES if n not in ("three_body", "circle")]
    found = {name: CASES[name] for name in names}
    for name, (field, draw) in SMALL.items():
        for n, noise in ((50, 0.0), (50, 0.1), (200, 0.3), (1000, 0.1)):
            found[f"{name} {n} {noise:g}"] = Case(field, n, draw, 6.3, noise=noise)
    return found


def one_fit(case, seed, variant, shift):
    """The error and the seconds of a fit with the constants of a variant."""
    warnings.simplefilter("ignore")
    with variant():
        (X, y, groups), test = case.train(seed), case.test(seed)
        start = time.perf_counter()
        model = HNNRegressor(random_state=seed + shift).fit(X, y, groups=groups)
        return max(errors(model.predict, *test)[0], ROUNDING), time.perf_counter() - start


@contextmanager
def budget(position, value):
    """Another default of one field of the budget."""
    before = Budget.__init__.__defaults__
    Budget.__init__.__defaults__ = (*before[:position], value, *before[position + 1 :])
    yield
    Budget.__init__.__defaults__ = before


@contextmanager
def constant(name, other):
    """Another value of a module constant, in all modules that have it."""
    before = {module: getattr(module, name) for module in MODULES if hasattr(module, name)}
    assert before, name
    for module in before:
        setattr(module, name, other)
    yield
    for module, value in before.items():
        setattr(module, name, value)


def variants():
    """(name, a context manager that makes it)."""
    for k, field in enumerate(fields(Budget)):
        for factor in (0.5, 2):
            value = type(field.default)(field.default * factor)
            yield f"{field.name} = {value:g}", partial(budget, k, value)
    for name, values in CONSTANTS.items():
        for value in values:
            yield f"{name} = {value:g}", partial(constant, name, value)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--jobs", type=int, default=1, help="fits at a time")
    parser.add_argument("--everything", action="store_true")
    constants = [*(field.name for field in fields(Budget)), *CONSTANTS]
    parser.add_argument("--variants", nargs="*", default=constants, choices=constants)
    args = parser.parse_args()
    data = cases(args.everything)
    tries = [
        ("the default", nullcontext, 0),
        ("other random numbers", nullcontext, 100),
        *((name, variant, 0) for name, variant in variants() if name.split()[0] in args.variants),
    ]
    fits = Parallel(n_jobs=args.jobs, return_as="generator")(
        delayed(one_fit)(case, seed, variant, shift)
        for _, variant, shift in tries
        for case in data.values()
        for seed in range(args.seeds)
    )

    print("| variant | ratio of errors | worst | best | ratio of times |\n|---|---|---|---|---|")
    names, default = list(data), None
    for name, *_ in tries:
        found = np.array(list(islice(fits, len(data) * args.seeds)))
        error, seconds = found.T.reshape(2, len(data), args.seeds)
        if default is None:
            default, usual = error, seconds.sum()
        ratio = np.exp(np.mean(np.log(error / default), axis=1))
        worst, best = int(np.argmax(ratio)), int(np.argmin(ratio))
        print(
            f"| {name} | {np.exp(np.log(ratio).mean()):.2f} | {ratio[worst]:.2g} ({names[worst]}) "
            f"| {ratio[best]:.2g} ({names[best]}) | {seconds.sum() / usual:.2f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
