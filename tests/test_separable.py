"""H = T(p) + V(q): its derivatives, every solver, and the methods that need it."""

import pickle

import numpy as np
import pytest
import torch
from helpers import central_differences, fit_quietly
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from skhnn import HNNRegressor
from skhnn.hamiltonians import ACTIVATIONS, SeparableHamiltonian
from skhnn.systems import Kepler

SOLVERS = ["auto", "least_squares", "soap", "adam", "lbfgs", "varpro"]


def make(sizes=(5, 6), activation="tanh", seed=0):
    rng = np.random.RandomState(seed)
    form = SeparableHamiltonian(sizes, activation)
    params = form.init_params(4, rng)
    params[-2][:] = rng.normal(size=params[-2].shape)
    params[-1][:] = rng.normal(size=5)
    return form, params, rng.normal(size=(9, 4)), rng


def henon_heiles(n, seed=0):
    X = np.random.default_rng(seed).uniform(-0.5, 0.5, (n, 4))
    q1, q2, p1, p2 = X.T
    return X, np.stack([p1, p2, -q1 - 2 * q1 * q2, -q2 - q1**2 + q2**2], axis=1)


@pytest.mark.parametrize("activation", list(ACTIVATIONS))
@pytest.mark.parametrize("sizes", [(7,), (5, 6), (4, 6, 3)], ids=len)
def test_derivatives_agree_with_finite_differences(sizes, activation):
    form, params, X, _ = make(sizes, activation)
    gradient = form.gradient(params, X)
    value = central_differences(lambda x: form.value(params, x), X)
    np.testing.assert_allclose(gradient, value, atol=1e-8)
    hessian = central_differences(lambda x: form.gradient(params, x), X)
    np.testing.assert_allclose(form.hessian(params, X), hessian, atol=1e-8)
    np.testing.assert_allclose(form.basis(params, X) @ params[-2][:, 0], gradient, atol=1e-14)


def test_q_and_p_are_not_coupled():
    form, params, X, _ = make()
    hessian = form.hessian(params, X)
    assert (hessian[:, :2, 2:] == 0).all()
    assert (hessian[:, 2:, :2] == 0).all()


@pytest.mark.parametrize("sizes", [(7,), (5, 6)])
def test_pullback_and_jacobian_are_the_derivatives_by_the_weights(sizes):
    form, params, X, rng = make(sizes)
    V = rng.normal(size=X.shape)
    tensors = [torch.tensor(p, requires_grad=True) for p in params]
    gradient = form.gradient(tensors, torch.tensor(X), torch)
    expected = torch.autograd.grad(
        (gradient * torch.tensor(V)).sum(), tensors, allow_unused=True, materialize_grads=True
    )
    _, pullback = form.gradient_pullback(params, X)
    found = pullback(V)
    for actual, wanted in zip(found[:-1], expected[:-1], strict=True):
        np.testing.assert_allclose(actual, wanted, atol=1e-13)
    assert not found[-1].any()
    rows = form.jacobian(params, X)
    flat = np.concatenate([np.ravel(p) for p in found[:-2]])
    np.testing.assert_allclose(np.einsum("ni,nik->k", V, rows), flat, atol=1e-12)


def test_bound_field_and_halves_agree_with_the_gradient():
    form, params, X, _ = make()
    gradient = form.gradient(params, X)
    field = form.vector_field(params)
    np.testing.assert_allclose(field(X), np.hstack([gradient[:, 2:], -gradient[:, :2]]), atol=1e-14)
    np.testing.assert_allclose(field(X[0]), field(X)[0], atol=1e-15)
    velocity, force = form.halves(params)
    np.testing.assert_allclose(np.hstack([velocity(X[:, 2:]), force(X[:, :2])]), field(X))


def test_scaling_is_folded_in_and_out_exactly():
    form, params, X, rng = make()
    mu, s, e = rng.normal(size=4), np.array([0.3, 2.0, 5.0, 0.1]), 1.7
    folded = form.fold(params, mu, s, e)
    expected = e * form.gradient(params, (X - mu) / s) / s
    np.testing.assert_allclose(form.gradient(folded, X), expected, atol=1e-12)
    for a, b in zip(form.unfold(folded, mu, s, e)[:-1], params[:-1], strict=True):
        np.testing.assert_allclose(a, b, atol=1e-12)


def test_widening_leaves_the_function_as_it_is():
    form, params, X, rng = make()
    wider, more = form.widen(params, X, rng, 20)
    assert wider.hidden_layer_sizes == (5, 16)
    np.testing.assert_allclose(wider.value(more, X), form.value(params, X), atol=1e-14)


def test_a_mean_of_models_is_the_mean_of_their_energies():
    form, first, X, _ = make(seed=0)
    _, second, _, _ = make(seed=1)
    second[-1][1:] = first[-1][1:]  # the centre of a problem is that of all its models
    weights = np.array([0.3, 0.7])
    mean, params = form.mean([first, second], weights)
    expected = 0.3 * form.value(first, X) + 0.7 * form.value(second, X)
    np.testing.assert_allclose(mean.value(params, X), expected, atol=1e-13)


@pytest.mark.parametrize("solver", SOLVERS)
def test_every_solver_fits_it(solver):
    X, y = henon_heiles(400)
    model = HNNRegressor(hamiltonian="separable", solver=solver, random_state=0)
    fit_quietly(model, X, y)
    assert model.score(*henon_heiles(200, seed=1)) > 0.98
    jacobian = central_differences(lambda x: model.predict(x), X[:5], 1e-3)
    assert np.abs(jacobian[:, :2, :2]).max() < 1e-8  # dq/dt does not depend on q


def test_it_needs_fewer_rows_than_a_network_of_everything():
    system, rng = Kepler(mu=1.0), np.random.default_rng(0)

    def draw(n):
        angle, r = rng.uniform(0, 2 * np.pi, n), rng.uniform(0.7, 1.5, n)
        q = np.stack([r * np.cos(angle), r * np.sin(angle)], axis=1)
        X = np.hstack([q, rng.uniform(-1, 1, (n, 2))])
        return X, system.vector_field(X)

    train, test = draw(150), draw(1000)
    scores = [
        fit_quietly(
            HNNRegressor(hamiltonian=form, solver="least_squares", random_state=0), *train
        ).score(*test)
        for form in ("separable", "mlp")
    ]
    assert 1 - scores[0] < 0.1 * (1 - scores[1])


def test_the_parameter_and_the_method_share_their_name():
    X, y = henon_heiles(100)
    model = HNNRegressor((9,), hamiltonian="separable", solver="least_squares", random_state=0)
    assert model.get_params()["hamiltonian"] == "separable"
    assert "hamiltonian='separable'" in repr(model)
    assert clone(model).get_params() == model.get_params()
    model.fit(X, y)
    assert model.hamiltonian(X).shape == (100,)
    model.set_params(hamiltonian="mlp")  # of a later fit; this one stays what it is
    assert [W.shape for W in model.coefs_] == [(2, 9), (2, 9), (2 * (9 + 5), 1)]
    assert model.hamiltonian(X).shape == (100,)
    with pytest.raises(ValueError, match=r"hamiltonian must be one of \['auto', 'mlp'"):
        model.set_params(hamiltonian="magnetic").fit(X, y)


def test_a_search_chooses_the_form():
    X, y = henon_heiles(60)
    search = GridSearchCV(
        HNNRegressor((40,), solver="least_squares", random_state=0),
        {"hamiltonian": ["mlp", "separable"]},
        cv=3,
    ).fit(X, y)
    assert search.best_params_ == {"hamiltonian": "separable"}


def test_it_is_stored_exported_and_goes_on():
    X, y = henon_heiles(100)
    model = HNNRegressor((6, 5), hamiltonian="separable", solver="adam", warm_start=True,
                         max_iter=5, random_state=0)  # fmt: skip
    fit_quietly(model, X, y)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    module = model.to_torch()
    np.testing.assert_allclose(module(torch.tensor(X)).detach(), model.predict(X), atol=1e-12)
    back = HNNRegressor.from_torch(module)
    assert back.get_params()["hamiltonian"] == "separable"
    np.testing.assert_allclose(back.predict(X), model.predict(X), atol=1e-14)
    before = model.loss_
    fit_quietly(model, X, y)
    assert model.loss_ < before
    with pytest.raises(ValueError, match=r"hamiltonian, layers, activation\) \(4, 'separable'"):
        model.set_params(hamiltonian="mlp").fit(X, y)
    pieces = HNNRegressor((30,), hamiltonian="separable", solver="least_squares", random_state=0)
    pieces.partial_fit(X[:50], y[:50]).partial_fit(X[50:], y[50:])
    assert pieces.score(X, y) > 0.999
