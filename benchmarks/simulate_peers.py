"""The solvers that ``simulate.py peers`` compares with, each on the network of a fitted model.

``by_NAME(model)`` returns {run: prepare}, and prepare(X0, t, tol) returns the seconds to compile
and a call without arguments that returns the states.
"""

import time

import numpy as np
import torch
from evaluate import parts


def layers(model):
    """W1, b1, W2, b2, w, c, l, Q: a network of z = x - c beside l . z + 1/2 z^T Q z."""
    (W1, W2, w), (b1, b2, (_, *c)) = model.coefs_, model.intercepts_
    w, linear, Q = parts(w[:, 0], len(b2), len(c))
    return W1, b1, W2, b2, w, np.array(c), linear, Q


def by_diffrax(model):
    import jax

    jax.config.update("jax_enable_x64", True)
    import diffrax
    import jax.numpy as jnp

    W1, b1, W2, b2, w, c, linear, Q = map(jnp.asarray, layers(model))
    d = model.n_dof_

    def H(x):
        z = x - c
        h = jnp.tanh(jnp.tanh(z @ W1 + b1) @ W2 + b2)
        return h @ w + z @ linear + 0.5 * (z @ Q @ z)

    def field(t, x, args):
        g = jax.grad(H)(x)
        return jnp.concatenate([g[d:], -g[:d]])

    def prepare(solver, X0, t, tol):
        controller = diffrax.PIDController(rtol=tol, atol=tol)

        def solve(x0):
            return diffrax.diffeqsolve(
                diffrax.ODETerm(field), solver, t[0], t[-1], None, x0,
                saveat=diffrax.SaveAt(ts=t), stepsize_controller=controller, max_steps=100_000,
            ).ys  # fmt: skip

        start = time.process_time()
        one_or_all = jax.vmap(solve) if X0.ndim == 2 else solve
        compiled = jax.jit(one_or_all).lower(jnp.asarray(X0)).compile()
        took = time.process_time() - start
        return took, lambda: np.asarray(compiled(jnp.asarray(X0)))

    solvers = {"Dopri8": diffrax.Dopri8(), "Dopri5": diffrax.Dopri5(), "Tsit5": diffrax.Tsit5()}
    return {
        f"diffrax, {name}": lambda *args, solver=solver: prepare(solver, *args)
        for name, solver in solvers.items()
    }


def torch_field(model):
    """The closed form, which is faster than autograd for both peers on torch."""
    W1, b1, W2, b2, w, c, linear, Q = map(torch.tensor, layers(model))
    W1_T, W2_T, d = W1.T.contiguous(), W2.T.contiguous(), model.n_dof_

    def field(t, x):
        z = x - c
        h1 = torch.tanh(z @ W1 + b1)
        h2 = torch.tanh(h1 @ W2 + b2)
        g = ((w * (1 - h2 * h2)) @ W2_T * (1 - h1 * h1)) @ W1_T + z @ Q + linear
        return torch.cat([g[..., d:], -g[..., :d]], dim=-1)

    return field


def by_torchdiffeq(model):
    from torchdiffeq import odeint

    field = torch_field(model)

    def prepare(method, X0, t, tol):
        def call():
            with torch.no_grad():
                found = odeint(field, torch.tensor(X0), torch.tensor(t), rtol=tol, atol=tol,
                               method=method).numpy()  # fmt: skip
            return np.moveaxis(found, 0, -2)

        return 0.0, call

    return {f"torchdiffeq, {name}": lambda *args, name=name: prepare(name, *args)
            for name in ("dopri8", "dopri5")}  # fmt: skip


def by_torchode(model):
    import torchode

    term = torchode.ODETerm(torch_field(model))

    def prepare(method, X0, t, tol):
        step = method(term=term)
        solver = torchode.AutoDiffAdjoint(
            step, torchode.IntegralController(atol=tol, rtol=tol, term=term)
        )
        starts = torch.tensor(np.atleast_2d(X0))
        times = torch.tensor(np.tile(t, (len(starts), 1)))

        def call():
            with torch.no_grad():
                found = solver.solve(torchode.InitialValueProblem(y0=starts, t_eval=times)).ys
            return found.numpy() if X0.ndim == 2 else found[0].numpy()

        return 0.0, call

    methods = {"dopri5": torchode.Dopri5, "tsit5": torchode.Tsit5}
    return {f"torchode, {name}": lambda *args, method=method: prepare(method, *args)
            for name, method in methods.items()}  # fmt: skip
