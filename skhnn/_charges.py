r"""The charges of bodies, found from their accelerations before anything else is.

The force of body j on body i is c_i c_j f(r_ij) (x_i - x_j), with one f for all pairs. Measured is
dp_i/dt, or the acceleration, which has 1/m_i of it. With f = sum_m w_m b_m(r) it is linear in w and
in factors k_ij = c_i c_j / m_i, so

1. the accelerations of each body, with a law of its own for each pair, are a linear least squares;
2. in turns the best w for given factors, and the best factors for a given w, make one law of them;
3. Gauss-Newton in the charges, and the masses where these are not known, makes the factors what the
   formula says; the best w follows from both.

The scale of the charges is that of f, and their common sign is free: their mean square is one, and
their sum is positive. Two bodies have one factor, which is a scale.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import clone

from ._data import some, triangular
from .hamiltonians import Hamiltonian, Layout, Pairwise, WithForces
from .hamiltonians._sampling import sample_layer


def with_charges(
    hamiltonian: Hamiltonian,
    X: np.ndarray,
    y: np.ndarray,
    layout: Layout,
    before: Hamiltonian | None = None,
) -> Hamiltonian:
    """The Hamiltonian with the charges that are to be learned, ``charges="learned"``, if any.

    A fit that goes on keeps those of ``before``. Raises ValueError where they cannot be found.
    """
    if isinstance(hamiltonian, WithForces):
        found = with_charges(hamiltonian.hamiltonian, X, y, layout, before)
        return WithForces(found, hamiltonian.forces)
    bodies = [part for part in hamiltonian.layers() if isinstance(part, Pairwise)]
    if not any(part.has_charges_to_learn for part in bodies):
        return hamiltonian
    if not isinstance(hamiltonian, Pairwise):
        raise ValueError(
            "charges='learned' is for Pairwise alone, as other energies are not known when charges "
            f"are looked for; got {hamiltonian!r}. Give the charges."
        )
    if isinstance(before, Pairwise):
        return clone(hamiltonian).set_params(charges=before.charges)
    hamiltonian.declare(layout)  # which checks the parameters
    masses, n = hamiltonian.masses, hamiltonian.n_bodies
    if not layout.has_velocities:  # dp/dt is a force
        masses = 1.0
    m = None if masses is None else np.broadcast_to(np.asarray(masses, dtype=float), n)
    fits = []
    for n_units in (6, 12, 24, 40):
        pairs = _Pairs.of(hamiltonian, X, y, layout, n_units)
        _, K = pairs.one_law()
        for sign in (1.0, -1.0):
            c, squares = pairs.refined(*_rank_one(sign * K, m), finds_masses=m is None)
            size = np.log(max(squares, np.finfo(float).tiny))
            fits.append((pairs.n_equations * size + n_units * np.log(pairs.n_equations), c))
    c = min(fits, key=lambda fit: fit[0])[1]  # by the Bayesian information criterion
    if not c.any():
        raise ValueError(
            "charges='learned': no law of pairs was found that explains the accelerations. Give "
            "the charges, or leave charges=None for bodies that are alike."
        )
    c = c / np.sqrt(np.mean(c * c))
    c[np.abs(c) < 1e-9] = 0.0  # a body that feels nothing, exactly: no weight may move it
    charges = ((c if c.sum() >= 0.0 else -c) + 0.0).tolist()
    return clone(hamiltonian).set_params(charges=charges)


@dataclass
class _Pairs:
    """t_i = sum_jm k_ij w_m R_i[:, j, m] of every body i and the others j, reduced to triangles."""

    R: list[np.ndarray]
    t: list[np.ndarray]
    n_equations: int

    @classmethod
    def of(
        cls, bodies: Pairwise, X: np.ndarray, y: np.ndarray, layout: Layout, n_units: int
    ) -> "_Pairs":
        """Those of the rows of X, less what friction of each body and inputs may be."""
        n, k = bodies.n_bodies, bodies.n_dim
        rng = np.random.RandomState(0)
        rows = some(np.arange(len(X)), max(2**24 // (n * n * n_units * k), 100), rng)
        X, y = np.asarray(X[rows]), np.asarray(y[rows])
        x, rates, targets = (Z.reshape(-1, n, k) for Z in (X[:, : n * k], *np.split(y, 2, axis=1)))
        apart = x[:, :, None] - x[:, None]
        laws = _laws((apart**2).sum(-1), n_units, rng)
        sizes = np.sqrt(np.mean(targets**2, axis=(0, 2)))
        sizes = np.maximum(sizes, 1e-3 * sizes.max() or 1.0)  # one may feel nothing
        sizes *= np.sqrt(len(X) * k)
        R, t = [], []
        for i in range(n):
            A = np.delete(laws[:, i, :, None] * apart[:, i, :, :, None], i, axis=1)
            A = np.moveaxis(A, 2, 1).reshape(len(X), k, -1)  # (rows, k, others m)
            left = [
                _without(np.hstack([A[:, axis], targets[:, i, axis, None]]),
                         np.column_stack([rates[:, i, axis], X[:, layout.inputs]]))
                for axis in range(k)
            ]  # fmt: skip
            triangle = triangular(np.concatenate(left)) / sizes[i]
            R.append(triangle[:, :-1].reshape(len(triangle), n - 1, n_units))
            t.append(triangle[:, -1])
        return cls(R, t, len(X) * k * n)

    @property
    def n(self) -> int:
        """The number of bodies."""
        return len(self.R)

    def one_law(self) -> tuple[np.ndarray, np.ndarray]:
        """w and factors (n, n), from those of the pair that does most of what its body does."""
        n, parts, alone = self.n, [], []
        for R, t in zip(self.R, self.t, strict=True):
            own = _least(R.reshape(len(R), -1), t).reshape(n - 1, -1)
            alone.append(own)
            parts.append(np.linalg.norm(np.einsum("rjm,jm->jr", R, own), axis=1))
        i, j = divmod(int(np.argmax(parts)), n - 1)
        w, K = alone[i][j], np.zeros((n, n))
        for _ in range(30):
            for i, (R, t) in enumerate(zip(self.R, self.t, strict=True)):
                K[i, np.arange(n) != i] = _least(R @ w, t)
            w = self.law(K)
        return w, K

    def law(self, K: np.ndarray) -> np.ndarray:
        """The best w for factors K (n, n)."""
        A = [np.einsum("rjm,j->rm", R, np.delete(K[i], i)) for i, R in enumerate(self.R)]
        return _least(np.concatenate(A), np.concatenate(self.t))

    def left(self, w: np.ndarray, K: np.ndarray) -> list[np.ndarray]:
        """What is left of every t."""
        return [t - R @ w @ np.delete(K[i], i)
                for i, (R, t) in enumerate(zip(self.R, self.t, strict=True))]  # fmt: skip

    def refined(
        self, c: np.ndarray, m: np.ndarray, *, finds_masses: bool
    ) -> tuple[np.ndarray, float]:
        """The charges by Gauss-Newton, and the squares they leave."""
        n, feels = self.n, np.array([np.linalg.norm(t) > 1e-6 for t in self.t])
        w = self.law(_factors(c, m))
        squares = _squares(self.left(w, _factors(c, m)))
        for _ in range(50):
            J = []
            for i, R in enumerate(self.R):
                f, others = R @ w / m[i], np.arange(n) != i
                of_c = np.zeros((len(f), n))
                of_c[:, others], of_c[:, i] = c[i] * f, f @ c[others]
                of_w = np.einsum("rjm,j->rm", R, c[i] * c[others] / m[i])
                of_m = -c[i] * of_c[:, i, None] * (np.arange(n) == i)
                J.append(np.hstack([of_c, of_m[:, : n * finds_masses], of_w]))
            change = _least(np.concatenate(J), np.concatenate(self.left(w, _factors(c, m))))
            step, of_log_m = change[:n], np.zeros(n)
            if finds_masses:  # a body that feels hardly anything may have any mass
                of_log_m = np.where(feels, np.clip(change[n : 2 * n], -1.0, 1.0), 0.0)
            for factor in 0.5 ** np.arange(12.0):
                there = c + factor * step, m * np.exp(factor * of_log_m)
                law = self.law(_factors(*there))
                now = _squares(self.left(law, _factors(*there)))
                if now < squares:
                    break
            if not now < (1.0 - 1e-9) * squares:
                break
            (c, m), w, squares = there, law, now
        return c, squares


def _laws(squares: np.ndarray, n_units: int, rng: np.random.RandomState) -> np.ndarray:
    """Functions b_m(r) of squared distances (rows, n, n): slopes of units, and a constant."""
    between = squares[:, ~np.eye(squares.shape[1], dtype=bool)]
    floor = max(1e-2 * between.min(), 1e-12 * between.mean())
    logarithm = np.log(between + floor)
    mean, spread = logarithm.mean(), logarithm.std() or 1.0
    W, b = sample_layer((logarithm.reshape(-1, 1) - mean) / spread, n_units - 1, rng, "pairs", 1.0)
    z = (np.log(squares + floor) - mean) / spread
    slopes = (1.0 - np.tanh(z[..., None] * W[0] + b) ** 2) * W[0] / (squares + floor)[..., None]
    found = np.concatenate([slopes, np.ones_like(slopes[..., :1])], axis=-1)
    size = np.sqrt(np.mean(found**2, axis=(0, 1, 2)))
    return np.asarray(found / np.where(size > 0.0, size, 1.0))


def _rank_one(K: np.ndarray, m: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """c and m with k_ij = c_i c_j / m_i, roughly: where masses are not known k_ij / k_ji says."""
    off = ~np.eye(len(K), dtype=bool)
    if m is None:
        m = _masses_of(np.abs(K))
    S = m[:, None] * K
    S = np.where(off, 0.5 * (S + S.T), 0.0)
    for _ in range(100):  # the diagonal is that of the best matrix of rank one
        eigenvalues, V = np.linalg.eigh(S)
        c = V[:, -1] * np.sqrt(max(eigenvalues[-1], 0.0))
        np.fill_diagonal(S, c * c)
    return c, m


def _masses_of(K: np.ndarray) -> np.ndarray:
    """m with k_ij / k_ji = m_j / m_i, by least squares; one where no force tells."""
    n = len(K)
    i, j = np.nonzero(np.triu(np.minimum(K, K.T) > 1e-3 * K.max(), 1))
    A = np.eye(n)[j] - np.eye(n)[i]
    return np.asarray(np.exp(_least(A, np.log(K[i, j] / K[j, i])))) if len(i) else np.ones(n)


def _factors(c: np.ndarray, m: np.ndarray) -> np.ndarray:
    return np.asarray(c[:, None] * c / m[:, None])


def _squares(left: list[np.ndarray]) -> float:
    return float(sum(r @ r for r in left))


def _least(A: np.ndarray, t: np.ndarray) -> Any:
    return np.linalg.lstsq(A, t, rcond=1e-12)[0]


def _without(A: np.ndarray, Z: np.ndarray) -> np.ndarray:
    """A less its regression on Z."""
    return A - Z @ np.linalg.lstsq(Z, A, rcond=None)[0]
