"""The loop that the minibatch solvers share: epochs, batches, and the rate over a fit."""

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np

from .._data import DerivativeFit, Problem, flatten, views
from ..hamiltonians import Params
from ._magnitudes import magnitudes
from ._monitor import Monitor
from ._options import SolverOptions, Start


class UpdateRule(Protocol):
    """How a step follows from gradients; it works in place on the arrays it is made with."""

    def step(self, gradient: Params, rate: float) -> None:
        """Change the params by one step."""

    def state(self) -> dict[str, Any]:
        """What a later run needs to go on, as arrays of the place."""


def solve_minibatch(
    make_rule: Any,
    default_rate: float,
    problem: Problem,
    start: Start,
    monitor: Monitor,
    options: SolverOptions,
) -> dict[str, np.ndarray]:
    """Minimise in epochs; one call of the monitor per epoch.

    ``default_rate`` is the peak of an annealed rate; a constant one is a fifth of it.

    ``make_rule(theta, shapes, place, state)`` returns the update rule for the flat vector theta.
    """
    place = options.place
    objective = DerivativeFit(problem, start.equations, options.penalty, place=place)
    shapes = [p.shape for p in start.params]
    size = place.array(flatten(magnitudes(start.equations, problem)))
    weights = place.array(flatten(start.params))
    theta = weights / size  # what is trained, and changed in place
    weights = theta * size
    params, sizes = views(weights, shapes), views(size, shapes)
    rule = make_rule(theta, shapes, place, start.state)
    n = objective.n_samples
    batch_size = 256
    batch = min(options.batch_size or batch_size, n)
    steps_per_epoch = -(-n // batch)
    # Steps of a fit where max_iter is left open, as far as whole epochs allow.
    steps = 2000
    epochs = 1 if options.one_epoch else options.max_iter or -(-steps // steps_per_epoch)
    annealed = options.annealed and not options.one_epoch
    rate = options.learning_rate_init or (default_rate if annealed else default_rate / 5)
    rates = _annealed(rate, epochs * steps_per_epoch) if annealed else _constant(rate)

    monitor.judges_loss = not annealed

    def epoch() -> bool:
        order = options.rng.permutation(n) if options.shuffle else np.arange(n)
        if place.xp is not np:
            order = place.xp.as_tensor(order, device=place.device)
        loss: Any = 0.0
        n_seen = 0
        for first in range(0, n, batch):
            rows = order[first : first + batch]
            loss_of_batch, gradient = objective.loss_and_gradient(params, rows)
            rule.step([g * s for g, s in zip(gradient, sizes, strict=True)], next(rates))
            place.xp.multiply(theta, size, out=weights)
            loss = loss + loss_of_batch * len(rows)
            n_seen += len(rows)
            if options.is_out_of_time and not options.one_epoch:  # an epoch may take minutes
                break
        return monitor(float(loss) / n_seen, place.to_numpy(weights))

    try:
        for _ in range(epochs):
            if epoch():
                break
        else:
            if annealed:
                monitor.complete()
    except KeyboardInterrupt:  # to return the state, from where a warm start can go on
        monitor.status = "interrupted"
    return {name: place.to_numpy(array) for name, array in rule.state().items()}


def _annealed(rate: float, n_steps: int) -> Iterator[float]:
    """Linear up to ``rate`` during the warm-up, then half a cosine down to zero."""
    # The fraction of the steps during which the rate rises.
    warm_up = 0.05
    n_up = max(1, round(warm_up * n_steps))
    for k in range(n_steps):
        if k < n_up:
            yield rate * (k + 1) / n_up
        else:
            yield 0.5 * rate * (1.0 + np.cos(np.pi * (k - n_up) / (n_steps - n_up)))


def _constant(rate: float) -> Iterator[float]:
    while True:
        yield rate
