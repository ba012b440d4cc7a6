r"""
A double pendulum, from angles and angular velocities
=====================================================

Nobody measures momenta. Those of a double pendulum are :math:`p = M(q)\,v` with masses that depend
on the angles, and no Hamiltonian of angles and angular velocities has its equations of motion.
``fit`` sees that, and finds the masses with the forces.
"""

# %%
# Positions, velocities, accelerations
# ------------------------------------
# Twenty swings, with one percent of noise on the accelerations. Nothing is said about lengths,
# masses or gravity, but that both columns are angles.

import matplotlib.pyplot as plt
import numpy as np

from skhnn import HNNRegressor, simulate
from skhnn.datasets import make_double_pendulum

swings = make_double_pendulum(
    2000,
    sampling="trajectories",
    n_trajectories=20,
    q_range=(-1.5, 1.5),
    p_range=(-1, 1),
    mass_2=0.6,
    coordinates="velocities",
    random_state=0,
)
X, y = swings.data, swings.target.copy()
rng = np.random.default_rng(0)
y[:, 2:] += 0.01 * y[:, 2:].std(axis=0) * rng.standard_normal((len(X), 2))
model = HNNRegressor(periodic=[0, 1], random_state=0).fit(X, y, groups=swings.groups)
print(model.coordinates_, model.hamiltonian_)

# %%
# The path against the truth
# --------------------------
# The simulation takes and returns angles and angular velocities. The true one goes through the
# canonical momenta of the system, which the model does not know. The motion is chaotic: small
# errors grow.

system = swings.system
t = np.linspace(0, 30, 601)
start = np.array([1.2, -0.6, 0.0, 0.0])  # at rest, where p = v = 0
path = model.simulate(start, t)
truth = system.to_velocities(simulate(system, start, t))

_, axes = plt.subplots(2, 1, figsize=(7, 5), sharex=True, layout="constrained")
for k, ax in enumerate(axes):
    ax.plot(t, truth[:, k], color="0.7", linewidth=4, label="truth")
    ax.plot(t, path[:, k], color="C0", label="learned")
    ax.set_ylabel(f"angle {k + 1}")
axes[0].legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
axes[1].set_xlabel("time")

# %%
# The masses
# ----------
# Without a known force masses have no unit; in units of the first one :math:`M_{22}` is 0.6 / 1.6
# and :math:`M_{12}` the same times the cosine of the angle between the rods.

difference = np.linspace(-2, 2, 81)
M = model.mass_matrix(np.column_stack([difference, np.zeros(81)]))
_, ax = plt.subplots(figsize=(6, 4), layout="constrained")
ax.plot(difference, 0.375 * np.cos(difference), color="0.7", linewidth=4, label="truth")
ax.plot(difference, M[:, 0, 1], color="C0", label=r"$M_{12}$")
ax.plot(difference, M[:, 1, 1], color="C1", label=r"$M_{22}$")
ax.axhline(0.375, color="C1", linestyle=":")
ax.set(xlabel="angle between the rods", ylabel="in units of $M_{11}$")
ax.legend()
print(model.masses_.round(3), model.masses_std_.round(4), sep="\n")
