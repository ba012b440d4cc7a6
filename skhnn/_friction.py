"""Friction that a fit leaves out: its size, and which law of it fits."""

from collections.abc import Sequence

import numpy as np

from ._attributes import model_in_units_of_the_data
from ._identified import identify
from ._selection import Comparison, law_of_friction
from ._solvers import FitResult
from ._threads import one_blas_thread
from .hamiltonians import LagrangianEquations, WithForces


def friction_left_out(compared: Comparison, label: Sequence[str]) -> str | None:
    """Friction that a Lagrangian leaves out, with its size; None where there is none.

    Nor where velocities gain energy: damping that is bounded at zero has no standard error.
    """
    problem, equations = compared.problem, compared.equations
    assert isinstance(equations, LagrangianEquations)
    if equations.forces:
        return None
    with one_blas_thread():
        damped = compared.with_friction()
        if damped is None:
            return None
        (damped_equations, params), error = damped
        model = model_in_units_of_the_data(damped_equations, params, problem, problem.input_matrix)
        _, found, _ = identify(problem, damped_equations, model.params, model.equations)
    std = np.diag(found["damping_std_"])
    if not np.isfinite(std).all():
        return None
    sizes = zip(np.diag(found["damping_"]), std, strict=True)
    unit = " where the first mass is one" if equations.has_free_scale else ""
    d = problem.layout.n_rates
    each = ", ".join(
        f"{size:.3g} +- {e:.1g} (of column {label[d + k]})" for k, (size, e) in enumerate(sizes)
    )
    return (
        f"The accelerations have friction, which no Lagrangian has: a damping of {each}, force per "
        f"velocity{unit}. With it they are predicted to {error:.2g} of their spread on rows left "
        "out. The model leaves it out; dissipation='linear' finds what is linear of it"
    )


def law_beside(result: FitResult, *, has_linear: bool) -> str | None:
    """A sentence on the law of friction with which a fit would be right; None if there is none.

    ``has_linear`` says whether linear friction is in the model, or has been named.
    """
    with one_blas_thread():
        law = law_of_friction(result.problem, result.equations.hamiltonian)
    if law is None or (has_linear and law[0] == "'linear'"):
        return None
    name, error = law
    which = {
        "'linear'": "Linear friction",
        "'mlp'": "Friction that depends on the coordinates, and may be a gain of energy,",
    }.get(name, "Friction that is not linear in the velocities")
    source = " of skhnn.forces" if "(" in name else ""
    return (
        f"{which} fits: with dissipation={name}{source} a model of a few units leaves {error:.2g} "
        "of the spread of the derivatives on rows left out"
    )


def is_linear_alone(result: FitResult) -> bool:
    """Whether the friction of a fit is linear in the velocities, with constant coefficients."""
    hamiltonian = result.equations.hamiltonian
    if not isinstance(hamiltonian, WithForces):
        return False
    labels = [getattr(term, "label", "") for term in result.equations.forces]
    return [label for label in labels if label != "inputs"] == ["damping"]
