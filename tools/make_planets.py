"""Make skhnn/datasets/data/*.npz, the planets of load_planet, from JPL's ephemeris DE421.

Needs ``pip install de421==2008.1 jplephem``; DE421 is public domain.

    python tools/make_planets.py            write the files into the package
    python tools/make_planets.py FOLDER     write them elsewhere
    python tools/make_planets.py --check    compare with those in the package; exit 1 if they differ

Two runs on one machine give identical bytes (numpy dates the entries of its archives 1980).
Another machine may round a value to the neighbouring integer and its zlib may pack
differently, so ``--check`` compares the decoded integers and lets them differ by one.

Method
------
Barycentric position, velocity and acceleration are the Chebyshev series of DE421 and their
first and second derivative; those of the Sun are subtracted. The plane is that orthogonal to
the mean of q x v, its first axis the projected x axis of the ICRF.

Why the second derivative of the series: measured over 1900-2050, errors as a fraction of the
mean acceleration,

==========================================  =======  =======  =======  =======  =======
                                            Mercury  Earth    Mars     Jupiter  Neptune
==========================================  =======  =======  =======  =======  =======
jump of q at the ends of a granule (max)    8e-16    1e-15    7e-16    5e-16    7e-16
jump of v (max)                             1e-15    1e-15    8e-16    1e-15    6e-16
jump of a (rms)                             2e-10    2e-10    2e-10    1e-10    3e-11
a against the N-body force (rms)            8e-11    7e-11    3e-10    3e-9     7e-8
a against the N-body force (max)            6e-10    5e-10    1e-9     6e-9     2e-7
central difference of v, order 10, 1 day    9e-10    6e-11    3e-10    3e-9     7e-8
central difference of v, order 10, 4 days   2e-4     5e-9     6e-10    7e-9     2e-7
central difference of v, order 6, 1 day     4e-7     6e-11    3e-10    3e-9     7e-8
relativity, left out of the N-body force    9e-8     3e-8     2e-8     5e-9     1e-9
two-body law (rms)                          1e-6     1.5e-5   4.5e-5   2e-4     3e-2
==========================================  =======  =======  =======  =======  =======

The N-body force is that of the Sun, the eight planets, Pluto and the Moon with the masses of
DE421 and the first post-Newtonian term of the Sun. Its difference from the outer planets is
the same 2e-14 au/day^2 for all of them, hence a motion of the Sun: the asteroids left out. So
the series is as good as any difference of velocities and needs no choice of a step.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
from numpy.polynomial import chebyshev

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # an uninstalled checkout will do

from skhnn.datasets._planets import (  # noqa: E402
    JD_1900,
    NAMES,
    QUANTITIES,
    YEAR,
    decode,
    encode,
)

DATA = ROOT / "skhnn" / "datasets" / "data"
SPAN = 150 * YEAR  # days
STEP = 5.0  # days: 17 samples per turn of Mercury, and not commensurate with the granules
# Resolution in au, au/yr, au/yr^2: 15 cm is a thousandth of DE421's smallest error; the last
# is 2e-9 of Neptune's acceleration, the smallest.
UNITS = np.array([1e-12, 1e-11, 1e-10])
# GM of planet and moons in au^3/day^2 as DE421's header names it
GM = dict(zip(NAMES, ["GM1", "GM2", "GMB", "GM4", "GM5", "GM6", "GM7", "GM8"], strict=True))


def series(ephemeris, name, jd, order):
    """Derivative of a barycentric position: (n, 3) in au/day^order at the n dates jd."""
    coefficients = ephemeris.load(name)  # (granules, 3, terms), in km
    granule = (ephemeris.jomega - ephemeris.jalpha) / len(coefficients)  # days
    index, offset = np.divmod(jd - ephemeris.jalpha, granule)
    tau = 2 * offset / granule - 1  # in [-1, 1)
    derivative = chebyshev.chebder(coefficients, m=order, axis=2)[index.astype(int)]
    basis = chebyshev.chebvander(tau, derivative.shape[2] - 1)
    return np.einsum("nk,nik->ni", basis, derivative) * (2 / granule) ** order / ephemeris.AU


def heliocentric(ephemeris, name, jd):
    """Position, velocity, acceleration relative to the Sun, each (n, 3), in au and years."""
    body = "earthmoon" if name == "earth" else name
    return [
        (series(ephemeris, body, jd, order) - series(ephemeris, "sun", jd, order)) * YEAR**order
        for order in range(3)
    ]


def mean_plane(q, v):
    """Axes e_1, e_2, n as rows (3, 3): n along the mean of q x v, e_1 nearest to x."""
    n = np.cross(q, v).mean(axis=0)
    n /= np.linalg.norm(n)
    e_1 = np.array([1.0, 0.0, 0.0]) - n[0] * n
    e_1 /= np.linalg.norm(e_1)
    return np.array([e_1, np.cross(n, e_1), n])


def best_order(x):
    """How often to difference the integers x (n, m) so that they need the fewest bits."""
    bits = []
    for _ in range(13):
        bits.append(np.log2(1.0 + np.abs(x)).mean())
        x = np.diff(x, axis=0)
    return int(np.argmin(bits))


def planet(ephemeris, name):
    """Return the arrays of the file of one planet."""
    jd = JD_1900 + STEP * np.arange(int(SPAN // STEP) + 1)
    motion = heliocentric(ephemeris, name, jd)
    axes = mean_plane(*motion[:2])
    arrays = {
        "units": UNITS,
        "step": STEP,
        "normal": axes[2],
        "out_of_plane": np.sqrt(np.mean((motion[0] @ axes[2]) ** 2)),
        "mass_ratio": getattr(ephemeris, GM[name]) / ephemeris.GMS,
        "gm_sun": ephemeris.GMS * YEAR**2,
    }
    for quantity, x, unit in zip(QUANTITIES, motion, UNITS, strict=True):
        whole = np.rint(x @ axes[:2].T / unit).astype(np.int64)
        first, planes = encode(whole, best_order(whole))
        if not np.array_equal(decode(first, planes), whole):
            raise RuntimeError(f"{quantity} of {name} does not survive the round trip")
        arrays[f"{quantity}_first"], arrays[f"{quantity}_bytes"] = first, planes
    return arrays


def differences(new, old):
    """List what differs between two files beyond the rounding of the last unit."""
    with np.load(new) as file, np.load(old) as other:
        a, b = dict(file), dict(other)
    if a.keys() != b.keys():
        return ["names of the arrays"]
    wrong = [
        x
        for x in ("units", "step", "normal", "out_of_plane", "mass_ratio", "gm_sun")
        if not np.allclose(a[x], b[x], rtol=1e-11, atol=0)
    ]
    for x in QUANTITIES:
        p, q = (decode(arrays[f"{x}_first"], arrays[f"{x}_bytes"]) for arrays in (a, b))
        if p.shape != q.shape or np.abs(p - q).max() > 1:
            wrong.append(x)
    return wrong


def main(argv=None):
    """Write or check the files; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", nargs="?", type=Path, default=DATA, help="where to write")
    parser.add_argument("--check", action="store_true", help="compare with FOLDER, write nothing")
    parser.add_argument("--planets", nargs="+", choices=NAMES, default=NAMES, metavar="NAME")
    args = parser.parse_args(argv)

    import de421
    from jplephem.ephem import Ephemeris

    ephemeris, failed = Ephemeris(de421), False
    with tempfile.TemporaryDirectory() as scratch:
        for name in args.planets:
            folder = Path(scratch) if args.check else args.folder
            folder.mkdir(parents=True, exist_ok=True)
            made, shipped = folder / f"{name}.npz", args.folder / f"{name}.npz"
            np.savez_compressed(made, **planet(ephemeris, name))
            line = f"{name}: {made.stat().st_size} bytes"
            if args.check and not shipped.exists():
                line, failed = f"{line}, MISSING in {args.folder}", True
            elif args.check:
                wrong = differences(made, shipped)
                failed |= bool(wrong)
                same = made.read_bytes() == shipped.read_bytes()
                line += f", DIFFERS in {', '.join(wrong)}" if wrong else ", as shipped"
                line += " (to the byte)" if same else ""
            print(line)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
