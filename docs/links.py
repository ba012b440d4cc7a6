"""Links to the pages of other projects, made without a network.

``sphinx.ext.intersphinx`` reads which names a project documents, and where, from its inventory, a
file on the web server of that project. The pages here use a few dozen names, so these are listed
below, and an inventory of them is written at the start of every build. A name that is missing fails
the build (``nitpicky``): add a line.
"""

import zlib
from pathlib import Path

PROJECTS = {
    "python": "https://docs.python.org/3/",
    "numpy": "https://numpy.org/doc/stable/",
    "scipy": "https://docs.scipy.org/doc/scipy/",
    "sklearn": "https://scikit-learn.org/stable/",
    "torch": "https://docs.pytorch.org/docs/stable/",
}

# One line for each name: project, role, name, page. ``*`` stands for the name, and ``#name`` is
# added where the page has no anchor of its own. The labels at the end are those of inherited
# docstrings.
NAMES = """
python   py:class      bool                                        library/functions.html
python   py:class      dict                                        library/stdtypes.html
python   py:class      float                                       library/functions.html
python   py:class      int                                         library/functions.html
python   py:class      list                                        library/stdtypes.html
python   py:class      str                                         library/stdtypes.html
python   py:class      tuple                                       library/stdtypes.html
python   py:data       None                                        library/constants.html
python   py:function   callable                                    library/functions.html
python   std:term      sequence                                    glossary.html#term-sequence
numpy    py:class      numpy.ndarray                               reference/generated/*.html
numpy    py:function   numpy.gradient                              reference/generated/*.html
numpy    py:function   numpy.unwrap                                reference/generated/*.html
numpy    py:class      numpy.random.RandomState                    reference/random/legacy.html
scipy    py:class      scipy.integrate.OdeSolver                   reference/generated/*.html
scipy    py:function   scipy.integrate.solve_ivp                   reference/generated/*.html
scipy    py:function   scipy.signal.savgol_filter                  reference/generated/*.html
sklearn  py:class      sklearn.exceptions.ConvergenceWarning       modules/generated/*.html
sklearn  py:class      sklearn.exceptions.NotFittedError           modules/generated/*.html
sklearn  py:class      sklearn.model_selection.TimeSeriesSplit     modules/generated/*.html
sklearn  py:class      sklearn.multioutput.MultiOutputRegressor    modules/generated/*.html
sklearn  py:class      sklearn.neural_network.MLPRegressor         modules/generated/*.html
sklearn  py:class      sklearn.pipeline.Pipeline                   modules/generated/*.html
sklearn  py:class      sklearn.preprocessing.StandardScaler        modules/generated/*.html
sklearn  py:class      sklearn.utils.Bunch                         modules/generated/*.html
sklearn  py:function   sklearn.metrics.r2_score                    modules/generated/*.html
sklearn  py:function   sklearn.model_selection.cross_validate      modules/generated/*.html
sklearn  std:term      array-like                                  glossary.html#term-array-like
torch    py:class      torch.device                                tensor_attributes.html
torch    py:class      torch.nn.Module                             generated/*.html
torch    py:function   torch.onnx.export                           onnx_export.html
sklearn  std:label     r2_score                                    modules/model_evaluation.html#r2-score
sklearn  std:label     df_output_transform                         modules/df_output_transform.html#df-output-transform
sklearn  std:label     sphx_glr_auto_examples_miscellaneous_plot_set_output.py auto_examples/miscellaneous/plot_set_output.html#sphx-glr-auto-examples-miscellaneous-plot-set-output-py
"""  # noqa: E501

HEAD = """\
# Sphinx inventory version 2
# Project: {project}
# Version:
# What follows is compressed with zlib.
"""


def entries(project):
    """The lines of the inventory of a project: name, role, priority, page, title."""
    for line in NAMES.strip().splitlines():
        owner, role, name, page = line.split()
        if owner == project:
            page = page.replace("*", name)
            yield f"{name} {role} 1 {page if '#' in page else f'{page}#{name}'} -"


def write_inventories(app, config):
    """Write the inventories among the caches of the build and tell intersphinx of them."""
    folder = Path(app.doctreedir).absolute() / "inventories"
    folder.mkdir(parents=True, exist_ok=True)
    config.intersphinx_mapping = {}
    for project, url in PROJECTS.items():
        file = folder / f"{project}.inv"
        head = HEAD.format(project=project)
        body = "\n".join(entries(project)) + "\n"
        file.write_bytes(head.encode() + zlib.compress(body.encode()))
        config.intersphinx_mapping[project] = (url, str(file))


def setup(app):
    """Write before intersphinx reads its configuration, which it does at priority 800."""
    app.setup_extension("sphinx.ext.intersphinx")
    app.connect("config-inited", write_inventories, priority=100)
    return {"parallel_read_safe": True}
