"""Positions and velocities: accelerations, masses and forms, against what others do.

Errors are the root mean square of accelerations on runs that were not seen, each column divided by
its spread; those of masses are relative, but for a common factor. One run of each subcommand.
"""

import argparse
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import torch
from one_thread import one_thread
from scipy.integrate import solve_ivp
from scipy.optimize import least_squares
from scipy.signal import savgol_filter
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import LinearRegression
from sklearn.neural_network import MLPRegressor
from velocity_cases import LAGRANGIAN, OTHERS, mass_error

from skhnn import HNNRegressor, simulate

N_RUNS, N_TEST, N_ROWS = 20, 8, 2000


def noisy(a, noise, seed):
    return a + noise * a.std(axis=0) * np.random.default_rng(seed + 100).standard_normal(a.shape)


def data_of(name, seed, noise):
    system = LAGRANGIAN[name]()
    X, a, groups = system.runs(seed, N_RUNS, N_ROWS)
    return system, X, np.hstack([X[:, system.d :], noisy(a, noise, seed)]), groups


def fitted(X, y, groups, **params):
    """A model, the seconds, and what it said."""
    start = time.perf_counter()
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        model = HNNRegressor(**params).fit(X, y, groups=groups)
    return model, time.perf_counter() - start, " ".join(str(w.message) for w in said)


def error(found, true):
    return np.sqrt(np.mean(np.mean((found - true) ** 2, axis=0) / true.var(axis=0)))


def form(model):
    H = model.hamiltonian_
    if model.coordinates_ == "canonical":
        return "canonical", None
    return (H.mass if isinstance(H.mass, str) else "unit"), H.gyroscopic


def table(args):
    print("| system | angles | noise | error | masses | right form | undetermined | s | warnings |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name in args.cases:
        for angles in (False, True) if LAGRANGIAN[name].angles else (False,):
            for noise in (0.0, 0.01, 0.1):
                rows, right, counts, alarms = [], 0, [], 0
                for seed in range(args.seeds):
                    system, X, y, groups = data_of(name, seed, noise)
                    test, a, _ = system.runs(seed + 1000, N_TEST)
                    periodic = list(system.angles) if angles else None
                    model, seconds, said = fitted(
                        X, y, groups, periodic=periodic, random_state=seed
                    )
                    q = test[:, : system.d]
                    M = mass_error(model.mass_matrix(q), system.mass(q + 0j).real)
                    rows.append([error(model.predict(test)[:, system.d :], a), M, seconds])
                    right += form(model) == system.right
                    counts.append(len(getattr(model, "undetermined_masses_", [])))
                    alarms += "No natural Lagrangian" in said
                e, M, s = np.median(rows, axis=0)
                print(
                    f"| {name} | {'declared' if angles else ''} | {noise:g} | {e:.1e} | {M:.1e} | "
                    f"{right}/{args.seeds} | {' '.join(map(str, counts))} | {s:.1f} | {alarms} |",
                    flush=True,
                )


def standardised(fit, X, a):
    mu, s, nu, r = X.mean(0), X.std(0), a.mean(0), a.std(0)
    predict = fit((X - mu) / s, (a - nu) / r)
    return lambda Z: predict((Z - mu) / s) * r + nu


def kernel_ridge(Z, t):
    out = np.arange(len(Z)) % 5 == 0
    grid = [(g, b) for g in (0.02, 0.1, 0.5) for b in (1e-10, 1e-6, 1e-4, 1e-3, 1e-2, 1e-1)]

    def loss(pair):
        model = KernelRidge(kernel="rbf", gamma=pair[0], alpha=pair[1]).fit(Z[~out], t[~out])
        return np.mean((model.predict(Z[out]) - t[out]) ** 2)

    gamma, alpha = min(grid, key=loss)
    return KernelRidge(kernel="rbf", gamma=gamma, alpha=alpha).fit(Z, t).predict


def mlp(Z, t):
    model = MLPRegressor(
        hidden_layer_sizes=100, activation="tanh", solver="lbfgs", max_iter=1000, random_state=0
    )
    return model.fit(Z, t).predict


def linear(Z, t):
    return LinearRegression().fit(Z, t).predict


@one_thread()
def lagrangian_network(X, a, d, seconds, seed):
    """A Lagrangian neural network: L an MLP of (q, v), accelerations by automatic differentiation.

    M. Cranmer and others, "Lagrangian neural networks", ICLR 2020 workshop: two layers of softplus,
    Adam; here 128 units, and as many steps as the time allows.
    """
    torch.manual_seed(seed)
    mu, s, r = X.mean(0), X.std(0), a.std(0)
    tau = np.sqrt(np.mean((X[:, d:].std(0) / s[:d]) ** 2))
    s[d:] = s[:d] * tau
    Z, t = (torch.tensor(b, dtype=torch.float32) for b in ((X - mu * (np.arange(2 * d) < d)) / s,
                                                          a / (s[:d] * tau**2)))  # fmt: skip
    weight = torch.tensor((s[:d] * tau**2 / r) ** 2, dtype=torch.float32)
    net = torch.nn.Sequential(
        torch.nn.Linear(2 * d, 128), torch.nn.Softplus(), torch.nn.Linear(128, 128),
        torch.nn.Softplus(), torch.nn.Linear(128, 1),
    )  # fmt: skip

    def of_one(x):
        return net(x)[0] + 0.5 * (x[d:] ** 2).sum()

    hessian, gradient = torch.func.hessian(of_one), torch.func.grad(of_one)

    def one(x):
        H, g = hessian(x), gradient(x)
        return torch.linalg.solve(H[d:, d:] + 1e-4 * torch.eye(d), g[:d] - H[d:, :d] @ x[d:])

    accelerations = torch.vmap(one)
    optimizer, begin = torch.optim.Adam(net.parameters(), 1e-3), time.perf_counter()
    while (part := (time.perf_counter() - begin) / seconds) < 1.0:
        for group in optimizer.param_groups:
            group["lr"] = 1e-3 * 0.5 * (1 + np.cos(np.pi * part))
        rows = torch.randint(len(Z), (256,))
        loss = ((accelerations(Z[rows]) - t[rows]) ** 2 * weight).mean()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()

    def predict(X):
        x = torch.tensor((X - mu * (np.arange(2 * d) < d)) / s, dtype=torch.float32)
        return accelerations(x).detach().numpy().astype(float) * (s[:d] * tau**2)

    return predict


def rivals(args):
    header = ["system", "skhnn", "angles declared", "HNN of (q, Mv + b), M and b given",
              "HNN of (q, v)", "LNN", "MLPRegressor", "kernel ridge", "linear"]  # fmt: skip
    print(f"| {' | '.join(header)} |\n|{'---|' * len(header)}")
    for name in args.cases:
        rows = []
        for seed in range(args.seeds):
            system, X, y, groups = data_of(name, seed, args.noise)
            d, (test, a, _) = system.d, system.runs(seed + 1000, N_TEST)
            found = []
            for periodic in (None, list(system.angles) or None):
                model, *_ = fitted(X, y, groups, periodic=periodic, random_state=seed)
                found.append(error(model.predict(test)[:, d:], a))
            found.append(with_true_momenta(system, X, y, groups, test, a, seed))
            model, *_ = fitted(X, y, groups, coordinates="canonical", random_state=seed)
            found.append(error(model.predict(test)[:, d:], a))
            predict = lagrangian_network(X, y[:, d:], d, args.seconds, seed)
            found.append(error(predict(test), a))
            for fit in (mlp, kernel_ridge, linear):
                found.append(error(standardised(fit, X, y[:, d:])(test), a))
            rows.append(found)
        print(f"| {name} | {' | '.join(f'{e:.1e}' for e in np.median(rows, axis=0))} |", flush=True)


def with_true_momenta(system, X, y, groups, test, a, seed):
    """HNNRegressor of (q, M v), with M known; accelerations by M a = dp/dt - dM/dt v."""
    d, h = system.d, 1e-30
    if np.abs(system.force(X[:, :d], X[:, d:])).max() > 0:
        return np.nan  # no M alone makes momenta of these velocities

    def parts(X):
        M = system.mass(X[:, :d] + 0j).real
        rate = system.mass(X[:, :d] + 1j * h * X[:, d:]).imag / h
        return M, np.einsum("nij,nj->ni", rate, X[:, d:])

    M, turning = parts(X)
    Z = np.hstack([X[:, :d], np.einsum("nij,nj->ni", M, X[:, d:])])
    dp = np.einsum("nij,nj->ni", M, y[:, d:]) + turning
    model, *_ = fitted(Z, np.hstack([X[:, d:], dp]), groups, coordinates="canonical",
                       random_state=seed)  # fmt: skip
    M, turning = parts(test)
    Z = np.hstack([test[:, :d], np.einsum("nij,nj->ni", M, test[:, d:])])
    found = np.linalg.solve(M, (model.predict(Z)[:, d:] - turning)[..., None])[..., 0]
    return error(found, a)


def alarms(args):
    """Fits that said that no Lagrangian was found, of those made."""
    print("| system | noise | said | coordinates |\n|---|---|---|---|")
    for name, case in OTHERS.items():
        for noise in (0.0, 0.01, 0.1):
            said, kinds = 0, []
            for seed in range(args.seeds):
                X, a, groups = case().runs(seed, N_RUNS, N_ROWS)
                d = X.shape[1] // 2
                y = np.hstack([X[:, d:], noisy(a, noise, seed)])
                model, _, text = fitted(X, y, groups, random_state=seed)
                words = "No natural", "No Hamiltonian", "friction", "no noise"
                said += any(word in text for word in words)
                kinds.append(model.coordinates_)
            print(f"| {name} | {noise:g} | {said}/{args.seeds} | {', '.join(sorted(set(kinds)))} |",
                  flush=True)  # fmt: skip


class KnownDoublePendulum:
    """The Lagrangian of a double pendulum, but for four numbers: the oracle of ``rollouts``.

    L = (v1^2 + m v2^2) / 2 + b v1 v2 cos(q1 - q2) + g1 cos q1 + g2 cos q2, by least squares.
    """

    def __init__(self, X, a):
        spread = a.std(axis=0)

        def residuals(w):
            return ((self.accelerations(w, X) - a) / spread).ravel()

        self.w = least_squares(residuals, [1.0, 0.5, 10.0, 10.0]).x

    @staticmethod
    def accelerations(w, X):
        (q1, q2, v1, v2), (m, b, g1, g2) = X.T, w
        c, s, one = np.cos(q1 - q2), np.sin(q1 - q2), np.ones(len(X))
        M = np.moveaxis(np.array([[one, b * c], [b * c, m * one]]), -1, 0)
        F = np.stack([-b * s * v2**2 - g1 * np.sin(q1), b * s * v1**2 - g2 * np.sin(q2)], axis=1)
        return np.linalg.solve(M, F[..., None])[..., 0]

    def simulate(self, starts, t):
        def field(_, x):
            return np.concatenate([x[2:], self.accelerations(self.w, x[None])[0]])

        return np.array([solve_ivp(field, (t[0], t[-1]), x0, "DOP853", t, rtol=1e-9, atol=1e-10).y.T
                         for x0 in starts])  # fmt: skip


def rollouts(args):
    """Paths of the double pendulum after three periods, and the true energy along them."""
    print("| noise | model | path after three periods, std | true energy along it, std |")
    print("|---|---|---|---|")
    for noise in (0.0, 0.01, 0.1):
        rows = []
        for seed in range(args.seeds):
            system, X, y, groups = data_of("double pendulum", seed, noise)
            model, *_ = fitted(X, y, groups, periodic=[0, 1], random_state=seed)
            rng, t = np.random.default_rng(seed + 1000), np.linspace(0, 6.0, 301)
            starts = np.array([system.start(rng) for _ in range(8)])
            true = np.array([system.run(x0, t) for x0 in starts])
            of_data = system.energy(X[:, :2], X[:, 2:]).real.std()
            spread, rows_of_seed = true.reshape(-1, 4).std(axis=0), []
            for found in (
                model.simulate(starts, t, on_failure="nan"),
                KnownDoublePendulum(X, y[:, 2:]).simulate(starts, t),
            ):
                path = np.sqrt(np.mean(((found - true)[:, -1] / spread) ** 2, axis=1))
                flat = found.reshape(-1, 4)
                energy = system.energy(flat[:, :2], flat[:, 2:]).real.reshape(found.shape[:2])
                drift = np.abs(energy - energy[:, :1]).max(axis=1) / of_data
                rows_of_seed.append([np.median(path), np.median(drift)])
            rows.append(rows_of_seed)
        for name, (path, drift) in zip(("skhnn", "oracle"), np.median(rows, axis=0), strict=True):
            print(f"| {noise:g} | {name} | {path:.1e} | {drift:.1e} |", flush=True)


def robot(args):
    """Torques of three characters that were not seen, and their parts."""
    data = np.load(Path(args.data) / "robot_characters.npz")
    q, v, a, tau, run = (data[name] for name in ("q", "v", "a", "tau", "run"))
    test = np.isin(run, ["e", "q", "v"])
    parts = {"inertial": "tau_inertial", "coriolis": "tau_coriolis", "potential": "tau_gravity"}
    print("| angles | noise | torque | inertial | Coriolis | gravity | s |")
    print("|---|---|---|---|---|---|---|")
    for periodic in (None, [0, 1]):
        for noise in (0.0, 0.01):
            rows = []
            for seed in range(args.seeds):
                X = np.hstack([q, v, noisy(tau, noise, seed)])
                y = np.hstack([v, noisy(a, noise, seed + 50)])
                model, seconds, _ = fitted(
                    X[~test], y[~test], run[~test], n_inputs=2, input_matrix=np.eye(2),
                    periodic=periodic, random_state=seed,
                )  # fmt: skip
                clean = np.hstack([q, v, tau])[test], np.hstack([v, a])[test]
                found = model.inverse_dynamics(*clean, return_parts=True)
                squares = [np.mean(np.sum((sum(found.values()) - tau[test]) ** 2, axis=1))]
                squares += [np.mean(np.sum((found[name] - data[true][test]) ** 2, axis=1))
                            for name, true in parts.items()]  # fmt: skip
                rows.append([*squares, seconds])
            *squares, s = np.median(rows, axis=0)
            cells = " | ".join(f"{value:.1e}" for value in squares)
            print(
                f"| {'declared' if periodic else ''} | {noise:g} | {cells} | {s:.1f} |", flush=True
            )


def start_at(field, t, q, guess):
    """The state at the last row whose path is nearest to the positions of all rows."""

    def path(x):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return simulate(field, x, t - t[0], on_failure="nan")

    def misfit(x):
        return np.nan_to_num((path(x)[:, : q.shape[1]] - q).ravel(), nan=1e3)

    return path(least_squares(misfit, guess, x_scale=np.abs(guess) + 0.1).x)[-1]


def carts(args):
    """Two real carts: positions off, in standard deviations, medians over starts and draws.

    Each model starts from the state that fits seventeen samples best. The degree of the filter is
    chosen by linear regressions of the first 40 %, by what they forecast of the next 30 %.
    """
    table = np.loadtxt(Path(args.data) / "real_double_linear_h_1.txt", skiprows=1)
    t, q = table[:, 1], table[:, 2:4]
    h, ahead = (t[-1] - t[0]) / (len(t) - 1), np.array([1.0, 2.0, 4.0])

    def derivatives(degree):
        v, a = (savgol_filter(q, 11, degree, deriv=k, delta=h, axis=0) for k in (1, 2))
        return np.hstack([q, v]), np.hstack([v, a])

    def off(field, X, first, last):
        """How far forecasts of rows from ``first`` to ``last`` are off: (starts, times)."""
        found = []
        for k in range(first + 17, int(np.searchsorted(t, t[last] - ahead[-1] - 0.1))):
            rows = slice(k - 16, k + 1)
            start = start_at(field, t[rows], q[rows], X[k - 16])
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                path = simulate(field, start, np.append(0.0, ahead), on_failure="nan")
            true = np.stack([np.interp(t[k] + ahead, t, q[:, j]) for j in (0, 1)], axis=1)
            found.append(np.sqrt(np.mean(((path[1:, :2] - true) / q.std(axis=0)) ** 2, axis=1)))
        return np.median(found, axis=0)

    n, early = int(0.7 * len(q)), int(0.4 * len(q))
    print("| degree | linear, 1 s | 2 s | 4 s |\n|---|---|---|---|")
    errors = {}
    for degree in (2, 3, 4, 5, 6):
        X, y = derivatives(degree)
        errors[degree] = off(LinearRegression().fit(X[:early], y[:early]), X, early, n)
        print(f"| {degree} | {' | '.join(f'{e:.3f}' for e in errors[degree])} |")
    degree = min(errors, key=lambda degree: errors[degree].sum())
    X, y = derivatives(degree)
    print(f"\ndegree {degree}\n\n| model | draw | after 1 s | 2 s | 4 s | mass ratio | s |")
    print(f"|{'---|' * 7}")
    rows = []
    for seed in range(args.seeds):
        model, seconds, _ = fitted(X[:n], y[:n], None, random_state=seed)
        M = model.mass_matrix(q[:n]).mean(axis=0)
        rows.append([*off(model, X, n, -1), M[1, 1] / M[0, 0], seconds])
        print(f"| skhnn | {seed} | {' | '.join(f'{v:.3f}' for v in rows[-1])} |", flush=True)
    print(f"| skhnn | median | {' | '.join(f'{v:.3f}' for v in np.median(rows, axis=0))} |")
    canonical, *_ = fitted(X[:n], y[:n], None, coordinates="canonical", random_state=0)
    regression = LinearRegression().fit(X[:n], y[:n])
    for name, field in (("HNN of (q, v)", canonical), ("linear", regression)):
        cells = " | ".join(f"{value:.3f}" for value in off(field, X, n, -1))
        print(f"| {name} | 0 | {cells} | | |", flush=True)


def cost(args):
    """Seconds of a fit against rows and coordinates."""
    print("| against | sizes | seconds | exponent |\n|---|---|---|---|")
    rng = np.random.default_rng(0)
    for axis, sizes in (("rows", [10**k for k in range(2, 7)]), ("coordinates", [1, 2, 3, 5, 10])):
        seconds = []
        for size in sizes:
            d, n = (2, size) if axis == "rows" else (size, 2000)
            m = np.linspace(1.0, 3.0, d)
            X = rng.normal(size=(n, 2 * d))
            stretch = np.diff(np.pad(X[:, :d], ((0, 0), (1, 1))), axis=1)
            a = np.diff(stretch + 0.3 * stretch**3, axis=1) / m
            _, took, _ = fitted(X, np.hstack([X[:, d:], a]), None, coordinates="velocities",
                                random_state=0)  # fmt: skip
            seconds.append(took)
        upper = slice(len(sizes) // 2, None)
        exponent = np.polyfit(np.log(sizes[upper]), np.log(seconds[upper]), 1)[0]
        cells = [" ".join(f"{v:.3g}" for v in column) for column in (sizes, seconds)]
        print(f"| {axis} | {' | '.join(cells)} | {exponent:.2f} |", flush=True)


COMMANDS = {f.__name__: f for f in (table, rivals, alarms, rollouts, robot, carts, cost)}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", choices=COMMANDS)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--noise", type=float, default=0.01)
    parser.add_argument("--seconds", type=float, default=60.0, help="for the Lagrangian network")
    parser.add_argument("--cases", nargs="*", default=list(LAGRANGIAN))
    parser.add_argument("--data", default="", help="the folder of robot_characters.npz and so on")
    arguments = parser.parse_args()
    sys.exit(COMMANDS[arguments.command](arguments))
