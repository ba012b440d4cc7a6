"""Adam on minibatches."""

from typing import Any

import numpy as np

from ..hamiltonians import Params
from ._flat import flatten, views
from ._monitor import Monitor
from ._objective import Objective
from ._options import SolverOptions

_BETA_1, _BETA_2, _EPSILON = 0.9, 0.999, 1e-8  # the authors' values, section 2


def solve_adam(
    objective: Objective, params: Params, monitor: Monitor, options: SolverOptions
) -> dict[str, np.ndarray]:
    """Minimise with Adam at a constant rate; one call of the monitor per epoch.

    References
    ----------
    D. P. Kingma, J. Ba, "Adam: a method for stochastic optimization", ICLR 2015, algorithm 1.
    """
    import torch

    theta = objective.array(flatten(params))
    params = views(theta, [p.shape for p in params])
    m, v, step = _moments(objective, theta, options.state)
    n = objective.n_samples
    order = np.arange(n)

    def epoch() -> bool:
        nonlocal order, step
        if options.shuffle:
            order = options.rng.permutation(n)
        rows_of_epoch = torch.from_numpy(order).to(theta.device)
        losses = theta.new_zeros(())
        for rows in rows_of_epoch.split(min(options.batch_size, n)):
            loss, gradient = objective.loss_and_gradient(params, rows)
            g = torch.cat([d.reshape(-1) for d in gradient])
            step += 1
            m.lerp_(g, 1.0 - _BETA_1)
            v.mul_(_BETA_2).addcmul_(g, g, value=1.0 - _BETA_2)
            denominator = (v / (1.0 - _BETA_2**step)).sqrt_().add_(_EPSILON)
            rate = options.learning_rate_init / (1.0 - _BETA_1**step)
            theta.addcdiv_(m, denominator, value=-rate)
            losses += loss * (len(rows) / n)
        return monitor(float(losses), _to_numpy(theta))

    try:
        for _ in range(options.max_iter):
            if epoch():
                break
    except KeyboardInterrupt:  # to return the moments, from where a warm start can go on
        monitor.status = "interrupted"
    return {"m": _to_numpy(m), "v": _to_numpy(v), "step": np.array(step)}


def _moments(
    objective: Objective, theta: Any, state: dict[str, np.ndarray] | None
) -> tuple[Any, Any, int]:
    """Return the averages of the gradient and its square, and the number of steps they contain."""
    if state is None or state["m"].shape != tuple(theta.shape):
        return theta.new_zeros(theta.shape), theta.new_zeros(theta.shape), 0
    m, v = (objective.array(state[key].copy()) for key in "mv")
    return m, v, int(state["step"])


def _to_numpy(tensor: Any) -> np.ndarray:
    """A float64 copy on the host."""
    return tensor.detach().cpu().double().numpy().copy()
