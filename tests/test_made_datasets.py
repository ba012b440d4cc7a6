"""The data sets of known systems: samples, coordinates, orbits, inputs; see also test_datasets."""

import inspect

import numpy as np
import pytest
from helpers import assert_equal_up_to_rounding
from test_datasets import SAMPLED, sampled

import skhnn.datasets
from skhnn.datasets import (
    make_acrobot,
    make_arm,
    make_chain,
    make_damped_pendulum,
    make_duffing,
    make_elastic_pendulum,
    make_henon_heiles,
    make_kepler,
    make_mass_spring,
    make_n_body,
    make_pendulum,
    make_predator_prey,
    make_rigid_body,
    make_satellite,
    make_spring_network,
    make_three_body,
    make_two_body,
)
from skhnn.datasets._kepler import eccentric_anomaly
from skhnn.systems import Acrobot, Arm, Chain, Forced, HamiltonianSystem, NBody, Satellite

each_sampled = pytest.mark.parametrize("name", SAMPLED)
MECHANICAL = [name for name in SAMPLED if name not in ("rigid_body", "predator_prey")]


@each_sampled
def test_default_is_a_thousand_states_of_their_own(name):
    b = getattr(skhnn.datasets, f"make_{name}")(random_state=0)
    assert len(b.data) == 1000
    np.testing.assert_array_equal(b.groups, np.arange(1000))
    assert not b.t.any()
    assert np.isfinite(b.target).all()


@each_sampled
def test_energy_is_conserved_along_trajectories(name):
    b = sampled(name, "trajectories")(n_trajectories=5, t_span=(1.0, 3.0))
    np.testing.assert_array_equal(b.groups, np.repeat(np.arange(5), 60))
    assert b.t.min() == 1
    assert b.t.max() < 3
    energy = b.system.energy(b.data).reshape(5, 60)
    np.testing.assert_allclose(energy, energy[:, :1] * np.ones(60), rtol=0, atol=1e-8)


@each_sampled
def test_trajectories_follow_their_targets(name):
    b = sampled(name, "trajectories")(n_samples=400, n_trajectories=2, t_span=(0, 0.2))
    x, y = (a.reshape(2, 200, -1) for a in (b.data, b.target))
    difference = (x[:, 2:] - x[:, :-2]) / (2 * 0.001)
    np.testing.assert_allclose(difference, y[:, 1:-1], atol=1e-4 * np.abs(y).max())  # h^2 / 6 x'''


@pytest.mark.parametrize("sampling", ["box", "trajectories"])
@pytest.mark.parametrize("name", MECHANICAL)
def test_velocities_are_the_same_motion_in_other_columns(name, sampling):
    make = sampled(name, sampling)
    canonical, b = make(), make(coordinates="velocities")
    assert_equal_up_to_rounding(b.data, b.system.to_velocities(canonical.data))
    assert_equal_up_to_rounding(b.target, b.system.velocity_field(canonical.data))
    d = b.system.n_dof
    size = np.abs(b.data[:, d:]).max()
    np.testing.assert_allclose(b.target[:, :d], b.data[:, d:], rtol=1e-13, atol=1e-15 * size)
    assert b.feature_names == b.system.velocity_names
    assert "(v, a) = (dq/dt, dv/dt)" in b.DESCR
    X, y = make(coordinates="velocities", return_X_y=True)
    assert_equal_up_to_rounding(X, b.data)
    assert_equal_up_to_rounding(y, b.target)


def test_velocities_of_a_mass_on_a_spring():
    p, v = make_mass_spring(mass=2.0), make_mass_spring(mass=2.0, coordinates="velocities")
    np.testing.assert_allclose(v.data, p.data / [1, 2], rtol=1e-15)
    np.testing.assert_allclose(v.target, p.target / [1, 2], rtol=1e-14)


def test_noise_of_velocities_has_the_std_that_was_asked_for():
    options = dict(n_samples=2000, mass=4.0, coordinates="velocities", random_state=0)
    clean, noisy = make_pendulum(**options), make_pendulum(**options, noise=0.3, target_noise=0.1)
    np.testing.assert_allclose((noisy.data - clean.data).std(axis=0), 0.3, rtol=0.06)
    np.testing.assert_allclose((noisy.target - clean.target).std(axis=0), 0.1, rtol=0.06)


def test_ranges_are_one_for_all_columns_or_one_for_each():
    ranges = dict(q_range=[(1.0, 2.0), (-3.0, 0.0)], p_range=(2.0, 3.0))
    b = make_elastic_pendulum(4000, **ranges, random_state=0)
    np.testing.assert_allclose(b.data.min(axis=0), [1, -3, 2, 2], atol=0.01)
    np.testing.assert_allclose(b.data.max(axis=0), [2, 0, 3, 3], atol=0.01)


@pytest.mark.parametrize("name", [*SAMPLED, "damped_pendulum", "acrobot"])
def test_signatures_are_alike(name):
    make = getattr(skhnn.datasets, f"make_{name}")
    parameters = inspect.signature(make).parameters
    ends = ["noise", "target_noise", "random_state", "return_X_y"]
    assert list(parameters)[-4:] == ends
    assert ("coordinates" in parameters) == (name not in ("rigid_body", "predator_prey"))
    assert parameters["sampling"].default == "box"
    assert parameters["n_trajectories"].default == 10
    assert parameters["t_span"].default == (0.0, 10.0)


def test_positions_of_the_first_arguments():
    assert make_n_body(50, 4, 1).data.shape == (50, 8)
    assert make_kepler(50, 3).data.shape == (50, 6)
    assert make_chain(50, 5).data.shape == (50, 10)
    assert make_arm(50, 4).data.shape == (50, 8)
    assert make_satellite(50, 3).data.shape == (50, 6)
    assert make_spring_network(50, masses=2.0, stiffness=[1.0, 1.0]).data.shape == (50, 2)


def test_parameters_reach_the_system():
    arm = dict(masses=[1.0, 2.0], lengths=0.5, stiffness=[0.0, 3.0], gravity=0.0)
    assert make_arm(10, 2, **arm).system == Arm(2, **arm)
    assert make_chain(10, 3, masses=[1.0, 2.0, 3.0]).system == Chain(3, masses=[1.0, 2.0, 3.0])
    robot = dict(
        mass_1=1.0, mass_2=2.0, length_1=3.0, length_2=4.0, centre_1=1.1, centre_2=2.1,
        inertia_1=0.1, inertia_2=0.2, gravity=9.8,
    )  # fmt: skip
    b = make_acrobot(10, **robot, damping=(0.1, 0.2))
    assert b.system == Forced(Acrobot(**robot), (0.1, 0.2), [[0.0], [1.0]])


def test_masses_of_a_chain_are_between_momenta_and_velocities():
    options = dict(n_samples=20, n=3, masses=[1.0, 2.0, 5.0], random_state=0)
    p, v = make_chain(**options), make_chain(**options, coordinates="velocities")
    np.testing.assert_allclose(v.data, p.data / [1, 1, 1, 1, 2, 5], rtol=1e-15)
    np.testing.assert_allclose(v.target, p.target / [1, 1, 1, 1, 2, 5], rtol=1e-12, atol=1e-15)


# ---- two-body problem


@pytest.mark.parametrize("n_dim", [2, 3, 5])
def test_kepler_orbits_have_the_elements_that_were_asked_for(n_dim):
    b = make_kepler(4000, n_dim, semi_axis=(2, 3), eccentricity=(0.1, 0.6), mu=5.0, random_state=0)
    q, p = np.hsplit(b.data, 2)
    a = -5.0 / (2 * b.system.energy(b.data))
    e = p**2 @ np.ones((n_dim, 1)) * q - np.sum(q * p, axis=1, keepdims=True) * p
    e = np.linalg.norm(e / 5.0 - q / np.linalg.norm(q, axis=1, keepdims=True), axis=1)
    np.testing.assert_allclose([a.min(), a.max(), e.min(), e.max()], [2, 3, 0.1, 0.6], atol=2e-3)
    # in all directions
    np.testing.assert_allclose(b.data.mean(axis=0), 0, atol=4 * b.data.std() / np.sqrt(4000))
    direction = np.sign(q[:, 0] * p[:, 1] - q[:, 1] * p[:, 0])
    assert abs(direction.mean()) < 0.06


def test_satellites_are_on_the_ellipses_of_kepler():
    options = dict(n_samples=300, n_dim=3, eccentricity=(0.1, 0.6), mu=5.0, random_state=0)
    b, kepler = make_satellite(**options, omega=0.3), make_kepler(**options)
    assert b.system == Satellite(5.0, 0.3, 3)
    assert_equal_up_to_rounding(b.data, kepler.data)  # p is the velocity in a frame at rest
    v = make_satellite(**options, omega=0.3, coordinates="velocities").data[:, 3:]
    np.testing.assert_allclose(v, kepler.data[:, 3:] - np.cross([0, 0, 0.3], b.data[:, :3]))


def test_keplers_equation_is_solved():
    M, e = np.meshgrid(np.linspace(0, 2 * np.pi, 101), [0.0, 0.3, 0.9, 0.99])
    E = eccentric_anomaly(M, e)
    np.testing.assert_allclose(E - e * np.sin(E), M, atol=1e-12)


# ---- bodies


@pytest.mark.parametrize(("n", "n_dim", "potential", "least"), [
    (3, 2, "gravity", 0.5), (6, 1, "gravity", 0.5), (10, 2, "lennard_jones", 1.0),
])  # fmt: skip
def test_bodies_are_drawn_apart(n, n_dim, potential, least):
    b = make_n_body(300, n, n_dim, potential=potential, random_state=0)
    q = b.data[:, : n * n_dim].reshape(300, n, n_dim)
    i, j = np.triu_indices(n, 1)
    assert np.linalg.norm(q[:, i] - q[:, j], axis=2).min() >= least
    assert np.abs(q).max() <= n ** (1 / n_dim)


def test_velocities_of_bodies_do_not_depend_on_their_masses():
    b = make_n_body(n_bodies=2, masses=(1.0, 100.0), coordinates="velocities", random_state=0)
    v = b.data[:, 4:]
    assert np.all(np.abs(v).max(axis=0) > 0.45)
    assert np.abs(v).max() <= 0.5


def test_gravity_is_softened_on_trajectories_only():
    assert make_n_body(10, 2).system == NBody(2)
    assert make_n_body(10, 2, sampling="trajectories").system == NBody(2, softening=0.1)


def test_bodies_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"9 bodies do not fit into q_range=\(-1, 1\).*Try a larg"):
        make_n_body(2, 9, q_range=(-1, 1), min_distance=1.5)


@pytest.mark.parametrize(("make", "n_bodies"), [(make_two_body, 2), (make_three_body, 3)])
def test_orbits_without_noise_are_circles(make, n_bodies):
    b = make(20, 10, orbit_noise=0.0, t_span=(0, 3), random_state=0)
    np.testing.assert_allclose(b.t[:10], np.linspace(0, 3, 10))
    np.testing.assert_array_equal(b.groups, np.repeat(np.arange(20), 10))
    q, p = b.data.reshape(20, 10, 2, n_bodies, 2).transpose(2, 0, 1, 3, 4)
    r = np.linalg.norm(q, axis=-1)
    np.testing.assert_allclose(r, r[:, :1, :1] * np.ones((10, n_bodies)), rtol=1e-7)
    assert np.all(q[..., 0] * p[..., 1] > q[..., 1] * p[..., 0])  # counter-clockwise
    np.testing.assert_allclose(q.sum(axis=2), 0, atol=1e-8)
    np.testing.assert_allclose(p.sum(axis=2), 0, atol=1e-8)


def test_two_bodies_start_opposite_each_other():
    b = make_two_body(4000, 1, random_state=0)
    q, p = b.data[:, :4].reshape(-1, 2, 2), b.data[:, 4:].reshape(-1, 2, 2)
    np.testing.assert_allclose(q[:, 0], -q[:, 1], atol=1e-15)
    np.testing.assert_allclose(p[:, 0], -p[:, 1], atol=1e-15)
    r, speed = np.linalg.norm(q[:, 0], axis=1), np.linalg.norm(p[:, 0], axis=1)
    np.testing.assert_allclose([q[:, 0].min(), q[:, 0].max()], [0.5, 1.5], atol=0.01)
    factor = speed * 2 * np.sqrt(r)
    np.testing.assert_allclose([factor.mean(), factor.std()], [1, 0.05], atol=0.003)


def test_three_bodies_start_in_a_triangle():
    b = make_three_body(2000, 1, random_state=0)
    q, p = b.data[:, :6].reshape(-1, 3, 2), b.data[:, 6:].reshape(-1, 3, 2)
    np.testing.assert_allclose(q.sum(axis=1), 0, atol=1e-14)
    r = np.linalg.norm(q, axis=2, keepdims=True)
    np.testing.assert_allclose([r.min(), r.max()], [0.9, 1.2], atol=0.01)
    circular = np.stack([-q[..., 1], q[..., 0]], axis=-1) / np.sqrt(np.sqrt(3) * r**3)
    factor = (p / circular).reshape(-1, 6)
    np.testing.assert_allclose([factor.min(), factor.max()], [0.8, 1.2], atol=0.01)
    assert np.abs(np.corrcoef(factor.T) - np.eye(6)).max() < 0.1  # each component has its own


def test_sizes_of_orbits_are_those_of_the_paper():
    for make, sizes in ((make_two_body, (1000, 50)), (make_three_body, (5000, 20))):
        parameters = inspect.signature(make).parameters
        assert tuple(parameters[name].default for name in ("n_orbits", "n_times")) == sizes


# ---- inputs


@pytest.mark.parametrize("sampling", ["box", "trajectories"])
def test_damped_pendulum_has_an_input_behind_its_state(sampling):
    b = make_damped_pendulum(
        500, sampling=sampling, mass=2.0, gravity=3.0, damping=0.4, u_range=(-1, 3), random_state=0
    )
    assert b.data.shape == (500, 3)
    assert b.target.shape == (500, 2)
    assert b.feature_names == ["q", "p", "u"]
    assert b.inputs == [2]
    assert isinstance(b.system, Forced)
    assert "(500, 3)" in b.DESCR
    assert "(500, 2)" in b.DESCR
    assert max(map(len, b.DESCR.splitlines())) <= 100
    q, p, u = b.data.T
    np.testing.assert_allclose(b.target[:, 0], p / 2, rtol=1e-14)
    np.testing.assert_allclose(b.target[:, 1], -6 * np.sin(q) - 0.4 * p / 2 + u, atol=1e-13)
    np.testing.assert_allclose([u.min(), u.max()], [-1, 3], atol=0.05)
    assert_equal_up_to_rounding(b.target, b.system.vector_field(b.data[:, :2], b.data[:, 2:]))
    X, y = make_damped_pendulum(500, sampling=sampling, random_state=1, return_X_y=True)
    assert X.shape == (500, 3)
    assert y.shape == (500, 2)


@pytest.mark.slow
@pytest.mark.parametrize("coordinates", ["canonical", "velocities"])
@pytest.mark.parametrize("sampling", ["box", "trajectories"])
def test_acrobot_has_a_torque_in_its_second_joint_behind_its_state(sampling, coordinates):
    options = dict(n_samples=500, sampling=sampling, damping=0.4, u_range=(-1, 3), random_state=0)
    canonical = make_acrobot(**options)
    b = make_acrobot(**options, coordinates=coordinates)
    assert b.data.shape == (500, 5)
    assert b.target.shape == (500, 4)
    letter = "p" if coordinates == "canonical" else "v"
    assert b.feature_names == ["q_1", "q_2", f"{letter}_1", f"{letter}_2", "u"]
    assert b.inputs == [4]
    assert "(500, 5)" in b.DESCR
    assert "(500, 4)" in b.DESCR
    assert max(map(len, b.DESCR.splitlines())) <= 100
    X, u = canonical.data[:, :4], canonical.data[:, 4:]
    field = Acrobot().vector_field(X)
    force = np.hstack([np.zeros_like(u), u]) - 0.4 * field[:, :2]
    expected = field + np.hstack([np.zeros((500, 2)), force])
    np.testing.assert_allclose(canonical.target, expected, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose([u.min(), u.max()], [-1, 3], atol=0.05)
    if coordinates == "velocities":
        assert_equal_up_to_rounding(b.data, np.hstack([b.system.to_velocities(X), u]))
        assert_equal_up_to_rounding(b.target, b.system.velocity_field(X, u))


@pytest.mark.parametrize("coordinates", ["canonical", "velocities"])
def test_driven_trajectories_of_the_acrobot_follow_their_targets(coordinates):
    b = make_acrobot(
        400, sampling="trajectories", n_trajectories=2, t_span=(2, 2.2), drive_frequency=3.0,
        coordinates=coordinates, random_state=0,
    )  # fmt: skip
    x, y = b.data.reshape(2, 200, 5), b.target.reshape(2, 200, 4)
    difference = (x[:, 2:, :4] - x[:, :-2, :4]) / (2 * 0.001)
    np.testing.assert_allclose(difference, y[:, 1:-1], atol=1e-4 * np.abs(y).max())
    np.testing.assert_allclose(np.gradient(np.gradient(x[0, :, 4], 0.001), 0.001)[5:-5],
                               -9 * x[0, 5:-5, 4], atol=1e-3)  # fmt: skip


def test_driven_trajectories_follow_their_targets():
    b = make_damped_pendulum(
        2000, sampling="trajectories", n_trajectories=2, t_span=(2, 3), drive_frequency=3.0,
        random_state=0,
    )  # fmt: skip
    x, y = b.data.reshape(2, 1000, 3), b.target.reshape(2, 1000, 2)
    difference = (x[:, 2:, :2] - x[:, :-2, :2]) / (2 * 0.001)
    np.testing.assert_allclose(difference, y[:, 1:-1], atol=1e-5)
    np.testing.assert_allclose(np.gradient(np.gradient(x[0, :, 2], 0.001), 0.001)[5:-5],
                               -9 * x[0, 5:-5, 2], atol=1e-3)  # fmt: skip


def test_noise_is_on_the_states_and_not_on_the_inputs():
    options = dict(n_samples=2000, random_state=0)
    clean, noisy = make_damped_pendulum(**options), make_damped_pendulum(**options, noise=0.2)
    np.testing.assert_array_equal(noisy.data[:, 2], clean.data[:, 2])
    np.testing.assert_allclose((noisy.data - clean.data)[:, :2].std(axis=0), 0.2, rtol=0.06)
    assert_equal_up_to_rounding(noisy.target, clean.target)


def test_velocities_of_a_driven_pendulum():
    options = dict(mass=2.0, random_state=0)
    p = make_damped_pendulum(**options)
    v = make_damped_pendulum(**options, coordinates="velocities")
    assert v.feature_names == ["q", "v", "u"]
    np.testing.assert_allclose(v.data, p.data / [1, 2, 1], rtol=1e-14)
    np.testing.assert_allclose(v.target, p.target / [1, 2], rtol=1e-13, atol=1e-15)


def test_a_constant_torque():
    b = make_damped_pendulum(100, sampling="trajectories", u_range=(0.5, 0.5))
    np.testing.assert_array_equal(b.data[:, 2], 0.5)


# ---- other columns


def test_numbers_of_animals_stay_positive_and_bodies_keep_their_length():
    b = make_predator_prey(sampling="trajectories", random_state=0)
    assert b.data.min() > 0
    assert not isinstance(b.system, HamiltonianSystem)
    assert "S(x) grad H" in b.DESCR
    b = make_rigid_body(sampling="trajectories", random_state=0)
    length = np.linalg.norm(b.data, axis=1).reshape(10, 100)
    np.testing.assert_allclose(length, length[:, :1] * np.ones(100), rtol=1e-10)


def test_default_stars_are_bound():
    b = make_henon_heiles(sampling="trajectories", random_state=0)
    assert b.system.energy(b.data).max() < 1 / 6
    assert np.abs(b.data).max() < 1


# ---- bad parameters


@pytest.mark.parametrize("name", [*SAMPLED, "damped_pendulum", "acrobot"])
def test_parameters_that_all_have_are_checked(name):
    make = getattr(skhnn.datasets, f"make_{name}")
    for options, error, message in [
        ({"n_samples": 0}, ValueError, "n_samples == 0"),
        ({"sampling": "grid"}, ValueError, "sampling must be 'box' or 'trajectories'; got 'grid'"),
        ({"t_span": (1, 1)}, ValueError, "t_span must be finite and increasing"),
        ({"sampling": "trajectories", "n_samples": 15}, ValueError, "Try n_samples=10"),
        ({"noise": -1}, ValueError, "noise must be finite and at least 0; got -1"),
        ({"target_noise": "a"}, TypeError, "target_noise must be an instance of"),
    ]:
        with pytest.raises(error, match=message):
            make(**options)
    with pytest.warns(UserWarning, match="no effect with sampling='box'") as record:
        make(n_samples=5, t_span=(0, 1))
    assert record[0].filename == __file__  # it points to the call
    if name not in ("rigid_body", "predator_prey"):
        with pytest.raises(ValueError, match="'canonical' or 'velocities'; got 'polar'"):
            make(coordinates="polar")


@pytest.mark.parametrize(
    ("make", "options", "error", "message"),
    [
        (make_henon_heiles, {"q_range": (1, 0)}, ValueError, "q_range must be finite and incr"),
        (make_henon_heiles, {"p_range": [(0, 1)]}, ValueError, "p_range must be one pair.*or 2 of"),
        (make_henon_heiles, {"q_range": 1}, TypeError, "q_range must be a pair of numbers"),
        (make_duffing, {"alpha": np.nan}, ValueError, "alpha of Duffing must be finite"),
        (make_predator_prey, {"x_range": (0, 1)}, ValueError, "x_range must be positive, as num"),
        (make_kepler, {"n_dim": 1}, ValueError, "n_dim must be at least 2"),
        (make_kepler, {"eccentricity": (0.5, 1)}, ValueError, "eccentricity must be at least 0"),
        (make_kepler, {"semi_axis": (0, 1)}, ValueError, "semi_axis must be positive"),
        (make_n_body, {"v_range": 3}, TypeError, "v_range must be a pair"),
        (make_n_body, {"min_distance": -1}, ValueError, "min_distance must be finite and at"),
        (make_chain, {"beta": 1.0}, ValueError, "beta of Chain is for potential='fput'"),
        (make_chain, {"masses": [1.0, 2.0]}, ValueError, "masses of Chain must be a number or 8"),
        (make_arm, {"n_links": 0}, ValueError, "n_links of Arm must be at least 1; got 0"),
        (make_arm, {"q_range": [(0, 1)]}, ValueError, "q_range must be one pair.*or 3 of"),
        (make_acrobot, {"damping": -1}, ValueError, "damping of Forced must be positive semi-"),
        (make_acrobot, {"u_range": (1, 0)}, ValueError, "u_range must be finite and increasing"),
        (make_acrobot, {"drive_frequency": 0}, ValueError, "drive_frequency must be positive"),
        (make_satellite, {"n_dim": 4}, ValueError, "n_dim of Satellite must be 2 or 3; got 4"),
        (make_satellite, {"eccentricity": (0.5, 1)}, ValueError, "eccentricity must be at least"),
        (make_satellite, {"semi_axis": (0, 1)}, ValueError, "semi_axis must be positive"),
        (make_damped_pendulum, {"damping": -1}, ValueError, "damping must be finite and at least"),
        (make_damped_pendulum, {"u_range": (1, 0)}, ValueError, "u_range must be finite and incr"),
        (make_damped_pendulum, {"drive_frequency": 0}, ValueError, "drive_frequency must be posi"),
        (make_two_body, {"n_orbits": 0}, ValueError, "n_orbits == 0, must be >= 1"),
        (make_two_body, {"radius": (0, 1)}, ValueError, "radius must be positive"),
        (make_three_body, {"orbit_noise": -0.1}, ValueError, "orbit_noise must be finite and at"),
        (make_three_body, {"t_span": (5, 0)}, ValueError, "t_span must be finite and increasing"),
    ],
)
def test_bad_parameters_are_refused(make, options, error, message):
    with pytest.raises(error, match=message):
        make(**options)
