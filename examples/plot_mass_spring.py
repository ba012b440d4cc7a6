r"""
The mass on a spring, two ways
==============================

The tutorial "Hamiltonian Neural Network" of DiffEqFlux.jl, which this project started from: learn
the harmonic oscillator from 1024 points on a circle, then integrate the learned system from the
first point and compare. First as there, step by step; then the same with the defaults of skhnn.
"""

# %%
# The data
# --------
# The circle is :math:`q = \sin 2\pi t`, :math:`p = \cos 2\pi t` for t from 0 to 1; the derivatives
# are :math:`2\pi\,(p, -q)`. This is a mass :math:`1 / 2\pi` on a spring of stiffness :math:`2\pi`,
# with :math:`H = \pi\,(q^2 + p^2)`.

import time

import matplotlib.pyplot as plt
import numpy as np

from skhnn import HNNRegressor
from skhnn.datasets import make_mass_spring

X, y = make_mass_spring(1024, return_X_y=True)

# %%
# As in the tutorial
# ------------------
# One hidden layer of 1028 units, batches of 256, Adam with a step of 0.005, 500 epochs. One thing
# differs: the tutorial's activation. Its default there is the rectifier, for which H is piecewise
# linear and the field, its derivative, piecewise constant: the trajectory becomes a polygon, and
# the biases get no gradient. skhnn refuses it; this is a hyperbolic tangent. ``tol=0`` switches off
# early convergence, so that all epochs run, and the warning that follows from it is expected.

import warnings

from sklearn.exceptions import ConvergenceWarning

tutorial = HNNRegressor(
    hidden_layer_sizes=(1028,),
    activation="tanh",
    solver="adam",
    batch_size=256,
    learning_rate="constant",
    learning_rate_init=0.005,
    max_iter=500,
    tol=0.0,
    n_iter_no_change=500,
    random_state=0,
)
start = time.perf_counter()
with warnings.catch_warnings():
    warnings.simplefilter("ignore", ConvergenceWarning)
    tutorial.fit(X, y)
tutorial_seconds = time.perf_counter() - start

# %%
# In three lines
# --------------

start = time.perf_counter()
model = HNNRegressor(random_state=0)
model.fit(X, y)
t = np.linspace(0, 1, 1024, endpoint=False)
trajectory = model.simulate(X[0], t)
seconds = time.perf_counter() - start

# %%
# Original against predicted
# --------------------------
# The trajectory from the first point over [0, 1], and how far it is from the circle.

tutorial_trajectory = tutorial.simulate(X[0], t)

print(f"{'':24}{'tutorial':>12}{'defaults':>12}")
for label, values in {
    "time (s)": (tutorial_seconds, seconds),
    "1 - R2 of the field": (1 - tutorial.score(X, y), 1 - model.score(X, y)),
    "largest error of state": tuple(
        np.linalg.norm(path - X, axis=1).max() for path in (tutorial_trajectory, trajectory)
    ),
}.items():
    print(f"{label:24}{values[0]:>12.2g}{values[1]:>12.2g}")

figure, axes = plt.subplots(1, 3, figsize=(12, 4), layout="constrained")
for axis, path, title in [
    (axes[0], tutorial_trajectory, "as in the tutorial"),
    (axes[1], trajectory, "with the defaults"),
]:
    axis.plot(*X.T, color="0.75", linewidth=5, label="original")
    axis.plot(*path.T, color="tab:blue", linewidth=1.2, label="predicted")
    axis.set(aspect="equal", xlabel="q", ylabel="p", title=title)
    axis.legend(loc="center")
for path, label in [(tutorial_trajectory, "tutorial"), (trajectory, "defaults")]:
    axes[2].semilogy(t[1:], np.linalg.norm(path - X, axis=1)[1:], label=label)
axes[2].set(xlabel="t", ylabel="error of the state", title="distance from the circle")
axes[2].legend()
plt.show()
