"""Forces F = d (pi . F) / d pi at some rows, and their derivatives."""

from collections.abc import Sequence
from types import ModuleType
from typing import Any

from ._layers import Outer, Params
from ._layout import Layout


class EvaluatedForces:
    """The terms of forces at rows x and rates v, where pi is zero.

    Parameters
    ----------
    pairs : sequence of (Term, params)
        The terms, which read the columns (x, v, pi), and their weights.
    layout : Layout
        What the columns are.
    e : float
        The unit of energy.
    X : (..., n_columns) array
        Rows, less the centre.
    rates : (..., n_rates) array or None
        The rates v.
    """

    def __init__(
        self,
        pairs: Sequence[tuple[Any, Params]],
        layout: Layout,
        e: float,
        X: Any,
        rates: Any,
        xp: ModuleType,
        order: int,
    ):
        self.layout, self.e, self.X, self.xp = layout, e, X, xp
        pi = xp.zeros_like(X[..., : layout.n_pushed])
        rows = xp.concatenate([X, pi] if rates is None else [X, rates, pi], -1)
        self.terms = [term.at(params, rows, xp, order) for term, params in pairs]

    def force(self) -> Any:
        """F, (..., n_pushed)."""
        return self.e * sum(at.gradient()[..., -self.layout.n_pushed :] for at in self.terms)

    def basis(self) -> list[Any]:
        """The forces that the last weights of each term multiply, (..., n_pushed, m)."""
        return [self.e * at.basis(self.layout.n_pushed) for at in self.terms]

    def pullback(self, V: Any, outer: Outer, hidden_only: bool) -> tuple[Params, Any]:
        """The derivative of sum(V_F * F) by the params, V_F the part of V (..., D) that F is in.

        And V with what it pulls back through the rates.
        """
        d, first = self.layout.n_rates, self.layout.n_columns
        along = self._along_pi(self.e * V[..., self.layout.n_state - self.layout.n_pushed :])
        params = pulled_back(self.terms, along, outer, hidden_only)
        if d:
            by_rates = sum(at.hessian_along(along) for at in self.terms)[..., first : first + d]
            V = self.xp.concatenate([V[..., :d] + by_rates, V[..., d:]], -1)
        return params, V

    def slopes(self) -> tuple[Any, Any]:
        """The derivatives of F by x (n, n_pushed, D) and by v (n, n_pushed, d)."""
        xp, X, layout = self.xp, self.X, self.layout
        eye = xp.diag(xp.ones_like(X[0, :1]).repeat(layout.n_pushed))
        along = self._along_pi(self.e * (eye[:, None, :] + xp.zeros_like(X[..., :1])))
        found = xp.moveaxis(sum(at.hessian_along(along) for at in self.terms), 0, -2)
        first = layout.n_columns
        return found[..., : layout.n_state], found[..., first : first + layout.n_rates]

    def _along_pi(self, V: Any) -> Any:
        """V (..., n_pushed) along pi, zeros along (x, v)."""
        xp = self.xp
        zero = xp.zeros_like(self.X) + xp.zeros_like(V[..., :1])
        return xp.concatenate([zero, xp.zeros_like(V[..., : self.layout.n_rates]), V], -1)


def pulled_back(terms: Sequence[Any], V: Any, outer: Outer, hidden_only: bool) -> Params:
    """The derivatives by the params of evaluated terms, or by the hidden ones alone."""
    if not hidden_only:
        return [p for at in terms for p in at.pullback(V, outer)]
    return [
        p for at in terms if at.term.n_hidden for p in at.pullback(V, outer)[: at.term.n_hidden]
    ]
