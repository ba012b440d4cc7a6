"""Sphinx configuration. The build needs no network: for links to other projects see links.py."""

import sys
from pathlib import Path

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # the checkout, installed or not
sys.path.insert(0, str(ROOT / "docs"))  # links.py

import skhnn  # noqa: E402

project = "skhnn"
author = "skhnn developers"
copyright = "skhnn developers"
version = release = skhnn.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "sphinx_gallery.gen_gallery",
    "links",
]
templates_path = ["_templates"]
exclude_patterns = ["_build"]
nitpicky = True

autosummary_generate = True
autosummary_ignore_module_all = False  # __all__ says what is public
autosummary_imported_members = True
autodoc_typehints = "none"  # the docstrings state the types
autodoc_member_order = "bysource"

numpydoc_show_class_members = False  # the template of the class lists them
numpydoc_xref_param_type = True
numpydoc_xref_ignore = "all"  # of the words of a type only those with a page are links
numpydoc_xref_aliases = {
    "array-like": ":term:`sklearn:array-like`",
    "bool": ":class:`python:bool`",
    "callable": ":func:`callable <python:callable>`",
    "Bunch": "sklearn.utils.Bunch",
    "ConvergenceWarning": "sklearn.exceptions.ConvergenceWarning",
    "NotFittedError": "sklearn.exceptions.NotFittedError",
    "OdeSolver": "scipy.integrate.OdeSolver",
    "HNNRegressor": "skhnn.HNNRegressor",
    "SimulationError": "skhnn.SimulationError",
    "SimulationResult": "skhnn.SimulationResult",
    "torch.device": ":class:`torch.device`",
    "torch.nn.Module": ":class:`torch.nn.Module`",
}
# A finding is a warning and with -W an error. Only what is on a page is looked at: the public API.
numpydoc_validation_checks = {
    "GL03",  # no double blank lines
    "GL05",  # no tabs
    "GL06",  # known sections only
    "GL07",  # ... in the usual order
    "GL08",  # a docstring at all
    "SS01",  # with a summary
    "SS03",  # that ends with a period (and may begin with a formula)
    "PR01",  # every parameter documented
    "PR02",  # and no other
    "PR03",  # in their order
    "PR04",  # with a type
    "PR07",  # and a description
    "PR10",  # with a space before the colon
    "RT01",  # what is returned
}
numpydoc_validation_exclude = {
    # scikit-learn's
    r"\.(get_params|set_params|score)$",
    # the contracts of systems, in one line with formula and shapes
    r"systems\.\w+\.(energy|gradient|structure|vector_field|velocity|velocity_field|to_velocities)$",
    r"systems\.Forced\.power$",
    # made by simulate, described by its attributes
    r"SimulationResult$",
    # the parameters of all are those of FixedStepSolver
    r"integrators\.(?!FixedStepSolver)\w+$",
}

sphinx_gallery_conf = {
    "examples_dirs": ["../examples"],
    "gallery_dirs": ["gallery"],
    "filename_pattern": r"/plot_",
    "within_subsection_order": "FileNameSortKey",
    "download_all_examples": False,
    "remove_config_comments": True,
    "show_memory": False,
    "show_signature": False,
}

html_math_renderer = "mathml"
html_theme = "pydata_sphinx_theme"
html_static_path = ["static"]
html_css_files = ["formulas.css", "pages.css"]
html_title = f"skhnn {version}"
html_show_sourcelink = False
toc_object_entries_show_parents = "hide"
html_theme_options = {
    "show_prev_next": False,
    "secondary_sidebar_items": ["page-toc"],
    "navbar_end": ["theme-switcher"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "header_links_before_dropdown": 9,
    "navbar_align": "left",
}
html_sidebars = {
    page: []
    for page in (
        "index",
        "guide",
        "integrators",
        "sklearn",
        "method",
        "architecture",
        "faq",
        "changes",
    )
}


def _inline_formula(self, node):
    self.body.append(tex2mathml(node.astext()))
    raise nodes.SkipNode


def _displayed_formula(self, node):
    number = f'<span class="number">({node["number"]})</span>' if node["number"] else ""
    formula = tex2mathml(node.astext(), as_block=True)
    self.body.append(self.starttag(node, "div", CLASS="formula") + formula + number + "</div>")
    raise nodes.SkipNode


def _changes(app, docname, source):
    """CHANGES.md as reStructuredText; it uses headings, lists and code in backquotes."""
    if docname == "changes":
        app.env.note_dependency(str(ROOT / "CHANGES.md"), docname=docname)
        text = (ROOT / "CHANGES.md").read_text(encoding="utf-8").replace("`", "``")
        lines = text.replace("\n*", "\n\n*").splitlines()
        for line in lines:
            marks, _, title = line.partition(" ")
            heading = {"#": "=", "##": "-"}.get(marks)
            source[0] += f"{title}\n{heading * len(title)}\n" if heading else f"{line}\n"


def setup(app):
    """Write formulas as MathML, which browsers show without any script."""
    app.connect("source-read", _changes)
    app.add_html_math_renderer("mathml", (_inline_formula, None), (_displayed_formula, None))
