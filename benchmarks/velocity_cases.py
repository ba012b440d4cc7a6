"""Mechanical systems by their masses and potentials, and runs in positions and velocities."""

import numpy as np
from scipy.integrate import solve_ivp

H = 1e-30


class Mechanics:
    """L = 1/2 v^T M(q) v - V(q) in d coordinates, and a magnetic field B(q) where d = 2.

    Subclasses have ``mass``, ``potential`` and perhaps ``field``, in functions that take complex
    numbers: accelerations follow by complex steps, exact to rounding.
    """

    d, angles, step, period, is_lagrangian = 2, (), 0.05, 10.0, True

    def acceleration(self, q, v):
        d = q.shape[1]
        sides = [q + 1j * H * np.eye(d)[k] for k in range(d)]
        dM = np.stack([self.mass(side).imag / H for side in sides], axis=1)  # (n, k, d, d)
        dV = np.stack([self.potential(side).imag / H for side in sides], axis=1)
        F = 0.5 * np.einsum("nkij,ni,nj->nk", dM, v, v) - np.einsum("nkij,nk,nj->ni", dM, v, v) - dV
        F = F + self.force(q, v)
        return np.linalg.solve(self.mass(q.astype(complex)).real, F[..., None])[..., 0]

    def force(self, q, v):
        return np.zeros_like(v)

    def energy(self, q, v):
        return 0.5 * np.einsum("ni,nij,nj->n", v, self.mass(q), v) + self.potential(q)

    def run(self, x0, t):
        def field(_, x):
            q, v = x[None, : self.d], x[None, self.d :]
            return np.concatenate([v[0], self.acceleration(q, v)[0]])

        return solve_ivp(field, (t[0], t[-1]), x0, "DOP853", t, rtol=1e-10, atol=1e-11).y.T

    def runs(self, seed, n_runs, n_rows=None):
        """Rows (q, v), their accelerations, and the run of each; ``n_rows`` of them at random."""
        rng = np.random.default_rng(seed)
        t = np.arange(0.0, self.period + 1e-9, self.step)
        X = np.concatenate([self.run(self.start(rng), t) for _ in range(n_runs)])
        groups = np.repeat(np.arange(n_runs), len(t))
        if n_rows is not None and n_rows < len(X):
            rows = np.sort(rng.permutation(len(X))[:n_rows])
            X, groups = X[rows], groups[rows]
        return X, self.acceleration(X[:, : self.d], X[:, self.d :]), groups


def constant(m, q):
    return np.broadcast_to(np.diag(m), (len(q), len(m), len(m))) + 0j * q[:, :1, None]


class Carts(Mechanics):
    """Two carts between walls, three springs."""

    right, step, period = ("diagonal", None), 1 / 30, 3.0
    K, m = np.array([[59.4, -52.4], [-52.4, 60.6]]), np.array([1.0, 2.45])

    def mass(self, q):
        return constant(self.m, q)

    def potential(self, q):
        return 0.5 * np.einsum("ni,ij,nj->n", q, self.K, q)

    def start(self, rng):
        return rng.normal(size=4) * [1, 1, 6, 4]


class Masses(Mechanics):
    """Masses 1 : 2.45 : 10 on springs with a cubic part."""

    d, right, step = 3, ("diagonal", None), 0.1
    m, k, c = np.array([1, 2.45, 10.0]), np.array([1, 2, 3, 1.5]), np.array([0.5, 0.3, 1, 0.4])

    def mass(self, q):
        return constant(self.m, q)

    def potential(self, q):
        r = np.diff(np.pad(q, ((0, 0), (1, 1))), axis=1)
        return (self.k * r**2 / 2 + self.c * r**4 / 4).sum(axis=1)

    def start(self, rng):
        return rng.normal(size=6) * [1, 1, 1, 1, 1, 0.5]


class Arm(Mechanics):
    """Links with masses at their ends, in the angles between them; springs in the joints."""

    d, angles, right, step, period = 3, (0, 1, 2), ("q", None), 0.02, 5.0
    m, length, g, springs = (
        np.array([2, 1, 0.5]),
        np.array([1, 0.8, 0.6]),
        9.8,
        np.array([0, 3, 2.0]),
    )

    def mass(self, q):
        theta, above = np.cumsum(q, axis=1), np.cumsum(self.m[::-1])[::-1]
        i = np.arange(self.d)
        A = above[np.maximum.outer(i, i)] * np.outer(self.length, self.length)
        T = np.tril(np.ones((self.d, self.d)))
        return T.T @ (A * np.cos(theta[:, :, None] - theta[:, None])) @ T

    def potential(self, q):
        theta, above = np.cumsum(q, axis=1), np.cumsum(self.m[::-1])[::-1]
        return -(above * self.g * self.length * np.cos(theta) + self.springs * np.cos(q)).sum(
            axis=1
        )

    def start(self, rng):
        return rng.uniform(-1, 1, 2 * self.d)


class DoublePendulum(Mechanics):
    """Two bobs of mass one on rods of length one, in the angles from the vertical."""

    angles, right, step, period, g = (0, 1), ("q", None), 0.02, 5.0, 9.8

    def mass(self, q):
        c = np.cos(q[:, 0] - q[:, 1])
        return np.stack([np.stack([2 + 0 * c, c], -1), np.stack([c, 1 + 0 * c], -1)], -2)

    def potential(self, q):
        return -self.g * (2 * np.cos(q[:, 0]) + np.cos(q[:, 1]))

    def start(self, rng):
        return rng.uniform(-1, 1, 4)


class Spherical(Mechanics):
    """The spherical pendulum, in the angle from the vertical and the azimuth."""

    angles, right = (0, 1), ("q", None)

    def mass(self, q):
        s = np.sin(q[:, 0]) ** 2
        return np.stack([np.stack([1 + 0 * s, 0 * s], -1), np.stack([0 * s, s], -1)], -2)

    def potential(self, q):
        return -np.cos(q[:, 0])

    def start(self, rng):
        turn = rng.choice([-1, 1]) * rng.uniform(0.7, 1.3)
        return [rng.uniform(0.6, 1.4), rng.uniform(-3, 3), rng.uniform(-0.5, 0.5), turn]


class CartPole(Mechanics):
    """A pole that swings about its lower end on a cart."""

    angles, right, step, period = (1,), ("q", None), 0.02, 5.0

    def mass(self, q):
        c = 0.05 * np.cos(q[:, 1])
        return np.stack([np.stack([1.1 + 0 * c, c], -1), np.stack([c, 1 / 30 + 0 * c], -1)], -2)

    def potential(self, q):
        return 0.49 * np.cos(q[:, 1])

    def start(self, rng):
        return [rng.uniform(-1, 1), np.pi + rng.uniform(-1.5, 1.5), *rng.uniform(-1, 1, 2) * [1, 2]]


class Charge(Mechanics):
    """A charge in a plane, B = 2 + q_1 / 2 - 0.3 q_2^2, in an anharmonic well."""

    right = ("diagonal", "q")

    def mass(self, q):
        return constant(np.ones(2), q)

    def potential(self, q):
        return 0.5 * (q**2 @ [1, 1.6]) + (q**2).sum(axis=1) ** 2 / 8

    def force(self, q, v):
        B = 2 + 0.5 * q[:, :1] - 0.3 * q[:, 1:] ** 2
        return B * np.column_stack([v[:, 1], -v[:, 0]])

    def start(self, rng):
        return rng.normal(size=4) * 0.8


class VanDerPol(Mechanics):
    """An oscillator that takes energy from somewhere."""

    d, is_lagrangian = 1, False

    def mass(self, q):
        return constant(np.ones(1), q)

    def potential(self, q):
        return 0.5 * q[:, 0] ** 2

    def force(self, q, v):
        return (1 - q**2) * v

    def start(self, rng):
        return rng.uniform(-3, 3, 2)


class Follower(Charge):
    """The first body feels the second, and not the other way round."""

    is_lagrangian = False

    def potential(self, q):
        return -np.cos(q[:, 0]) + q[:, 1] ** 2 / 2 + q[:, 1] ** 4 / 4

    def force(self, q, v):
        return np.column_stack([0.7 * np.tanh(q[:, 1]), -0.3 * np.tanh(q[:, 0])])


class Hidden(Carts):
    """Three carts, of which two are recorded."""

    is_lagrangian = False

    def runs(self, seed, n_runs, n_rows=None):
        X, a, groups = Masses().runs(seed, n_runs, n_rows)
        return X[:, [0, 1, 3, 4]], a[:, :2], groups


class Magnus(Charge):
    """A force along the velocity that depends on the speed: no potential has it."""

    is_lagrangian = False

    def force(self, q, v):
        return 0.8 * np.tanh(q[:, 1:]) * v * np.abs(v)


class Turning(Charge):
    """Forces that go round in circles."""

    is_lagrangian = False

    def force(self, q, v):
        return np.column_stack([-q[:, 1], q[:, 0]]) * np.exp(-(q**2).sum(axis=1, keepdims=True))


LAGRANGIAN = {"two carts": Carts, "masses 1:2.45:10": Masses, "double pendulum": DoublePendulum,
              "spherical pendulum": Spherical, "cart-pole": CartPole, "charge, B(q)": Charge,
              "3-link arm": Arm}  # fmt: skip
OTHERS = {"Van der Pol": VanDerPol, "follower": Follower, "hidden body": Hidden, "gain": Magnus,
          "circular force": Turning}  # fmt: skip


def mass_error(M, true):
    """|L^-1 c M L^-T - 1|, c the best factor, root mean square over rows and entries."""
    inverse = np.linalg.inv(np.linalg.cholesky(true))
    R = inverse @ M @ np.swapaxes(inverse, 1, 2)
    c = np.trace(R, axis1=1, axis2=2).sum() / np.sum(R * R)
    return np.sqrt(np.mean((c * R - np.eye(M.shape[1])) ** 2) * M.shape[1])
