"""Bodies with forces between each two of them."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np

from ._base import Declaration, HasLayers
from ._distances import Fixed, Log, SquaredDistances, Squares, TimesByCopy
from ._equations import Equations
from ._functions import Functions
from ._kinetic import kinetic_of_bodies
from ._lagrangian import LagrangianEquations
from ._layers import Params
from ._layout import Layout
from ._maps import Chain, Standardised
from ._network import Network
from ._weights import Term


class Pairwise(HasLayers):
    r"""H = T(p) + sum_{i<j} k_ij V(r_ij): bodies with forces between each two of them.

    T is the sum of the squares of p_i / sqrt(2 m_i). V is a network of log r_ij^2 for all pairs, of
    their distances r_ij, beside an energy proportional to r_ij^2. A shift or a rotation of all
    bodies, or an exchange of two that are alike, changes nothing; momentum and angular momentum are
    conserved exactly. The cost grows with the number of pairs.

    The columns are body by body: (x_1, y_1, x_2, y_2, ..., px_1, py_1, px_2, ...).

    Parameters
    ----------
    n_bodies : int
        The number of bodies.
    n_dim : int
        The number of coordinates of each.
    masses : float or sequence of float, default=None
        m_i, one for all or one for each body. None learns them: one for each kind; without
        ``kinds`` one for all, or one for each body where there are ``charges``.
    kinds : sequence, default=None
        The kind of each body, numbers or strings. Every two kinds have last weights of their own,
        on hidden layers that all share. None takes all bodies for alike.
    charges : sequence of float or "learned", default=None
        c_i, where k_ij = c_i c_j: masses under gravity, say, or electric charges. "learned" finds
        them from the accelerations of three bodies or more, but for a common factor: their mean
        square is one, and their sum is positive (``hamiltonian_.charges`` of the estimator). None
        is 1 for all.
    hidden_layer_sizes : sequence of int, default=None
        The number of units of each hidden layer. None leaves it to the estimator.
    activation : {"tanh", "softplus", "silu", "sin", "logistic", "quartic"}, default=None
        The activation. None leaves it to the estimator.

    Examples
    --------
    >>> from skhnn.hamiltonians import Pairwise
    >>> Pairwise(3, 2, charges=[1.0, 2.0, 0.5])
    Pairwise(charges=[1.0, 2.0, 0.5], n_bodies=3, n_dim=2)
    """

    def __init__(
        self,
        n_bodies: int,
        n_dim: int,
        masses: Any = None,
        kinds: Sequence[Any] | None = None,
        charges: Any = None,
        hidden_layer_sizes: Any = None,
        activation: str | None = None,
    ):
        self.n_bodies = n_bodies
        self.n_dim = n_dim
        self.masses = masses
        self.kinds = kinds
        self.charges = charges
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation

    def declare(self, layout: Layout) -> Declaration:
        n, k = self.n_bodies, self.n_dim
        self._check(layout)
        q, p = layout.find("q"), layout.find("p")
        _, kinds = self._kinds()
        are_given = not (self.charges is None or self.has_charges_to_learn)
        charges = np.asarray(self.charges, dtype=float) if are_given else np.ones(n)
        masses = None if self.masses is None else np.broadcast_to(self.masses, n).tolist()
        momenta = [p[i * k : (i + 1) * k] for i in range(n)]
        alike = list(range(n)) if self.has_masses_of_bodies else kinds
        found = kinetic_of_bodies(momenta, masses, alike, layout=layout)
        pairs = list(combinations(range(n), 2))
        of_kinds = self.kinds_of_pairs
        strength = np.array(
            [[charges[i] * charges[j] * (sorted((kinds[i], kinds[j])) == list(two))
              for two in of_kinds] for i, j in pairs]
        )  # fmt: skip
        squares = SquaredDistances(k, pairs, np.ones(n * k))
        is_plain = len(of_kinds) == 1 and self.charges is None
        network = Network(
            q, tuple(self.hidden_layer_sizes or ()), self.activation or "",
            squares >> Log() >> Standardised(), None if is_plain else Fixed(strength), q,
        )  # fmt: skip
        springs = Functions(q, squares >> TimesByCopy(strength), [q] * len(of_kinds))
        return found + Declaration([network], functions=[springs], absolute=q)

    @property
    def has_masses_of_bodies(self) -> bool:
        """Whether each body has a mass of its own to be learned."""
        return self.masses is None and self.kinds is None and self.charges is not None

    @property
    def has_charges_to_learn(self) -> bool:
        """Whether ``charges`` is "learned"."""
        return isinstance(self.charges, str) and self.charges == "learned"

    @property
    def kinds_of_pairs(self) -> list[tuple[int, int]]:
        """The kinds of the two bodies of the pairs there are, in the order of their weights."""
        _, kinds = self._kinds()
        two = (sorted((kinds[i], kinds[j])) for i, j in combinations(range(self.n_bodies), 2))
        return sorted({(a, b) for a, b in two})

    def _kinds(self) -> tuple[list[Any], list[int]]:
        """The names of the kinds, and the place there of that of each body."""
        if self.kinds is None:
            return [None], [0] * self.n_bodies
        names, places = np.unique(np.asarray(self.kinds), return_inverse=True)
        return names.tolist(), places.ravel().tolist()

    def _check(self, layout: Layout) -> None:
        n, k, n_columns = self.n_bodies, self.n_dim, layout.n_state
        for name, value, least in (("n_bodies", n, 2), ("n_dim", k, 1)):
            if not isinstance(value, (int, np.integer)) or value < least:
                raise ValueError(f"{name} must be an integer, at least {least}; got {value!r}.")
        if n_columns != 2 * n * k:
            raise ValueError(
                f"{n} bodies with {k} coordinates each have {2 * n * k} columns, coordinates and "
                f"momenta body by body; X has {n_columns}."
            )
        if layout.periods:
            raise ValueError(
                f"Pairwise reads lengths, and columns {sorted(layout.periods)} are angles."
            )
        if isinstance(self.masses, str):
            raise ValueError(f"masses must be numbers, or None to learn them; got {self.masses!r}.")
        if isinstance(self.charges, str):
            self._check_charges_to_learn()
        for name in ("masses", "kinds", "charges"):
            value = getattr(self, name)
            if (
                value is not None
                and not isinstance(value, str)
                and np.shape(value) not in ((n,), *([()] * (name == "masses")))
            ):
                raise ValueError(f"{name} must be one for each of {n} bodies; got {value!r}.")
        if self.charges is not None and not self.has_charges_to_learn:
            given = np.asarray(self.charges, dtype=float)
            if not (np.isfinite(given).all() and given.any()):
                raise ValueError(f"charges must be finite and not all zero; got {self.charges!r}.")
        if self.masses is not None and not (np.asarray(self.masses, dtype=float) > 0.0).all():
            raise ValueError(f"masses must be positive; got {self.masses!r}.")

    def _check_charges_to_learn(self) -> None:
        if not self.has_charges_to_learn:
            raise ValueError(
                f"charges must be one for each body, or 'learned'; got {self.charges!r}."
            )
        if self.n_bodies < 3:
            raise ValueError(
                "charges='learned' needs three bodies or more: the charges of two are a scale of "
                "their one force. Leave charges=None."
            )
        if self.kinds is not None:
            raise ValueError(
                "kinds and charges='learned' exclude each other: kinds have laws of their own."
            )


def with_bodies(
    equations: Equations, params: Params, hamiltonian: Pairwise
) -> tuple[Equations, Params]:
    """The same laws for the bodies of another ``Pairwise`` Hamiltonian.

    Raises ValueError where it has kinds, or pairs of kinds, that the equations do not know, or
    bodies whose masses nobody knows.
    """
    before = equations.hamiltonian
    assert isinstance(before, Pairwise)
    if hamiltonian.has_charges_to_learn:
        raise ValueError(
            "with_bodies fits nothing, so charges cannot be 'learned' there. Give them, in units "
            f"of those of the fit, {before.charges}."
        )
    if hamiltonian.has_masses_of_bodies:
        raise ValueError(
            "with_bodies needs the masses of the bodies: those of the fit had one each, "
            "mass_matrix() of the model. Got None."
        )
    n_columns = 2 * hamiltonian.n_bodies * hamiltonian.n_dim
    layout = replace(equations.layout, n_state=n_columns)
    declared = hamiltonian.declare(layout)
    old_names, new_names = before._kinds()[0], hamiltonian._kinds()[0]
    unknown = [name for name in new_names if name not in old_names]
    if unknown:
        raise ValueError(f"kinds must be among those of the fit, {old_names}; got {unknown}.")
    of_kinds = [old_names.index(name) for name in new_names]
    known_pairs, places = before.kinds_of_pairs, []
    for a, b in hamiltonian.kinds_of_pairs:
        pair = tuple(sorted((of_kinds[a], of_kinds[b])))
        if pair not in known_pairs:
            raise ValueError(
                f"There were no two bodies of the kinds {old_names[pair[0]]!r} and "
                f"{old_names[pair[1]]!r} in the fit, so that their force is not known."
            )
        places.append(known_pairs.index(pair))
    terms: list[Term] = []
    found: Params = []
    functions = iter(declared.functions)
    for term, part in equations.split(params):
        if isinstance(term, Network):
            assert isinstance(term.phi, Chain)
            assert isinstance(term.phi.f, Chain)
            (network,) = declared.networks
            assert isinstance(network.phi, Chain)
            assert isinstance(network.phi.f, Chain)
            phi = network.phi.f.f >> term.phi.f.g >> term.phi.g
            sizes, activation = term.sizes, term.activation
            terms.append(Network(network.on, sizes, activation, phi, network.psi, network.psi_on))
            found += [*part[:-1], part[-1][:, places]]
        else:
            assert isinstance(term, Functions)
            if isinstance(term.phi, Squares) and hamiltonian.masses is not None:
                continue  # they are given now
            new = next(functions)
            which = of_kinds if isinstance(new.phi, Squares) else places
            terms.append(Functions(new.on, new.phi, new.reads, term.size[which]))
            found.append(part[0][which])
    c = np.zeros(n_columns)
    more = type(equations)(
        hamiltonian, terms, (), declared.known, layout, equations.structure, c, equations.e
    )
    if isinstance(equations, LagrangianEquations):
        assert isinstance(more, LagrangianEquations)
        more.v_size = np.full(n_columns // 2, np.sqrt(np.mean(equations.v_size**2)))
    return more, found
