"""Whether the derivatives are those of a Hamiltonian system, and what to say if they are not."""

from ._departure import departure_from_hamiltonian
from ._order import another_order
from ._remainder import smooth_remainder

__all__ = ["another_order", "departure_from_hamiltonian", "smooth_remainder"]
