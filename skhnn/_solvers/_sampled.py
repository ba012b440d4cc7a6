"""Hidden layers that are sampled and not trained; the evidence chooses how.

For one Hamiltonian a race: the layers are drawn in every way there is, the last weights fitted, and
the better third by evidence goes on with twice the units and as many more equations.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._data import Problem, Shared, some
from ..hamiltonians import COLUMNS_OF_SPARSE, SAMPLING_SCALES, Equations, Hamiltonian, Params
from ._evidence import COST_OF_SMOOTH, SMOOTH, LinearFit
from ._last_weights import fit_last_weights
from ._layers import equations_of, filled, name_and_layers, units_for
from ._options import SolverOptions

FIRST_UNITS, LAST_UNITS = 100, 800
# A smaller error no one sees: it is below the tolerances of simulations.
FINE = 1e-10
_EQUATIONS_PER_UNIT = 8
_KEEP = 3
# silu goes on growing beyond few rows, where tanh levels off.
_ACTIVATIONS = ("tanh", "silu")
# Units a^4 are polynomials of fourth degree at any scale. From runs of three masses with such
# springs (noise of 1 %) a hundred of them left 0.0009 to 0.0013 of the accelerations, tanh and
# silu 0.006 to 0.010.
_POLYNOMIAL, _ANY_SCALE = "quartic", 0.4


@dataclass(frozen=True)
class Sampling:
    """A way to draw hidden layers."""

    method: str
    scale: float
    activation: str


@dataclass
class Sampled:
    """Equations with sampled hidden layers and the last weights of the largest evidence."""

    equations: Equations
    params: Params
    fit: LinearFit
    sampling: Sampling

    @property
    def model(self) -> tuple[Equations, Params]:
        """The equations and their params."""
        return self.equations, self.params

    @property
    def uses_its_units(self) -> bool:
        """Whether the data determine so many of the last weights that more units may help."""
        # Of 100 or 200 units among noise the data determine 0.05 to 0.36 (four systems), of units
        # that are too few 0.47 to 0.95.
        used = 0.4
        return self.fit.free > used * self.equations.n_last

    def refit(
        self, problem: Problem, rng: np.random.RandomState, alpha: float, tau: float = 1.0
    ) -> "Sampled":
        """The same layers, with the last weights fitted to all rows of a problem, or very many."""
        # Equations for the final least squares, times the square of the unknowns: half a second.
        work = 4e9
        n_rows = int(work / self.equations.n_last**2) // problem.n_targets
        rows = some(np.arange(problem.n_samples), max(n_rows, 1), rng)
        tau = 1.0 + (tau - 1.0) * len(rows) / problem.n_samples
        fit = fit_last_weights(
            problem, self.equations, self.params, rows, alpha=alpha, tau=tau, roughest=SMOOTH
        )
        params = self.equations.with_last(self.params, fit.w)
        return Sampled(self.equations, params, fit, self.sampling)

    def describe(self) -> dict[str, Any]:
        """An entry of the report."""
        return {
            "solver": "least_squares",
            **name_and_layers(self.equations),
            "features": f"{self.sampling.method} {self.sampling.scale:g}",
            "log_evidence": self.fit.log_evidence,
            "error": self.fit.error,
        }


class Race:
    """The samplings of one Hamiltonian that are still in the race, and what they found."""

    def __init__(self, problem: Problem, hamiltonian: Hamiltonian, options: SolverOptions):
        self.problem, self.hamiltonian, self.options = problem, hamiltonian, options
        self.order = options.rng.permutation(problem.n_samples)
        rows_to_sample = 10_000
        self.X = problem.take(np.sort(self.order[:rows_to_sample]))[0]
        layers = hamiltonian.layers()
        self.layers_given = all(n.hidden_layer_sizes is not None for n in layers)
        given = any(n.activation is not None for n in layers)
        is_deep = any(len(n.hidden_layer_sizes or ()) > 1 for n in layers)
        networks = hamiltonian.declare(problem.layout).networks
        self.n_inputs = max((network.n_inputs for network in networks), default=0)
        is_wide = self.n_inputs > COLUMNS_OF_SPARSE
        methods = [method for method in SAMPLING_SCALES if is_wide or method != "sparse"]
        self.samplings = self.every = [
            Sampling(method, scale, activation)
            for activation in _ACTIVATIONS[: 1 if given else None]
            for method in methods
            for scale in SAMPLING_SCALES[method]
        ]
        if not (given or is_deep):  # two layers of units a^4 are of degree sixteen
            of_polynomials = [method for method in methods if method != "pairs"]
            self.every += [Sampling(m, _ANY_SCALE, _POLYNOMIAL) for m in of_polynomials]
        self.found: list[Sampled] = []

    @property
    def best(self) -> Sampled:
        """The first by rank."""
        return self.found[0]

    def among_noise(self, n_units: int, tau: float) -> Sampled:
        """The best of all samplings by many more rows, which noise hides less from."""
        # Equations by which all samplings are compared among noise, times the square of the units:
        # fields of eight systems (1000 to 5000 rows, noise of 0.02 to 0.3, two seeds) had 0.94 of
        # the error that the equations of the first round left, and as many units (nine in ten: 0.6
        # to 1.3). Units for masses and potential have several weights each. With ten times as many
        # equations of 2000 rows, noise of 1 %, errors of a spherical and a double pendulum and of a
        # cart-pole were 0.0037, 0.0016, 0.0034, and 0.029, 0.0024, 0.0034 before (medians of three
        # seeds); with twice the units beside, the same in twice the time.
        work_among_noise = 4e9 if self.problem.layout.has_velocities else 4e8
        n_equations = int(work_among_noise / n_units**2)
        if self.n_rows(n_equations) > self.n_rows(_EQUATIONS_PER_UNIT * n_units):
            self.samplings = self.every
            self.run(n_units, tau, n_equations)
        return self.best

    def n_rows(self, n_equations: int) -> int:
        """The rows with so many equations, or all."""
        return min(n_equations // self.problem.n_targets + 1, self.problem.n_samples)

    def _units(self, sampling: Sampling, n_units: int) -> int:
        """Those with so many weights; of polynomials at least enough for all, if these are few.

        There are as many as monomials of what a unit reads, and a quarter more is drawn.
        """
        units = units_for(self.hamiltonian, n_units, self.problem)
        if sampling.activation != _POLYNOMIAL or self.layers_given:
            return units
        n = self.n_inputs
        n_polynomials = math.comb(n + 4, 4) - 1
        if sampling.method == "sparse":
            n_polynomials = 4 * n + 6 * math.comb(n, 2)
        enough = n_polynomials * 5 // 4
        most = units_for(self.hamiltonian, LAST_UNITS, self.problem)
        return max(enough, units) if enough <= most else units

    def run(self, n_units: int, tau: float = 1.0, n_equations: int | None = None) -> None:
        """One round; out of time, there is one model at least."""
        problem, options = self.problem, self.options
        found: list[Sampled] = []
        alpha = options.alpha(problem)
        equations_by = {
            (units, activation): equations_of(
                filled(self.hamiltonian, (units,), activation), problem
            )
            for units, activation in dict.fromkeys(
                (self._units(sampling, n_units), sampling.activation) for sampling in self.samplings
            )
        }
        # Equations for each last weight; half of them, of dq/dt, say nothing of a Lagrangian. Its
        # masses multiply units and have functions beside: with the equations that units need,
        # three for each weight, masses of q of an arm left more than constant ones.
        per_weight = 6
        n_least = 0
        if problem.layout.has_velocities:
            n_least = per_weight * max(equations.n_last for equations in equations_by.values())
        n_rows = self.n_rows(n_equations or max(_EQUATIONS_PER_UNIT * n_units, n_least))
        rows = np.sort(self.order[:n_rows])
        tau = 1.0 + (tau - 1.0) * len(rows) / problem.n_samples
        shared = Shared()
        # Gauss-Newton steps by which samplings are compared, where last weights are not linear.
        steps_of_race = 2
        for sampling in self.samplings:
            if options.is_out_of_time and (found or self.found):
                break
            equations = equations_by[self._units(sampling, n_units), sampling.activation]
            params = equations.sample_params(
                self.X, options.rng, sampling.method, sampling.scale, problem.scaling.reads
            )
            fit = fit_last_weights(
                problem, equations, params, rows,
                alpha=alpha, tau=tau, n_steps=steps_of_race, roughest=SMOOTH,
                shared=shared,
            )  # fmt: skip
            found.append(Sampled(equations, equations.with_last(params, fit.w), fit, sampling))
        if found:
            self.found = _ranked(found)
            best = self.found[0]
            if not (best.equations.is_linear or options.is_out_of_time):  # to its end
                fit = fit_last_weights(
                    problem, best.equations, best.params, rows, alpha=alpha, tau=tau
                )
                params = best.equations.with_last(best.params, fit.w)
                self.found[0] = Sampled(best.equations, params, fit, best.sampling)
            self.samplings = [one.sampling for one in self.found[: -(-len(found) // _KEEP)]]


def _ranked(found: list[Sampled]) -> list[Sampled]:
    """By evidence; those that no integrator can follow behind all that are nearly as good.

    A pendulum whose length is a column has two networks that share a sampling: cos q is exact, at
    scales at which units for the other nearly cancel. By evidence alone 1e-5 of the field was left
    that cannot be simulated, so 2e-6 that can (a separable H, three seeds).
    """
    found = sorted(found, key=lambda sampled: -sampled.fit.log_evidence)
    most = COST_OF_SMOOTH * found[0].fit.error
    return sorted(found, key=lambda one: not (one.fit.is_smooth and one.fit.error <= most))
