"""
Sixty years of Jupiter, predicted
=================================

A Hamiltonian neural network learns the motion of a planet from NASA's ephemeris DE421: states from
1900 to 1960, positions and velocities in the plane of the orbit. Then, from the one state at the
end, it predicts the sixty years that follow. It is told neither of the Sun nor of gravity, only
that there is a Hamiltonian. The yardstick is Newton's law for two bodies, the Sun and the planet,
started from the same state.

``make demo`` runs this script. ``python examples/plot_planet.py mars`` takes another planet.
"""

# %%
# The data
# --------
# ``data`` are states (x, y, v_x, v_y) in au and au per year, one every five days, ``target`` their
# time derivatives. The first half of the time is for training. For the inner planets, which are
# faster, 20 years are enough. (Uranus and Neptune do not complete an orbit in 60 years. What a
# network has not seen it does not know, and their prediction fails.)

import sys
import time

import matplotlib.pyplot as plt
import numpy as np
from scipy.integrate import solve_ivp

from skhnn import HNNRegressor
from skhnn.datasets import load_planet
from skhnn.systems import Kepler

name = sys.argv[1] if len(sys.argv) > 1 else "jupiter"
years = 20 if name in ("mercury", "venus", "earth", "mars") else 60

planet = load_planet(name)
train = planet.t < 1900 + years
test = ~train & (planet.t < 1900 + 2 * years)
X, y = planet.data[train], planet.target[train]
X_test, y_test, t_test = planet.data[test], planet.target[test], planet.t[test]

# %%
# Fit and simulate
# ----------------

start = time.perf_counter()
model = HNNRegressor(random_state=0).fit(X, y)
seconds = time.perf_counter() - start

predicted = model.simulate(X_test[0], t_test)

# %%
# Newton's law
# ------------
# Both bodies move about their common centre of mass, so the relative motion is that of the central
# force :math:`-GM\,(1 + m/M)\,r / |r|^3`, with the mass m of the planet. Leaving m out would make
# Jupiter's error many times larger.

newton = Kepler(mu=planet.gm_sun * (1 + planet.mass_ratio))
two_body = solve_ivp(
    lambda t, x: newton.vector_field(x),
    t_test[[0, -1]],
    X_test[0],
    method="DOP853",
    t_eval=t_test,
    rtol=1e-9,
    atol=1e-11,
).y.T

# %%
# How well
# --------
# The position error is relative to the distance from the Sun. The energy drift is the largest
# change of the energy along a simulated trajectory, of the learned H and of Newton's, relative to
# Newton's energy at the start.


def position_error(states):
    difference = np.linalg.norm((states - X_test)[:, :2], axis=1)
    return difference / np.linalg.norm(X_test[:, :2], axis=1)


def r2(prediction):
    return np.mean(1 - ((prediction - y_test) ** 2).mean(axis=0) / y_test.var(axis=0))


scale = abs(newton.energy(X_test[0]))
energies = {
    "network": (model.energy(predicted) - model.energy(predicted[:1])) / scale,
    "Newton": (newton.energy(two_body) - newton.energy(two_body[0])) / scale,
}
errors = {"network": position_error(predicted), "Newton": position_error(two_body)}
scores = {"network": model.score(X_test, y_test), "Newton": r2(newton.vector_field(X_test))}
times = {"network": f"{seconds:.1f} s", "Newton": "none"}

print(f"{name.capitalize()}: trained on 1900-{1900 + years} ({len(X)} states, every 5 days),")
print(f"simulated {1900 + years}-{1900 + 2 * years} from one state\n")
print(f"{'':32}{'network':>12}{'Newton':>12}")
rows = {
    "R2 of the derivatives": {k: f"{v:.7f}" for k, v in scores.items()},
    "relative position error, median": {k: f"{np.median(v):.1e}" for k, v in errors.items()},
    "relative position error, worst": {k: f"{v.max():.1e}" for k, v in errors.items()},
    "energy drift, relative": {k: f"{np.abs(v).max():.1e}" for k, v in energies.items()},
    "time to fit": times,
}
for label, row in rows.items():
    print(f"{label:32}{row['network']:>12}{row['Newton']:>12}")

# %%
# The left panel shows the whole orbit, the right ones the error of the position and the change of
# the energy over the years.

COLORS = {"network": "tab:blue", "Newton": "tab:orange"}

figure = plt.figure(figsize=(10, 5), layout="constrained")
panels = figure.subplot_mosaic([["orbit", "error"], ["orbit", "energy"]], width_ratios=[1, 1.2])

orbit = panels["orbit"]
orbit.plot(*X_test[:, :2].T, color="0.75", linewidth=5, label="DE421")
orbit.plot(*predicted[:, :2].T, color=COLORS["network"], linewidth=1, label="network")
orbit.plot(0, 0, "o", color="gold", markeredgecolor="k", markersize=9, label="Sun")
orbit.plot(*X_test[0, :2], "ko", markersize=4, label="start")
orbit.set(aspect="equal", xlabel="x (au)", ylabel="y (au)")
orbit.set_title(f"{name.capitalize()}, {1900 + years}-{1900 + 2 * years}, predicted")
orbit.legend(  # below the panel, where no orbit passes
    loc="upper center", bbox_to_anchor=(0.5, -0.13), ncols=4, fontsize="small", columnspacing=1.2
)

for label in ("Newton", "network"):
    panels["error"].semilogy(t_test[1:], errors[label][1:], color=COLORS[label], label=label)
    panels["energy"].plot(t_test, energies[label], color=COLORS[label], label=label)
panels["error"].set(ylabel="relative position error")
panels["error"].set_ylim(bottom=1e-5)
panels["error"].legend(fontsize="small")
panels["energy"].set(xlabel="year", ylabel="energy change, relative")
panels["energy"].ticklabel_format(axis="y", scilimits=(0, 0))
for years_below in ("error", "energy"):
    panels[years_below].locator_params(axis="x", integer=True)

# %%
if "sphinx_gallery" not in sys.modules:
    figure.savefig(f"{name}.png", dpi=120)
    print(f"\nfigure: {name}.png")
