"""Sums of Hamiltonians, and products of networks with known functions."""

from typing import Any

from ._base import Declaration, Hamiltonian, HasLayers
from ._layout import Layout
from ._maps import Standardised, monomials
from ._mlp import MLP
from ._network import Network
from ._quadratic import Quadratic


class Sum(Hamiltonian):
    """H = left + right.

    Parameters
    ----------
    left, right : Hamiltonian
        The two summands, which may be sums themselves.

    Examples
    --------
    >>> from skhnn.hamiltonians import MLP, Quadratic
    >>> H = Quadratic("p") + MLP("q", (10,))  # a mass matrix and a potential
    >>> H.get_params()["right__hidden_layer_sizes"]
    (10,)
    """

    def __init__(self, left: Hamiltonian, right: Hamiltonian):
        self.left = left
        self.right = right

    def declare(self, layout: Layout) -> Declaration:
        return self.left.declare(layout) + self.right.declare(layout)

    def layers(self) -> list[HasLayers]:
        return self.left.layers() + self.right.layers()

    def __repr__(self, N_CHAR_MAX: int = 700) -> str:
        return f"{self.left!r} + {self.right!r}"


class Product(Hamiltonian):
    r"""H = sum_k y_k(x) m_k(x), a network y of some columns times the monomials m of others.

    m are 1, x_i and x_i x_j, so that ``MLP("q") * Quadratic("p")`` is the energy of a mechanical
    system, 1/2 p^T A(q) p + b(q) . p + V(q), with one network for all coefficients. The dependence
    on p is known: there are d coordinates to resolve and not 2d, and H goes on rightly where p is
    larger than in the data.

    Parameters
    ----------
    left : MLP
        The network.
    right : Quadratic
        The columns of the monomials.

    Examples
    --------
    >>> from skhnn.hamiltonians import MLP, Quadratic
    >>> MLP("q", (10,)) * Quadratic("p")
    MLP(columns='q', hidden_layer_sizes=(10,)) * Quadratic(columns='p')
    """

    def __init__(self, left: Hamiltonian, right: Hamiltonian):
        self.left = left
        self.right = right

    def declare(self, layout: Layout) -> Declaration:
        left, right = self.left, self.right
        if not (isinstance(left, MLP) and isinstance(right, Quadratic)):
            raise ValueError(
                "A product of Hamiltonians is that of a network and known functions, MLP(...) * "
                f"Quadratic(...); got {left!r} times {right!r}."
            )
        declared = left.declare(layout)
        (network,) = declared.networks
        of_factors = right.declare(layout).pairs
        factors = layout.find(right.columns)
        if set(factors) & set(network.on):
            raise ValueError(
                f"The factors of a product must read different columns; got {network.on} and "
                f"{factors}."
            )
        factors = [k for k in factors if (k, k) in of_factors]
        psi = Standardised() >> monomials(len(factors))
        term = Network(network.on, network.sizes, network.activation, network.phi, psi, factors)
        straight = [k for k in network.on if k not in declared.periods] + factors
        straight = [k for k in straight if k < layout.n_state]
        pairs = [(min(i, j), max(i, j)) for i in straight for j in straight]
        return Declaration([term], pairs, periods=declared.periods)

    def layers(self) -> list[HasLayers]:
        return self.left.layers()

    def __repr__(self, N_CHAR_MAX: int = 700) -> str:
        parts = [f"({part!r})" if isinstance(part, Sum) else repr(part)
                 for part in (self.left, self.right)]  # fmt: skip
        return " * ".join(parts)


class WithForces(Hamiltonian):
    """A Hamiltonian and the forces beside it: what the solvers look for together.

    Parameters
    ----------
    hamiltonian : Hamiltonian
        H.
    forces : Force
        The forces, see ``skhnn.forces``.
    """

    def __init__(self, hamiltonian: Hamiltonian, forces: Any):
        self.hamiltonian = hamiltonian
        self.forces = forces

    def declare(self, layout: Layout) -> Declaration:
        return self.hamiltonian.declare(layout) + self.forces.declare(layout)

    def layers(self) -> list[HasLayers]:
        return [*self.hamiltonian.layers(), *self.forces.layers()]

    def __repr__(self, N_CHAR_MAX: int = 700) -> str:
        return f"{self.hamiltonian!r} with the forces {self.forces!r}"


def with_forces(hamiltonian: Hamiltonian, forces: Any) -> WithForces:
    """A Hamiltonian beside forces, or beside further ones."""
    if isinstance(hamiltonian, WithForces):
        return WithForces(hamiltonian.hamiltonian, hamiltonian.forces + forces)
    return WithForces(hamiltonian, forces)


def with_forces_of(before: Hamiltonian, hamiltonian: Hamiltonian) -> Hamiltonian:
    """A Hamiltonian beside the forces of another, if that has any."""
    return (
        with_forces(hamiltonian, before.forces) if isinstance(before, WithForces) else hamiltonian
    )
