"""Gradients of H with everything known multiplied out: the right-hand sides that are integrated.

A call costs some microseconds, of which each array operation is one; so the standardisation of what
a network reads goes into its first weights, the unit of energy into its last ones, and J or a sign
into what comes last on the way back; for one state the gradient of quadratic energies is made by
further columns of the first weights of one network. What reads the state by maps that are not
affine is evaluated as it is.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ._activations import ACTIVATIONS
from ._functions import Functions
from ._layers import Params
from ._maps import Chain, Products, Standardised
from ._network import Network
from ._quadratic_energies import QuadraticEnergies

Function = Callable[[np.ndarray], np.ndarray]
_Slopes = list[np.ndarray]
#: Q and a constant of the gradient z Q + constant of quadratic energies.
_Line = tuple[np.ndarray, np.ndarray]


def bound(
    terms: Sequence[tuple[Any, Params]],
    columns: Sequence[int],
    c: np.ndarray,
    e: float,
    out: Function,
) -> Function:
    """x (k,) or (n, k) -> out(the gradient of the sum of the terms by these columns).

    The terms depend on no other columns; ``out`` is linear and acts on the last axis. ``c``, (D,),
    is the centre and ``e`` the unit of energy.
    """
    n_columns, columns = len(c), list(columns)
    parts, Q, constant = [], np.zeros((len(columns),) * 2), np.zeros(len(columns))
    networks = []
    for term, params in terms:
        if isinstance(term, QuadraticEnergies):
            of_term, Q_term = term.folded(params, e)
            Q += Q_term[np.ix_(columns, columns)]
            constant += of_term[columns]
        elif isinstance(term, Functions):
            of_function = term.folded(params, e, n_columns)
            if of_function is None:
                parts.append(_general(term, params, columns, n_columns, e, out))
            else:
                Q += of_function[np.ix_(columns, columns)]
        elif _is_affine(term):
            networks.append((term, params))
        else:
            parts.append(_general(term, params, columns, n_columns, e, out))
    line: _Line | None = None
    if Q.any() or constant.any() or not (parts or networks):
        line = np.ascontiguousarray(out(Q)), out(constant)
    for term, params in networks:
        parts.append(_network(term, params, columns, e, out, line))
        line = None
    if line is not None:
        parts.append(_alone(*line))
    c = c[columns]
    first, *rest = parts
    if not rest:
        return lambda x: first(x - c)

    def gradient(x: np.ndarray) -> np.ndarray:
        z = x - c
        g = first(z)
        for part in rest:
            g += part(z)
        return g

    return gradient


def _alone(Q: np.ndarray, constant: np.ndarray) -> Function:
    """A line that no network is beside."""

    def line(z: np.ndarray) -> np.ndarray:
        g = z @ Q
        g += constant
        return g

    return line


def _is_affine(term: Network) -> bool:
    psi = term.psi
    return isinstance(term.phi, Standardised) and (
        psi is None
        or (
            isinstance(psi, Chain)
            and isinstance(psi.f, Standardised)
            and isinstance(psi.g, Products)
        )
    )


def _network(
    term: Network,
    params: Params,
    columns: list[int],
    e: float,
    out: Function,
    beside: _Line | None,
) -> Function:
    """The gradient of a network, and of the line beside it, if any."""
    *hidden, W = params
    n, at = len(columns), [columns.index(k) for k in term.on]
    first, bias = _folded(term.phi, hidden[0], hidden[1], at, n)
    forwards, backwards = _passes(term.activation, first, bias, hidden[2:], out, beside)
    if term.psi is None:
        w = e * W[:, 0]

        def field(z: np.ndarray) -> np.ndarray:
            _, slopes, line = forwards(z)
            return backwards(w, slopes, line)

        return field

    assert isinstance(term.psi, Chain)
    assert isinstance(term.psi.g, Products)
    at = [columns.index(k) for k in term.psi_on]
    A, a, B, b = term.psi.g.constants.values()
    A, a = _folded(term.psi.f, A, a, at, n)
    B, b = _folded(term.psi.f, B, b, at, n)
    A_back, B_back = (np.ascontiguousarray(out(M.T)) for M in (A, B))
    W, W_T = e * W, np.ascontiguousarray(e * W.T)

    def field_of_product(z: np.ndarray) -> np.ndarray:
        h, slopes, line = forwards(z)
        y = h @ W
        alpha, beta = z @ A, z @ B
        alpha += a
        beta += b
        g = backwards((alpha * beta) @ W_T, slopes, line)
        beta *= y
        alpha *= y
        g += beta @ A_back
        g += alpha @ B_back
        return g

    return field_of_product


def _passes(
    activation: str,
    first: np.ndarray,
    bias: np.ndarray,
    others: Params,
    out: Function,
    beside: _Line | None,
) -> tuple[
    Callable[[np.ndarray], tuple[np.ndarray, _Slopes, np.ndarray | None]],
    Callable[[np.ndarray, _Slopes, np.ndarray | None], np.ndarray],
]:
    """z -> the last units, all slopes, and the line; weights of the units and these -> gradient."""
    function = ACTIVATIONS[activation]
    deeper = list(zip(others[::2], others[1::2], strict=True))
    back = [np.ascontiguousarray(V) for V in (out(first.T), *(V.T for V in others[::2]))][::-1]
    n_units = len(bias)
    if beside is not None:
        Q, constant = beside
        both, both_biases = np.hstack([first, Q]), np.concatenate([bias, constant])

    def forwards(z: np.ndarray) -> tuple[np.ndarray, _Slopes, np.ndarray | None]:
        line = None
        if beside is not None and z.ndim == 1:
            y = z @ both
            y += both_biases
            a, line = y[:n_units], y[n_units:]
        else:  # parts of many rows are slower than two products
            a = z @ first
            a += bias
            if beside is not None:
                line = z @ Q
                line += constant
        h, slope = function(a, np, 1)
        slopes = [slope]
        for V, b in deeper:
            a = h @ V
            a += b
            h, slope = function(a, np, 1)
            slopes.append(slope)
        return h, slopes, line

    def backwards(g: np.ndarray, slopes: _Slopes, line: np.ndarray | None) -> np.ndarray:
        for V in back:
            u = slopes.pop()
            u *= g
            g = u @ V
        if line is not None:
            g += line
        return g

    return forwards, backwards


def _folded(
    standardised: Any, V: np.ndarray, b: np.ndarray, at: list[int], n: int
) -> tuple[np.ndarray, np.ndarray]:
    """Weights and biases that read x - c, (n, m), instead of (x - c - mu) / s of some columns."""
    mu, s = (a + np.zeros(len(at)) for a in standardised.constants.values())
    whole = np.zeros((n, V.shape[1]))
    whole[at] = V / s[:, None]
    return whole, b - (mu / s) @ V


def bound_force(
    forces: Sequence[tuple[Any, Params]], n_rates: int, n_pushed: int, c: np.ndarray, e: float
) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """(x, v) -> F (..., n_pushed), the rates v of those n_rates that the forces may read."""
    linear: Any = 0.0
    others = []
    for term, params in forces:
        of_term = None
        if isinstance(term, Functions):
            of_term = term.force_matrix(params, e, len(c) + n_rates, n_pushed)
        if of_term is None:
            others.append((term, params))
        else:
            linear = linear + of_term

    def force(x: np.ndarray, rates: np.ndarray) -> np.ndarray:
        y = np.concatenate([x - c, rates], axis=-1)
        F: Any = y @ linear if np.ndim(linear) else 0.0
        if others:
            y = np.concatenate([y, np.zeros((*x.shape[:-1], n_pushed))], axis=-1)
            for term, params in others:
                F = F + e * term.at(params, y, np, 1).gradient()[..., -n_pushed:]
        return np.asarray(F)

    return force


def _general(
    term: Network | Functions,
    params: Params,
    columns: list[int],
    n_columns: int,
    e: float,
    out: Function,
) -> Function:
    is_whole = columns == list(range(n_columns))

    def field(z: np.ndarray) -> np.ndarray:
        if not is_whole:
            x = np.zeros((*z.shape[:-1], n_columns))
            x[..., columns] = z
            z = x
        g = term.at(params, z, np, 1).gradient()
        return e * out(g if is_whole else g[..., columns])

    return field
