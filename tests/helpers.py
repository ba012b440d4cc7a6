"""Independent references and small problems that several test modules use."""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning

# Equal in both halves by accident nowhere: q and p play different roles, and they are coupled.
N_DOF = 2


def asymmetric_hamiltonian(X):
    """H = p_1^2/2 + 2 p_2^2 + q_1^2 + sin(q_2) + q_1 q_2 p_1 / 2, not symmetric in q and p."""
    q1, q2, p1, p2 = X.T
    return p1**2 / 2 + 2 * p2**2 + q1**2 + np.sin(q2) + q1 * q2 * p1 / 2


def asymmetric_field(X):
    """Its vector field, (dH/dp, -dH/dq), by hand."""
    q1, q2, p1, p2 = X.T
    dq = [p1 + q1 * q2 / 2, 4 * p2]
    dp = [-(2 * q1 + q2 * p1 / 2), -(np.cos(q2) + q1 * p1 / 2)]
    return np.stack([*dq, *dp], axis=1)


def asymmetric_data(n, seed=0):
    X = np.random.default_rng(seed).uniform(-1, 1, (n, 4))
    return X, asymmetric_field(X)


def structure_matrix(d):
    eye, zero = np.eye(d), np.zeros((d, d))
    return np.block([[zero, eye], [-eye, zero]])


def central_differences(function, X, h=1e-5):
    """Derivatives of a function of states, stacked on a new last axis."""
    steps = h * np.eye(X.shape[-1])
    return np.stack([(function(X + s) - function(X - s)) / (2 * h) for s in steps], axis=-1)


def assert_equal_up_to_rounding(actual, desired):
    """For numbers computed twice: kernels may round by position, and integrators grow that."""
    desired = np.asarray(desired)
    np.testing.assert_allclose(actual, desired, rtol=1e-9, atol=1e-10 * np.abs(desired).max())


def few_epochs(solver):
    """``max_iter`` where the rough answer of a solver will do; None is its own."""
    return {"soap": 500, "adam": 1500, "lbfgs": 200}.get(solver)


def fit_quietly(model, *args, **kwargs):
    """Fit where it does not matter whether the solver had converged."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(*args, **kwargs)


def linear_and_quadratic(u, z):
    """The sum of u_i z_i and of u_ij z_i z_j, i <= j, term by term, for z (..., k)."""
    k = z.shape[-1]
    monomials = [z[..., i] for i in range(k)]
    monomials += [z[..., i] * z[..., j] for i in range(k) for j in range(i, k)]
    assert len(monomials) == len(u)
    return sum(coefficient * monomial for coefficient, monomial in zip(u, monomials, strict=True))


def torch_network(model):
    """A torch function x -> H(x) with the fitted weights, written independently of skhnn."""
    import torch

    functions = {
        "tanh": torch.tanh,
        "softplus": torch.nn.functional.softplus,
        "silu": torch.nn.functional.silu,
        "sin": torch.sin,
        "logistic": torch.sigmoid,
        "quartic": lambda a: a**4,
    }
    sigma = functions[model.activation_]
    coefs = [torch.tensor(W) for W in model.coefs_]
    intercepts = [torch.tensor(b) for b in model.intercepts_]

    last, (constant, *centre) = coefs[-1][:, 0], intercepts[-1]
    n_units = len(intercepts[-2])

    def H(x):
        h = z = x - torch.stack(centre)
        for W, b in zip(coefs[:-1], intercepts[:-1], strict=True):
            h = sigma(h @ W + b)
        return h @ last[:n_units] + linear_and_quadratic(last[n_units:], z) + constant

    return H


def torch_field(H, X):
    """J grad H by automatic differentiation."""
    import torch

    x = torch.tensor(np.asarray(X), requires_grad=True)
    (gradient,) = torch.autograd.grad(H(x).sum(), x)
    q, p = gradient.chunk(2, dim=-1)
    return torch.cat([p, -q], dim=-1).numpy()


def last_weights_of_networks(equations):
    """Which of the last weights are those of networks and not of quadratic energies, a mask."""
    return np.concatenate([np.full(t.n_weights, t.n_hidden > 0) for t in equations.terms])


def waves(n, k, seed=0):
    """H = |p|^2 / 2 + the product of sin(k q_i), of three coordinates."""
    X = np.random.default_rng(seed).uniform(-2, 2, (n, 6))
    s, c = np.sin(k * X[:, :3]), k * np.cos(k * X[:, :3])
    forces = -np.stack([c[:, j] * s[:, j - 1] * s[:, j - 2] for j in range(3)], axis=1)
    return X, np.hstack([X[:, 3:], forces])


def error_of_waves(model, k, masses=(1.0, 1.0, 1.0)):
    """The root mean square error of forces, or of accelerations, relative to their spread."""
    X, y = waves(1000, k, seed=1)
    y[:, 3:] /= masses
    return np.sqrt(
        np.mean(np.mean((model.predict(X) - y)[:, 3:] ** 2, axis=0) / y[:, 3:].var(axis=0))
    )
