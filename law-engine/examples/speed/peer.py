"""The same fits with scipy, its gradient given: prints rows of a Markdown table.

python peer.py RUNS.csv
"""

import csv
import itertools
import sys
import time

import numpy
import scipy
from scipy.optimize import minimize
from scipy.special import logsumexp

DELTA = 1e-3


def read(path):
    with open(path) as file:
        rows = [row for row in csv.DictReader(file) if row.get("excluded_by_epoch") != "1"]
    return [numpy.log([float(row[name]) for row in rows]) for name in ("params_n", "tokens_d", "loss")]


def objective(theta, ln_n, ln_d, ln_loss, weights):
    """Huber loss of log residuals, summed, and its gradient by (ln A, ln B, ln E, alpha, beta)."""
    a, b, e, alpha, beta = theta
    terms = numpy.stack([a - alpha * ln_n, b - beta * ln_d, numpy.full_like(ln_n, e)])
    ln_law = logsumexp(terms, axis=0)
    residual = ln_law - ln_loss
    size = numpy.abs(residual)
    value = numpy.where(size <= DELTA, 0.5 * residual**2, DELTA * (size - 0.5 * DELTA))
    slope = weights * numpy.clip(residual, -DELTA, DELTA)
    shares = numpy.exp(terms - ln_law) * slope
    gradient = numpy.array(
        [
            shares[0].sum(),
            shares[1].sum(),
            shares[2].sum(),
            -(shares[0] * ln_n).sum(),
            -(shares[1] * ln_d).sum(),
        ]
    )
    return (weights * value).sum(), gradient


def solve(start, data, weights):
    return minimize(objective, start, args=(*data, weights), jac=True, method="L-BFGS-B")


def main():
    data = read(sys.argv[1])
    ones = numpy.ones_like(data[0])
    print(f"scipy {scipy.__version__}, numpy {numpy.__version__}; L-BFGS-B with the gradient given.\n")
    print("| what | time | |\n|---|---|---|")

    amplitudes, floors, exponents = range(0, 26, 5), (-1, -0.5, 0, 0.5, 1), (0, 0.5, 1, 1.5, 2)
    starts = list(itertools.product(amplitudes, amplitudes, floors, exponents, exponents))
    begin = time.perf_counter()
    fits = [solve(start, data, ones) for start in starts]
    took = time.perf_counter() - begin
    best = min(fits, key=lambda fit: fit.fun)
    near = sum(fit.fun <= best.fun * (1 + 1e-6) for fit in fits) / len(fits)
    print(
        f"| the protocol of {len(starts)} starts | {took:.2f} s "
        f"| objective {best.fun:.10e}; {100 * near:.1f} % of the starts within 1e-6 of it |"
    )

    random = numpy.random.default_rng(1)
    n = len(ones)
    draws = 400
    begin = time.perf_counter()
    for _ in range(draws):
        weights = numpy.bincount(random.integers(0, n, n), minlength=n).astype(float)
        solve(best.x, data, weights)
    took = time.perf_counter() - begin
    print(f"| {draws} refits to resamples, each from the optimum | {took:.2f} s | {1e3 * took / draws:.2f} ms each |")


main()
