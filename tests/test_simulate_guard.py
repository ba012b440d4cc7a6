"""simulate: learned fields on which the steps become absurdly short, and others."""

import re

import numpy as np
import pytest
from sklearn.base import BaseEstimator

from skhnn import HNNRegressor, SimulationError, simulate
from skhnn._simulation import Dynamics, _guard
from skhnn._simulation._guard import characteristic_time
from skhnn._support import Support
from skhnn.systems import Kepler

pytestmark = pytest.mark.filterwarnings("ignore::skhnn.ExtrapolationWarning")

WAVES = 2e4


@pytest.fixture(scope="module")
def wild():
    """Two equal oscillators, and a potential of fine waves in q_1 - q_2.

    Where q_1 = q_2 the force of the waves, sin(k (q_1 - q_2)), is zero, and leads back there.
    """
    X = np.random.default_rng(0).uniform(-1, 1, (300, 4))
    y = np.hstack([X[:, 2:], -X[:, :2]])
    model = HNNRegressor(
        (20,), hamiltonian="mechanical", activation="sin", solver="least_squares", random_state=0
    ).fit(X, y)
    # weights belong to standardised coordinates
    W, b, w, _ = model.params_
    mu, s = model._scaling.mu[:2], model._scaling.s[:2]
    W[:, 0] = np.array([WAVES, -WAVES]) * s
    b[0] = np.pi / 2 + WAVES * (mu[0] - mu[1])
    w[0] = -1 / WAVES / model._scaling.e
    return model


BESIDE = np.array([0.5, 0.2, 0.0, 0.4])
T = np.linspace(0, 10, 41)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"rtol": 1e-4},
        {"rtol": 1e-12},
        {"method": "RK45"},
        {"method": "RK23", "rtol": 1e-5},
        # Not LSODA: where it takes the steps for stiff ones, it comes to the end.
        {"dense_output": True, "return_solution": True},
        {"method": "StormerVerlet"},
        {"method": "GaussLegendre4"},
    ],
)
def test_absurdly_many_steps_end_a_simulation_soon(wild, options):
    for x0 in (BESIDE, np.stack([BESIDE, 0.9 * BESIDE])):
        with pytest.raises(SimulationError, match=r"evaluations of the field advanced it") as error:
            wild.simulate(x0, T, **options)
        assert 0 < np.min(error.value.t_reached) < 5
        assert "max_nfev=1_000_000" in error.value.advice
        # sines and cosines, spread evenly, change by their spread within about one unit of time
        assert re.search(r"training data change within (0\.[6-9]|1)", str(error.value))


def test_others_of_the_batch_go_on_and_what_was_computed_is_kept(wild):
    on_data = np.array([0.5, 0.5, 0.2, 0.2])
    with pytest.warns(RuntimeWarning, match="1 of 2 trajectories were not completed"):
        result = wild.simulate([on_data, BESIDE], T, on_failure="nan", return_solution=True)
    np.testing.assert_array_equal(result.status, [0, -1])
    assert result.nfev[1] < 40_000
    exact = 0.5 * np.cos(T) + 0.2 * np.sin(T)
    np.testing.assert_allclose(result.y[0, :, 0], exact, atol=1e-3)
    np.testing.assert_array_equal(np.isnan(result.y[1, :, 0]), result.t_reached[1] < T)


@pytest.mark.parametrize("x0", [BESIDE, np.stack([BESIDE, BESIDE])])
def test_a_number_of_evaluations_asked_for_is_spent(wild, x0):
    with pytest.raises(SimulationError, match="max_nfev evaluations of the field"):
        wild.simulate(x0, T, max_nfev=20_000)
    result = wild.simulate(x0, [0.0, 0.5], max_nfev=10**6, return_solution=True)
    assert np.max(result.nfev) > 2 * _guard._WINDOW
    fine = wild.simulate(
        x0, [0.0, 0.06], method="StormerVerlet", step_size=1e-5, return_solution=True
    )
    assert np.max(fine.nfev) > 5e3  # a step asked for is taken


class Learned(BaseEstimator):
    """A known system, simulated as one that was learned from the states X."""

    def __init__(self, system, X):
        self.system, self.X, self.fitted_ = system, X, True

    def fit(self, X, y):
        return self

    def _columns_behind(self):
        return {"u": 0, "parameters": 0}

    def _dynamics(self, driving=None):
        mu, s = self.X.mean(axis=0), self.X.std(axis=0)
        return Dynamics(
            self.system.vector_field, len(s), scale=s, is_network=True,
            support=Support.from_data(self.X, mu, s),
        )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("e", [0.5, 0.99])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"rtol": 1e-12},
        {"method": "RK45", "rtol": 1e-11},
        {"method": "RK23", "rtol": 1e-8},
        {"method": "Radau", "rtol": 1e-6},
        {"method": "GaussLegendre6"},
        {"rtol": 1e-4, "atol": 1e-14},
        {"max_step": 3e-4},
    ],
)
@pytest.mark.filterwarnings("ignore:rtol, atol have no effect")
def test_close_encounters_are_not_absurd(e, options, monkeypatch):
    monkeypatch.setattr(_guard, "_WINDOW", 1000)  # more local, and so harder
    system = Kepler(mu=1.0)
    near = np.array([1 - e, 0, 0, np.sqrt((1 + e) / (1 - e))])
    far = np.array([1 + e, 0, 0, np.sqrt((1 - e) / (1 + e))])
    period = 2 * np.pi
    X = simulate(system, near, np.linspace(0, period, 3000))
    model = Learned(system, X)
    is_slow = options.get("method") in ("RK23", "Radau", "GaussLegendre6") or "max_step" in options
    last = period * (0.1 if is_slow else 1.0)
    for x0, start in ((near, 0.0), (far, 0.5 * period - 0.5 * last)):
        # of a slow method only the encounter: the end of half a revolution from far away
        x0 = simulate(system, x0, [0.0, start])[-1] if start else x0
        result = simulate(model, x0, [0.0, last], return_solution=True, **options)
        assert result.status == 0
    simulate(model, np.stack([near, far]), [0.0, 0.05 * period], **options)


def test_many_times_asked_for_are_not_absurd(monkeypatch):
    monkeypatch.setattr(_guard, "_WINDOW", 1000)
    X = np.random.default_rng(0).uniform(-1, 1, (300, 2))
    model = HNNRegressor((60,), hamiltonian="separable", solver="least_squares", random_state=0)
    model.fit(X, np.stack([X[:, 1], -X[:, 0]], axis=1))
    t = np.linspace(0, 2, 5001)
    for method in ("DOP853", "StormerVerlet"):
        found = simulate(model, [0.5, 0.0], t, method=method)
        np.testing.assert_allclose(found[:, 0], 0.5 * np.cos(t), atol=1e-4)


def test_the_characteristic_time_is_that_of_the_fastest_column():
    # q_1 turns at the rate 1, q_2 at 50; units do not matter
    rates, units = np.array([1.0, 50.0]), np.array([1e3, 1e-4])
    X = np.random.default_rng(0).normal(size=(4000, 4)) * np.tile(units, 2)

    class Oscillators:
        def vector_field(self, x):
            return np.concatenate([rates * x[..., 2:], -rates * x[..., :2]], axis=-1)

    dynamics = Learned(Oscillators(), X)._dynamics()
    assert characteristic_time(dynamics, X[:1]) == pytest.approx(1 / 50, rel=0.7)
    dynamics.support = None  # as after from_torch: the starts are looked at
    assert characteristic_time(dynamics, X) == pytest.approx(1 / 50, rel=0.1)
