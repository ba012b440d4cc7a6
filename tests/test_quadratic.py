"""H quadratic in p, "mechanical" (constant A and b) and "natural": derivatives, solvers, use."""

import pickle

import numpy as np
import pytest
import torch
from helpers import central_differences, fit_quietly

from skhnn import HNNRegressor
from skhnn.hamiltonians import ACTIVATIONS, MechanicalHamiltonian, NaturalHamiltonian

SOLVERS = ["auto", "least_squares", "soap", "adam", "lbfgs", "varpro"]


every_form = pytest.mark.parametrize("kind", [MechanicalHamiltonian, NaturalHamiltonian])


def make(kind, sizes=(5, 6), activation="tanh", seed=0, d=2):
    rng = np.random.RandomState(seed)
    form = kind(sizes, activation)
    params = form.init_params(2 * d, rng)
    of_units = params[-2][: sizes[-1]]
    others = params[-2][sizes[-1] :].ravel()
    others[:] = rng.normal(size=len(others))
    if kind is NaturalHamiltonian:  # places without a coefficient
        n_columns = of_units.shape[1]
        others[[0, n_columns]] = others[2 * n_columns + d * d :] = 0.0
    params[-2] = np.vstack([of_units, others.reshape(-1, of_units.shape[1])])
    params[-1][:] = rng.normal(size=1 + 2 * d)
    return form, params, rng.normal(size=(9, 2 * d)), rng


def polar(n, seed=0, reach=1.0):
    """A particle on a rotating table in polar coordinates: A(q) = diag(1, 1/r^2), b = (0, -0.3)."""
    rng = np.random.default_rng(seed)
    X = rng.uniform([0.7, -1, -1, -1], [1.5, 1, 1, 1], (n, 4))
    X[:, 2:] *= reach
    r, phi, p_r, p_phi = X.T
    dq = np.stack([p_r, p_phi / r**2 - 0.3], axis=1)
    dp = np.stack([p_phi**2 / r**3 - r - np.cos(phi), r * np.sin(phi)], axis=1)
    return X, np.hstack([dq, dp])


@pytest.mark.parametrize("activation", list(ACTIVATIONS))
@pytest.mark.parametrize("sizes", [(7,), (5, 6), (4, 6, 3)], ids=len)
@every_form
def test_derivatives_agree_with_finite_differences(kind, sizes, activation):
    form, params, X, _ = make(kind, sizes, activation)
    gradient = form.gradient(params, X)
    value = central_differences(lambda x: form.value(params, x), X)
    np.testing.assert_allclose(gradient, value, atol=1e-8)
    hessian = form.hessian(params, X)
    np.testing.assert_allclose(
        hessian, central_differences(lambda x: form.gradient(params, x), X), atol=1e-8
    )
    np.testing.assert_allclose(form.hessian(params, X[0]), hessian[0], atol=1e-13)
    np.testing.assert_allclose(form.basis(params, X) @ params[-2].ravel(), gradient, atol=1e-13)


@pytest.mark.parametrize("d", [1, 2, 3])
@every_form
def test_h_is_quadratic_in_the_momenta(kind, d):
    form, params, X, rng = make(kind, d=d)
    direction = np.concatenate([np.zeros(d), rng.normal(size=d)])
    along = [form.value(params, X + k * direction) for k in range(5)]
    np.testing.assert_allclose(np.diff(along, 3, axis=0), 0, atol=1e-12)
    assert np.abs(np.diff(along, 2, axis=0)).max() > 0.01


@pytest.mark.parametrize("d", [1, 2, 3])
@pytest.mark.parametrize("sizes", [(7,), (5, 6)])
@every_form
def test_pullback_and_jacobian_are_the_derivatives_by_the_weights(kind, sizes, d):
    form, params, X, rng = make(kind, sizes, d=d)
    V = rng.normal(size=X.shape)
    tensors = [torch.tensor(p, requires_grad=True) for p in params]
    gradient = form.gradient(tensors, torch.tensor(X), torch)
    expected = torch.autograd.grad(
        (gradient * torch.tensor(V)).sum(), tensors, allow_unused=True, materialize_grads=True
    )
    on_numpy, pullback = form.gradient_pullback(params, X)
    np.testing.assert_allclose(on_numpy, gradient.detach(), atol=1e-13)
    found = pullback(V)
    for actual, wanted in zip(found[:-1], expected[:-1], strict=True):
        np.testing.assert_allclose(actual, wanted, atol=1e-12)
    assert not found[-1].any()
    _, torch_pullback = form.gradient_pullback(tensors, torch.tensor(X), torch)
    for actual, wanted in zip(torch_pullback(torch.tensor(V)), found, strict=True):
        np.testing.assert_allclose(actual.detach(), wanted, atol=1e-12)
    rows = form.jacobian(params, X)
    flat = np.concatenate([np.ravel(p) for p in found[:-2]])
    np.testing.assert_allclose(np.einsum("ni,nik->k", V, rows), flat, atol=1e-12)


@every_form
def test_bound_field_is_j_times_gradient(kind):
    form, params, X, _ = make(kind)
    gradient = form.gradient(params, X)
    field = form.vector_field(params)
    np.testing.assert_allclose(field(X), np.hstack([gradient[:, 2:], -gradient[:, :2]]), atol=1e-13)
    np.testing.assert_allclose(field(X[0]), field(X)[0], atol=1e-14)


@every_form
def test_methods_stay_on_the_device_of_their_params(kind):
    form, params, X, _ = make(kind)
    params = [torch.tensor(p, device="meta") for p in params]
    x = torch.tensor(X, device="meta")
    for method in ("value", "gradient", "hessian", "basis"):
        assert getattr(form, method)(params, x, torch).device.type == "meta"
    G, pullback = form.gradient_pullback(params, x, torch)
    assert all(d.device.type == "meta" for d in pullback(G))


@pytest.mark.parametrize("d", [1, 2, 3])
@every_form
def test_scaling_is_folded_in_and_out_exactly(kind, d):
    form, params, X, rng = make(kind, d=d)
    mu, s, e = rng.normal(size=2 * d), rng.uniform(0.2, 3, 2 * d), 1.7
    folded = form.fold(params, mu, s, e)
    expected = e * form.gradient(params, (X - mu) / s) / s
    np.testing.assert_allclose(form.gradient(folded, X), expected, rtol=1e-11)
    for a, b in zip(form.unfold(folded, mu, s, e)[:-1], params[:-1], strict=True):
        np.testing.assert_allclose(a, b, atol=1e-12)


@every_form
def test_widening_leaves_the_function_as_it_is(kind):
    form, params, X, rng = make(kind)
    wider, more = form.widen(params, X, rng, 20)
    assert wider.hidden_layer_sizes == (5, 26)
    np.testing.assert_allclose(wider.value(more, X), form.value(params, X), atol=1e-13)


@every_form
def test_a_mean_of_models_is_the_mean_of_their_energies(kind):
    form, first, X, _ = make(kind, seed=0)
    _, second, _, _ = make(kind, seed=1)
    second[-1][1:] = first[-1][1:]  # the centre of a problem is that of all its models
    weights = np.array([0.3, 0.7])
    mean, params = form.mean([first, second], weights)
    expected = 0.3 * form.value(first, X) + 0.7 * form.value(second, X)
    np.testing.assert_allclose(mean.value(params, X), expected, atol=1e-12)


@pytest.mark.parametrize("solver", SOLVERS)
def test_every_solver_fits_it(solver):
    model = HNNRegressor(hamiltonian="natural", solver=solver, random_state=0)
    fit_quietly(model, *polar(400))
    assert model.score(*polar(200, seed=1)) > 0.98


def test_it_holds_at_larger_momenta_than_in_the_data():
    faster = polar(500, seed=1, reach=3.0)
    scores = [
        fit_quietly(
            HNNRegressor(hamiltonian=form, solver="least_squares", random_state=0), *polar(500)
        ).score(*faster)
        for form in ("natural", "mlp")
    ]
    assert 1 - scores[0] < 1e-6
    assert 1 - scores[1] > 1e-3


def test_it_is_stored_exported_and_goes_on():
    X, y = polar(100)
    model = HNNRegressor((6, 5), hamiltonian="natural", solver="soap", warm_start=True,
                         max_iter=5, random_state=0)  # fmt: skip
    fit_quietly(model, X, y)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    module = model.to_torch()
    np.testing.assert_allclose(module(torch.tensor(X)).detach(), model.predict(X), atol=1e-12)
    exported = torch.export.export(module, (torch.tensor(X),))
    np.testing.assert_allclose(
        exported.module()(torch.tensor(X)).detach(), model.predict(X), atol=1e-12
    )
    back = HNNRegressor.from_torch(module)
    assert back.get_params()["hamiltonian"] == "natural"
    np.testing.assert_allclose(back.predict(X), model.predict(X), atol=1e-14)
    before = model.loss_
    fit_quietly(model, X, y)
    assert model.loss_ < before
    pieces = HNNRegressor((30,), hamiltonian="natural", solver="least_squares", random_state=0)
    pieces.partial_fit(X[:50], y[:50]).partial_fit(X[50:], y[50:])
    assert pieces.score(X, y) > 0.999
