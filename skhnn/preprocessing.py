"""Transformers that may stand in front of a Hamiltonian model."""

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from ._documentation import DocumentationLink
from ._validation import check_magnitude, check_sample_weight

__all__ = ["UniformScaler"]


class UniformScaler(DocumentationLink, OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    r"""Subtract the mean of each column and divide all columns by one common scale.

    .. math:: z = \frac{x - \mu}{s}, \qquad
              s^2 = \frac{1}{2d} \sum_j \operatorname{Var}(x_j)

    This is the only linear scaling that fits every Hamiltonian system: if H generates the motion
    of x, then H~(z) = H(s z + mu) / s has dx/dt = J grad H~(z), so that a Hamiltonian model
    behind the scaler can learn the derivatives dx/dt as they are. A scale of its own for each
    column, as in scikit-learn's StandardScaler, does not have this property.

    ``HNNRegressor`` scales inside its Hamiltonian and needs no scaler. This one is for pipelines
    that want one, and for other models of a vector field.

    Parameters
    ----------
    copy : bool, default=True
        Whether ``transform`` works on a copy; False overwrites a float array in place.

    Attributes
    ----------
    mean_ : ndarray of shape (n_features,)
        The mean of each column, mu.
    scale_ : float
        The common scale s: the root of the mean variance, or 1 if nothing varies.
    n_features_in_ : int
        The number of columns.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the columns, where X had names that are strings.

    See Also
    --------
    sklearn.preprocessing.StandardScaler : A scale per column.

    Examples
    --------
    >>> import numpy as np
    >>> from skhnn.preprocessing import UniformScaler
    >>> X = np.array([[0.0, 10.0], [2.0, 14.0]])
    >>> round(UniformScaler().fit(X).scale_ ** 2, 6)  # (1 + 4) / 2
    2.5
    """

    def __init__(self, *, copy: bool = True):
        self.copy = copy

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> "UniformScaler":
        """Compute the mean of each column and the common scale.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The data.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        UniformScaler
            The fitted scaler.
        """
        X = validate_data(self, X, dtype=[np.float64, np.float32])
        check_magnitude(X, "X")
        rounding = 10 * np.finfo(X.dtype).eps * np.abs(X).max(axis=0).astype(np.float64)
        X = X.astype(np.float64)  # squares of float32 overflow early
        weight = check_sample_weight(sample_weight, len(X))
        weight = weight / weight.sum()
        self.mean_ = weight @ X
        variance = weight @ (X - self.mean_) ** 2
        variance[variance <= rounding**2] = 0.0
        self.scale_ = float(np.sqrt(variance.mean())) or 1.0
        return self

    def transform(self, X: Any) -> Any:
        """(X - mean) / scale.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The data.

        Returns
        -------
        ndarray of shape (n_samples, n_features)
            The scaled data.
        """
        X = self._validated(X)
        X -= self.mean_
        X /= self.scale_
        return X

    def inverse_transform(self, X: Any) -> Any:
        """X * scale + mean.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Scaled data.

        Returns
        -------
        ndarray of shape (n_samples, n_features)
            The data in their units.
        """
        X = self._validated(X)
        X *= self.scale_
        X += self.mean_
        return X

    def _validated(self, X: Any) -> Any:
        check_is_fitted(self)
        return validate_data(
            self, X, dtype=[np.float64, np.float32], copy=self.copy, reset=False,
            force_writeable=True,
        )  # fmt: skip

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
