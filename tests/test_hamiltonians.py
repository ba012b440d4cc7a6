"""The derivatives of the network in closed form agree with automatic differentiation."""

import numpy as np
import pytest
import torch
from helpers import linear_and_quadratic, structure_matrix
from sklearn.base import clone

from skhnn.hamiltonians import (
    ACTIVATIONS,
    MLPHamiltonian,
    field_from_gradient,
    gradient_from_field,
)

every_activation = pytest.mark.parametrize("activation", list(ACTIVATIONS))
every_depth = pytest.mark.parametrize("sizes", [(7,), (5, 6), (4, 6, 3)], ids=len)


def make(sizes, activation, n_features=4, seed=0):
    rng = np.random.RandomState(seed)
    hamiltonian = MLPHamiltonian(sizes, activation)
    params = hamiltonian.init_params(n_features, rng)
    params[-2][sizes[-1] :] = rng.normal(size=(n_features * (n_features + 3) // 2, 1))
    params[-1][:] = rng.normal(size=1 + n_features)
    return hamiltonian, params, rng.normal(size=(9, n_features)), rng


def autograd(hamiltonian, params, X):
    """H and grad H by torch, the gradient differentiable once more."""
    params = [torch.tensor(p, requires_grad=True) for p in params]
    x = torch.tensor(X, requires_grad=True)
    functions = {
        "tanh": torch.tanh,
        "softplus": torch.nn.functional.softplus,
        "silu": torch.nn.functional.silu,
        "sin": torch.sin,
        "logistic": torch.sigmoid,
    }
    h = z = x - params[-1][1:]
    for W, b in zip(params[:-2:2], params[1:-2:2], strict=True):
        h = functions[hamiltonian.activation](h @ W + b)
    w, n_units = params[-2][:, 0], h.shape[1]
    H = h @ w[:n_units] + linear_and_quadratic(w[n_units:], z) + params[-1][0]
    (gradient,) = torch.autograd.grad(H.sum(), x, create_graph=True)
    return params, x, H, gradient


@every_activation
@every_depth
def test_value_and_gradient_agree_with_autograd(sizes, activation):
    hamiltonian, params, X, _ = make(sizes, activation)
    _, _, H, gradient = autograd(hamiltonian, params, X)
    np.testing.assert_allclose(hamiltonian.value(params, X), H.detach(), atol=1e-14)
    np.testing.assert_allclose(hamiltonian.gradient(params, X), gradient.detach(), atol=1e-14)


@every_activation
@every_depth
def test_pullback_agrees_with_double_backpropagation(sizes, activation):
    hamiltonian, params, X, rng = make(sizes, activation)
    V = rng.normal(size=X.shape)
    tensors, _, _, gradient = autograd(hamiltonian, params, X)
    expected = torch.autograd.grad(
        (gradient * torch.tensor(V)).sum(), tensors, allow_unused=True, materialize_grads=True
    )
    G, pullback = hamiltonian.gradient_pullback(params, X)
    np.testing.assert_array_equal(G, hamiltonian.gradient(params, X))
    *actual, of_centre = pullback(V)
    for found, wanted in zip(actual, expected[:-1], strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-13)
    assert of_centre.shape == params[-1].shape
    assert not of_centre.any()  # the constant and the centre stay where they are


@every_activation
@every_depth
def test_hessian_agrees_with_autograd_and_is_symmetric(sizes, activation):
    hamiltonian, params, X, _ = make(sizes, activation)
    _, x, _, gradient = autograd(hamiltonian, params, X)
    rows = [torch.autograd.grad(g.sum(), x, retain_graph=True)[0] for g in gradient.T]
    hessian = hamiltonian.hessian(params, X)
    np.testing.assert_allclose(hessian, torch.stack(rows, dim=1), atol=1e-13)
    np.testing.assert_allclose(hessian, hessian.swapaxes(1, 2), atol=1e-14)
    np.testing.assert_allclose(hamiltonian.hessian(params, X[0]), hessian[0], atol=1e-14)


@every_activation
@every_depth
def test_gradient_is_linear_in_the_basis(sizes, activation):
    hamiltonian, params, X, rng = make(sizes, activation)
    basis = hamiltonian.basis(params, X)
    assert basis.shape == (len(X), X.shape[1], sizes[-1] + 4 + 10)
    params[-2] = rng.normal(size=params[-2].shape)
    gradient = hamiltonian.gradient(params, X)
    np.testing.assert_allclose(basis @ params[-2].ravel(), gradient, atol=1e-14)


@every_activation
@every_depth
def test_numpy_and_torch_run_the_same_code(sizes, activation):
    hamiltonian, params, X, rng = make(sizes, activation)
    V = rng.normal(size=X.shape)
    tensors, x = [torch.tensor(p) for p in params], torch.tensor(X)
    for method in ("value", "gradient", "hessian", "basis"):
        on_torch = getattr(hamiltonian, method)(tensors, x, torch)
        assert isinstance(on_torch, torch.Tensor)
        on_numpy = getattr(hamiltonian, method)(params, X)
        np.testing.assert_allclose(on_torch, on_numpy, atol=1e-14)
    _, pullback = hamiltonian.gradient_pullback(params, X)
    _, torch_pullback = hamiltonian.gradient_pullback(tensors, x, torch)
    for a, b in zip(pullback(V), torch_pullback(torch.tensor(V)), strict=True):
        np.testing.assert_allclose(b, a, atol=1e-13)


@every_activation
def test_methods_stay_on_the_device_of_their_params(activation):
    # "meta" tensors have no data: an array made on the wrong device raises at once.
    hamiltonian, params, X, _ = make((5, 6), activation)
    params = [torch.tensor(p, device="meta") for p in params]
    x = torch.tensor(X, device="meta")
    for method in ("value", "gradient", "hessian", "basis"):
        assert getattr(hamiltonian, method)(params, x, torch).device.type == "meta"
    G, pullback = hamiltonian.gradient_pullback(params, x, torch)
    assert all(d.device.type == "meta" for d in pullback(G))


@every_activation
@every_depth
def test_bound_field_is_j_times_gradient(sizes, activation):
    hamiltonian, params, X, _ = make(sizes, activation)
    field = hamiltonian.vector_field(params)
    expected = hamiltonian.gradient(params, X) @ structure_matrix(2).T
    before = X.copy()
    np.testing.assert_allclose(field(X), expected, atol=1e-14)
    np.testing.assert_allclose(field(X[3]), expected[3], atol=1e-14)
    np.testing.assert_array_equal(X, before)


@every_depth
def test_folding_moves_the_scaling_into_the_weights_exactly(sizes):
    hamiltonian, params, X, rng = make(sizes, "tanh")
    mu, s, e = rng.normal(size=4), rng.uniform(0.5, 2, 4), 3.0
    folded = hamiltonian.fold(params, mu, s, e)
    Z = (X - mu) / s
    expected = e * (hamiltonian.value(params, Z) - params[-1][0])
    np.testing.assert_allclose(hamiltonian.value(folded, X), expected, atol=1e-13)
    gradient = hamiltonian.gradient(params, Z) * e / s
    np.testing.assert_allclose(hamiltonian.gradient(folded, X), gradient, atol=1e-13)
    *unfolded, last = hamiltonian.unfold(folded, mu, s, e)
    for a, b in zip(unfolded, params[:-1], strict=True):
        np.testing.assert_allclose(a, b, atol=1e-14)
    np.testing.assert_allclose(last[1:], params[-1][1:], atol=1e-14)


def test_activations_do_not_overflow():
    a = np.array([-1e4, -50.0, 0.0, 50.0, 1e4])
    with np.errstate(all="raise", under="ignore"):
        for activation in ACTIVATIONS.values():
            assert all(np.isfinite(part).all() for part in activation(a, np, 2))


def test_structure_matrix_is_orthogonal():
    G = np.random.default_rng(0).normal(size=(3, 5, 4))
    np.testing.assert_array_equal(field_from_gradient(G), G @ structure_matrix(2).T)
    np.testing.assert_array_equal(gradient_from_field(field_from_gradient(G)), G)


def test_objects_hold_hyper_parameters_only():
    hamiltonian = MLPHamiltonian((3,), "sin")
    assert clone(hamiltonian).get_params() == {"hidden_layer_sizes": (3,), "activation": "sin"}
    before = dict(vars(hamiltonian))
    hamiltonian.value(hamiltonian.init_params(2, np.random.RandomState(0)), np.zeros((1, 2)))
    assert vars(hamiltonian) == before
