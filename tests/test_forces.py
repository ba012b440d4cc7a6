"""Forces, inputs, parameters and structures: derivatives agree with automatic differentiation."""

import numpy as np
import pytest
import torch

from skhnn.forces import CubicDamping, Damping, Inputs, QuadraticDrag
from skhnn.hamiltonians import (
    MLP,
    Canonical,
    Constant,
    Kinetic,
    Layout,
    Poisson,
    Quadratic,
    Units,
    WithForces,
    equations_for,
)

D, SKEW = 4, np.array([[0.0, 1.0, 0.5], [-1.0, 0.0, 2.0], [-0.5, -2.0, 0.0]])


def of_rigid_body(X):
    """S(L) v = L x v."""
    x, y, z = X.T
    zero = np.zeros_like(x)
    rows = [[zero, -z, y], [z, zero, -x], [-y, x, zero]]
    return np.moveaxis(np.array(rows), -1, 0)


CASES = {
    "damping": (Quadratic("p") + MLP("q"), Damping(), Layout(D), Canonical()),
    "damping by coordinate": (MLP(), Damping("diagonal"), Layout(D), Canonical()),
    "damping that depends on q": (MLP(), Damping(depends_on_q=True), Layout(D), Canonical()),
    "drag": (MLP("q") * Quadratic("p"), QuadraticDrag() + CubicDamping("full"), Layout(D),
             Canonical()),
    "inputs": (Kinetic(2.0) + MLP("q"), Inputs() + Damping(), Layout(D, 3), Canonical()),
    "inputs through G(q)": (MLP(), Inputs(depends_on_q=True), Layout(D, 2), Canonical()),
    "parameters": (MLP("parameters") * Quadratic("p") + MLP("q"), None, Layout(D, 0, 2),
                   Canonical()),
    "everything": (MLP(), Inputs() + Damping(), Layout(D, 1, 1), Canonical()),
    "an angle": (Quadratic("p") + MLP("q"), Damping(depends_on_q=True),
                 Layout(D, periods={0: 3.0}), Canonical()),
    "a constant structure": (MLP(), None, Layout(3, is_canonical=False), Constant(SKEW)),
    "a structure": (MLP(), Inputs(), Layout(3, 2, is_canonical=False), Poisson(of_rigid_body)),
}  # fmt: skip
every_case = pytest.mark.parametrize("name", CASES)


def make(name, n=7):
    """Equations with random weights, rows, and the generator."""
    hamiltonian, forces, layout, structure = CASES[name]
    if forces is not None:
        hamiltonian = WithForces(hamiltonian, forces)
    hamiltonian = hamiltonian.map_layers(lambda *_: ((5, 4), "tanh"))
    rng = np.random.RandomState(0)
    spread = np.linspace(0.5, 2.0, layout.n_columns)
    X = rng.normal(size=(30, layout.n_columns)) * spread + 0.3
    declared = hamiltonian.declare(layout)
    c = X.mean(axis=0)
    c[list(declared.absolute)] = 0.0
    for k, period in declared.periods.items():
        c[k] = period * np.round(c[k] / period)
    s, e = X.std(axis=0), 1.3
    f = np.linspace(0.7, 1.1, layout.n_state)
    if structure.is_canonical:
        f = np.roll(e / s[: layout.n_state], layout.n_state // 2)
    units = Units(s, c, e, f)
    equations = equations_for(
        hamiltonian, X, np.ones(30), mu=X.mean(axis=0), units=units, layout=layout,
        structure=structure,
    )  # fmt: skip
    params = [p + 0.3 * rng.normal(size=p.shape) for p in equations.init_params(rng)]
    return equations, params, X[:n], rng, units


def by_autograd(equations, leaves, x):
    """S grad H + F from values alone: H, and the energies pi . F of the forces."""
    n, d = equations.n_state, equations.layout.n_rates
    H = equations.value(leaves, x, torch)
    (gradient,) = torch.autograd.grad(H.sum(), x, create_graph=True)
    S = torch.tensor(equations.structure.at(x[:, :n].detach().numpy()))
    field = (S @ gradient[:, :n, None])[..., 0]
    if not equations.forces:
        return field
    pi = torch.zeros_like(x[:, : equations.layout.n_pushed]).requires_grad_(True)
    c = torch.tensor(equations.c)
    rows = torch.cat([x - c, *([field[:, :d]] if d else []), pi], dim=1)
    energy = 0.0
    for term, part in list(equations.split(leaves))[len(equations.terms) :]:
        energy = energy + equations.e * term.at(part, rows, torch, 0).value()
    (force,) = torch.autograd.grad(energy.sum(), pi, create_graph=True)
    m = equations.layout.n_pushed
    return torch.cat([field[:, : n - m], field[:, n - m :] + force], dim=1)


@every_case
def test_field_and_pullback_agree_with_autograd(name):
    equations, params, X, rng, _ = make(name)
    leaves = [torch.tensor(p, requires_grad=True) for p in params]
    x = torch.tensor(X, requires_grad=True)
    expected = by_autograd(equations, leaves, x) + torch.tensor(0 * equations.known_field(X))
    field, pullback = equations.field_and_pullback(params, X)
    np.testing.assert_allclose(field, expected.detach(), rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(equations.field(params, X), field, rtol=1e-11, atol=1e-12)
    on_torch = equations.field(leaves, x, torch)
    np.testing.assert_allclose(on_torch.detach(), field, rtol=1e-11, atol=1e-12)
    V = rng.normal(size=field.shape)
    gradients = torch.autograd.grad((torch.tensor(V) * expected).sum(), leaves, allow_unused=True)
    for found, wanted in zip(pullback(V), gradients, strict=True):
        np.testing.assert_allclose(found, 0.0 if wanted is None else wanted, atol=1e-11)


@every_case
def test_the_jacobian_agrees_with_differences(name):
    equations, params, X, _, _ = make(name)
    J = equations.jacobian(params, X)
    for k in range(equations.n_state):
        h = 1e-6 * (np.arange(X.shape[1]) == k)
        change = (equations.field(params, X + h) - equations.field(params, X - h)) / 2e-6
        np.testing.assert_allclose(J[..., k], change, rtol=1e-6, atol=1e-7)


@every_case
def test_the_field_is_linear_in_the_last_weights_at_given_rates(name):
    equations, params, X, rng, _ = make(name)
    rates = (
        rng.normal(size=(len(X), equations.layout.n_rates)) if equations.layout.n_rates else None
    )
    at_own_rates = equations.basis(params, X) @ equations.last(params)
    np.testing.assert_allclose(
        at_own_rates + equations.known_field(X), equations.field(params, X), atol=1e-11
    )
    one, two = (rng.normal(size=equations.n_last) for _ in range(2))
    A = equations.basis(params, X, rates=rates)
    assert A.shape == (len(X), equations.n_state, equations.n_last)
    np.testing.assert_allclose(A @ (one + two), A @ one + A @ two, atol=1e-11)


@every_case
def test_derivatives_by_all_weights_agree_with_the_pullback(name):
    equations, params, X, rng, _ = make(name)
    V = rng.normal(size=(len(X), equations.n_state))
    _, pullback = equations.field_and_pullback(params, X)
    found = pullback(V)
    by_last = np.einsum("ij,ijk->k", V, equations.jacobian_by_last(params, X))
    np.testing.assert_allclose(by_last, equations.last(found), atol=1e-11)
    by_hidden = np.einsum("ij,ijk->k", V, equations.jacobian_by_hidden(params, X))
    hidden = equations.hidden(found)
    flat = np.concatenate([p.ravel() for p in hidden]) if hidden else np.zeros(0)
    np.testing.assert_allclose(by_hidden, flat, atol=1e-11)


@every_case
def test_the_bound_field_is_the_field(name):
    equations, params, X, _, _ = make(name)
    field, expected = equations.vector_field(params), equations.field(params, X)
    np.testing.assert_allclose(field(X), expected, rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(field(X[2]), expected[2], rtol=1e-11, atol=1e-11)


@every_case
def test_units_are_there_and_back(name):
    equations, params, X, _, units = make(name)
    trained = equations.in_units_of(units)
    Z = (X - units.c) / units.s
    expected = equations.field(params, X)
    known = 0.0 if trained.known else equations.known_field(X)
    np.testing.assert_allclose(trained.field(params, Z), (expected - known) / units.f, atol=1e-10)
    back = trained.in_units_of_the_data(
        units, equations.known, equations.structure, equations.input_matrix
    )
    np.testing.assert_allclose(back.field(params, X), expected, atol=1e-10)


@every_case
def test_parts_share_no_weights(name):
    equations, params, X, _, _ = make(name)
    A, seen = equations.basis(params, X), []
    for columns, weights in equations.blocks():
        others = np.setdiff1d(np.arange(equations.n_state), columns)
        assert not A[:, others][:, :, weights].any()
        seen += weights.tolist()
    assert sorted(seen) == list(range(equations.n_last))
