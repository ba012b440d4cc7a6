"""The laws of a fitted model for another number of bodies."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.base import clone

from ._model import Model
from ._scaling import Scaling
from .hamiltonians import Pairwise, with_bodies


def with_other_bodies(
    model: Model, scaling: Scaling, n_bodies: int, given: Mapping[str, Any]
) -> tuple[Model, Scaling]:
    """The model for ``n_bodies``, whose masses, kinds and charges are ``given``.

    Those that are None are the same for all bodies, or it is an error.
    """
    before = model.hamiltonian
    if not isinstance(before, Pairwise):
        raise ValueError(f"with_bodies needs hamiltonian=Pairwise(...); got {before!r}.")
    of_bodies = {name: _for_all(name, given[name], before, n_bodies) for name in given}
    hamiltonian = clone(before).set_params(n_bodies=n_bodies, **of_bodies)
    equations, params = with_bodies(model.equations, model.params, hamiltonian)
    d = n_bodies * before.n_dim
    s, f = (
        np.repeat([np.sqrt(np.mean(half**2)) for half in np.split(sizes, 2)], d)
        for sizes in (scaling.s, scaling.f)
    )
    if not equations.layout.has_velocities:
        f = np.roll(scaling.e / s, d)
    none = np.zeros(2 * d)
    return Model(equations, params), Scaling(
        mu=none, s=s, e=scaling.e, c=none, f=f,
        w=np.full(2 * d, 0.5 / d), constant=np.full(2 * d, np.nan), box=none,
    )  # fmt: skip


def _for_all(name: str, value: Any, before: Pairwise, n_bodies: int) -> Any:
    own = getattr(before, name)
    if value is not None or own is None:
        return value
    values = np.unique(np.asarray(own))
    if len(values) > 1:
        unit = f", in units of those of the fit, {own}" if name == "charges" else ""
        raise ValueError(f"with_bodies needs the {name} of the bodies{unit}; got None.")
    return [values[0].item()] * n_bodies
