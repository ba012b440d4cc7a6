r"""
Which integrator for a long run?
================================

A symplectic method follows exactly the flow of a Hamiltonian close to the given one, so its energy
error does not grow, however long the run. An energy-preserving method keeps the energy itself. A
method of high order with error control does neither, and is simply accurate. Which is the cheapest
for a given drift?
"""

# %%
# A learned system
# ----------------
# The Hénon-Heiles system, a star in the potential of a galaxy,
#
# .. math:: H = \frac{p_1^2 + p_2^2 + q_1^2 + q_2^2}{2} + q_1^2 q_2 - \frac{q_2^3}{3},
#
# is of the form T(p) + V(q). A model of that form is open to all methods; a network of everything,
# ``hamiltonian="mlp"``, to those that do not split H. By default ``fit`` sees from the velocities
# that T is quadratic, and takes ``hamiltonian="mechanical"`` by itself.

import matplotlib.pyplot as plt
import numpy as np

from skhnn import HNNRegressor

X = np.random.default_rng(0).uniform(-0.8, 0.8, (1500, 4))
q1, q2, p1, p2 = X.T
y = np.stack([p1, p2, -q1 - 2 * q1 * q2, -q2 - q1**2 + q2**2], axis=1)
model = HNNRegressor(random_state=0).fit(X, y)
print(model.hamiltonian_)
print(f"1 - R2 = {1 - model.score(X, y):.1e}, {model.solver_}, {model.hidden_layer_sizes_}")

# %%
# Drift against cost
# ------------------
# The star starts with an energy of about 1/12 and is followed for 500 units of time, 80
# oscillations, with several steps or tolerances. Each point is a run: how far the learned energy
# strayed, and how often the field was evaluated.

start, t = [0.0, 0.1, 0.35, 0.17], np.linspace(0, 500, 501)
runs = {
    "DOP853": [{"rtol": r} for r in (1e-4, 1e-6, 1e-8, 1e-10)],
    "RK45": [{"rtol": r} for r in (1e-4, 1e-6, 1e-8)],
    "StormerVerlet": [{"step_size": h} for h in (0.2, 0.1, 0.05, 0.025)],
    "BlanesMoan4": [{"step_size": h} for h in (1.0, 0.5, 0.25, 0.125)],
    "BlanesMoan6": [{"step_size": h} for h in (1.0, 0.5, 0.25)],
    "GaussLegendre4": [{"step_size": h} for h in (0.5, 0.25, 0.125)],
    "GaussLegendre6": [{"step_size": h} for h in (1.0, 0.5, 0.25)],
    "Tao": [{"step_size": h} for h in (0.1, 0.05, 0.025)],
}
markers = dict(zip(runs, "osDv^<>P", strict=True))
drift = {}
for method, options in runs.items():
    results = [
        model.simulate(start, t, method=method, return_solution=True, **one) for one in options
    ]
    drift[method] = [(r.nfev, r.energy_drift, r.y) for r in results]

_, ax = plt.subplots(figsize=(7, 5), layout="constrained")
for method, found in drift.items():
    evaluations, energies, _ = zip(*found, strict=True)
    style = "--" if method in ("DOP853", "RK45") else "-"
    ax.loglog(evaluations, energies, style, marker=markers[method], label=method)
ax.set(xlabel="evaluations of the field", ylabel="energy drift", title="500 units of time")
ax.legend(loc="lower right", fontsize="small")
plt.show()

# %%
# The explicit symplectic methods with many stages, ``BlanesMoan4`` and ``BlanesMoan6``, cost
# least: about half of DOP853 at the same drift, which catches up at ten digits. Leapfrog
# (``StormerVerlet``) is the cheapest rough picture. The implicit methods solve an equation at each
# step, and pay for it, but they work for every Hamiltonian, as does DOP853.

# %%
# The energy over time
# --------------------
# What matters on longer runs is not the size of the error but whether it grows.

_, ax = plt.subplots(figsize=(7, 4), layout="constrained")
long = np.linspace(0, 5000, 1001)
for method, options in [
    ("RK45", {"rtol": 1e-5}),
    ("DOP853", {"rtol": 1e-7}),
    ("BlanesMoan4", {"step_size": 0.5}),
]:
    result = model.simulate(start, long, method=method, return_solution=True, **options)
    error = np.abs(result.energy - result.energy[0]) + 1e-14
    ax.semilogy(long, error, label=f"{method}, {result.nfev} evaluations", lw=1)
ax.set(
    ylim=(1e-9, None), xlabel="time", ylabel="energy error", title="Bounded, or growing with time"
)
ax.legend(loc="lower right")
plt.show()

# %%
# The errors of the two Runge-Kutta methods grow in proportion to the time; that of the symplectic
# method is at the end what it was after the first oscillations.
