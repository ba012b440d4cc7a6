"""From the runs by which models are compared to all, and from pieces of them to whole ones."""

import contextlib

import numpy as np

from .._selection import ALIKE
from ._candidates import Candidate, NoFitError
from ._fits import JointFits
from ._runs import Runs


def some_of(runs: Runs, rng: np.random.RandomState) -> Runs:
    """All runs, or pieces of them at random that have enough samples."""
    # Samples by which they are compared, of pieces of runs.
    samples_to_compare, samples_of_a_piece = 2000, 500
    if sum(len(t) for t in runs.t) <= samples_to_compare:
        return runs
    pieces = runs.in_pieces(samples_of_a_piece)
    counts = np.array([len(t) for t in pieces.t])
    order = rng.permutation(len(counts))
    n = int(np.searchsorted(np.cumsum(counts[order]), samples_to_compare)) + 1
    return pieces.subset(sorted(order[:n].tolist()))


def with_all_runs(
    first: Candidate, others: list[Candidate], fits: JointFits, runs: Runs
) -> tuple[Candidate, Candidate, list[Candidate]]:
    """The model on the runs compared, on all runs, and others on those compared.

    All runs may show what those compared do not: that the layers lack something, and leave
    residuals that are alike. Then those of other activations are fitted to all runs, too, and the
    evidence chooses. (Positions of a double pendulum, 0.1 % of noise: of 2000 samples the best are
    polynomials, of 5000 silu, which leaves 2.1e-3 of the accelerations, they 3.4e-3.)
    """
    compared = first
    fits.smooth(runs)
    best = fits.refitted(first)
    is_known = fits.tau > 1.0 or fits.q is not None or best.joint.is_exact
    if is_known or fits.correlation_of(best) == 1.0:
        return compared, best, others
    fits.options.tell({"why": "of all samples this leaves residuals that are alike"})
    for other in fits.of_other_activations(first):
        if not fits.options.is_out_of_time:
            with contextlib.suppress(NoFitError):
                again = fits.refitted(other)
                if again.joint.rank > best.joint.rank:
                    compared, best = other, again
    return compared, best, others if compared is first else [first, *others[1:]]


def linked(pieces: Candidate, fits: JointFits, whole: Runs, longest_gap: float) -> Candidate | None:
    """The same model on whole runs that were cut at gaps; None where it leaves more of them."""
    fits.link(whole, pieces, longest_gap)
    with contextlib.suppress(NoFitError):
        found = fits.refitted(pieces)
        if not np.any(found.joint.sigma > ALIKE * pieces.joint.sigma):
            return found
    fits.options.tell({"why": "the pieces stay apart: whole runs leave more"})
    return None
