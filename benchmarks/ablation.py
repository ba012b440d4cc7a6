"""Which constants of the default matter: each is halved and doubled, everything else as it is.

    python benchmarks/ablation.py --seeds 2

For every variant the geometric mean, over cases and seeds, of the ratio of its errors to those of
the default, the worst ratio of a case, and the ratio of the times. The first row is that with
other seeds of the fit, on the same data: what chance alone does.
"""

import argparse
import time
import warnings
from dataclasses import fields

import numpy as np
from fit import CASES, SMALL, errors
from fit_cases import Case
from threadpoolctl import threadpool_limits

from skhnn import HNNRegressor
from skhnn._selection import _budget, _left_out, _race, _rule, _select, _steadiness
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


def measure(data, seeds, shift=0):
    """Errors and seconds, (n_cases, n_seeds)."""
    found = np.zeros((2, len(data), seeds))
    for i, case in enumerate(data.values()):
        for seed in range(seeds):
            (X, y, groups), test = case.train(seed), case.test(seed)
            start = time.perf_counter()
            model = HNNRegressor(random_state=seed + shift).fit(X, y, groups=groups)
            found[:, i, seed] = errors(model.predict, *test)[0], time.perf_counter() - start
    return np.maximum(found[0], ROUNDING), found[1]


def variants():
    """(name, a function that sets it, one that sets it back)."""
    defaults = _budget.Budget.__init__.__defaults__
    for k, field in enumerate(fields(_budget.Budget)):
        for factor in (0.5, 2):
            changed = list(defaults)
            changed[k] = type(defaults[k])(defaults[k] * factor)

            def set_to(values):
                _budget.Budget.__init__.__defaults__ = tuple(values)

            yield f"{field.name} = {changed[k]:g}", set_to, changed, defaults
    for name, values in CONSTANTS.items():
        before = {module: getattr(module, name) for module in MODULES if hasattr(module, name)}
        assert before, name
        for value in values:

            def set_to(values, before=before, name=name):
                for module in before:
                    setattr(module, name, values[module] if isinstance(values, dict) else values)

            yield f"{name} = {value:g}", set_to, value, before


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--everything", action="store_true")
    args = parser.parse_args()
    data = cases(args.everything)
    error, seconds = measure(data, args.seeds)

    def row(name, other, took):
        ratio = np.exp(np.mean(np.log(other / error), axis=1))
        worst, best = int(np.argmax(ratio)), int(np.argmin(ratio))
        names = list(data)
        print(
            f"| {name} | {np.exp(np.log(ratio).mean()):.2f} | {ratio[worst]:.2g} ({names[worst]}) "
            f"| {ratio[best]:.2g} ({names[best]}) | {took.sum() / seconds.sum():.2f} |",
            flush=True,
        )

    print("| variant | ratio of errors | worst | best | ratio of times |\n|---|---|---|---|---|")
    row("other random numbers", *measure(data, args.seeds, shift=100))
    for name, set_to, changed, before in variants():
        set_to(changed)
        row(name, *measure(data, args.seeds))
        set_to(before)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    with threadpool_limits(1):
        main()
