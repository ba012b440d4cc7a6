"""Claims of every known system: derivatives, conserved quantities, velocities, forces."""

from dataclasses import dataclass

import numpy as np
import pytest
from helpers import assert_equal_up_to_rounding
from scipy.integrate import solve_ivp

from skhnn import simulate
from skhnn.systems import (
    Acrobot,
    Arm,
    CartPole,
    Chain,
    DoublePendulum,
    Duffing,
    ElasticPendulum,
    Forced,
    HamiltonianSystem,
    HenonHeiles,
    Kepler,
    MagneticCharge,
    MassSpring,
    NBody,
    Pendulum,
    PredatorPrey,
    RigidBody,
    Satellite,
    SphericalPendulum,
    SpringNetwork,
)

COUPLED = [[3.0, -1.0, 0.5], [-1.0, 2.0, 0.0], [0.5, 0.0, 1.0]]
CANONICAL = [
    MassSpring(0.3, 4.0),
    Pendulum(0.5, 2.0, 9.81),
    Kepler(2.0, 3),
    DoublePendulum(),
    DoublePendulum(0.5, 2.0, 1.5, 0.7, 9.81),
    HenonHeiles(),
    HenonHeiles(0.3),
    NBody(3),
    NBody(2, 1, softening=0.5),
    NBody(4, 3, masses=[1.0, 2.0, 0.5, 3.0], G=2.0, softening=0.1),
    NBody(3, 4, potential="lennard_jones", epsilon=0.5, sigma=0.8),
    Chain(),
    Chain(2),
    Chain(1, alpha=0.3, periodic=False),
    Chain(5, "fput", beta=0.7),
    Chain(4, "fput", 0.5, 0.2, periodic=False),
    Chain(3, masses=[1.0, 0.5, 4.0]),
    Chain(3, "fput", periodic=False, masses=2.0),
    MagneticCharge(),
    MagneticCharge(-2.0, (0.5, 0.3)),
    SpringNetwork(),
    SpringNetwork([1.0, 2.0, 3.0], [1.0, 0.0, 2.0, 0.5]),
    SpringNetwork(2.0, COUPLED),
    SphericalPendulum(0.5, 2.0, 9.81),
    ElasticPendulum(0.5, 0.8, 20.0, 9.81),
    CartPole(2.0, 0.3, 0.5, 9.81),
    Duffing(),
    Duffing(1.0, 0.5),
    Arm(),
    Arm(1, 0.5, 2.0, 3.0),
    Arm(4, [1.0, 2.0, 0.5, 1.5], [1.5, 0.7, 1.0, 0.9], [0.0, 1.0, 2.0, 0.5], 9.81),
    Acrobot(),
    Acrobot(0.5, 2.0, 1.5, 0.7, 0.6, 0.4, 0.2, 0.0, 9.81),
    Satellite(),
    Satellite(2.0, -0.7, 3),
]
OTHERS = [RigidBody(), RigidBody((2.0, 1.0, 2.5)), PredatorPrey(), PredatorPrey(1.1, 0.4, 0.1, 0.4)]
each_canonical = pytest.mark.parametrize("system", CANONICAL, ids=repr)
each_other = pytest.mark.parametrize("system", OTHERS, ids=repr)
each_system = pytest.mark.parametrize("system", CANONICAL + OTHERS, ids=repr)


def cloud(system, seed, n=20):
    """Random states (n, n_columns) where the system is defined and its forces are moderate."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1, 1, (n, system.n_columns))
    if isinstance(system, PredatorPrey | SphericalPendulum | ElasticPendulum):
        X[:, 0] = rng.uniform(0.6, 2.0, n)  # numbers, an angle from the pole, a length
    if isinstance(system, PredatorPrey):
        X[:, 1] = rng.uniform(0.6, 2.0, n)
    if isinstance(system, Kepler | Satellite):
        X[:, 0] += 2
    if isinstance(system, NBody):  # the bodies stand in a row, two apart
        X[:, : system.n_dof : system.n_dim] /= 4
        X[:, : system.n_dof : system.n_dim] += 2 * np.arange(system.n_bodies)
    return X


def derivatives(function, X, h=1e-30):
    """Derivatives of a function of states by complex steps, to rounding: (n, ..., n_columns)."""
    steps = 1j * h * np.eye(X.shape[-1])
    return np.stack([function(X + step).imag / h for step in steps], axis=-1)


def path(field, x0, t):
    """States (n_times, n_columns) from x0, to about 1e-11."""
    solution = solve_ivp(
        lambda _, x: field(x), (t[0], t[-1]), x0, "DOP853", t, rtol=1e-12, atol=1e-12
    )
    return solution.y.T


# ---- derivatives


@each_system
def test_gradient_is_that_of_the_hamiltonian(system):
    X = cloud(system, 0)
    expected = derivatives(system.energy, X)
    size = np.abs(expected).max()
    np.testing.assert_allclose(system.gradient(X), expected, rtol=1e-11, atol=1e-13 * size)


@each_system
def test_gradient_agrees_with_finite_differences(system):
    # without complex numbers, which could hide what numpy does with them
    X, h = cloud(system, 1), 1e-5
    steps = h * np.eye(X.shape[-1])
    D = [(system.energy(X + s) - system.energy(X - s)) / (2 * h) for s in steps]
    size = np.abs(system.gradient(X)).max()
    np.testing.assert_allclose(system.gradient(X), np.stack(D, axis=-1), atol=1e-7 * size)


@each_system
def test_field_is_structure_times_gradient(system):
    X = cloud(system, 2)
    S = system.structure(X)
    assert S.shape == (len(X), system.n_columns, system.n_columns)
    np.testing.assert_array_equal(S, -np.swapaxes(S, -1, -2))
    expected = np.einsum("nij,nj->ni", S, system.gradient(X))
    np.testing.assert_allclose(system.vector_field(X), expected, rtol=1e-14)


@each_canonical
def test_field_is_divergence_free(system):
    D = derivatives(system.vector_field, cloud(system, 3))
    np.testing.assert_allclose(np.trace(D, axis1=1, axis2=2), 0, atol=1e-13 * np.abs(D).max())


@each_other
def test_brackets_satisfy_the_identity_of_jacobi(system):
    X = cloud(system, 4)
    S, D = system.structure(X), derivatives(system.structure, X)  # D[n, i, j, l] = dS_ij/dx_l
    cyclic = np.einsum("nil,njkl->nijk", S, D)
    cyclic = cyclic + np.moveaxis(cyclic, 1, 3) + np.moveaxis(cyclic, 3, 1)
    np.testing.assert_allclose(cyclic, 0, atol=1e-14)


@each_system
def test_any_leading_axes_do(system):
    X = cloud(system, 5, n=6)
    cube = X.reshape(2, 3, -1)
    np.testing.assert_allclose(system.energy(cube), system.energy(X).reshape(2, 3), rtol=1e-13)
    functions = [system.gradient, system.vector_field]
    if isinstance(system, HamiltonianSystem):
        functions += [system.to_velocities, system.velocity_field]
    for function in functions:
        np.testing.assert_allclose(function(cube), function(X).reshape(cube.shape), rtol=1e-13)
        single = function(X[0].tolist())
        np.testing.assert_allclose(single, function(X)[0], rtol=1e-12, atol=1e-13)
        assert function(X.astype(np.float32)).dtype == np.float64
    assert system.energy(X[0]).shape == ()
    assert len(set(system.feature_names)) == system.n_columns


@each_system
def test_wrong_width_is_refused(system):
    n = system.n_columns
    message = rf"X must have {n} columns \(.*\) for {type(system).__name__}; got the shape \(2, "
    for function in (system.energy, system.gradient, system.structure, system.vector_field):
        with pytest.raises(ValueError, match=message):
            function(np.ones((2, n + 1)))


@each_system
def test_systems_are_compared_by_their_parameters(system):
    same = type(system)(**vars(system))
    assert same == system
    assert hash(same) == hash(system)


# ---- motion


@each_system
def test_energy_is_conserved_along_a_trajectory(system):
    X = path(system.vector_field, cloud(system, 6)[0], np.linspace(0, 2, 9))
    energy = system.energy(X)
    np.testing.assert_allclose(energy, energy[0], rtol=1e-9, atol=1e-9)
    assert np.ptp(X, axis=0).max() > 0.01  # it moved


@each_other
def test_simulate_takes_systems_that_are_not_canonical(system):
    x0, t = cloud(system, 8)[0], np.linspace(0, 2, 5)
    expected = path(system.vector_field, x0, t)
    np.testing.assert_allclose(simulate(system, x0, t, rtol=1e-10, atol=1e-10), expected, atol=1e-7)


@pytest.mark.parametrize("system", [s for s in CANONICAL if isinstance(s, NBody)], ids=repr)
def test_bodies_keep_their_momentum_and_angular_momentum(system):
    X = path(system.vector_field, cloud(system, 9)[0], np.linspace(0, 1, 5))
    q, p = X.reshape(len(X), 2, system.n_bodies, system.n_dim).swapaxes(0, 1)
    np.testing.assert_allclose(p.sum(axis=1), p[:1].sum(axis=1).repeat(len(X), 0), atol=1e-10)
    L = np.einsum("tia,tib->tab", q, p)
    L = L - np.swapaxes(L, 1, 2)
    np.testing.assert_allclose(L, np.broadcast_to(L[0], L.shape), atol=1e-9)


def test_a_rigid_body_keeps_the_length_of_its_angular_momentum():
    X = path(RigidBody().vector_field, [1.0, 0.2, -0.5], np.linspace(0, 10, 20))
    length = np.linalg.norm(X, axis=1)
    np.testing.assert_allclose(length, length[0], rtol=1e-10)


@pytest.mark.parametrize("masses", [1.0, [1.0, 2.0, 3.0, 0.5, 1.0, 4.0]])
def test_a_chain_in_a_ring_keeps_its_momentum(masses):
    field = Chain(6, masses=masses).vector_field(cloud(Chain(6), 0))
    np.testing.assert_allclose(field[:, 6:].sum(axis=1), 0, atol=1e-13)


# ---- the formulas, told by other formulas


def test_double_pendulum_is_that_of_the_textbook():
    q_1, q_2, p_1, p_2 = X = np.array([0.3, -1.1, 0.7, -0.4])
    c, s = np.cos(q_1 - q_2), np.sin(q_1 - q_2)
    H = (p_1**2 + 2 * p_2**2 - 2 * p_1 * p_2 * c) / (2 * (1 + s * s))
    H += 3 - 2 * np.cos(q_1) - np.cos(q_2)
    np.testing.assert_allclose(DoublePendulum().energy(X), H, rtol=1e-14)


def test_momenta_of_pendulum_and_cart_are_mass_matrix_times_velocity():
    q, v = np.array([0.3, -1.1]), np.array([0.7, -0.4])
    M = [[2.5 * 1.5**2, 2 * 1.5 * 0.7 * np.cos(1.4)], [2 * 1.5 * 0.7 * np.cos(1.4), 2 * 0.7**2]]
    X = np.concatenate([q, M @ v])
    np.testing.assert_allclose(DoublePendulum(0.5, 2.0, 1.5, 0.7).velocity(X), v, rtol=1e-13)
    off = 0.5 * 0.7 * np.cos(-1.1)
    X = np.concatenate([q, np.array([[2.5, off], [off, 0.5 * 0.7**2]]) @ v])
    np.testing.assert_allclose(CartPole(2.0, 0.5, 0.7).velocity(X), v, rtol=1e-13)


def cartesian(system, X):
    """Where the masses of a pendulum are, from its coordinates: each row is one number."""
    q = X[: len(X) // 2]
    if isinstance(system, DoublePendulum):
        l_1, l_2 = system.length_1, system.length_2
        upper = np.stack([l_1 * np.sin(q[0]), -l_1 * np.cos(q[0])])
        return np.stack([upper, upper + np.stack([l_2 * np.sin(q[1]), -l_2 * np.cos(q[1])])])
    if isinstance(system, SphericalPendulum):
        s, height = np.sin(q[0]), -np.cos(q[0])
        return system.length * np.stack([np.stack([s * np.cos(q[1]), s * np.sin(q[1]), height])])
    if isinstance(system, ElasticPendulum):
        return np.stack([np.stack([q[0] * np.sin(q[1]), -q[0] * np.cos(q[1])])])
    if isinstance(system, Arm | Acrobot):  # angles from the vertical, where the links end
        angle = np.cumsum(q)
        direction = np.stack([np.sin(angle), -np.cos(angle)], axis=1)
    if isinstance(system, Arm):
        return np.cumsum(np.reshape(system.lengths, (-1, 1)) * direction, axis=0)
    if isinstance(system, Acrobot):  # two halves of each link's mass, at the radius of gyration
        elbow = system.length_1 * direction[0]
        radii = np.sqrt([system.inertia_1 / system.mass_1, system.inertia_2 / system.mass_2])
        starts, centres = (0 * elbow, elbow), (system.centre_1, system.centre_2)
        links = zip(starts, centres, radii, direction, strict=True)
        return np.stack([s + (c + sign * r) * e for s, c, r, e in links for sign in (-1, 1)])
    cart = np.stack([q[0], 0 * q[0]])
    pole = system.length * np.stack([np.sin(q[1]), -np.cos(q[1])])
    return np.stack([cart, cart + pole])


@pytest.mark.parametrize(
    ("system", "masses"),
    [
        (DoublePendulum(0.5, 2.0, 1.5, 0.7, 9.81), [0.5, 2.0]),
        (SphericalPendulum(0.5, 2.0, 9.81), [0.5]),
        (ElasticPendulum(0.5, 0.8, 20.0, 9.81), [0.5]),
        (CartPole(2.0, 0.3, 0.5, 9.81), [2.0, 0.3]),
        (Arm(3, [1.0, 2.0, 0.5], [1.5, 0.7, 0.9], gravity=9.81), [1.0, 2.0, 0.5]),
        (Acrobot(0.5, 2.0, 1.5, 0.7, 0.6, 0.4, 0.2, 0.3, 9.81), [0.25, 0.25, 1.0, 1.0]),
    ],
    ids=repr,
)
def test_energy_is_that_of_masses_in_space(system, masses):
    # T = sum m |v|^2 / 2 with velocities in space, V = sum m g height + a spring
    rest = None
    for X in cloud(system, 10):
        h = 1e-30
        place = cartesian(system, X + 1j * h * system.vector_field(X))
        speed = np.sum((place.imag / h) ** 2, axis=1)
        H = np.sum(masses * (speed / 2 + system.gravity * place.real[:, -1]))
        if isinstance(system, ElasticPendulum):
            H += system.stiffness * (X[0] - system.length) ** 2 / 2
        rest = system.energy(X) - H if rest is None else rest  # the zero of V
        np.testing.assert_allclose(system.energy(X) - H, rest, atol=1e-12)


def of_rods(X):
    """(q, p) in angles from the vertical, of those in joint angles: both are (..., 4)."""
    q_1, q_2, p_1, p_2 = np.moveaxis(X, -1, 0)
    return np.stack([q_1, q_1 + q_2, p_1 - p_2, p_2], axis=-1)


@pytest.mark.parametrize(
    "system",
    [
        Arm(2, [0.5, 2.0], [1.5, 0.7], gravity=9.81),
        Acrobot(0.5, 2.0, 1.5, 0.7, 1.5, 0.7, 0.0, 0.0, 9.81),
    ],
    ids=repr,
)
def test_two_links_with_masses_at_their_ends_are_the_double_pendulum(system):
    double, X = DoublePendulum(0.5, 2.0, 1.5, 0.7, 9.81), cloud(system, 18)
    np.testing.assert_allclose(system.energy(X), double.energy(of_rods(X)), rtol=1e-13)
    # the map is linear, and so takes derivatives as it takes states
    expected = double.vector_field(of_rods(X))
    np.testing.assert_allclose(of_rods(system.vector_field(X)), expected, rtol=1e-11, atol=1e-12)


def test_one_link_is_a_pendulum():
    X = cloud(Pendulum(), 19)
    by_weight, by_spring = Arm(1, 0.5, 2.0, gravity=9.81), Arm(1, 0.5, 2.0, 9.81, gravity=0.0)
    for arm in (by_weight, by_spring):  # m g l = k
        np.testing.assert_allclose(arm.energy(X), Pendulum(0.5, 2.0, 9.81).energy(X), rtol=1e-14)
        expected = Pendulum(0.5, 2.0, 9.81).vector_field(X)
        np.testing.assert_allclose(arm.vector_field(X), expected, rtol=1e-14)


def test_a_horizontal_arm_keeps_its_angular_momentum_without_a_spring_in_its_first_joint():
    arm = Arm(3, stiffness=(0.0, 1.0, 2.0), gravity=0.0)
    X = path(arm.vector_field, cloud(arm, 20)[0], np.linspace(0, 5, 6))
    np.testing.assert_allclose(X[:, 3], X[0, 3], atol=1e-13)
    assert np.ptp(X[:, 4]) > 0.1


@pytest.mark.parametrize("system", [Arm(4), Acrobot()], ids=repr)
def test_energy_of_links_is_zero_at_rest_and_has_no_cancellation_nearby(system):
    X = np.zeros(system.n_columns)
    assert system.energy(X) == 0
    np.testing.assert_array_equal(system.vector_field(X), 0)
    X[0] = 1e-9  # all links turned by it
    weight = 10 if isinstance(system, Arm) else 2  # sum_i mu_i l_i, or 1/2 + 1 + 1/2
    assert system.energy(X) == pytest.approx(weight * 5e-19, rel=1e-12)


def test_acrobot_is_that_of_the_textbook():
    # manipulator equations M a + C v + G = (0, u), as in Spong's paper but for the vertical
    m_1, m_2, l_1, c_1, c_2, I_1, I_2, g = 0.5, 2.0, 1.5, 0.6, 0.4, 0.2, 0.3, 9.81
    system = Acrobot(m_1, m_2, l_1, 0.7, c_1, c_2, I_1, I_2, g)
    (q_1, q_2), v, u = np.array([0.3, -1.1]), np.array([0.7, -0.4]), 1.3
    c, h = np.cos(q_2), -m_2 * l_1 * c_2 * np.sin(q_2)
    off = I_2 + m_2 * (c_2**2 + l_1 * c_2 * c)
    first = I_1 + I_2 + m_1 * c_1**2 + m_2 * (l_1**2 + c_2**2 + 2 * l_1 * c_2 * c)
    M = np.array([[first, off], [off, I_2 + m_2 * c_2**2]])
    C = h * np.array([[v[1], v[1] + v[0]], [-v[0], 0.0]])
    lower = m_2 * c_2 * g * np.sin(q_1 + q_2)
    G = np.array([(m_1 * c_1 + m_2 * l_1) * g * np.sin(q_1) + lower, lower])
    a = np.linalg.solve(M, np.array([0.0, u]) - C @ v - G)
    X = np.concatenate([[q_1, q_2], M @ v])
    found = Forced(system, input_matrix=[[0.0], [1.0]]).velocity_field(X, [u])
    np.testing.assert_allclose(found, [*v, *a], rtol=1e-12)


def test_links_of_an_acrobot_are_uniform_rods_by_default():
    assert Acrobot(3.0, 2.0, 1.0, 0.5) == Acrobot(3.0, 2.0, 1.0, 0.5, 0.5, 0.25, 1 / 4, 1 / 24)


@pytest.mark.parametrize("n_dim", [2, 3])
def test_a_satellite_moves_as_a_body_of_kepler_seen_from_a_rotating_frame(n_dim):
    system, t = Satellite(2.0, -0.7, n_dim), np.linspace(0, 4, 9)
    x0 = cloud(system, 21)[0]
    at_rest = path(Kepler(2.0, n_dim).vector_field, x0, t)  # the axes agree at t = 0
    turn = np.tile(np.eye(n_dim), (len(t), 1, 1))
    turn[:, :2, :2] = np.moveaxis([[np.cos(0.7 * t), -np.sin(0.7 * t)],
                                   [np.sin(0.7 * t), np.cos(0.7 * t)]], -1, 0)  # fmt: skip
    expected = np.einsum("tij,tkj->tki", turn, at_rest.reshape(len(t), 2, n_dim))
    found = path(system.vector_field, x0, t)
    np.testing.assert_allclose(found, expected.reshape(len(t), -1), atol=1e-9)


@pytest.mark.parametrize("n_dim", [2, 3])
def test_a_satellite_in_a_frame_at_rest_is_a_body_of_kepler(n_dim):
    system, kepler = Satellite(2.0, 0.0, n_dim), Kepler(2.0, n_dim)
    X = cloud(system, 22)
    for name in ("energy", "gradient", "vector_field", "to_velocities", "velocity_field"):
        assert_equal_up_to_rounding(getattr(system, name)(X), getattr(kepler, name)(X))


@pytest.mark.parametrize("n_dim", [2, 3])
def test_a_satellite_feels_coriolis_and_centrifugal_forces(n_dim):
    system = Satellite(2.0, -0.7, n_dim)
    X = cloud(system, 23)
    q, v = np.hsplit(system.to_velocities(X), 2)
    in_plane = np.arange(n_dim) < 2
    r = np.linalg.norm(q, axis=1, keepdims=True)
    coriolis = np.zeros_like(q)
    coriolis[:, :2] = 2 * -0.7 * np.stack([v[:, 1], -v[:, 0]], axis=1)
    a = -2.0 * q / r**3 + coriolis + 0.7**2 * q * in_plane
    np.testing.assert_allclose(system.velocity_field(X)[:, n_dim:], a, rtol=1e-12, atol=1e-13)
    jacobi = np.sum(v**2, axis=1) / 2 - 0.7**2 * np.sum((q * in_plane) ** 2, axis=1) / 2
    np.testing.assert_allclose(system.energy(X), jacobi - 2.0 / r[:, 0], atol=1e-13)


def test_a_satellite_stands_still_on_the_stationary_orbit():
    system = Satellite(2.0, 0.5)
    radius = (2.0 / 0.5**2) ** (1 / 3)
    X = radius * np.array([0.6, 0.8, -0.4, 0.3])  # p = omega x q
    np.testing.assert_allclose(system.velocity_field(X), 0, atol=1e-15)


def test_masses_of_a_chain_are_those_of_a_line_of_linear_springs():
    masses = [1.0, 2.0, 0.5]
    chain = Chain(3, "fput", alpha=0.0, periodic=False, masses=masses)
    X = cloud(chain, 24)
    np.testing.assert_allclose(chain.energy(X), SpringNetwork(masses).energy(X), rtol=1e-13)
    expected = SpringNetwork(masses).vector_field(X)
    np.testing.assert_allclose(chain.vector_field(X), expected, rtol=1e-12, atol=1e-14)


def test_masses_of_one_change_nothing_in_a_chain():
    X = cloud(Chain(4), 25)
    for masses in (1, [1.0, 1.0, 1.0, 1.0]):
        chain = Chain(4, masses=masses)
        assert_equal_up_to_rounding(chain.energy(X), Chain(4).energy(X))
        assert_equal_up_to_rounding(chain.gradient(X), Chain(4).gradient(X))


def test_toda_is_fput_to_third_order():
    q = 1e-3 * np.random.default_rng(0).uniform(-1, 1, (5, 8))
    toda, fput = Chain(4, alpha=0.3), Chain(4, "fput", alpha=0.3)
    np.testing.assert_allclose(toda.energy(q), fput.energy(q), rtol=0, atol=1e-11)
    r = 0.7
    expected = 2 * (np.exp(-r) + np.exp(r) - 2)  # V = exp(-r) + r - 1 of the four springs
    np.testing.assert_allclose(Chain(4).energy([r, 0, r, 0, 0, 0, 0, 0]), expected)


def test_field_of_a_charge_is_the_curl_of_its_potential():
    system, X = MagneticCharge(-2.0, (0.5, 0.3)), cloud(MagneticCharge(), 11)
    B = -2.0 + X[:, :2] @ [0.5, 0.3]
    v, a = np.hsplit(system.velocity_field(X), 2)
    np.testing.assert_allclose(a, B[:, None] * np.stack([v[:, 1], -v[:, 0]], axis=1), atol=1e-13)


def test_springs_in_a_line_are_a_matrix():
    line, K = SpringNetwork([1.0, 2.0, 3.0], 2.0), 2.0 * (2 * np.eye(3) - np.eye(3, k=1))
    K -= 2.0 * np.eye(3, k=-1)
    np.testing.assert_array_equal(line.stiffness_matrix, K)
    X = cloud(line, 0)
    np.testing.assert_allclose(line.energy(X), SpringNetwork([1.0, 2.0, 3.0], K).energy(X))
    assert SpringNetwork(2.0, [1.0, 1.0]).n_dof == SpringNetwork(2.0).n_dof == 1


def test_a_pair_of_bodies_is_the_kepler_problem():
    pair = NBody(2, masses=[3.0, 1.0])
    X = cloud(pair, 12)
    q, p = np.split(X, 2, axis=1)
    separation = np.hstack([q[:, :2] - q[:, 2:], p[:, :2] / 3 - p[:, 2:]])
    a = pair.velocity_field(X)[:, 4:]
    expected = Kepler(mu=4.0).velocity_field(separation)[:, 2:]
    np.testing.assert_allclose(a[:, :2] - a[:, 2:], expected, rtol=1e-13)


# ---- velocities


@each_canonical
def test_velocity_field_is_the_derivative_of_velocities_in_time(system):
    h, x0 = 1e-3, cloud(system, 13)[0]
    X = path(system.vector_field, x0, h * np.arange(-3, 4) + 3 * h)
    weights = np.array([-1, 9, -45, 0, 45, -9, 1]) / (60 * h)  # of order six
    expected = weights @ system.to_velocities(X)
    found = system.velocity_field(X[3])
    size = np.abs(found).max()
    np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-8 * size)


@each_canonical
def test_velocity_field_begins_with_the_velocity(system):
    X, d = cloud(system, 14), system.n_dof
    F = system.velocity_field(X)
    v = system.velocity(X)  # equal up to rounding: linear equations are solved in complex numbers
    np.testing.assert_allclose(F[:, :d], v, rtol=1e-14, atol=1e-15 * np.abs(v).max())
    assert_equal_up_to_rounding(system.to_velocities(X)[:, d:], system.velocity(X))
    np.testing.assert_array_equal(system.to_velocities(X)[:, :d], X[:, :d])
    # by the Hessian: a = dv/dx . dx/dt
    a = np.einsum("nij,nj->ni", derivatives(system.velocity, X), system.vector_field(X))
    np.testing.assert_allclose(F[:, d:], a, rtol=1e-11, atol=1e-12 * np.abs(a).max())


def test_names_of_velocities():
    assert Pendulum().velocity_names == ["q", "v"]
    assert NBody(2, 1).velocity_names == ["x_1", "x_2", "vx_1", "vx_2"]
    assert NBody(1, 4).feature_names[:2] == ["q1_1", "q2_1"]


# ---- forces


def random_forces(system, seed):
    rng = np.random.default_rng(seed)
    d = system.n_dof
    root = rng.uniform(-1, 1, (d, d))
    return root @ root.T, rng.uniform(-1, 1, (d, 2)), rng.uniform(-1, 1, (20, 2))


@each_canonical
def test_energy_balance_of_forces(system):
    damping, G, u = random_forces(system, 0)
    forced, X = Forced(system, damping, G), cloud(system, 15)
    v = system.velocity(X)
    expected = -np.einsum("ni,ij,nj->n", v, damping, v) + np.einsum("ni,ij,nj->n", v, G, u)
    change = np.sum(forced.gradient(X) * forced.vector_field(X, u), axis=1)
    scale = np.abs(system.gradient(X)).max() ** 2
    np.testing.assert_allclose(change, expected, rtol=1e-11, atol=1e-13 * scale)
    np.testing.assert_allclose(forced.power(X, u), expected, rtol=1e-12)


@each_canonical
def test_without_forces_nothing_changes(system):
    X = cloud(system, 16)
    assert_equal_up_to_rounding(Forced(system).vector_field(X), system.vector_field(X))
    assert_equal_up_to_rounding(Forced(system).velocity_field(X), system.velocity_field(X))
    assert_equal_up_to_rounding(Forced(system).energy(X), system.energy(X))


@each_canonical
def test_accelerations_of_forces_are_derivatives_in_time(system):
    damping, G, u = random_forces(system, 1)
    forced, x0, h = Forced(system, damping, G), cloud(system, 17)[0], 1e-3
    X = path(lambda x: forced.vector_field(x, u[0]), x0, h * np.arange(7))
    weights = np.array([-1, 9, -45, 0, 45, -9, 1]) / (60 * h)
    found = forced.velocity_field(X[3], u[0])
    size = np.abs(found).max()
    np.testing.assert_allclose(
        found, weights @ forced.to_velocities(X), rtol=1e-7, atol=1e-8 * size
    )


def test_damping_may_be_a_number_a_sequence_or_a_matrix():
    X = cloud(CartPole(), 0)
    one, two, matrix = (Forced(CartPole(), g) for g in (0.3, (0.3, 0.3), 0.3 * np.eye(2)))
    np.testing.assert_allclose(one.vector_field(X), two.vector_field(X), rtol=1e-14)
    np.testing.assert_allclose(one.vector_field(X), matrix.vector_field(X), rtol=1e-14)
    assert matrix == Forced(CartPole(), [[0.3, 0.0], [0.0, 0.3]])


def test_simulate_takes_a_damped_system():
    t = np.linspace(0, 5, 11)
    forced = Forced(Pendulum(), damping=0.2)
    X = simulate(forced, [1.0, 0.0], t, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(X, path(forced.vector_field, [1.0, 0.0], t), atol=1e-7)
    assert np.all(np.diff(forced.energy(X)) < 0)


def test_inputs_have_names():
    assert Forced(CartPole(), input_matrix=[[1.0], [0.0]]).input_names == ["u"]
    assert Forced(CartPole(), input_matrix=np.eye(2)).input_names == ["u_1", "u_2"]
    assert Forced(CartPole()).input_names == []


# ---- bad parameters


@dataclass(frozen=True)
class NotCanonical:
    n_dof: int = 1


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: DoublePendulum(mass_2=0.0), ValueError, "mass_2 of DoublePendulum must be pos"),
        (lambda: SphericalPendulum(length=-1.0), ValueError, "length of SphericalPendulum must"),
        (lambda: ElasticPendulum(stiffness=np.nan), ValueError, "stiffness of ElasticPendulum"),
        (lambda: CartPole(cart_mass=np.inf), ValueError, "cart_mass of CartPole must be positive"),
        (lambda: PredatorPrey(mortality=0), ValueError, "mortality of PredatorPrey must be posi"),
        (lambda: HenonHeiles(np.nan), ValueError, "coupling of HenonHeiles must be finite; got"),
        (lambda: Duffing(beta=np.inf), ValueError, "beta of Duffing must be finite; got inf"),
        (lambda: NBody(0), ValueError, "n_bodies of NBody must be at least 1; got 0"),
        (lambda: NBody(2.0), TypeError, "n_bodies of NBody must be an integer; got 2.0"),
        (lambda: NBody(2, masses=[1.0]), ValueError, "masses of NBody must be a number or 2 of"),
        (lambda: NBody(2, masses=[1.0, 0.0]), ValueError, "masses of NBody must be positive"),
        (lambda: NBody(2, masses="a"), TypeError, "masses of NBody must be a number or an array"),
        (lambda: NBody(2, softening=-1.0), ValueError, "softening of NBody must be finite and at"),
        (lambda: NBody(2, potential="glue"), ValueError, "potential of NBody must be one of .*glu"),
        (lambda: Chain(1), ValueError, "n of Chain must be at least 2; got 1"),
        (lambda: Chain(3, "spring"), ValueError, "potential of Chain must be one of"),
        (lambda: Chain(3, alpha=0), ValueError, "alpha of Chain must not be 0.*try 'fput'"),
        (lambda: Chain(3, beta=1.0), ValueError, "beta of Chain is for potential='fput'; got 1.0"),
        (lambda: Chain(3, masses=[1.0]), ValueError, "masses of Chain must be a number or 3 of"),
        (lambda: Chain(3, masses=0.0), ValueError, "masses of Chain must be positive and fin"),
        (lambda: Arm(0), ValueError, "n_links of Arm must be at least 1; got 0"),
        (lambda: Arm(2.0), TypeError, "n_links of Arm must be an integer; got 2.0"),
        (lambda: Arm(2, [1.0]), ValueError, "masses of Arm must be a number or 2 of them.*link"),
        (lambda: Arm(2, lengths=[1, 0]), ValueError, "lengths of Arm must be positive and finite"),
        (lambda: Arm(stiffness=-1), ValueError, "stiffness of Arm must be finite and at least 0"),
        (lambda: Arm(stiffness=[1, 2]), ValueError, "stiffness of Arm must be .* 3 of them.*joint"),
        (lambda: Arm(stiffness="a"), TypeError, "stiffness of Arm must be a number or an array"),
        (lambda: Arm(gravity=-1.0), ValueError, "gravity of Arm must be finite and at least 0"),
        (lambda: Acrobot(length_2=0), ValueError, "length_2 of Acrobot must be positive"),
        (lambda: Acrobot(centre_1=0), ValueError, "centre_1 of Acrobot must be positive"),
        (lambda: Acrobot(inertia_2=-1), ValueError, "inertia_2 of Acrobot must be finite and at"),
        (lambda: Satellite(0.0), ValueError, "mu of Satellite must be positive and finite; got"),
        (lambda: Satellite(omega=np.inf), ValueError, "omega of Satellite must be finite; got inf"),
        (lambda: Satellite(n_dim=1), ValueError, "n_dim of Satellite must be at least 2; got 1"),
        (lambda: Satellite(n_dim=4), ValueError, "n_dim of Satellite must be 2 or 3; got 4"),
        (lambda: Satellite(n_dim=2.5), TypeError, "n_dim of Satellite must be an integer; got 2.5"),
        (lambda: MagneticCharge(1.0, 2.0), ValueError, "field_gradient of MagneticCharge must be"),
        (lambda: MagneticCharge(np.nan), ValueError, "field of MagneticCharge must be finite"),
        (lambda: SpringNetwork([]), ValueError, "masses of SpringNetwork must be a number or a"),
        (lambda: SpringNetwork([1, 1], [1, 1]), ValueError, r"n \+ 1 springs of n masses.*\(2,\)"),
        (lambda: SpringNetwork([1, 1], -1), ValueError, "stiffness of SpringNetwork must be at le"),
        (lambda: SpringNetwork(1, [[1, 2], [3, 4]]), ValueError, "must be symmetric; got a matrix"),
        (lambda: SpringNetwork(1, [[1, 2]]), ValueError, "stiffness of SpringNetwork must be a sq"),
        (lambda: SpringNetwork([1, np.inf]), ValueError, "masses of SpringNetwork must be finite"),
        (lambda: SpringNetwork([1, -1]), ValueError, "masses of SpringNetwork must be positive"),
        (lambda: RigidBody((1, 2)), ValueError, "inertia of RigidBody must be three moments"),
        (lambda: RigidBody((1, 2, 0)), ValueError, "inertia of RigidBody must be positive"),
        (lambda: Forced(RigidBody()), TypeError, "system of Forced must be a HamiltonianSystem"),
        (lambda: Forced(NotCanonical()), TypeError, "system of Forced must be a HamiltonianSyst"),
        (lambda: Forced(Pendulum(), -0.1), ValueError, "damping of Forced must be positive semi-"),
        (lambda: Forced(Pendulum(), [1, 2]), ValueError, r"damping of Forced must be .*\(2,\)"),
        (lambda: Forced(CartPole(), [[1, 1], [0, 1]]), ValueError, "damping of Forced must be sym"),
        (lambda: Forced(CartPole(), 0.0, [[1.0]]), ValueError, "input_matrix of Forced must have"),
        (
            lambda: Forced(Pendulum(), 0.1).vector_field([0.0, 1.0], [1.0]),
            ValueError,
            r"u must have 0 columns, one for each column of input_matrix; got the shape \(1,\)",
        ),
    ],
)
def test_bad_parameters_are_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()
