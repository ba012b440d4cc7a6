"""The known systems are what they say: H, its gradient and Hamilton's equations agree."""

from dataclasses import FrozenInstanceError, dataclass

import numpy as np
import pytest
from helpers import assert_equal_up_to_rounding
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from skhnn.systems import HamiltonianSystem, Kepler, MassSpring, Pendulum

SYSTEMS = [
    MassSpring(),
    MassSpring(mass=0.3, stiffness=4.0),
    Pendulum(),
    Pendulum(mass=0.5, length=2.0, gravity=9.81),
    Kepler(),
    Kepler(mu=2.0, n_dim=3),
]
each_system = pytest.mark.parametrize("system", SYSTEMS, ids=repr)


def cloud(system, seed, n=50):
    """Random states (n, 2d) away from the pole of Kepler's potential."""
    X = np.random.default_rng(seed).uniform(-2, 2, (n, 2 * system.n_dof))
    X[:, 0] = np.where(X[:, 0] < 0, X[:, 0] - 0.5, X[:, 0] + 0.5)
    return X


def jacobian(function, X, h=1e-5):
    """Central differences of a function of states: (n, ..., 2d)."""
    steps = h * np.eye(X.shape[-1])
    return np.stack([(function(X + s) - function(X - s)) / (2 * h) for s in steps], axis=-1)


@each_system
@given(seed=st.integers(0, 2**32 - 1))
def test_gradient_is_that_of_the_hamiltonian(system, seed):
    X = cloud(system, seed, n=5)
    scale = np.abs(system.gradient(X)).max()
    differences = jacobian(system.energy, X)
    np.testing.assert_allclose(system.gradient(X), differences, atol=1e-7 * scale)


@each_system
def test_field_is_j_times_gradient(system):
    X, d = cloud(system, 0), system.n_dof
    J = np.block([[np.zeros((d, d)), np.eye(d)], [-np.eye(d), np.zeros((d, d))]])
    assert_equal_up_to_rounding(system.vector_field(X), system.gradient(X) @ J.T)


def test_forces_have_the_sign_of_nature():
    # the sign in dp/dt = -dH/dq, told by physics and not by J: all three pull back
    assert MassSpring().vector_field([1.0, 0.0])[1] == -1
    assert Pendulum().vector_field([0.1, 0.0])[1] < 0
    np.testing.assert_array_equal(Kepler(mu=1.0).vector_field([0, -2, 3, 0]), [3, 0, 0, 0.25])


@each_system
def test_field_is_divergence_free(system):
    D = jacobian(system.vector_field, cloud(system, 1))  # (n, 2d, 2d)
    np.testing.assert_allclose(np.trace(D, axis1=1, axis2=2), 0, atol=1e-8 * np.abs(D).max())


@each_system
def test_field_keeps_the_energy(system):
    X = cloud(system, 2)
    power = np.sum(system.gradient(X) * system.vector_field(X), axis=-1)
    np.testing.assert_allclose(power, 0, atol=1e-12)


@each_system
def test_any_leading_axes_do(system):
    X = cloud(system, 3, n=6)
    cube = X.reshape(2, 3, -1)
    assert_equal_up_to_rounding(system.energy(cube), system.energy(X).reshape(2, 3))
    for function in (system.gradient, system.vector_field):
        assert_equal_up_to_rounding(function(cube), function(X).reshape(cube.shape))
        np.testing.assert_allclose(function(X[0].tolist()), function(X)[0], rtol=1e-14)
    assert system.energy(X[0]).shape == ()


@each_system
def test_float64_comes_out_and_names_fit(system):
    X = cloud(system, 4).astype(np.float32)
    assert system.energy(X).dtype == system.vector_field(X).dtype == np.float64
    assert len(system.feature_names) == 2 * system.n_dof == X.shape[1]


def test_mass_spring_solution_solves_its_equations():
    system, t = MassSpring(mass=0.3, stiffness=4.0), np.linspace(0, 5, 40)
    x0 = np.array([[0.5, -1.0], [2.0, 0.3]])
    exact = system.solution(x0, t)
    assert exact.shape == (2, 40, 2)
    for start, states in zip(x0, exact, strict=True):
        numeric = solve_ivp(
            lambda _, x: system.vector_field(x), (0, 5), start, "DOP853", t, rtol=1e-11, atol=1e-11
        )
        np.testing.assert_allclose(states, numeric.y.T, atol=1e-9)


def test_pendulum_is_at_zero_energy_at_rest_and_at_two_on_the_separatrix():
    np.testing.assert_allclose(Pendulum().energy([[0, 0], [0, 2], [np.pi, 0]]), [0, 2, 2])
    # no cancellation in 1 - cos q
    assert Pendulum().energy([1e-9, 0.0]) == pytest.approx(5e-19, rel=1e-12)


def test_circle_of_one_au_takes_one_year():
    np.testing.assert_allclose(
        Kepler().vector_field([1, 0, 0, 2 * np.pi]), [0, 2 * np.pi, -4 * np.pi**2, 0]
    )


def test_a_system_is_a_few_lines():
    @dataclass(frozen=True)
    class FreeFall(HamiltonianSystem):
        n_dof = 1

        def energy(self, X):
            q, p = self._split(X)
            return (p**2 / 2 + q)[..., 0]

        def gradient(self, X):
            q, p = self._split(X)
            return np.concatenate([np.ones_like(q), p], axis=-1)

    np.testing.assert_array_equal(FreeFall().vector_field([[0, 3]]), [[3, -1]])


def test_parameters_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        MassSpring().mass = 2.0


@pytest.mark.parametrize("value", [0.0, -1.0, np.inf, np.nan])
def test_parameters_must_be_positive(value):
    with pytest.raises(ValueError, match=r"gravity of Pendulum must be positive and finite; got"):
        Pendulum(gravity=value)


def test_number_of_dimensions_is_an_integer():
    with pytest.raises(TypeError, match="integer"):
        Kepler(n_dim=2.5)


def test_wrong_width_is_refused():
    message = r"X must have 2 columns \('q', 'p'\) for Pendulum; got the shape \(3, 4\)"
    with pytest.raises(ValueError, match=message):
        Pendulum().gradient(np.zeros((3, 4)))
