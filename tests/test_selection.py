"""The one rule, rows left out, and what a Gauss-Newton training says of itself."""

from types import SimpleNamespace

import numpy as np
import pytest
from helpers import asymmetric_data, error_of_waves, waves
from hypothesis import given, settings
from hypothesis import strategies as st

from skhnn import HNNRegressor
from skhnn._data import DerivativeFit, Place, Problem
from skhnn._scaling import Scaling
from skhnn._selection import _race, _select
from skhnn._selection._candidate import Candidate, best_of, better_of
from skhnn._selection._correlation import correlation_of_errors
from skhnn._selection._left_out import LeftOut
from skhnn._selection._race import _another
from skhnn._selection._rule import error_of, simplest
from skhnn._selection._trained import ShortTrainings
from skhnn._solvers import Monitor, SolverOptions
from skhnn._solvers._gauss_newton import _Fit, train
from skhnn._solvers._last_weights import settled
from skhnn._solvers._layers import equations_of
from skhnn._solvers._sampled import Race
from skhnn.hamiltonians import HAMILTONIANS, MLP

RNG = np.random.RandomState


def squares(*errors, n_groups=10):
    """Mean squared errors (n_groups, 2) of candidates with the same errors everywhere."""
    return [np.full((n_groups, 2), e**2) for e in errors]


def test_the_first_of_equals_is_the_simplest():
    assert simplest(squares(1.0, 1.0, 1.0)) == 0


def test_a_difference_that_no_one_sees_does_not_count():
    assert simplest(squares(1.04, 1.0)) == 0
    assert simplest(squares(1.06, 1.0)) == 1


def test_a_difference_below_its_standard_error_does_not_count():
    first, second = squares(1.1, 1.0)
    up_and_down = np.exp([[2.0], [-2.0]] * 5)
    assert simplest([first, second]) == 1
    assert simplest([first * up_and_down, second]) == 0


def test_one_bad_group_does_not_decide():
    first, second = squares(1.0, 2.0)
    first[0] = 1e2
    assert simplest([second, first]) == 1


@pytest.mark.parametrize(("errors", "chosen"), [((1.04, 1.0), 0.7), ((1.1, 1.0), 0.5)])
def test_between_trained_hamiltonians_the_simplest_that_is_as_good_is_taken(errors, chosen):
    """Each is as good as its best training; one of T(p) + V(q), and two of H."""
    names = "separable", "mlp", "mlp"
    trained = [
        Candidate("soap", (SimpleNamespace(hamiltonian=HAMILTONIANS[name]), []), error, [mark], [])
        for name, error, mark in zip(names, squares(*errors, 2.0), (0.7, 0.5, 0.9), strict=True)
    ]
    hamiltonians = [HAMILTONIANS[name] for name in ("separable", "mlp")]
    assert best_of(trained[::-1], hamiltonians).losses == [chosen]


@pytest.mark.parametrize(
    ("errors", "evidence", "first"),
    [
        ((1.0, 0.5), (10.0, 0.0), "gauss_newton"),
        ((1.0, 0.99), (0.0, 10.0), "gauss_newton"),
        ((1.0, 1.01), (0.0, 10.0), "gauss_newton"),
        ((1.0, 0.99), (10.0, 0.0), "least_squares"),
        ((1.0, 0.99), (np.nan, 10.0), "least_squares"),
    ],
)
def test_of_errors_that_are_alike_the_larger_evidence_comes_first(errors, evidence, first):
    sampled, trained = (
        Candidate(solver, None, one, [], [], log_evidence)
        for solver, one, log_evidence in zip(
            ("least_squares", "gauss_newton"), squares(*errors), evidence, strict=True
        )
    )
    assert better_of(sampled, trained)[0].solver == first


@pytest.mark.parametrize(("left", "is_beaten"), [(0.3, False), (0.6, True)])
def test_where_much_is_left_all_are_trained_shortly_before_it_is_called_noise(
    monkeypatch, left, is_beaten
):
    """Sampled layers of both leave the same; trained ones of the second half of it."""
    monkeypatch.setattr(_select, "field_without_mechanics", lambda left_out: None)
    one_out_of_two = SimpleNamespace(
        left_out=SimpleNamespace(squares=lambda field: squares(1.0)[0]),
        options=SimpleNamespace(tell=lambda entry: None, is_out_of_time=False),
        problem=SimpleNamespace(layout=SimpleNamespace(has_velocities=False)),
    )
    hamiltonians = [HAMILTONIANS[name] for name in ("mechanical", "mlp")]
    (sampled,) = squares(left / np.sqrt(2))
    standings = [
        SimpleNamespace(race=SimpleNamespace(hamiltonian=one), error=left) for one in hamiltonians
    ]
    short = {repr(hamiltonians[0]): sampled, repr(hamiltonians[1]): sampled / 4}
    found = _select._Selection.is_beaten(
        one_out_of_two,
        Candidate.sampled(None, sampled),
        hamiltonians,
        SimpleNamespace(standings=standings),
        SimpleNamespace(squares=lambda hamiltonian: short[repr(hamiltonian)]),
    )
    assert found is is_beaten


def test_an_exact_half_is_not_hidden_by_an_error_that_all_have():
    simple, general = squares(1.1, 1.0)
    simple[:, 0] = 1e-20
    assert simplest([simple, general]) == 0


def test_an_exact_half_does_not_make_up_for_a_wrong_one():
    simple, general = squares(3.0, 1.0)
    simple[:, 0] = 1e-20
    assert simplest([simple, general]) == 1


def test_rounding_is_no_difference():
    assert simplest(squares(1e-11, 1e-13)) == 0


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.floats(1e-6, 1e3), min_size=1, max_size=5),
    st.floats(1e-3, 1e3),
    st.integers(1, 30),
)
def test_the_choice_does_not_depend_on_units_and_is_never_worse_than_said(errors, unit, n_groups):
    k = simplest(squares(*errors, n_groups=n_groups))
    assert k == simplest(squares(*(unit * e for e in errors), n_groups=n_groups))
    assert errors[k] ** 2 <= 1.1 * min(errors) ** 2 * (1 + 1e-9)


@pytest.fixture
def problem():
    X, y = asymmetric_data(100)
    groups = np.repeat(np.arange(10), 10)
    return Problem(X, y, np.ones(100), groups, Scaling.from_data(X, y, np.ones(100)))


@pytest.mark.parametrize("each_in_turn", [True, False])
def test_rows_left_out_are_whole_groups_that_the_fit_has_not_seen(problem, each_in_turn):
    left_out = LeftOut(problem, RNG(0), each_in_turn=each_in_turn)
    for training, rows in left_out.folds:
        seen, unseen = (set(part.groups_of_rows()) for part in (training, rows))
        assert not seen & unseen
        assert len(seen | unseen) == 10
    assert len(left_out.folds) == (5 if each_in_turn else 1)


@pytest.mark.parametrize("each_in_turn", [False, True])
def test_a_short_training_has_not_seen_the_rows_that_judge_it(problem, each_in_turn):
    left_out, seen = LeftOut(problem, RNG(0), each_in_turn=each_in_turn), []

    def short(hamiltonian, training):
        seen.append(training)
        equations = equations_of(MLP(None, (4,), "tanh"), problem)
        return equations, equations.init_params(RNG(0))

    trainings = ShortTrainings(left_out, SimpleNamespace(short=short))
    squares = trainings.squares(MLP())
    assert len(seen) == len(left_out.folds) == (5 if each_in_turn else 1)
    for training, (_, out) in zip(seen, left_out.folds, strict=True):
        assert not np.isin(out.index, training.index).any()
    assert trainings.squares(MLP()) is squares  # and each Hamiltonian has one


def test_squares_are_those_of_every_group(problem):
    left_out = LeftOut(problem, RNG(0), each_in_turn=True)
    equations = equations_of(MLP(None, (5,), "tanh"), problem)
    params = equations.init_params(RNG(0))
    found = left_out.squares(left_out.fields(lambda _: (equations, params)))
    X, y, _ = problem.take(slice(None))
    by_column = (equations.field(params, X) - y) ** 2 * problem.scaling.w
    by_group = by_column.reshape(10, 10, 4).mean(axis=1)
    by_half = np.stack([by_group[:, :2].sum(axis=1), by_group[:, 2:].sum(axis=1)], axis=1)
    np.testing.assert_allclose(found, by_half)
    assert error_of(found) == pytest.approx(np.sqrt(by_column.sum(axis=1).mean()))


def test_agreement_is_zero_for_one_model_and_large_for_strangers(problem):
    left_out = LeftOut(problem, RNG(0), each_in_turn=True)
    rng = np.random.default_rng(0)
    first, second = rng.standard_normal((2, 100, 4)) * 10.0
    assert left_out.agreement(first, first) < 1e-12
    assert left_out.agreement(first, second) > 1.0


def test_errors_of_noise_are_independent_and_those_along_a_run_are_not(problem):
    rng = np.random.default_rng(0)
    y = problem.take(slice(None))[1]
    noise = rng.standard_normal(y.shape)
    assert correlation_of_errors(y + noise, y, problem) < 1.5
    t = np.linspace(0, 2 * np.pi, 10)
    along = np.tile(np.sin(t), 10)[:, None] * np.ones(4)
    assert correlation_of_errors(y + along, y, problem) > 2.0


def sampled(problem, hamiltonian, units=8):
    equations = equations_of(hamiltonian.map_layers(lambda *_: ((units,), "tanh")), problem)
    X = problem.take(slice(None))[0]
    return equations, equations.sample_params(X, RNG(0), "hinge", 0.4)


@pytest.mark.parametrize("name", list(HAMILTONIANS))
def test_a_step_of_gauss_newton_has_the_derivatives_of_its_objective(problem, name):
    fit = _Fit(problem, *sampled(problem, HAMILTONIANS[name]))
    rng = np.random.default_rng(0)
    fit.x = 0.1 * rng.standard_normal(len(fit.x))
    _, slope = fit.normal_equations()
    v = rng.standard_normal(len(fit.x))

    def F(x):
        return fit._objective(fit._squares_at(x), x)

    numerical = (F(fit.x + 1e-6 * v) - F(fit.x - 1e-6 * v)) / 2e-6
    assert -2.0 * slope @ v == pytest.approx(numerical, rel=1e-5)


def test_the_evidence_finds_the_noise():
    X, y = asymmetric_data(200)
    noise = 0.1
    y = y + noise * y.std(axis=0) * np.random.default_rng(0).standard_normal(y.shape)
    problem = Problem(X, y, np.ones(200), None, Scaling.from_data(X, y, np.ones(200)))
    equations, params = sampled(problem, MLP(), 20)
    monitor = Monitor(0.0, np.inf, False)
    monitor.start(equations, params)
    train(problem, equations, params, monitor, 100)
    assert len(monitor.loss_curve) < 100  # it has come to rest
    assert np.sqrt(2.0 * monitor.loss_curve[-1]) == pytest.approx(noise, rel=0.15)


def test_last_weights_that_are_solved_for_leave_less(problem):
    equations, params = sampled(problem, MLP())
    params[-2:] = [p + 0.1 for p in params[-2:]]
    before, after = (
        DerivativeFit(problem, equations).loss(found)
        for found in (params, settled(problem, equations, params))
    )
    assert after < 0.5 * before


def test_training_raises_the_evidence_and_keeps_the_best(problem):
    equations, params = sampled(problem, MLP())
    found = []
    for n_steps in (3, 30):
        monitor = Monitor(0.0, np.inf, False)
        monitor.start(equations, params)
        found.append(train(problem, equations, params, monitor, n_steps))
    assert found[1] > found[0]
    assert monitor.loss_curve[-1] < monitor.loss_curve[0]


def test_among_noise_all_samplings_are_compared_by_all_rows():
    X, y = asymmetric_data(600, RNG(2))
    y = y + 0.3 * y.std(axis=0) * RNG(3).standard_normal(y.shape)
    problem = Problem(X, y, np.ones(len(X)), None, Scaling.from_data(X, y, np.ones(len(X))))
    race = Race(problem, HAMILTONIANS["mechanical"], SolverOptions(Place.on_numpy(), RNG(0)))
    race.run(20)
    assert race.best.fit.n_equations < y.size / 2
    best = race.among_noise(20, 1.0)
    assert best.fit.n_equations == y.size
    assert len(race.found) == len(race.every) > 10


@pytest.mark.parametrize(("error", "taken"), [(1.0, "simple"), (1.2, "best")])
def test_simpler_masses_are_taken_if_as_good_by_as_many_rows(monkeypatch, error, taken):
    """Few rows had found more with them; more rows are asked once for each form."""
    stands = {"simple": squares(error)[0], "best": squares(1.0)[0]}

    def stand(race, *_):
        return SimpleNamespace(race=race, squares=stands[race.name])

    asked = []
    simple = SimpleNamespace(name="simple", among_noise=lambda *_: asked.append("simple"))
    best = SimpleNamespace(race=SimpleNamespace(name="best"), squares=stands["best"])
    monkeypatch.setattr(_race, "_stand", stand)
    two = [SimpleNamespace(race=simple)] * 2  # the same form in two rounds
    options = SimpleNamespace(is_out_of_time=False)
    found = _race._simplest_among_noise(two, best, 100, None, options, 1.0)
    assert found.race.name == taken
    assert asked == ["simple"]


def test_thin_data_are_judged_by_the_best_of_the_others_where_none_is_near():
    # Three circles: one way to draw layers was left, and nobody looked beside the data.
    chosen = SimpleNamespace(error=1e-9, race=SimpleNamespace(found=["the chosen one"]))
    others = [SimpleNamespace(error=e, best=SimpleNamespace(model=e)) for e in (1e-6, 1e-8)]
    assert _another(chosen, others) == 1e-8
    assert _another(chosen, []) is None


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # of the one epoch
def test_a_long_training_that_ends_worse_than_a_short_one_is_not_taken():
    model = HNNRegressor(hamiltonian="mlp", max_iter=1, random_state=0).fit(*waves(1500, 1.5))
    errors = [e["error"] for e in model.fit_report_ if e.get("solver") == "soap"]
    assert errors[0] < 0.5 * errors[1]  # two hundred steps, and one epoch
    assert model.solver_ == "soap"
    assert error_of_waves(model, 1.5) < 0.3


@pytest.mark.slow
def test_what_two_models_find_nothing_of_is_not_taken_for_noise():
    """They agree that there is nothing, and a training finds it."""
    model = HNNRegressor(hamiltonian="mlp", random_state=0).fit(*waves(2500, 2.0))
    assert model.solver_ == "soap"
    assert error_of_waves(model, 2.0) < 0.1
