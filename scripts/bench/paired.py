# SPDX-License-Identifier: BSD-3-Clause
"""Two programs measured in turns on a machine whose speed changes: the statistics.

A clock that is boosted in one second and not in the next changes every figure by far more than
most changes of code do, but two runs one right after the other mostly see the same clock. So
each pair of neighbours gives one ratio B ÷ A, and what counts is the median of the ratios: a pair
between whose runs the clock changed is one outlier.

Half of the pairs begin with A, half with B, so that a machine that becomes slower and slower
favours neither, and chance says which. A B, B A, A B, B A … would not do: there each B has the
next pair's B for a neighbour and shares its clock, so that wrong ratios come in twos and seem to
confirm each other. Of 990 runs of one guideway-bench pipeline, named A and B in that order, it
finds a difference in 4.3, 8.8 and 9.9 % of all comparisons of 10, 20 and 30 pairs; by chance in
2.4, 3.8 and 3.7 %; 2.1, 4.1 and 4.3 % are what the interval allows.

The interval of the median is made of order statistics: it assumes nothing of how the ratios are
distributed, only that one pair tells nothing of the next.
"""

import dataclasses
import math
import random
import statistics

CONFIDENCE = 0.95
#: With fewer not even the interval from the least to the greatest ratio has that confidence.
MIN_PAIRS = 6

#: The same order each time: a comparison can be repeated.
ORDER_SEED = 1

FASTER, SLOWER, SAME = "faster", "slower", "no difference seen"


def order(pairs):
    """[("a", "b"), ("b", "a"), …]: who runs in each pair, in turn."""
    turns = [("a", "b") if number % 2 == 0 else ("b", "a") for number in range(pairs)]
    random.Random(ORDER_SEED).shuffle(turns)
    return turns


def ranks(nb, confidence=CONFIDENCE):
    """Which order statistics of @p nb samples enclose the median of what they come from.

    The k-th least lies above it if fewer than k of nb samples lie below, and each lies below with
    probability 1/2; the same from above.
    @return (k, coverage): from the k-th least to the k-th greatest, the narrowest interval whose
            coverage is at least @p confidence; (0, 0.0): there is none.
    """
    best = (0, 0.0)
    outside = 0.0  # Both tails.
    for k in range(1, nb // 2 + 1):
        outside += 2 * math.comb(nb, k - 1) / 2**nb
        if 1 - outside < confidence:
            break
        best = (k, 1 - outside)
    return best


@dataclasses.dataclass
class Interval:
    """Of a median."""

    median: float
    low: float
    high: float
    coverage: float


def median_interval(samples, confidence=CONFIDENCE):
    """@throws ValueError: too few samples for that confidence."""
    k, coverage = ranks(len(samples), confidence)
    if k == 0:
        raise ValueError(f"{len(samples)} samples are too few for a confidence of {confidence}")
    ascending = sorted(samples)
    return Interval(statistics.median(ascending), ascending[k - 1], ascending[-k], coverage)


@dataclasses.dataclass
class Comparison:
    """Of one figure, of which less is better: a[i] and b[i] were measured one after the other."""

    a: list
    b: list

    @property
    def ratios(self):
        return [b / a for a, b in zip(self.a, self.b, strict=True)]

    @property
    def ratio(self):
        """Interval of B ÷ A."""
        return median_interval(self.ratios)

    @property
    def ratio_of_minima(self):
        return min(self.b) / min(self.a)

    @property
    def verdict(self):
        """What B is, against A."""
        ratio = self.ratio
        if ratio.low > 1:
            return SLOWER
        if ratio.high < 1:
            return FASTER
        return SAME

    def slower_by_more_than(self, percent):
        """Whether the whole interval says so."""
        return self.ratio.low > 1 + percent / 100
