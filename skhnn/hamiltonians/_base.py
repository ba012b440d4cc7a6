"""The contract that every Hamiltonian keeps."""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

Params = list[Any]  # arrays, all of numpy or all of torch


class Hamiltonian(BaseEstimator):
    r"""A parametrised function H(x; params) of the state x = (q, p).

    An object of this class holds hyper-parameters only (``get_params``, ``clone``); the numbers
    that are fitted travel as ``params``, so that the same object serves any number of fits. The
    rules:

    1. ``params`` is a list of arrays. Weights are 2-D, biases 1-D; ``alpha`` penalises the 2-D
       ones.
    2. Methods are pure. ``xp`` is the array namespace, ``numpy`` or ``torch``, of params and X;
       what they return is of that kind, on the device and of the dtype of ``params``.
    3. ``X`` is (n, 2d). ``value`` is (n,), ``gradient`` (n, 2d), ``hessian`` (n, 2d, 2d),
       symmetric.
    4. ``basis`` is (n, 2d, m): the last weights enter linearly,
       ``gradient = basis @ params[-2].ravel()``. Linear least squares and the estimation of states
       need no more than this. ``blocks`` names parts that share no unknowns, ``units_for`` says how
       many units come with so many last weights.
    5. ``gradient_pullback`` returns the gradient and the map V -> d sum(V * gradient) / d params,
       the reverse derivative on which every iterative solver runs. Closed form: no graph is
       recorded.
    6. ``vector_field`` binds numpy params once and returns x -> J grad H(x) for (2d,) and (n,
       2d): the hot path of ``predict`` and ``simulate``.
    7. The last of the params, (1 + 2d,), is [b, c]: b is added to H, the constant that no
       derivative determines, and H is a function of x - c, so that an origin that is far away does
       not cost digits. No solver moves them.
    8. Every form has the linear and quadratic energies that its structure admits among its last
       weights (``_quadratic.py``): a constant rate must not depend on what a network can imitate.
       ``last_of_quadratic`` are the last weights of such an H.
    9. ``width`` is the largest number of values that a layer computes for one sample.
    10. ``sample_params`` draws the hidden layers from data (``_sampling.py``), ``widen`` adds units
       to the last one; the last weights of what is drawn are zero. ``mean`` puts several of a
       kind, with one centre, together.
    11. ``halves`` are dq/dt as a function of p and dp/dt as one of q, where H = T(p) + V(q), and
       None for other Hamiltonians.
    12. ``fold`` and ``unfold`` move the scaling H(x) = e h((x - mu) / s) into the params and out
       again, exactly up to rounding; ``rescaled`` is their part that depends on the form.
    """

    #: What the parameter ``hamiltonian`` of the estimator calls it.
    name: str

    def __init__(self, hidden_layer_sizes: Sequence[int] = (64, 64), activation: str = "tanh"):
        self.hidden_layer_sizes: Any = hidden_layer_sizes
        self.activation = activation

    @property
    def width(self) -> int:
        """The number of units of the widest layer; it sizes the pieces of an evaluation."""
        return int(max(self.hidden_layer_sizes))

    def units_for(self, n_weights: int, n_features: int) -> int:
        """The units of the last hidden layer with about ``n_weights`` last weights."""
        return n_weights

    @abstractmethod
    def init_params(self, n_features: int, rng: np.random.RandomState) -> Params:
        """Random float64 params for standardised states with ``n_features`` = 2d columns."""

    @abstractmethod
    def sample_params(
        self,
        X: np.ndarray,
        rng: np.random.RandomState,
        method: str,
        scale: float,
        reads: np.ndarray | None = None,
    ) -> Params:
        """Hidden layers drawn from standardised states; see ``_sampling.py``.

        ``reads``, (2d,), says which coordinates the units depend on; by default on all.
        """

    @abstractmethod
    def widen(
        self, params: Params, X: np.ndarray, rng: np.random.RandomState, n_units: int
    ) -> tuple["Hamiltonian", Params]:
        """The same function with ``n_units`` more, sampled, in the last hidden layer."""

    @abstractmethod
    def mean(self, several: Sequence[Params], weights: np.ndarray) -> tuple["Hamiltonian", Params]:
        """The sum of ``weights[k] * H_k``, the H_k given by ``several`` params of this kind."""

    @abstractmethod
    def value(self, params: Params, X: Any, xp: ModuleType = np) -> Any:
        """H, (n,); no gradient is computed."""

    @abstractmethod
    def gradient(self, params: Params, X: Any, xp: ModuleType = np) -> Any:
        """grad H, (n, 2d)."""

    @abstractmethod
    def gradient_pullback(
        self, params: Params, X: Any, xp: ModuleType = np
    ) -> tuple[Any, Callable[[Any], Params]]:
        """grad H, (n, 2d), and V (n, 2d) -> the derivative of sum(V * grad H) by params."""

    @abstractmethod
    def hessian(self, params: Params, X: Any, xp: ModuleType = np) -> Any:
        """The second derivatives of H, (n, 2d, 2d); J times it is the Jacobian of the field."""

    @abstractmethod
    def basis(self, params: Params, X: Any, xp: ModuleType = np) -> Any:
        """The gradients of the m basis functions of H, (n, 2d, m)."""

    @abstractmethod
    def last_of_quadratic(self, params: Params, g: np.ndarray, Q: np.ndarray) -> np.ndarray:
        """The last weights, of the shape they have in ``params``, of g . z + 1/2 z^T Q z.

        z is x - c; what the structure does not admit (products of q and p) is left out.
        """

    def blocks(self, params: Params) -> list[tuple[slice, slice]]:
        """Parts of ``basis`` that share neither rows nor columns: (coordinates, last weights)."""
        return [(slice(None), slice(None))]

    @abstractmethod
    def jacobian(self, params: Params, X: Any, xp: ModuleType = np) -> Any:
        """The derivatives of grad H by the weights of the hidden layers, (n, 2d, n_weights)."""

    @abstractmethod
    def vector_field(self, params: Params) -> Callable[[np.ndarray], np.ndarray]:
        """x -> J grad H(x) with the params bound, for x of shape (2d,) or (n, 2d)."""

    def halves(
        self, params: Params, xp: ModuleType = np
    ) -> tuple[Callable[[Any], Any], Callable[[Any], Any]] | None:
        """(n, d) -> (n, d): p -> dq/dt and q -> dp/dt of a separable H; None for others."""
        return None

    @abstractmethod
    def rescaled(self, params: Params, s: np.ndarray, e: float) -> Params:
        """Params of e h(z / s), where h(z) has the given ones, z counted from the centre."""

    def fold(self, params: Params, mu: np.ndarray, s: np.ndarray, e: float) -> Params:
        """Params of H(x) = e h((x - mu) / s), h given by ``params``; its constant is 0."""
        *others, last = self.rescaled(params, s, e)
        return [*others, np.concatenate([[0.0], mu + s * last[1:]])]

    def unfold(self, params: Params, mu: np.ndarray, s: np.ndarray, e: float) -> Params:
        """The inverse of ``fold``; its constant is 0."""
        *others, last = self.rescaled(params, 1.0 / s, 1.0 / e)
        return [*others, np.concatenate([[0.0], (last[1:] - mu) / s])]
