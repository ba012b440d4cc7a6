r"""Where training starts: at the linear and quadratic energies that fit best.

    E(z) = g . z + 1/2 z^T Q z,    minimise  sum_n c_n |W^1/2 (G_n - g - Q z_n)|^2,    Q = Q^T,

with the weights W = diag(w) of the columns. With C and M the (co)variances of z, and of G and z, Q
solves the Lyapunov equation

    W Q C + C Q W = W M + M^T W = R,

which V with V^T W V = I and V^T C V = diag(lambda) turns into Q = V S V^T, S_ij = (V^T R V)_ij /
(lambda_i + lambda_j). From E = 0 SOAP came, in as many steps, to 1.6 times the error of a network
without E on a chain of waves, from here to a quarter of it. An E that stayed as it is had 1.2 times
the error of one that is trained (geometric mean of six systems, three seeds), as had one with
smaller steps.
"""

import numpy as np

from .._data import Problem
from ..hamiltonians import Equations, Params, gradient_from_field

_ROWS = 20_000
_NO_VARIATION = 1e-12


def initial_params(equations: Equations, problem: Problem, rng: np.random.RandomState) -> Params:
    """Random hidden layers and units, beside the linear and quadratic energies that fit best."""
    params, scaling = equations.init_params(rng), problem.scaling
    Z, G, c = problem.gradients(slice(None, None, -(-problem.n_samples // _ROWS)))
    w, n = scaling.weights_of_gradient, problem.n_features
    g, Q = gradient_from_field(np.nan_to_num(scaling.constant)), np.zeros((n, n))
    for columns, _ in equations.blocks():
        # H is linear in columns by which its derivative is constant; see known_last_weights.
        varying = (columns + n // 2) % n
        varying = varying[scaling.reads[varying]]
        if len(varying):
            block = np.ix_(varying, varying)
            g[varying], Q[block] = fit_quadratic(Z[:, varying], G[:, varying], c, w[varying])
    w_last = equations.last(params) + equations.last_of_quadratic(g, Q)
    return equations.with_last(params, w_last)


def fit_quadratic(
    Z: np.ndarray, G: np.ndarray, c: np.ndarray, w: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """g (k,) and Q (k, k) for states and targets (n, k) and the weights c (n,) and w (k,)."""
    c = c / c.sum()
    z, g = c @ Z, c @ G
    Z, G = Z - z, G - g
    C, M = (Z.T * c) @ Z, (G.T * c) @ Z
    root = np.sqrt(w)
    eigenvalues, U = np.linalg.eigh(C / root[:, None] / root)
    V = U / root[:, None]
    R = V.T @ (w[:, None] * M + M.T * w) @ V
    sums = eigenvalues[:, None] + eigenvalues
    sums = np.where(sums > _NO_VARIATION * sums.max(), sums, np.inf)
    Q = V @ (R / sums) @ V.T
    Q = 0.5 * (Q + Q.T)  # but for rounding it is
    return g - Q @ z, Q
