"""The code on the pages of the documentation runs, from top to bottom of each page."""

import re
import textwrap
import warnings
from importlib.util import find_spec
from pathlib import Path

import pytest
from helpers import asymmetric_data, fit_quietly
from sklearn.exceptions import ConvergenceWarning

from skhnn import HNNRegressor

ROOT = Path(__file__).parent.parent
RST = re.compile(r"^\.\. code-block:: python\n\n((?:    ?.*\n|\n)+)", re.MULTILINE)
MARKDOWN = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    found = (MARKDOWN if page.endswith(".md") else RST).findall(text)
    return [textwrap.dedent(block) for block in found]


# What a page cannot do without, and what a block needs that has the word in it.
NEEDS = {
    "docs/sklearn.rst": ["sklearn.callback", "distributed", "optuna", "optuna_integration", "skops"]
}
NEEDS_OF_A_BLOCK = {"onnxruntime": ["onnxruntime", "onnxscript"]}
# Names that a page takes from the first blocks of another.
GOES_ON_FROM = {"docs/faq.rst": ("docs/guide.rst", 2)}


def missing_for(block):
    needed = [m for word, modules in NEEDS_OF_A_BLOCK.items() if word in block for m in modules]
    return [module for module in needed if find_spec(module) is None]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore:.*treespec:FutureWarning")  # of torch itself, in an export
@pytest.mark.parametrize(
    "page",
    [
        "README.md",
        "docs/index.rst",
        "docs/guide.rst",
        "docs/faq.rst",
        "docs/integrators.rst",
        "docs/sklearn.rst",
    ],
)
def test_code_on_the_page_runs(page, monkeypatch, tmp_path):
    for module in NEEDS.get(page, []):
        pytest.importorskip(module, reason=f"the code on {page} needs {module}")
    monkeypatch.setitem(HNNRegressor.__init__.__kwdefaults__, "max_iter", 20)
    monkeypatch.chdir(tmp_path)  # a page may write files
    namespace = {"__name__": "page"}  # not __main__: no cluster is started here
    first_page, n_blocks = GOES_ON_FROM.get(page, (page, 0))
    code = blocks(first_page)[:n_blocks] + blocks(page)
    assert len(code) > n_blocks
    missing = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for block in code:
            missing += missing_for(block)
            if not missing_for(block):
                exec(compile(block, page, "exec"), namespace)
    if missing:
        pytest.skip(f"all code on {page} ran but that which needs {', '.join(missing)}")


def test_the_solver_of_the_contributing_guide_is_one(monkeypatch):
    from skhnn import _data, _selection, _solvers
    from skhnn._solvers import _solver

    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"\n(    def solve_steepest.*?)\n\nIt goes", text, re.DOTALL)
    namespace = {**vars(_data), **vars(_solvers), **vars(_solver)}
    exec(textwrap.dedent(code), namespace)
    monkeypatch.setitem(_selection.SOLVERS, "steepest", namespace["STEEPEST"])
    X, y = asymmetric_data(40)
    model = HNNRegressor((5,), solver="steepest", max_iter=200, random_state=0)
    fit_quietly(model, X, y)
    assert model.solver_ == "steepest"
    assert model.n_iter_ == 200
    assert model.loss_curve_[-1] < 0.9 * model.loss_curve_[0]
