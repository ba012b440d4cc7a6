"""scikit-learn's own checks, in two suites.

The checks feed X of any width and y of any shape. A Hamiltonian model takes X with an even number
of columns and y of the shape of X, and no tag can say so. Hence:

* ``test_strict``: the real class. Checks that fail because their data lie outside of that domain
  are declared, and nothing else; a declared check that passes is an error too.
* ``test_lifted``: a subclass that turns any regression problem into a true Hamiltonian one, q =
  X, p = 0, dq/dt = y, dp/dt = 0, that is H = p . f(q). It has to pass every check, nothing
  declared.
"""

import contextlib
import warnings

import numpy as np
import pytest
import sklearn
from sklearn.base import RegressorMixin
from sklearn.utils.estimator_checks import estimator_checks_generator
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, validate_data

from skhnn import HNNRegressor
from skhnn.preprocessing import UniformScaler

# A solver without randomness, and few enough iterations that rounding is not amplified: the
# checks compare fits of the same data in another order or layout.
SETTINGS = {"hidden_layer_sizes": (16,), "solver": "lbfgs", "max_iter": 30, "random_state": 0}


class LiftedHNNRegressor(HNNRegressor):
    """H = p . f(q): any regression y = f(X) as a Hamiltonian system with q = X and p = 0."""

    def fit(self, X, y, sample_weight=None, groups=None):
        with self._lifted(X, y, sample_weight, reset=True) as data:
            return super().fit(*data, groups)

    @available_if(lambda self: self.solver == "adam")
    def partial_fit(self, X, y, sample_weight=None):
        with self._lifted(X, y, sample_weight, reset=not hasattr(self, "params_")) as data:
            return super().partial_fit(*data)

    def predict(self, X):
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        padded = np.zeros((len(X), 2 * self.n_dof_))
        padded[:, : X.shape[1]] = X
        field = self._model.field(padded)
        return field[:, 0] if self._n_targets is None else field[:, : self._n_targets]

    def score(self, X, y, sample_weight=None):
        return RegressorMixin.score(self, X, y, sample_weight)  # y has another shape than X

    @contextlib.contextmanager
    def _lifted(self, X, y, sample_weight, reset):
        """The lifted data; what was validated before is set back."""
        X, y = validate_data(
            self, X, y, dtype=np.float64, multi_output=True, y_numeric=True, reset=reset,
            ensure_min_samples=2 if reset else 1,
        )  # fmt: skip
        self._n_targets = None if y.ndim == 1 else y.shape[1]
        y = y.reshape(len(y), -1).astype(np.float64)
        d = max(X.shape[1], y.shape[1])
        Q, F = (np.pad(A, ((0, 0), (0, d - A.shape[1]))) for A in (X, y))
        of_X = {k: v for k, v in vars(self).items() if k in ("n_features_in_", "feature_names_in_")}
        self.n_features_in_ = 2 * d
        self.__dict__.pop("feature_names_in_", None)
        try:
            yield np.hstack([Q, 0 * Q]), np.hstack([F, 0 * F]), sample_weight
        finally:
            self.__dict__.update(of_X)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.single_output = True
        return tags


STRICT = HNNRegressor(**SETTINGS)
LIFTED = LiftedHNNRegressor(**SETTINGS)
# All rows in one batch and in order: without these the fit depends on the order of the rows.
LIFTED_ADAM = LiftedHNNRegressor(
    hidden_layer_sizes=(16,), solver="adam", learning_rate="constant", dtype="float64",
    max_iter=100, learning_rate_init=0.02,
    batch_size=10_000, shuffle=False, random_state=0,
)  # fmt: skip

# Checks of which the data lie outside of the domain: X with three or five columns, or y with one.
OUT_OF_DOMAIN = {
    "check_dict_unchanged",
    "check_dont_overwrite_parameters",
    "check_dtype_object",
    "check_estimators_dtypes",
    "check_estimators_fit_returns_self",
    "check_estimators_nan_inf",
    "check_estimators_overwrite_params",
    "check_estimators_pickle",
    "check_f_contiguous_array_estimator",
    "check_fit2d_predict1d",
    "check_fit_check_is_fitted",
    "check_fit_idempotent",
    "check_fit_score_takes_y",
    "check_methods_sample_order_invariance",
    "check_methods_subset_invariance",
    "check_n_features_in",
    "check_n_features_in_after_fitting",
    "check_non_transformer_estimators_n_iter",
    "check_pipeline_consistency",
    "check_positive_only_tag_during_fit",
    "check_readonly_memmap_input",
    "check_regressor_data_not_an_array",
    "check_regressor_multioutput",
    "check_regressors_int",
    "check_regressors_no_decision_function",
    "check_regressors_train",
    "check_sample_weight_equivalence_on_dense_data",
    "check_sample_weights_list",
    "check_sample_weights_not_an_array",
    "check_sample_weights_not_overwritten",
    "check_sample_weights_pandas_series",
    "check_sample_weights_shape",
}

# How many checks there are, by release of scikit-learn: a suite that shrinks unseen proves nothing.
N_CHECKS = {version: {"strict": 59, "lifted": 60, "scaler": 54} for version in ("1.6", "1.9")}


def name_of(check):
    return getattr(check, "func", check).__name__


def checks(estimator, declared=()):
    """Every generic check; those ``declared`` have to fail."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of scikit-learn, on checks that it skips
        found = [check for _, check in estimator_checks_generator(estimator)]
    reason = "the check's data lie outside of the domain: even columns, y of the shape of X"
    outside = pytest.mark.xfail(reason=reason, strict=True, raises=(ValueError, AssertionError))
    return [
        pytest.param(
            check,
            marks=[outside] if name_of(check) in declared else [],
            id=f"{number}-{name_of(check)}",
        )
        for number, check in enumerate(found)
    ]


ignore_warnings = pytest.mark.filterwarnings("ignore")  # the checks stop long before convergence


@ignore_warnings
@pytest.mark.parametrize("check", checks(STRICT, OUT_OF_DOMAIN))
def test_strict(check):
    check(STRICT)


@ignore_warnings
@pytest.mark.parametrize("check", checks(LIFTED))
def test_lifted(check):
    check(LIFTED)


@ignore_warnings
@pytest.mark.parametrize("check", checks(LIFTED_ADAM))
def test_lifted_adam(check):
    check(LIFTED_ADAM)


@pytest.mark.parametrize("check", checks(UniformScaler()))
def test_uniform_scaler(check):
    check(UniformScaler())


def test_the_number_of_checks_is_the_known_one():
    version = ".".join(sklearn.__version__.split(".")[:2])
    if version not in N_CHECKS:
        pytest.skip(f"the number of checks of scikit-learn {version} has not been recorded")
    found = {"strict": STRICT, "lifted": LIFTED, "scaler": UniformScaler()}
    counts = {name: len(checks(estimator)) for name, estimator in found.items()}
    assert counts == N_CHECKS[version]
    assert {name_of(p.values[0]) for p in checks(STRICT)} >= OUT_OF_DOMAIN
