"""A fitted Hamiltonian as a module of torch. Imported only when someone asks for it."""

from typing import Any

import torch
from torch import nn

from ._model import Model


class HamiltonianModule(nn.Module):
    """The vector field J grad H and the energy H as functions of torch tensors.

    Everything is in closed form, without a graph inside, so the module can be exported and
    compiled; it can be differentiated by states and by parameters, and trained on.

    Parameters
    ----------
    model : Model
        The fitted Hamiltonian.
    scaling : Scaling
        That of the training data, carried along for ``from_torch``.
    dtype : {"float64", "float32"}
        The precision.

    Attributes
    ----------
    params : torch.nn.ParameterList
        The weights, as in ``params_``.
    """

    def __init__(self, model: Model, scaling: Any, dtype: str):
        super().__init__()
        self.equations, self.constant, self.scaling = model.equations, model.constant, scaling
        self.params = nn.ParameterList(
            nn.Parameter(torch.tensor(p, dtype=getattr(torch, dtype))) for p in model.params
        )
        try:
            self(torch.zeros(1, model.equations.layout.n_columns, dtype=getattr(torch, dtype)))
        except (RuntimeError, TypeError, AttributeError) as error:
            raise ValueError(
                "A function that this model knows is not one of tensors, so there is no module of "
                f"torch: {error}. Write it in operations on tensors (torch.cos, not np.cos)."
            ) from error
        self.eval()  # nothing here differs in training, but exporters warn of that mode

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """dx/dt for states x, both (..., 2d)."""
        field: torch.Tensor = self.equations.field(list(self.params), x, torch)
        return field

    def energy(self, x: torch.Tensor) -> Any:
        """H for states x (..., 2d); the result is (...)."""
        return self.equations.value(list(self.params), x, torch) + self.constant
