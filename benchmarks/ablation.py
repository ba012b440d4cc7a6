"""Which constants of the default matter: each is halved and doubled, everything else as it is.

    python benchmarks/ablation.py --seeds 5 --jobs 2
    python benchmarks/ablation.py --seeds 1 --variants _SPREAD last_weights

For every variant the geometric mean, over cases and seeds, of the ratio of its errors to those of
the default, the worst and the best ratio of a case, and how many fits it changed. The first row is
that with other seeds of the fit, on the same data: what chance alone does.

A fit is repeated with another value of a constant only where that may change it: the default is
fitted with constants that note the comparisons which their other values would decide otherwise.
"""

import argparse
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import fields
from itertools import product

import numpy as np
from fit import CASES, SMALL, errors
from fit_cases import Case
from joblib import Parallel, delayed

from skhnn import HNNRegressor
from skhnn._selection import _left_out, _long_training, _race, _rule, _steadiness, _training
from skhnn._selection._budget import Budget
from skhnn._solvers import _evidence, _gauss_newton, _sampled

MODULES = (
    _long_training, _training, _race, _rule, _left_out, _steadiness, _sampled, _evidence,
    _gauss_newton,
)  # fmt: skip
BUDGET = [field.name for field in fields(Budget)]
# Half and double; of ratios that begin at one, of what exceeds it.
OTHERS = {
    **{f.name: tuple(type(f.default)(k * f.default) for k in (0.5, 2)) for f in fields(Budget)},
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
    "_STEADY": (0.015, 0.06),
}
# Those that are only compared, perhaps as a factor of something.
COMPARED = {
    "good", "agreement", "equations_of_few", "equations_left_in_turn", "ALIKE",
    "_ALIKE_AFTER_SHORT", "_STANDS_STILL", "_WORTH_SMOOTHNESS", "_STEADY",
}  # fmt: skip
# What reads those that are not used by every fit.
READERS = {
    "last_weights": (_long_training, "units_for"),
    "last_weights_of_short": (_long_training, "units_for"),
    "_EQUATIONS_PER_WEIGHT": (_long_training, "units_for"),
    "_SPREAD": (_gauss_newton, "magnitudes"),
    "_FIRST_NOISE": (_gauss_newton, "magnitudes"),
}
# Errors below this are no different from each other.
ROUNDING = 1e-9


class Watched:
    """A number that notes which others in its place would decide a comparison otherwise."""

    def __init__(self, value, others: dict, moved: set):
        self.value, self.others, self.moved = value, others, moved

    def _map(self, function):
        others = {name: function(other) for name, other in self.others.items()}
        return Watched(function(self.value), others, self.moved)

    def _decide(self, compare):
        decision = compare(self.value)
        self.moved |= {k for k, other in self.others.items() if compare(other) != decision}
        return decision

    def __mul__(self, x):
        return self._map(lambda own: own * x)

    __rmul__ = __mul__

    def __neg__(self):
        return self._map(lambda own: -own)

    def log(self):  # np.log calls it
        return self._map(np.log)

    def __lt__(self, x):
        return self._decide(lambda own: bool(own < x))

    def __le__(self, x):
        return self._decide(lambda own: bool(own <= x))

    def __gt__(self, x):
        return self._decide(lambda own: bool(own > x))

    def __ge__(self, x):
        return self._decide(lambda own: bool(own >= x))


def watched_rule(squares, alike, finest=_rule._ROUNDING, rule=_rule.simplest):
    """The rule, for a ratio that is watched or a number."""
    if not isinstance(alike, Watched):
        return rule(squares, alike, finest)
    chosen = alike._map(lambda own: rule(squares, own, finest))
    alike.moved |= {name for name, other in chosen.others.items() if other != chosen.value}
    return chosen.value


@contextmanager
def constants(values: dict) -> Iterator[None]:
    """Other values of constants, in all modules that have them."""
    with ExitStack() as stack:
        budget = Budget.__init__.__defaults__
        stack.callback(setattr, Budget.__init__, "__defaults__", budget)
        Budget.__init__.__defaults__ = tuple(
            values.get(name, default) for name, default in zip(BUDGET, budget, strict=True)
        )
        for name in values.keys() - set(BUDGET):
            places = [module for module in MODULES if hasattr(module, name)]
            assert places, name
            for module in places:
                put(stack, module, name, values[name])
        alike = values.get("ALIKE", _rule.ALIKE)

        def rule(squares, alike=alike, finest=_rule._ROUNDING):
            return watched_rule(squares, alike, finest)

        for name, module in list(sys.modules.items()):
            if name.startswith("skhnn") and hasattr(module, "simplest"):
                put(stack, module, "simplest", rule)
        yield


def put(stack: ExitStack, module, name: str, value) -> None:
    """Another attribute of a module until the stack is left."""
    stack.callback(setattr, module, name, getattr(module, name))
    setattr(module, name, value)


def label(name: str, value: float) -> str:
    return f"{name} = {value:g}"


@contextmanager
def watching(moved: set) -> Iterator[None]:
    """Constants that note in ``moved`` which variants may change a fit."""
    default = {field.name: field.default for field in fields(Budget)}
    default |= {name: getattr(m, name) for name in OTHERS for m in MODULES if hasattr(m, name)}

    def variants(name: str) -> dict:
        return {label(name, other): other for other in OTHERS[name]}

    def noting(function: Callable, names: list[str]) -> Callable:
        def noted(*args, **kwargs):
            moved.update(*map(variants, names))
            return function(*args, **kwargs)

        return noted

    watched = {name: Watched(default[name], variants(name), moved) for name in COMPARED}
    with ExitStack() as stack:
        for module, function in set(READERS.values()):
            names = [name for name, reader in READERS.items() if reader == (module, function)]
            put(stack, module, function, noting(getattr(module, function), names))
        stack.enter_context(constants(watched))
        moved.update(*map(variants, OTHERS.keys() - COMPARED - READERS.keys()))
        yield


def cases() -> dict[str, Case]:
    """Those of ``fit.py main``, and some of few rows."""
    found = dict(CASES)
    for name, (field, draw) in SMALL.items():
        for n, noise in ((50, 0.0), (50, 0.1), (200, 0.3), (1000, 0.1)):
            found[f"{name} {n} {noise:g}"] = Case(field, n, draw, 6.3, noise=noise)
    return found


def fit(case: Case, seed: int, values: dict, shift: int = 0) -> float:
    """The error of a fit with other values of constants, and other random numbers."""
    warnings.simplefilter("ignore")
    with constants(values):
        (X, y, groups), test = case.train(seed), case.test(seed)
        model = HNNRegressor(random_state=seed + shift).fit(X, y, groups=groups)
        return max(errors(model.predict, *test)[0], ROUNDING)


def watched_fit(case: Case, seed: int) -> tuple[float, set]:
    """The error of the default, and the variants that may have another one."""
    warnings.simplefilter("ignore")
    moved: set[str] = set()
    (X, y, groups), test = case.train(seed), case.test(seed)
    with watching(moved):
        model = HNNRegressor(random_state=seed).fit(X, y, groups=groups)
    return max(errors(model.predict, *test)[0], ROUNDING), moved


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--jobs", type=int, default=1, help="fits at a time")
    parser.add_argument("--variants", nargs="*", default=list(OTHERS), choices=list(OTHERS))
    parser.add_argument("--sides", nargs="*", type=int, default=[1, 0], help="1 doubles, 0 halves")
    args = parser.parse_args()
    data = cases()
    places = [(name, seed) for name in data for seed in range(args.seeds)]
    together = Parallel(n_jobs=args.jobs)
    found = together(delayed(watched_fit)(data[name], seed) for name, seed in places)
    default = np.array([error for error, _ in found])

    def row(title, changed, error):
        ratio = np.ones(len(places))
        ratio[changed] = np.array(error) / default[changed]
        ratio = np.exp(np.log(ratio).reshape(len(data), args.seeds).mean(axis=1))
        worst, best = int(np.argmax(ratio)), int(np.argmin(ratio))
        names = list(data)
        print(
            f"| {title} | {np.exp(np.log(ratio).mean()):.2f} | {ratio[worst]:.2g} ({names[worst]}) "
            f"| {ratio[best]:.2g} ({names[best]}) | {len(changed)} of {len(places)} |",
            flush=True,
        )

    print(
        "| variant | ratio of errors | worst | best | fits that may change |\n|---|---|---|---|---|"
    )
    error = together(delayed(fit)(data[name], seed, {}, 100) for name, seed in places)
    row("other random numbers", np.arange(len(places)), error)
    for side, name in product(args.sides, args.variants):
        value = OTHERS[name][side]
        title = label(name, value)
        changed = np.flatnonzero([title in moved for _, moved in found])
        tries = [places[k] for k in changed]
        error = together(delayed(fit)(data[n], seed, {name: value}) for n, seed in tries)
        row(title, changed, error)


if __name__ == "__main__":
    main()
