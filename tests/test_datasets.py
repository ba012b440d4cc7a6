"""The data sets are what their descriptions say; for the planets, what the sky says."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers import assert_equal_up_to_rounding
from hypothesis import given
from hypothesis import strategies as st

import skhnn.datasets
from skhnn.datasets import load_planet, make_mass_spring, make_pendulum
from skhnn.datasets._base import integrate
from skhnn.datasets._planets import NAMES, decode, encode
from skhnn.systems import Kepler, MassSpring, Pendulum

SIMULATED = {
    "mass_spring": make_mass_spring,
    "mass_springs": lambda **options: make_mass_spring(
        200, n_trajectories=4, amplitude=(0.5, 2.0), **{"random_state": 0, **options}
    ),
    "box": lambda **options: make_pendulum(**{"random_state": 0, **options}),
    "trajectories": lambda **options: make_pendulum(
        300, sampling="trajectories", **{"random_state": 0, **options}
    ),
}
# all with sampling="box" and "trajectories", and columns that are states alone
OTHERS = (
    "make_mass_spring", "make_damped_pendulum", "make_acrobot", "make_two_body", "make_three_body",
)  # fmt: skip
SAMPLED = [
    name.removeprefix("make_")
    for name in skhnn.datasets.__all__
    if name.startswith("make_") and name not in OTHERS
]


def sampled(name, sampling):
    def make(**options):
        if sampling == "trajectories":  # short ones, to save time
            options = {"t_span": (0, 1), "n_trajectories": 5, **options}
        options = {"random_state": 0, "n_samples": 300, "sampling": sampling, **options}
        return getattr(skhnn.datasets, f"make_{name}")(**options)

    return make


def orbits(name):
    def make(**options):
        return getattr(skhnn.datasets, f"make_{name}")(15, **{"random_state": 0, **options})

    return make


SIMULATED |= {
    f"{name}_{kind}": sampled(name, kind) for name in SAMPLED for kind in ("box", "trajectories")
}
SIMULATED |= {name: orbits(name) for name in ("two_body", "three_body")}
ALL = SIMULATED | {
    name: lambda name=name, **options: load_planet(name, **options) for name in NAMES
}
each_simulated = pytest.mark.parametrize("make", SIMULATED.values(), ids=SIMULATED)
each_dataset = pytest.mark.parametrize("make", ALL.values(), ids=ALL)
each_planet = pytest.mark.parametrize("name", NAMES)


@each_dataset
def test_bunch_has_the_documented_entries(make):
    b = make()
    n, width = b.data.shape
    assert b.target.shape == (n, width)
    assert b.groups.shape == b.t.shape == (n,)
    assert b.groups.dtype.kind == "i"
    assert b.data.dtype == b.target.dtype == b.t.dtype == np.float64
    assert len(b.feature_names) == width
    assert f"({n}, {width})" in b.DESCR
    assert max(map(len, b.DESCR.splitlines())) <= 100


@each_dataset
def test_return_x_y_is_data_and_target(make):
    X, y = make(return_X_y=True)
    b = make()
    assert_equal_up_to_rounding(X, b.data)
    assert_equal_up_to_rounding(y, b.target)


@each_dataset
def test_times_of_a_group_are_uniform(make):
    b = make()
    for group in np.unique(b.groups)[:5]:
        steps = np.diff(b.t[b.groups == group])
        assert np.all(steps > 0)
        np.testing.assert_allclose(steps, np.full(len(steps), steps.mean() if len(steps) else 0))


@each_simulated
def test_targets_are_the_field_of_the_system(make):
    b = make()
    assert_equal_up_to_rounding(b.target, b.system.vector_field(b.data))
    assert b.feature_names == b.system.feature_names


@each_simulated
def test_random_state_reproduces(make):
    options = dict(noise=0.1, target_noise=0.1)
    assert_equal_up_to_rounding(
        make(**options, random_state=5).data, make(**options, random_state=5).data
    )
    assert np.any(make(**options, random_state=5).data != make(**options, random_state=6).data)


@each_simulated
def test_noise_has_the_std_that_was_asked_for(make):
    clean = make(random_state=1)
    noisy = make(random_state=1, noise=0.3, target_noise=0.02)
    n = clean.data.size
    for name, std in [("data", 0.3), ("target", 0.02)]:
        difference = noisy[name] - clean[name]  # the same states: noise is drawn last
        assert abs(difference.std() / std - 1) < 4 / np.sqrt(2 * n)
        assert abs(difference.mean()) < 4 * std / np.sqrt(n)
    assert "std 0.3" in noisy.DESCR


# ---- mass on a spring


def test_default_mass_spring_is_the_circle_of_the_tutorial():
    b = make_mass_spring()
    angle = 2 * np.pi * np.arange(1024) / 1024
    q, p = np.sin(angle), np.cos(angle)
    np.testing.assert_array_equal(b.t, np.arange(1024) / 1024)
    np.testing.assert_allclose(b.data, np.column_stack([q, p]), rtol=0, atol=1e-15)
    np.testing.assert_allclose(
        b.target, 2 * np.pi * np.column_stack([p, -q]), rtol=0, atol=2 * np.pi * 1e-15
    )
    np.testing.assert_allclose(b.system.energy(b.data), np.pi, rtol=1e-14)


def test_mass_springs_keep_their_energies_within_the_range():
    b = make_mass_spring(
        800,
        n_trajectories=8,
        amplitude=(0.5, 2.0),
        mass=2.0,
        stiffness=3.0,
        t_span=(1, 9),
        random_state=0,
    )
    assert b.system == MassSpring(2.0, 3.0)
    assert b.t.min() == 1
    assert b.t.max() < 9
    energy = b.system.energy(b.data).reshape(8, 100)
    np.testing.assert_allclose(energy, energy[:, :1] * np.ones(100), rtol=1e-13)
    amplitude = np.sqrt(2 * energy[:, 0] / 3.0)
    assert np.all((amplitude > 0.5) & (amplitude < 2.0))
    assert len(np.unique(amplitude)) == 8


# ---- pendulum


def test_box_is_covered_and_every_row_is_a_group():
    b = make_pendulum(2000, random_state=0)
    assert b.system == Pendulum()
    np.testing.assert_array_equal(b.groups, np.arange(2000))
    assert not b.t.any()
    np.testing.assert_allclose(b.data.min(axis=0), [-np.pi, -3], atol=0.02)
    np.testing.assert_allclose(b.data.max(axis=0), [np.pi, 3], atol=0.02)
    rotates = b.system.energy(b.data) > 2
    assert 0.2 < rotates.mean() < 0.8  # both kinds of motion


def test_energy_is_conserved_along_pendulum_trajectories():
    b = make_pendulum(1000, sampling="trajectories", t_span=(0, 20), gravity=2.0, random_state=0)
    energy = b.system.energy(b.data).reshape(10, 100)
    np.testing.assert_allclose(energy, energy[:, :1] * np.ones(100), rtol=0, atol=1e-9)
    np.testing.assert_array_equal(b.groups, np.repeat(np.arange(10), 100))


def test_pendulum_trajectories_follow_their_targets():
    b = make_pendulum(
        4000, sampling="trajectories", n_trajectories=2, t_span=(0, 4), random_state=3
    )
    x, y = b.data.reshape(2, 2000, 2), b.target.reshape(2, 2000, 2)
    difference = (x[:, 2:] - x[:, :-2]) / (2 * 0.002)
    np.testing.assert_allclose(difference, y[:, 1:-1], atol=2e-5)  # h^2 / 6 x'''


def test_one_sample_of_each_trajectory_is_its_start():
    b = make_pendulum(3, sampling="trajectories", n_trajectories=3, random_state=0)
    np.testing.assert_array_equal(b.groups, [0, 1, 2])


def test_a_trajectory_does_not_depend_on_its_company():
    t, X0 = np.linspace(0, 20, 50), np.array([[1.0, 0.0], [0.5, 2.5], [3.0, -2.0]])
    together = integrate(Pendulum(), X0, t)
    for x0, states in zip(X0, together, strict=True):
        np.testing.assert_allclose(states, integrate(Pendulum(), x0[None], t)[0], atol=1e-9)


def test_a_failed_integration_says_so():
    fall = np.array([[1.0, 0.0, 0.0, 0.0]])  # straight into the Sun
    with pytest.raises(RuntimeError, match=r"integration of Kepler.*failed: .*Try a shorter"):
        integrate(Kepler(), fall, np.linspace(0, 1, 5))


# ---- bad parameters


@pytest.mark.parametrize(
    ("make", "options", "error", "message"),
    [
        (make_mass_spring, {"n_samples": 0}, ValueError, "n_samples == 0, must be >= 1"),
        (make_mass_spring, {"n_samples": 2.5}, TypeError, "n_samples must be an instance of"),
        (make_mass_spring, {"n_trajectories": 3}, ValueError, "n_samples=1023"),
        (make_mass_spring, {"n_samples": 2, "n_trajectories": 5}, ValueError, "n_samples=5"),
        (make_mass_spring, {"amplitude": 0}, ValueError, "amplitude must be positive; got 0"),
        (make_mass_spring, {"amplitude": None}, TypeError, "amplitude must be a pair"),
        (make_mass_spring, {"amplitude": (2, 1)}, ValueError, "amplitude must be finite and incr"),
        (make_mass_spring, {"mass": -1}, ValueError, "mass of MassSpring must be positive"),
        (
            make_mass_spring,
            {"noise": -1},
            ValueError,
            "noise must be finite and at least 0; got -1",
        ),
        (make_mass_spring, {"noise": "big"}, TypeError, "noise must be an instance of"),
        (make_mass_spring, {"random_state": "x"}, ValueError, "cannot be used to seed"),
        (make_mass_spring, {"t_span": (1, 1)}, ValueError, "t_span must be finite and increasing"),
        (make_mass_spring, {"t_span": 3}, TypeError, r"t_span must be a pair of numbers.*got 3"),
        (make_pendulum, {"sampling": "grid"}, ValueError, "'box' or 'trajectories'; got 'grid'"),
        (make_pendulum, {"n_samples": 0}, ValueError, "n_samples == 0"),
        (make_pendulum, {"q_range": (0, np.nan)}, ValueError, "q_range must be finite"),
        (make_pendulum, {"target_noise": np.nan}, ValueError, "target_noise must be finite"),
        (make_pendulum, {"gravity": 0}, ValueError, "gravity of Pendulum must be positive"),
    ],
)
def test_bad_parameters_are_refused(make, options, error, message):
    with pytest.raises(error, match=message):
        make(**options)


def test_options_without_effect_warn():
    with pytest.warns(UserWarning, match="no effect with sampling='box'"):
        make_pendulum(n_trajectories=5)


def test_options_are_keyword_only():
    with pytest.raises(TypeError, match="positional"):
        make_mass_spring(100, 2)


# ---- planets

# Sidereal periods in Julian years
PERIODS = {
    "mercury": 0.240846,
    "venus": 0.615197,
    "earth": 1.000017,
    "mars": 1.880848,
    "jupiter": 11.862,
    "saturn": 29.447,
    "uranus": 84.017,
}
# rms of the other planets' pull, as a fraction of the acceleration: measured, an upper bound
PERTURBATION = {
    "mercury": 2e-6,
    "venus": 8e-6,
    "earth": 2e-5,
    "mars": 5e-5,
    "jupiter": 3e-4,
    "saturn": 5e-3,
    "uranus": 2e-2,
    "neptune": 4e-2,
}


@each_planet
def test_planet_moves_every_five_days_from_1900_to_2050(name):
    b = load_planet(name)
    assert b.data.shape == b.target.shape == (10958, 4)
    assert b.t[0] == 1900
    assert 2049.98 < b.t[-1] < 2050
    np.testing.assert_allclose(np.diff(b.t) * 365.25, 5, atol=1e-9)
    assert not b.groups.any()
    assert "system" not in b


@each_planet
def test_velocity_is_half_of_the_state_and_half_of_the_target(name):
    b = load_planet(name)
    np.testing.assert_array_equal(b.target[:, :2], b.data[:, 2:])


WEIGHTS = [5 / 6, -5 / 21, 5 / 84, -5 / 504, 1 / 1260]  # central difference of order 10


def central_difference(x, h):
    """dx/dt at all but the first and last five of the rows x (n, m)."""
    n, k = len(x), len(WEIGHTS)
    pairs = ((w, x[k + i : n - k + i] - x[k - i : n - k - i]) for i, w in enumerate(WEIGHTS, 1))
    return sum(w * difference for w, difference in pairs) / h


# The error of the difference itself: Mercury has but 17 samples in a turn, and what is left
# for the outer planets, 1e-7 au/yr^2 for all of them, is the Sun's response to Mercury.
@pytest.mark.parametrize(
    ("name", "of_velocity", "of_acceleration"),
    [
        ("mercury", 1e-3, 3e-3),
        ("venus", 1e-9, 1e-8),
        ("earth", 3e-9, 1e-7),
        ("mars", 1e-9, 1e-8),
        ("jupiter", 1e-9, 1e-7),
        ("saturn", 1e-9, 5e-7),
        ("uranus", 1e-9, 2e-6),
        ("neptune", 1e-9, 5e-6),
    ],
)
def test_targets_are_the_differences_of_the_states(name, of_velocity, of_acceleration):
    X, y = load_planet(name, return_X_y=True)
    error = central_difference(X, 5 / 365.25) - y[5:-5]
    for columns, accuracy in [(slice(0, 2), of_velocity), (slice(2, 4), of_acceleration)]:
        assert np.abs(error[:, columns]).max() < accuracy * np.abs(y[:, columns]).max()


@pytest.mark.parametrize("name", PERIODS)
def test_period_is_the_sidereal_one(name):
    b = load_planet(name)
    angle = np.unwrap(np.arctan2(b.data[:, 1], b.data[:, 0]))
    assert angle[-1] > angle[0]  # counter-clockwise, as seen from the north
    turns = int((angle[-1] - angle[0]) / (2 * np.pi))
    end = np.interp(angle[0] + 2 * np.pi * turns, angle, b.t)
    rel = 1e-5 if turns > 50 else 2e-4  # a few turns do not average the perturbations
    assert (end - b.t[0]) / turns == pytest.approx(PERIODS[name], rel=rel)


@each_planet
def test_acceleration_is_that_of_two_bodies_but_for_the_other_planets(name):
    b = load_planet(name)
    two_bodies = Kepler(mu=b.gm_sun * (1 + b.mass_ratio)).vector_field(b.data)
    rest = np.sqrt(np.mean((b.target - two_bodies)[:, 2:] ** 2) / np.mean(b.target[:, 2:] ** 2))
    assert PERTURBATION[name] / 3 < rest < PERTURBATION[name]


def test_masses_are_the_known_ones():
    assert 1 / load_planet("jupiter").mass_ratio == pytest.approx(1047.3486, rel=1e-6)
    assert 1 / load_planet("earth").mass_ratio == pytest.approx(328900.56, rel=1e-6)
    assert load_planet("venus").gm_sun == pytest.approx(4 * np.pi**2, rel=5e-5)


def test_earth_is_the_barycentre_with_the_moon():
    assert "barycentre of Earth and Moon" in load_planet("earth").DESCR
    # the ecliptic: its normal makes the obliquity with the axis of the Earth
    assert np.degrees(np.arccos(load_planet("earth").normal[2])) == pytest.approx(23.44, abs=0.01)


def test_name_may_be_in_upper_case():
    np.testing.assert_array_equal(load_planet("Mars").data, load_planet("mars").data)


@pytest.mark.parametrize(("name", "error"), [("pluto", ValueError), (4, TypeError)])
def test_unknown_planets_are_refused_with_the_list(name, error):
    with pytest.raises(error, match=f"{', '.join(NAMES)}; got {name!r}"):
        load_planet(name)


@given(
    st.lists(st.integers(-(2**50), 2**50), min_size=16, max_size=40).filter(
        lambda x: len(x) % 2 == 0
    ),
    st.integers(0, 6),
)
def test_packing_is_exact(values, order):
    x = np.array(values, dtype=np.int64).reshape(-1, 2)
    np.testing.assert_array_equal(decode(*encode(x, order)), x)


@pytest.mark.slow
def test_shipped_planets_are_what_the_script_makes():
    script = Path(__file__).resolve().parents[1] / "tools" / "make_planets.py"
    if not script.exists():
        pytest.skip("needs tools/make_planets.py, which is in the sources only")
    for module in ("de421", "jplephem"):
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"needs {module}: pip install de421 jplephem")
    done = subprocess.run(
        [sys.executable, script, "--check", "--planets", "neptune"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "as shipped" in done.stdout
