"""A Hamiltonian as the weights of one network, as scikit-learn's MLPs have them."""

import numpy as np

from ._equations import Equations
from ._layers import Params
from ._maps import Standardised
from ._quadratic_energies import QuadraticEnergies


def as_one_network(
    equations: Equations, params: Params, constant: float
) -> tuple[list[np.ndarray], list[np.ndarray]] | None:
    """Weights and biases of H where it is one network of x - c beside quadratic energies.

    None for others. The first weights read the columns of the data, counted from the centre c, and
    energies are in the units of the data. After the last weights come the coefficients of the
    quadratic energies; after the biases of the hidden layers [the constant of H, c].
    """
    networks, layout = equations.networks, equations.layout
    beside = [term for term in equations.terms if term not in networks]
    if layout.has_velocities or equations.known or equations.forces or len(networks) != 1:
        return None
    (network,) = networks
    phi = network.phi
    if network.psi is not None or not isinstance(phi, Standardised):
        return None
    *hidden, W = params[: 2 * len(network.sizes) + 1]
    mu, s = phi.constants.values()
    first = hidden[0] / s[:, None]
    b, last = hidden[1] - mu @ first, [equations.e * W]
    for term in beside:
        if not isinstance(term, QuadraticEnergies):
            return None
        g, Q = term.folded(params[-1:], equations.e)
        last.append(term.monomials(g, Q)[:, None])
    return (
        [first, *hidden[2::2], np.concatenate(last)],
        [b, *hidden[3::2], np.concatenate([[constant], equations.c])],
    )
