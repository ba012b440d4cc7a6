"""The code on the pages of the documentation runs, from top to bottom of each page."""

import re
import textwrap
import warnings
from pathlib import Path

import pytest
from sklearn.exceptions import ConvergenceWarning

from skhnn import HNNRegressor

ROOT = Path(__file__).parent.parent
RST = re.compile(r"^\.\. code-block:: python\n\n((?:    ?.*\n|\n)+)", re.MULTILINE)
MARKDOWN = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    found = (MARKDOWN if page.endswith(".md") else RST).findall(text)
    return [textwrap.dedent(block) for block in found]


NEEDS = {
    "docs/sklearn.rst": ["sklearn.callback", "distributed", "optuna", "optuna_integration", "skops"]
}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    "page", ["README.md", "docs/index.rst", "docs/guide.rst", "docs/sklearn.rst"]
)
def test_code_on_the_page_runs(page, monkeypatch, tmp_path):
    for module in NEEDS.get(page, []):
        pytest.importorskip(module, reason=f"the code on {page} needs {module}")
    monkeypatch.setitem(HNNRegressor.__init__.__kwdefaults__, "max_iter", 20)
    monkeypatch.chdir(tmp_path)  # a page may write files
    namespace = {"__name__": "page"}  # not __main__: no cluster is started here
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for block in blocks(page):
            exec(compile(block, page, "exec"), namespace)
    assert namespace["model"].n_iter_ > 0
