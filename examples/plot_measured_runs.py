r"""
Measured runs: from a table to a simulator
==========================================

Twenty swings of a damped pendulum, of unequal length, sampled twenty times a second with one
percent of noise, in a table as instruments write it. No derivatives, nothing smoothed by hand.
"""

# %%
# The table
# ---------
# One row for each sample: run, time, angle and angular velocity.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.integrate import solve_ivp

from skhnn import HNNTrajectoryRegressor

rng, parts = np.random.default_rng(0), []


def truth(t, x):
    return [x[1], -np.sin(x[0]) - 0.1 * x[1]]


for run in range(20):
    t = np.arange(rng.integers(40, 160)) / 20
    x = solve_ivp(truth, (0, 8), rng.uniform(-1.5, 1.5, 2), t_eval=t, rtol=1e-9).y
    x += 0.01 * rng.standard_normal(x.shape)
    parts.append(pd.DataFrame({"run": run, "t": t, "angle": x[0], "rate": x[1]}))
table = pd.concat(parts, ignore_index=True)
table.head(3)

# %%
# Fit, and judge by runs that were not seen
# -----------------------------------------
# The last four runs are kept apart. ``score`` forecasts a quarter of each run from the quarter
# before it; the noise of the measurements bounds it.

seen, columns = table["run"] < 16, ["angle", "rate"]
model = HNNTrajectoryRegressor(random_state=0)
model.fit(table.loc[seen, columns], t=table.loc[seen, "t"], groups=table.loc[seen, "run"])
new = table[~seen]
print("R2 of forecasts:", round(model.score(new[columns], t=new["t"], groups=new["run"]), 5))
print("noise:", model.noise_std_.round(4))
print(f"damping: {model.damping_[0, 0]:.4f} +- {model.damping_std_[0, 0]:.4f} (true: 0.1)")

# %%
# A forecast
# ----------
# The first two seconds of a new run, freed of their noise by the learned dynamics (``smooth``), and
# what follows, with a band of four standard deviations.

run = new[new["run"] == new["run"].value_counts().index[0]]
first = run["t"] <= 2
states, states_std = model.smooth(run.loc[first, columns], t=run.loc[first, "t"], return_std=True)
ahead = run.loc[~first, "t"].to_numpy()
times = np.append(run.loc[first, "t"].iloc[-1], ahead)
path, std = model.simulate(states[-1], times, return_std=True, x0_std=states_std[-1])

_, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
axes[0].plot(run["t"], run["angle"], ".", color="0.6", label="measured")
axes[0].plot(run.loc[first, "t"], states[:, 0], color="C1", label="freed of noise")
axes[0].plot(ahead, path[1:, 0], color="C0", label="forecast")
axes[0].fill_between(
    ahead, path[1:, 0] - 4 * std[1:, 0], path[1:, 0] + 4 * std[1:, 0], color="C0", alpha=0.3
)
axes[0].set_xlabel("time in s")
axes[0].set_ylabel("angle")
axes[0].legend()

# %%
# What was learned
# ----------------
# The acceleration at rest against the truth, -sin(angle), with two standard deviations, as far as
# the data go.

angle = np.linspace(-1.7, 1.7, 101)
field, field_std = model.predict(pd.DataFrame({"angle": angle, "rate": 0.0}), return_std=True)
off = field[:, 1] + np.sin(angle)
axes[1].axhline(0, color="0.6", label="truth")
axes[1].plot(angle, off, color="C0", label="learned minus truth")
axes[1].fill_between(
    angle, off - 2 * field_std[:, 1], off + 2 * field_std[:, 1], color="C0", alpha=0.3
)
axes[1].set_xlabel("angle")
axes[1].set_ylabel("acceleration, difference")
axes[1].legend()
plt.show()
