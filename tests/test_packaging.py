"""The wheel says what it needs, holds what it needs and works on its own.

The metadata is read back from a wheel that was really built: in an editable install a
forgotten data file or a lost dependency goes unseen.
"""

import ast
import email.parser
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ["setup.cfg", "pyproject.toml", "MANIFEST.in", "LICENSE", "README.md"]


def run(*command, **kwargs):
    """Run a command; on failure show what it said."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, **kwargs)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel named by SKHNN_WHEEL (make wheel), or one built from a copy of the sources.

    A copy, because setuptools would put a left-over build/ of the checkout into the wheel.
    """
    if given := os.environ.get("SKHNN_WHEEL"):
        return (ROOT / given).resolve()
    if not (ROOT / "setup.cfg").exists():
        pytest.skip("needs the sources: a wheel cannot be built from an installed package")
    pytest.importorskip("pip", reason="needs pip to build the wheel")
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    shutil.copytree(ROOT / "skhnn", source / "skhnn", ignore=shutil.ignore_patterns("__pycache__"))
    for name in SOURCES:
        shutil.copy(ROOT / name, source)
    (source / "tests").mkdir()
    shutil.copy(__file__, source / "tests")  # to see that it is left out
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    run(*pip, "wheel", "--no-deps", "--no-build-isolation", "--no-index", "-w", out, source)
    (path,) = out.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def names(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.fixture(scope="module")
def metadata(wheel, names):
    (path,) = (name for name in names if name.endswith(".dist-info/METADATA"))
    with zipfile.ZipFile(wheel) as archive:
        return email.parser.Parser().parsestr(archive.read(path).decode())


def test_hard_dependencies_are_exactly_four_without_upper_bounds(metadata):
    required = [line for line in metadata.get_all("Requires-Dist") if ";" not in line]
    bounds = dict(re.fullmatch(r"([\w.-]+)\s*(.*)", line).groups() for line in required)
    assert bounds == {
        "scikit-learn": ">=1.6",
        "torch": ">=2.4",
        "scipy": ">=1.11",
        "numpy": ">=1.26",
    }


def test_every_other_dependency_belongs_to_an_extra(metadata):
    extras = set(metadata.get_all("Provides-Extra"))
    assert extras == {"plot", "test", "docs", "data", "lint", "dev", "interop"}
    conditional = [line for line in metadata.get_all("Requires-Dist") if ";" in line]
    used = {re.search(r"extra == ['\"](\w+)['\"]", line)[1] for line in conditional}
    assert used == extras


def test_metadata_names_python_version_and_licence(metadata):
    assert metadata["Name"] == "skhnn"
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["License-Expression"] == "BSD-3-Clause"
    assert metadata["Description-Content-Type"] == "text/markdown"
    assert "skhnn" in metadata.get_payload()  # the README came along


def test_version_is_one_literal_in_the_source(metadata):
    tree = ast.parse((ROOT / "skhnn" / "__init__.py").read_text(encoding="utf-8"))
    (version,) = (
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__version__"
    )
    assert metadata["Version"] == version
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert re.search(r"^version: (.*)$", citation, re.MULTILINE)[1] == version


def test_wheel_holds_every_module_and_data_file_and_nothing_else(names):
    package = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "skhnn").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    packed = {name for name in names if ".dist-info/" not in name}
    assert packed == package
    assert "skhnn/py.typed" in packed
    assert any(name.startswith("skhnn/datasets/data/") for name in packed)
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)


def test_wheel_works_without_the_checkout(wheel, tmp_path):
    site = tmp_path / "site"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    run(*pip, "install", "--quiet", "--no-deps", "--no-index", "--target", site, wheel)
    script = (
        "import skhnn, skhnn.datasets\n"
        f"assert skhnn.__file__.startswith({str(site)!r}), skhnn.__file__\n"
        "assert skhnn.datasets.load_planet('mars').data.shape[1] == 4\n"
    )
    run(sys.executable, "-c", script, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(site)})


def test_package_imports_from_a_checkout_that_is_not_installed(tmp_path):
    checkout = tmp_path / "checkout"
    shutil.copytree(
        ROOT / "skhnn", checkout / "skhnn", ignore=shutil.ignore_patterns("__pycache__")
    )
    script = "import skhnn; print(skhnn.__version__, skhnn.__file__)"
    out = run(sys.executable, "-c", script, cwd=checkout)
    assert str(checkout) in out
