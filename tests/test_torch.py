"""A good guest of torch: the way there and back, export, devices, tensors as input."""

import io

import numpy as np
import pytest
import torch
from helpers import asymmetric_data, fit_quietly, torch_field, torch_network
from sklearn.exceptions import NotFittedError

from skhnn import HNNRegressor, _fitted, _learned_dynamics, _torch
from skhnn.forces import CubicDamping, Damping
from skhnn.hamiltonians import ACTIVATIONS

needs_cuda = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="needs a CUDA device, which this machine does not have"
)


@pytest.fixture(scope="module")
def data():
    return asymmetric_data(100)


@pytest.fixture(scope="module")
def model(data):
    return fit_quietly(HNNRegressor((9, 7), max_iter=30, random_state=0, solver="lbfgs"), *data)


# ---------------------------------------------------------------- to_torch and back


@pytest.mark.parametrize("activation", list(ACTIVATIONS))
def test_module_is_the_model(data, activation):
    model = HNNRegressor((9, 7), activation=activation, max_iter=10, random_state=0, solver="lbfgs")
    module = fit_quietly(model, *data).to_torch()
    x = torch.tensor(data[0])
    np.testing.assert_allclose(module(x).detach(), model.predict(data[0]), atol=1e-12)
    np.testing.assert_allclose(module.energy(x).detach(), model.energy(data[0]), atol=1e-12)
    np.testing.assert_allclose(module(x[0]).detach(), model.predict(data[0][:1])[0], atol=1e-12)
    assert all(p.dtype == torch.float64 for p in module.parameters())


def test_module_agrees_with_autograd_of_its_energy(model, data):
    module = model.to_torch()
    expected = torch_field(module.energy, data[0])
    np.testing.assert_allclose(module(torch.tensor(data[0])).detach(), expected, atol=1e-12)


def test_module_is_differentiable_by_states_and_parameters(model, data):
    module = model.to_torch()
    x = torch.tensor(data[0][:2], requires_grad=True)
    assert torch.autograd.gradcheck(module, x)
    module(x).square().sum().backward()
    assert all(p.grad is not None for p in list(module.params)[:-1])


def test_energy_of_one_state_is_a_scalar(model, data):
    module, x = model.to_torch(), torch.tensor(data[0])
    assert module.energy(x[0]).shape == ()
    gradient = torch.func.vmap(torch.func.grad(module.energy))(x)
    q, p = gradient.chunk(2, dim=1)
    np.testing.assert_allclose(torch.cat([p, -q], 1).detach(), model.predict(data[0]), atol=1e-12)


def test_module_in_single_precision(model, data):
    module = model.to_torch(dtype="float32")
    prediction = module(torch.tensor(data[0], dtype=torch.float32))
    assert prediction.dtype == torch.float32
    np.testing.assert_allclose(prediction.detach(), model.predict(data[0]), atol=1e-4)


def test_module_has_copies_of_the_weights(model):
    before = model.coefs_[0].copy()
    module = model.to_torch()
    with torch.no_grad():
        module.params[0].zero_()
    np.testing.assert_array_equal(model.coefs_[0], before)


@pytest.mark.filterwarnings("ignore::skhnn.ExtrapolationWarning")
def test_there_and_back_again(model, data):
    X, _ = data
    back = HNNRegressor.from_torch(model.to_torch(), max_iter=7)
    np.testing.assert_array_equal(back.predict(X), model.predict(X))
    np.testing.assert_array_equal(back.energy(X), model.energy(X))
    np.testing.assert_array_equal(back.simulate(X[0], [0, 1]), model.simulate(X[0], [0, 1]))
    assert (back.n_features_in_, back.n_dof_, back.max_iter) == (4, 2, 7)
    assert (back.hidden_layer_sizes_, back.activation_) == ((9, 7), "tanh")


def test_training_in_torch_comes_back(model, data):
    X, y = data
    module = model.to_torch()
    optimiser = torch.optim.Adam(module.parameters(), lr=1e-3)
    before = np.mean((model.predict(X) - y) ** 2)
    for _ in range(30):
        optimiser.zero_grad()
        ((module(torch.tensor(X)) - torch.tensor(y)) ** 2).mean().backward()
        optimiser.step()
    trained = HNNRegressor.from_torch(module)
    assert np.mean((trained.predict(X) - y) ** 2) < before
    # ... and can be trained further here
    score = trained.score(X, y)
    trained.set_params(solver="lbfgs", warm_start=True, max_iter=5, tol=0.0)
    assert fit_quietly(trained, X, y).score(X, y) > score


def test_from_torch_refuses_other_modules():
    with pytest.raises(TypeError, match=r"takes a module that to_torch.* returned.*got a Linear"):
        HNNRegressor.from_torch(torch.nn.Linear(2, 2))


def test_to_torch_needs_a_fit():
    with pytest.raises(NotFittedError):
        HNNRegressor().to_torch()


def test_module_survives_save_and_load(model, data):
    buffer = io.BytesIO()
    torch.save(model.to_torch(), buffer)
    buffer.seek(0)
    module = torch.load(buffer, weights_only=False)
    np.testing.assert_allclose(module(torch.tensor(data[0])).detach(), model.predict(data[0]))


def test_a_model_works_after_an_export_that_came_first(data):
    X, y = data
    fresh = fit_quietly(HNNRegressor(hidden_layer_sizes=(8,), random_state=0), X, y).to_torch()
    x = torch.tensor(np.asarray(X)[:5])
    torch.export.export(fresh, (x,))
    assert np.isfinite(fresh(x).detach().numpy()).all()


def test_module_exports_with_torch_export(model, data):
    x = torch.tensor(data[0])
    batch = torch.export.Dim("batch", min=2)
    program = torch.export.export(model.to_torch(), (x[:5],), dynamic_shapes=({0: batch},))
    np.testing.assert_allclose(program.module()(x).detach(), model.predict(data[0]), atol=1e-12)


def damped(X):
    return np.hstack([X[:, 2:], -np.sin(X[:, :2]) - 0.1 * X[:, 2:]])


MODELS_TO_EXPORT = {  # all terms, forces, and masses to divide by
    "forces": {"hamiltonian": "natural", "dissipation": Damping() + CubicDamping()},
    "velocities": {"hamiltonian": "natural", "coordinates": "velocities", "periodic": [0]},
}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*:DeprecationWarning", "ignore:.*:FutureWarning")
@pytest.mark.filterwarnings("ignore:.*:UserWarning")
@pytest.mark.parametrize("kind", MODELS_TO_EXPORT)
def test_one_onnx_file_serves_every_number_of_states(data, kind, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime", reason="needs onnxruntime: the extra 'test'")
    pytest.importorskip("onnxscript", reason="needs onnxscript: the extra 'test'")
    X, file, options = data[0], tmp_path / "field.onnx", MODELS_TO_EXPORT[kind]
    model = HNNRegressor((9,), solver="least_squares", random_state=0, **options)
    model = fit_quietly(model, X, damped(np.asarray(X)))
    torch.onnx.export(
        model.to_torch(),
        (torch.tensor(X[:2]),),
        file,
        dynamo=True,
        dynamic_shapes=({0: "n_states"},),
        optimize=kind == "forces",  # which takes as long as all the rest
        verbose=False,
    )
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    (argument,) = session.get_inputs()
    assert argument.shape == ["n_states", 4]
    for n in (1, 2, 7, len(X)):
        (field,) = session.run(None, {argument.name: X[:n]})
        np.testing.assert_allclose(field, model.predict(X[:n]), rtol=1e-6, atol=1e-7)


def turning(X):
    """A matrix S(x): q turns about itself at the rate p_1."""
    S = np.zeros((len(X), 4, 4))
    S[:, 0, 1], S[:, 1, 0] = X[:, 2], -X[:, 2]
    return S


def test_a_structure_of_numpy_is_not_exported_with_a_word(data):
    X = np.asarray(data[0])
    y = np.einsum("nij,nj->ni", turning(X), X)
    model = HNNRegressor((9,), structure=turning, solver="least_squares", random_state=0)
    module = fit_quietly(model, X, y).to_torch()
    np.testing.assert_allclose(module(torch.tensor(X)).detach(), model.predict(X), atol=1e-12)
    with pytest.raises(Exception, match="cannot be exported"):
        torch.export.export(module, (torch.tensor(X[:5]),))


@pytest.mark.filterwarnings("ignore::skhnn.ExtrapolationWarning")
def test_module_integrates_in_torchdiffeq(model, data):
    torchdiffeq = pytest.importorskip("torchdiffeq", reason="needs torchdiffeq: the extra 'test'")
    module, t = model.to_torch(), np.linspace(0, 2, 5)
    with torch.no_grad():
        path = torchdiffeq.odeint(
            lambda t, x: module(x), torch.tensor(data[0][0]), torch.tensor(t), rtol=1e-9, atol=1e-10
        )
    np.testing.assert_allclose(path, model.simulate(data[0][0], t), atol=1e-6)


# ---------------------------------------------------------------- tensors as input


@pytest.mark.filterwarnings("ignore::skhnn.ExtrapolationWarning")
def test_tensors_are_taken_like_arrays(data):
    X, y = data
    options = {"hidden_layer_sizes": (5,), "max_iter": 5, "random_state": 0}
    weight = np.linspace(0, 1, len(X))
    expected = fit_quietly(HNNRegressor(**options), X, y, sample_weight=weight)
    tensors = [torch.tensor(a) for a in (X, y, weight)]
    actual = fit_quietly(HNNRegressor(**options), *tensors[:2], sample_weight=tensors[2])
    np.testing.assert_array_equal(actual.coefs_[0], expected.coefs_[0])
    np.testing.assert_array_equal(actual.predict(tensors[0]), expected.predict(X))
    t = torch.linspace(0, 1, 3, dtype=torch.float64)
    np.testing.assert_array_equal(
        actual.simulate(tensors[0][0], t), expected.simulate(X[0], t.numpy())
    )


def test_tensors_with_a_gradient_are_refused_with_the_way_out(model, data):
    x = torch.tensor(data[0], requires_grad=True)
    for call in (model.predict, model.energy, lambda x: model.simulate(x, [0, 1])):
        with pytest.raises(ValueError, match=r"requires a gradient.*detach\(\).*to_torch\(\)"):
            call(x)


# ---------------------------------------------------------------- devices


@pytest.mark.parametrize(
    ("device", "message"),
    [
        ("cuda:77", r"'cuda:77' was asked for, but this machine has \['cpu'"),
        ("mps", "'mps' was asked for, but this machine has"),
        ("nowhere", "Unknown device 'nowhere'"),
    ],
)
def test_absent_devices_are_refused_in_fit_and_not_before(data, device, message):
    model = HNNRegressor((5,), device=device)
    with pytest.raises(ValueError, match=message):
        model.fit(*data)
    assert not hasattr(model, "coefs_")


def test_a_device_object_is_taken(data):
    model = HNNRegressor(
        (5,), device=torch.device("cpu"), max_iter=3, random_state=0, solver="lbfgs"
    )
    assert np.isfinite(fit_quietly(model, *data).loss_)


def test_evaluation_on_a_device_is_that_on_the_cpu(model, data):
    # The same code as for a GPU, in several pieces.
    X = np.tile(data[0], (3, 1))
    equations, params = model._model.equations, model.params_
    for method in (equations.field, equations.value):
        on_device = _torch.evaluate_on_device(method, params, X, "cpu", rows_at_once=70)
        np.testing.assert_allclose(on_device, method(params, X), atol=1e-13)


@pytest.mark.filterwarnings("ignore::skhnn.ExtrapolationWarning")
def test_large_batches_go_to_the_device_of_the_fit(model, data, monkeypatch):
    seen = []

    def spy(method, params, X, device):
        seen.append((len(X), device))
        return _torch.evaluate_on_device(method, params, X, "cpu")

    for module in (_fitted, _learned_dynamics):
        monkeypatch.setattr(module, "evaluate_on_device", spy)
    monkeypatch.setattr(_fitted, "is_present", lambda device: True)
    monkeypatch.setattr(model, "_device", "cuda:0")
    large = np.tile(data[0], (100, 1))
    for method, expected in [(model.predict, 4), (model.energy, 1)]:
        np.testing.assert_allclose(
            method(large).reshape(100, 100, expected)[0], method(data[0]).reshape(100, expected)
        )
    assert seen == [(10_000, "cuda:0")] * 2
    paths = model.simulate(large, [0.0, 0.1], rtol=1e-3)
    np.testing.assert_allclose(paths[:100], model.simulate(data[0], [0.0, 0.1]), atol=1e-3)
    assert (10_000, "cuda:0") in seen[2:]


def test_a_model_without_its_device_predicts_on_the_cpu_with_one_warning(data):
    model = fit_quietly(HNNRegressor((5,), max_iter=3, random_state=0, solver="lbfgs"), *data)
    model._device = "cuda:99"
    large = np.tile(data[0], (100, 1))
    assert np.isfinite(model.predict(data[0])).all()  # a small batch does not ask for a device
    with pytest.warns(UserWarning, match="trained on the device 'cuda:99'.*does not have"):
        prediction = model.predict(large)
    np.testing.assert_array_equal(prediction[:100], model.predict(data[0]))
    model.predict(large)  # no second warning


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_training_stays_on_the_device_of_its_data(data, solver):
    # On the "meta" device a tensor made elsewhere raises; there are no values, so only the
    # gradient is computed here.
    from skhnn._data import DerivativeFit, Place, Problem
    from skhnn._scaling import Scaling
    from skhnn._solvers import equations_of
    from skhnn.hamiltonians import MLP

    X, y = data
    problem = Problem(X, y, np.ones(len(X)), None, Scaling.from_data(X, y, np.ones(len(X))))
    equations = equations_of(MLP(None, (5, 4), "tanh"), problem)
    params = equations.init_params(np.random.RandomState(0))
    place = Place.on_torch(torch.device("meta"), "float32")
    objective = DerivativeFit(problem, equations, 1e-3, place=place)
    tensors = [torch.tensor(p, device="meta", dtype=torch.float32) for p in params]
    rows = torch.arange(10, device="meta") if solver == "adam" else None
    loss, gradient = objective.loss_and_gradient(tensors, rows)
    assert {g.device.type for g in [loss, *gradient]} == {"meta"}
    assert {g.dtype for g in [loss, *gradient]} == {torch.float32}


@needs_cuda
@pytest.mark.cuda
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_a_fit_on_cuda_is_that_on_the_cpu(data, solver):
    options = {"hidden_layer_sizes": (20,), "max_iter": 10, "solver": solver, "random_state": 0}
    cpu = fit_quietly(HNNRegressor(**options), *data)
    cuda = fit_quietly(HNNRegressor(**options, device="cuda"), *data)
    np.testing.assert_allclose(cuda.loss_curve_, cpu.loss_curve_, rtol=1e-6)
    large = np.tile(data[0], (1000, 1))
    np.testing.assert_allclose(
        cuda.predict(large), cuda.predict(data[0])[None].repeat(1000, 0).reshape(-1, 4)
    )


def test_reference_network_of_the_tests_is_the_model(model, data):
    H = torch_network(model)
    np.testing.assert_allclose(H(torch.tensor(data[0])), model.energy(data[0]), atol=1e-12)
