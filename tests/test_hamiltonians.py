"""Hamiltonians of every composition: all derivatives agree with automatic differentiation."""

import pickle

import numpy as np
import pytest
import torch
from helpers import central_differences, last_weights_of_networks, structure_matrix
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone

from skhnn.hamiltonians import (
    ACTIVATIONS,
    HAMILTONIANS,
    MLP,
    Canonical,
    Kinetic,
    Known,
    Layout,
    Pairwise,
    Quadratic,
    Radial,
    Units,
    equations_for,
    field_from_gradient,
    gradient_from_field,
)

N_COLUMNS, D = 4, 2


def quartic(X):
    return X[..., 0] ** 4 + X[..., 0] * X[..., 2] ** 2


def gradient_of_quartic(X):
    return np.stack([4 * X[:, 0] ** 3 + X[:, 2] ** 2, 0 * X[:, 0],
                     2 * X[:, 0] * X[:, 2], 0 * X[:, 0]], axis=1)  # fmt: skip


COMPOSED = {
    **HAMILTONIANS,
    "quadratic": Quadratic(),
    "of some columns": MLP([0, 3]) + Quadratic([1, 2]),
    "of columns in another order": MLP([2, 0]) + MLP([1, 3]),
    "one angle": Quadratic("p") + MLP("q", periodic=[0]),
    "angles and momenta": MLP(periodic={0: 1.3, 1: 6.2}),
    "a product with an angle": MLP("q", periodic=[1]) * Quadratic("p"),
    "a product of some, and a sum": MLP([0, 3]) * Quadratic([2]) + MLP([1]),
    "two products": MLP("q") * Quadratic("p") + MLP("p") * Quadratic("q"),
    "radial": Radial(),
    "radial, with a mass": Radial(2.0),
    "bodies": Pairwise(2, 1),
    "bodies of two kinds": Pairwise(2, 1, masses=[1.0, 3.0], kinds=["a", "b"], charges=[2.0, -0.5]),
    "masses": Kinetic([1.0, 2.5]) + MLP("q"),
    "masses to learn": Kinetic("diagonal") + MLP("q"),
    "positive masses": Kinetic("q") + MLP("q"),
    "positive masses and an angle": Kinetic("q", periodic=[0]) + MLP("q", periodic=[0]),
    "known by torch": MLP("q") + Quadratic("p") + Known(quartic),
    "known with its gradient": MLP() + Known(quartic, gradient_of_quartic),
}
every_hamiltonian = pytest.mark.parametrize("name", COMPOSED)
every_depth = pytest.mark.parametrize("sizes", [(7,), (5, 6), (4, 6, 3)], ids=len)
SPREAD, MEAN = np.array([1.0, 2.0, 3.0, 0.5]), np.array([1.0, 10.0, 0.0, -3.0])


def make(hamiltonian, sizes=(5, 6), activation="tanh", n=9):
    """Equations with random weights, states, and the generator."""
    rng = np.random.RandomState(0)
    if isinstance(hamiltonian, str):
        hamiltonian = COMPOSED[hamiltonian]
    hamiltonian = hamiltonian.map_layers(lambda *_: (sizes, activation))
    X = rng.normal(size=(40, N_COLUMNS)) * SPREAD + MEAN
    c = X.mean(axis=0)
    c[list(hamiltonian.declare(Layout(N_COLUMNS)).absolute)] = 0.0
    for k, period in hamiltonian.declare(Layout(N_COLUMNS)).periods.items():
        c[k] = period * np.round(c[k] / period)
    s, e = X.std(axis=0), 1.7
    units = Units(s, c, e, np.roll(e / s, D))
    equations = equations_for(
        hamiltonian, X, np.ones(40), mu=X.mean(axis=0), units=units, layout=Layout(N_COLUMNS),
        structure=Canonical(),
    )  # fmt: skip
    params = [p + 0.3 * rng.normal(size=p.shape) for p in equations.init_params(rng)]
    return equations, params, X[:n], rng


def by_autograd(equations, params, X):
    """The leaves, and the field J grad H with a graph, from nothing but the value of H."""
    leaves = [torch.tensor(p, requires_grad=True) for p in params]
    x = torch.tensor(X, requires_grad=True)
    H = equations.value(leaves, x, torch)
    (gradient,) = torch.autograd.grad(H.sum(), x, create_graph=True)
    return leaves, x, torch.cat([gradient[:, D:], -gradient[:, :D]], dim=1), H


@every_hamiltonian
@every_depth
def test_value_and_field_agree_with_autograd_on_numpy_and_on_torch(name, sizes):
    equations, params, X, _ = make(name, sizes)
    leaves, x, field, H = by_autograd(equations, params, X)
    np.testing.assert_allclose(equations.value(params, X), H.detach(), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(equations.field(params, X), field.detach(), rtol=1e-10, atol=1e-12)
    on_torch = equations.field(leaves, x, torch)
    np.testing.assert_allclose(on_torch.detach(), field.detach(), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("activation", list(ACTIVATIONS))
def test_the_value_is_that_of_the_formula(activation):
    functions = {
        "tanh": np.tanh, "sin": np.sin, "softplus": lambda a: np.log1p(np.exp(a)),
        "silu": lambda a: a / (1 + np.exp(-a)), "logistic": lambda a: 1 / (1 + np.exp(-a)),
        "quartic": lambda a: a**4,
    }  # fmt: skip
    equations, (W, b, w, u), X, _ = make(MLP([0, 2], periodic=[0]), (3,), activation)
    (network, _) = equations.terms
    angle, other = X[:, 0], X[:, 2]
    read = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    mu, s = network.phi.f.g.constants.values()
    mean, spread = network.phi.g.constants.values()
    z = (other - equations.c[2] - mean) / spread
    inputs = np.column_stack([(read - mu) / s, z])
    h = functions[activation](inputs @ W + b) @ w
    expected = equations.e * (h[:, 0] + u[0, 0] * z + u[1, 0] * z**2)
    np.testing.assert_allclose(equations.value([W, b, w, u], X), expected, atol=1e-12)


@every_hamiltonian
@every_depth
@pytest.mark.parametrize("activation", ["tanh", "silu"])
def test_the_pullback_agrees_with_double_backpropagation(name, sizes, activation):
    equations, params, X, rng = make(name, sizes, activation)
    V = rng.normal(size=X.shape)
    leaves, _, field, _ = by_autograd(equations, params, X)
    expected = torch.autograd.grad(
        (field * torch.tensor(V)).sum(), leaves, allow_unused=True, materialize_grads=True
    )
    found, pullback = equations.field_and_pullback(params, X)
    np.testing.assert_allclose(found, equations.field(params, X), atol=1e-12)
    _, on_torch = equations.field_and_pullback(leaves, torch.tensor(X), torch)
    for found, by_torch, wanted in zip(
        pullback(V), on_torch(torch.tensor(V)), expected, strict=True
    ):
        scale = 1.0 + np.abs(wanted.numpy()).max()
        np.testing.assert_allclose(found / scale, wanted / scale, atol=1e-12)
        np.testing.assert_allclose(by_torch.detach() / scale, wanted / scale, atol=1e-12)


def without_last_weights(equations, params, X):
    """The field of known energies, and of masses that are positive by construction."""
    if all(term.n_weights for term in equations.terms):
        return equations.known_field(X)
    return equations.field(equations.with_last(params, np.zeros(equations.n_last)), X)


@every_hamiltonian
@every_depth
def test_the_field_is_linear_in_the_last_weights(name, sizes):
    equations, params, X, rng = make(name, sizes)
    basis = equations.basis(params, X)
    assert basis.shape == (len(X), N_COLUMNS, equations.n_last)
    params = equations.with_last(params, rng.normal(size=equations.n_last))
    field = basis @ equations.last(params) + without_last_weights(equations, params, X)
    np.testing.assert_allclose(field, equations.field(params, X), rtol=1e-10, atol=1e-11)


@every_hamiltonian
def test_what_stays_is_subtracted_from_the_equations_of_the_last_weights(name):
    equations, params, X, rng = make(name, (5,))
    start, y = rng.normal(size=equations.n_last), rng.normal(size=(len(X), N_COLUMNS))
    basis = equations.basis(params, X)
    for free in (equations.is_quadratic, ~equations.is_quadratic):
        design = equations.about_last(params, X, y, start, False, free)
        for column, present in enumerate(equations.entries()):
            weights = np.flatnonzero(present & free)
            found = design.entries(np.array([column]), weights)
            np.testing.assert_allclose(found[:, 0], basis[:, column, weights], atol=1e-12)
            assert not basis[:, column, ~present].any()
        left = y - basis @ start - without_last_weights(equations, params, X)
        np.testing.assert_allclose(design.t, left, rtol=1e-10, atol=1e-10)


@every_hamiltonian
@every_depth
def test_the_jacobian_agrees_with_autograd_and_is_that_of_a_hamiltonian_field(name, sizes):
    equations, params, X, _ = make(name, sizes)
    _, x, field, _ = by_autograd(equations, params, X)
    rows = [torch.autograd.grad(f.sum(), x, retain_graph=True)[0] for f in field.T]
    jacobian = equations.jacobian(params, X)
    tolerance = 1e-10 if not equations.known else 1e-7  # by differences, if nothing else is given
    np.testing.assert_allclose(jacobian, torch.stack(rows, dim=1), rtol=1e-8, atol=tolerance)
    hessian = structure_matrix(D).T @ jacobian
    np.testing.assert_allclose(hessian, hessian.swapaxes(1, 2), atol=tolerance * 10)


@every_hamiltonian
@every_depth
def test_derivatives_by_hidden_weights_row_by_row(name, sizes):
    equations, params, X, rng = make(name, sizes)
    if not equations.networks:
        assert equations.hidden(params) == []
        return
    V = rng.normal(size=X.shape)
    _, pullback = equations.field_and_pullback(params, X)
    expected = np.concatenate([p.ravel() for p in equations.hidden(pullback(V))])
    found = np.einsum("ni,nik->k", V, equations.jacobian_by_hidden(params, X))
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-11)


@every_hamiltonian
@every_depth
def test_the_bound_field_is_the_field(name, sizes):
    equations, params, X, _ = make(name, sizes)
    field, before = equations.vector_field(params), X.copy()
    expected = equations.field(params, X)
    np.testing.assert_allclose(field(X), expected, rtol=1e-10, atol=1e-11)
    np.testing.assert_allclose(field(X[3]), expected[3], rtol=1e-10, atol=1e-11)
    np.testing.assert_array_equal(X, before)


@every_hamiltonian
def test_halves_are_there_where_q_and_p_are_not_coupled(name):
    equations, params, X, _ = make(name)
    halves = equations.halves(params)
    separable = {
        "mechanical", "separable", "one angle", "radial", "radial, with a mass", "bodies",
        "bodies of two kinds", "masses", "masses to learn",
    }  # fmt: skip
    assert (halves is not None) == (name in separable)
    if halves is not None:
        found = np.hstack([halves[0](X[:, D:]), halves[1](X[:, :D])])
        np.testing.assert_allclose(found, equations.field(params, X), atol=1e-12)
        tensors = [torch.tensor(p) for p in params]
        of_p, of_q = equations.halves(tensors, torch)
        found = torch.cat([of_p(torch.tensor(X[:, D:])), of_q(torch.tensor(X[:, :D]))], dim=1)
        np.testing.assert_allclose(found, equations.field(params, X), atol=1e-12)


@every_hamiltonian
def test_blocks_share_neither_rows_nor_weights(name):
    equations, params, X, _ = make(name)
    basis = equations.basis(params, X)
    blocks = equations.blocks()
    weights = np.concatenate([w for _, w in blocks])
    np.testing.assert_array_equal(np.sort(weights), np.arange(equations.n_last))
    for columns, own in blocks:
        others = np.setdiff1d(weights, own)
        assert not basis[:, columns][:, :, others].any()


@settings(max_examples=50, deadline=None)
@given(size=st.floats(0.0, 3.0), far=st.floats(0.0, 100.0), seed=st.integers(0, 1000))
def test_positive_masses_are_positive_whatever_the_weights(size, far, seed):
    equations, params, X, _ = make(Kinetic("q") + Quadratic("q"))
    rng = np.random.RandomState(seed)
    params = [size * rng.normal(size=p.shape) for p in params]
    params = equations.with_last(params, np.zeros(equations.n_last))  # H = T
    X = np.hstack([far * X[:, :D], rng.normal(size=(len(X), D))])
    T, of_p = equations.value(params, X), equations.jacobian(params, X)[:, :D, D:]
    assert (T > 0.0).all()
    twice = np.einsum("ni,nij,nj->n", X[:, D:], of_p, X[:, D:])  # H = T is quadratic in p
    np.testing.assert_allclose(2.0 * T, twice, rtol=1e-9)
    np.testing.assert_allclose(of_p, np.swapaxes(of_p, 1, 2), rtol=1e-9)


@every_hamiltonian
def test_more_units_change_nothing(name):
    equations, params, X, rng = make(name)
    if equations.networks:
        wider, more = equations.widen(params, X, rng, 3)
        np.testing.assert_allclose(
            wider.field(more, X), equations.field(params, X), rtol=1e-10, atol=1e-11
        )
        sizes = [net.sizes[-1] + 3 * (net.n_weights > 0) for net in equations.networks]
        assert [network.sizes[-1] for network in wider.networks] == sizes
        assert wider.hamiltonian.layers()[-1].hidden_layer_sizes == (5, 9)


@every_hamiltonian
@pytest.mark.parametrize("method", ["hinge", "pairs"])
def test_sampled_layers_do_not_read_columns_that_are_to_be_left_out(name, method):
    equations, _, X, rng = make(name, (8,))
    reads = np.array([True, False, True, True])
    params = equations.sample_params(X, rng, method, 0.4, reads)
    assert not equations.last(params).any()
    if not equations.networks:
        return
    basis = equations.basis(params, X)
    of_units = last_weights_of_networks(equations)
    linear = [n for n in equations.networks if n.psi is not None]  # known factors may read it
    if not linear:
        # the derivative by column 1 is, but for its sign, the rate of its conjugate
        assert not basis[:, D + 1][:, of_units].any()


@every_hamiltonian
def test_single_precision(name):
    if COMPOSED[name].declare(Layout(N_COLUMNS)).known:
        pytest.skip("known energies are evaluated in double precision, before training")
    equations, params, X, rng = make(name)
    units = Units(SPREAD, equations.c, equations.e, equations.e / np.roll(SPREAD, D))
    single = equations.in_units_of(units)
    Z, V = (a.astype("float32") for a in ((X - equations.c) / SPREAD, rng.normal(size=X.shape)))
    of_params = [p.astype("float32") for p in params]
    field, pullback = single.field_and_pullback(of_params, Z)
    assert field.dtype == np.float32
    assert all(p.dtype == np.float32 for p in pullback(V))
    expected = equations.field(params, X) / units.f
    np.testing.assert_allclose(field, expected, atol=1e-4 * np.abs(expected).max())
    back = single.in_units_of_the_data(units, (), Canonical(), None)
    np.testing.assert_allclose(back.field(params, X), expected * units.f, rtol=1e-10, atol=1e-11)


@every_hamiltonian
def test_methods_stay_on_the_device_of_their_params(name):
    if COMPOSED[name].declare(Layout(N_COLUMNS)).known:
        pytest.skip("a known function stays where it likes")
    # "meta" tensors have no data: an array made on the wrong device raises at once.
    equations, params, X, _ = make(name)
    params = [torch.tensor(p, device="meta") for p in params]
    x = torch.tensor(X, device="meta")
    for method in ("value", "field", "jacobian", "basis"):
        assert getattr(equations, method)(params, x, torch).device.type == "meta"
    field, pullback = equations.field_and_pullback(params, x, torch)
    assert all(d.device.type == "meta" for d in pullback(field))


@pytest.mark.parametrize("name", [k for k, H in COMPOSED.items() if H.declare(Layout(4)).periods])
def test_a_shift_by_a_period_changes_nothing(name):
    equations, params, X, _ = make(name)
    shift = np.zeros(N_COLUMNS)
    for k, period in COMPOSED[name].declare(Layout(N_COLUMNS)).periods.items():
        shift[k] = 3 * period
    for function in (equations.value, equations.field, equations.basis, equations.jacobian):
        np.testing.assert_allclose(function(params, X + shift), function(params, X), atol=1e-11)


@every_hamiltonian
def test_units_and_origin_do_not_cost_digits(name):
    declared = COMPOSED[name].declare(Layout(N_COLUMNS))
    if declared.known or declared.absolute or declared.periods:
        pytest.skip("it is not the same at another origin")
    hamiltonian = COMPOSED[name].map_layers(lambda *_: ((5,), "tanh"))
    rng = np.random.RandomState(0)
    Z = rng.randint(-2, 3, size=(20, 4)).astype(float)
    s = np.array([2.0, 0.25, 4.0, 0.5])  # powers of two, so that the states below are exact
    found = []
    for mu, unit in ((np.zeros(4), np.ones(4)), (2.0**27 * s * [1, -1, 1, 1], s)):
        equations = equations_for(
            hamiltonian, mu + unit * Z, np.ones(20), mu=mu, layout=Layout(4),
            units=Units(unit, mu, 3.0, np.roll(3.0 / unit, 2)), structure=Canonical(),
        )  # fmt: skip
        params = equations.init_params(np.random.RandomState(1))
        params = equations.with_last(params, np.random.RandomState(2).normal(size=equations.n_last))
        X = mu + unit * Z
        of_s = gradient_from_field(np.ones(4)) * 0 + unit
        found.append((equations.value(params, X),
                      gradient_from_field(equations.field(params, X)) * of_s,
                      gradient_from_field(equations.vector_field(params)(X)) * of_s))  # fmt: skip
    for near, far in zip(*found, strict=True):
        np.testing.assert_allclose(far, near, atol=1e-11)


def test_activations_do_not_overflow():
    a = np.array([-1e4, -50.0, 0.0, 50.0, 1e4])
    with np.errstate(all="raise", under="ignore"):
        for activation in ACTIVATIONS.values():
            assert all(np.isfinite(part).all() for part in activation(a, np, 2))


def test_structure_matrix_is_orthogonal():
    G = np.random.default_rng(0).normal(size=(3, 5, 4))
    np.testing.assert_array_equal(field_from_gradient(G), G @ structure_matrix(2).T)
    np.testing.assert_array_equal(gradient_from_field(field_from_gradient(G)), G)


# ------------------------------------------------------------------------------ as objects


@every_hamiltonian
def test_the_repr_is_the_code_and_objects_can_be_cloned_and_pickled(name):
    hamiltonian = COMPOSED[name]
    names = {kind.__name__: kind for kind in (Kinetic, MLP, Pairwise, Quadratic, Radial)}
    for other in (clone(hamiltonian), pickle.loads(pickle.dumps(hamiltonian))):
        assert repr(other) == repr(hamiltonian)
    if "known" not in name:
        assert repr(eval(repr(hamiltonian), names)) == repr(hamiltonian)


def test_parameters_of_the_parts_are_reached_by_name():
    H = Quadratic("p") + MLP("q", (3,))
    H.set_params(right__hidden_layer_sizes=(8, 8), right__activation="silu")
    assert H.right.hidden_layer_sizes == (8, 8)
    assert "right__activation" in H.get_params()


def test_sums_have_one_set_of_quadratic_energies():
    equations, *_ = make(Quadratic("p") + MLP("p") + MLP("q") + Quadratic("p"))
    assert len(equations.terms) == 3
    assert equations.n_last == 6 + 6 + 2 * (2 + 3)


WRONG = {
    "a column that is not there": (MLP([0, 4]), "different indices of the 4 columns"),
    "a column twice": (Quadratic([1, 1]), "different indices"),
    "an unknown name": (MLP("v"), "'q', 'p', 'parameters', None or a sequence"),
    "a product of networks": (MLP("q") * MLP("p"), "a network and known functions"),
    "a product of the same columns": (MLP("q") * Quadratic("q"), "must read different columns"),
    "a period of no column": (MLP("q", periodic=[2]), "does not read"),
    "a period of zero": (MLP(periodic={0: 0.0}), "positive and finite"),
    "two periods": (MLP("q", periodic={0: 1}) + MLP("q", periodic={0: 2}), "Give it one"),
    "no function": (Known(3), "takes a function"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_makes_no_sense_is_refused(case):
    hamiltonian, message = WRONG[case]
    with pytest.raises(ValueError, match=message):
        hamiltonian.declare(Layout(N_COLUMNS))


def test_periods_on_the_estimator_and_on_the_object_must_agree():
    H = MLP("q", periodic={0: 1.0})
    assert H.declare(Layout(N_COLUMNS, periods={0: 1.0, 1: 2.0})).periods == {0: 1.0, 1: 2.0}
    with pytest.raises(ValueError, match=r"period of column 0 is 2 on the estimator and 1 on the"):
        H.declare(Layout(N_COLUMNS, periods={0: 2.0}))
    with pytest.raises(ValueError, match="periodic, and a quadratic energy is not"):
        Quadratic("q").declare(Layout(N_COLUMNS, periods={0: 2.0}))


def test_a_known_function_of_the_wrong_shape_is_named():
    X = np.zeros((3, 4))
    with pytest.raises(ValueError, match="one energy for each row"):
        Known(lambda X: X).gradient_at(X, np)
    with pytest.raises(ValueError, match="shape of the states"):
        Known(quartic, lambda X: X[:, :2]).gradient_at(X, np)
    constant = Known(lambda X: torch.ones(len(X), dtype=X.dtype))
    np.testing.assert_array_equal(constant.gradient_at(X, np), X)


def test_a_known_hessian_is_used():
    def hessian(X):
        return np.broadcast_to(np.diag([1.0, 2.0, 3.0, 4.0]), (len(X), 4, 4))

    known = Known(quartic, gradient_of_quartic, hessian)
    V = np.random.default_rng(0).normal(size=(4, 5, 4))
    np.testing.assert_allclose(known.hessian_along(np.zeros((5, 4)), V), V * [1, 2, 3, 4])
    plain = Known(quartic, gradient_of_quartic)
    X = np.random.default_rng(1).normal(size=(5, 4))
    expected = np.einsum("nij,knj->kni", central_differences(gradient_of_quartic, X), V)
    np.testing.assert_allclose(plain.hessian_along(X, V), expected, atol=1e-7)
