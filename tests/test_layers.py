"""The package keeps its layers: who may import whom, and what a bare import brings in."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "skhnn"

# Layer -> what it may import of the package and of heavy libraries. A layer is a module of the
# package or a sub-package; what is not listed here fails the test, so a new module has to be
# placed.
ALLOWED = {
    "__init__": {"_regressor", "_simulation", "_trajectory_regressor"},
    "_trajectory_regressor": {
        "_asked_for", "_convergence", "_coordinates", "_documentation", "_fitted",
        "_identified", "_joint_attributes", "_model", "_simulation", "_solvers", "_threads",
        "_trajectories", "_trajectory_columns", "_trajectory_parameters", "_validation",
        "hamiltonians", "numpy", "sklearn",
    },
    "_trajectory_columns": {"_layout", "_scaling", "hamiltonians", "numpy"},
    "_trajectory_parameters": {
        "_asked_for", "_coordinates", "_noisy_states", "_trajectories", "_validation", "forces",
        "hamiltonians", "numpy",
    },
    "_joint_attributes": {
        "_attributes", "_data", "_identified", "_masses", "_model", "_support", "_trajectories",
        "hamiltonians", "numpy",
    },
    "_noisy_states": {
        "_asked_for", "_attributes", "_callbacks", "_joint_attributes", "_solvers", "_threads",
        "_trajectories", "numpy", "sklearn",
    },
    "_trajectories": {
        "_asked_for", "_data", "_identified", "_problems", "_selection", "_solvers", "_validation",
        "forces", "hamiltonians", "numpy", "scipy", "sklearn",
    },
    "_regressor": {
        "_asked_for", "_attributes", "_callbacks", "_convergence", "_coordinates",
        "_documentation", "_findings", "_fit", "_fitted", "_identified", "_model",
        "_noisy_states", "_parameters", "_scaling", "_score", "_selection", "_solvers",
        "_torch_module", "_validation", "_with_bodies", "hamiltonians", "numpy", "sklearn",
    },
    "_findings": {
        "_convergence", "_coordinates", "_data", "_diagnosis", "_friction", "_layout", "_model",
        "_scaling", "_selection", "_solvers", "_threads", "hamiltonians", "numpy",
    },
    "_friction": {
        "_attributes", "_identified", "_selection", "_solvers", "_threads", "hamiltonians", "numpy",
    },
    "_with_bodies": {"_model", "_scaling", "hamiltonians", "numpy", "sklearn"},
    "_fitted": {
        "_learned_dynamics", "_model", "_scaling", "_simulation", "_support", "_torch",
        "_torch_module", "_validation", "hamiltonians", "numpy", "sklearn",
    },
    "_fit": {
        "_asked_for", "_attributes", "_callbacks", "_charges", "_data", "_identified", "_model",
        "_problems", "_selection", "_solvers", "_threads", "_torch", "forces", "hamiltonians",
        "numpy", "sklearn",
    },
    "_problems": {"_asked_for", "_data", "_scaling", "hamiltonians", "numpy"},
    "_attributes": {
        "_data", "_model", "_scaling", "_score", "_solvers", "_support", "hamiltonians", "numpy",
    },
    "_coordinates": {
        "_asked_for", "_charges", "_data", "_masses", "_problems", "_scaling", "_selection",
        "_threads", "hamiltonians", "numpy",
    },
    "_charges": {"_data", "hamiltonians", "numpy", "sklearn"},
    "_masses": {"_data", "hamiltonians", "numpy"},
    "_identified": {"_data", "_solvers", "hamiltonians", "numpy", "scipy"},
    "forces": {"hamiltonians", "numpy"},
    "_asked_for": {"_selection", "_validation", "forces", "hamiltonians", "numpy", "sklearn"},
    "_convergence": {"_selection", "_solvers", "numpy", "sklearn"},
    "_parameters": {
        "_fitted", "_selection", "_solvers", "_validation", "forces", "hamiltonians",
    },
    "_callbacks": {"sklearn"},
    "_columns": {"numpy"},
    "_diagnosis": {"_data", "_scaling", "hamiltonians", "numpy"},
    "_row_differences": {"numpy"},
    "_layout": {"_columns", "_row_differences", "numpy"},
    "_score": {"_columns", "numpy", "sklearn"},
    "_documentation": set(),
    "_learned_dynamics": {
        "_chunks", "_model", "_simulation", "_support", "_torch", "hamiltonians", "numpy",
    },
    "_model": {"_chunks", "hamiltonians", "numpy"},
    "_validation": {"hamiltonians", "numpy", "sklearn"},
    "_simulation": {
        "_support", "_threads", "_validation", "integrators", "numpy", "scipy", "sklearn",
    },
    "_support": {"_nearest", "_scaling", "numpy"},
    "_nearest": {"numpy", "scipy"},
    "_scaling": {"_columns", "hamiltonians", "numpy"},
    "_chunks": {"_threads", "numpy"},
    "_threads": {"scipy", "threadpoolctl"},
    "_torch": {"hamiltonians", "integrators", "numpy", "torch"},
    "_torch_module": {"_model", "torch"},  # itself imported inside functions only
    "preprocessing": {
        "_documentation", "_layout", "_threads", "_trajectories", "_validation", "hamiltonians",
        "numpy", "scipy", "sklearn",
    },
    "_selection": {
        "_data", "_identified", "_nearest", "_scaling", "_solvers", "forces", "hamiltonians",
        "numpy", "scipy",
    },
    "_solvers": {"_data", "_scaling", "hamiltonians", "numpy", "scipy", "sklearn", "torch"},
    "_data": {"_chunks", "_scaling", "hamiltonians", "numpy", "scipy", "torch"},
    "hamiltonians": {"numpy", "scipy", "sklearn", "torch"},  # torch for Known without a gradient
    "integrators": {"numpy", "scipy"},
    "systems": {"hamiltonians", "numpy"},
    "datasets": {"systems", "numpy", "scipy", "sklearn"},
}  # fmt: skip
MODULES = sorted(PACKAGE.rglob("*.py"))


def layer_of(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(tree, path):
    """(top-level name or layer, node) of every import; those for type checkers do not count."""
    checking = [
        child
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING"
        for child in ast.walk(node)
    ]
    depth = len(path.relative_to(PACKAGE).parts)
    for node in ast.walk(tree):
        if node in checking:
            continue
        if isinstance(node, ast.Import):
            yield from ((alias.name.split(".")[0], node) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module.split(".")[0], node
        elif isinstance(node, ast.ImportFrom) and node.level == depth:  # relative to the package
            names = [node.module] if node.module else [alias.name for alias in node.names]
            yield from ((name.split(".")[0], node) for name in names)


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_module_imports_only_what_its_layer_may(path):
    layer = layer_of(path)
    known = {"numpy", "scipy", "sklearn", "threadpoolctl", "torch", *ALLOWED}
    used = {name for name, _ in imports(ast.parse(path.read_text()), path)} - {layer}
    others = used - known - set(sys.stdlib_module_names)
    assert not others, "not a dependency of the package"
    assert used & known <= ALLOWED[layer]


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_torch_is_imported_inside_functions_only(path):
    tree = ast.parse(path.read_text())
    lazy = {"torch", "_torch_module"} if path.stem != "_torch_module" else set()
    inside = {
        id(child)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
        for child in ast.walk(node)
    }
    for name, node in imports(tree, path):
        assert name not in lazy or id(node) in inside


def run(code, **kwargs):
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, **kwargs
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_import_brings_in_neither_torch_nor_model_selection():
    heavy = ["torch", "sklearn.model_selection", "matplotlib"]
    run(
        "import sys, skhnn, skhnn.datasets, skhnn.systems; "
        f"assert not set({heavy}) & set(sys.modules), sorted(set({heavy}) & set(sys.modules))"
    )


def test_imports_from_a_checkout_that_is_not_installed(tmp_path):
    code = f"import sys; sys.path.insert(0, {str(PACKAGE.parent)!r}); "
    code += "import skhnn; print(skhnn.__file__)"
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    assert run(code, cwd=tmp_path, env=environment).strip() == str(PACKAGE / "__init__.py")


def test_every_public_name_has_a_docstring_with_an_example():
    import skhnn
    import skhnn.datasets
    import skhnn.integrators
    import skhnn.systems

    for module in (skhnn, skhnn.datasets, skhnn.integrators, skhnn.systems):
        for name in module.__all__:
            if name != "__version__":
                assert ">>> " in (getattr(module, name).__doc__ or ""), name
