# SPDX-License-Identifier: BSD-3-Clause
"""The throughput test of RFC 2544 section 26.1: the highest rate without loss, by bisection.

What sends and counts is the caller's: a function from a rate to the frames sent and received.
"""

import csv
import dataclasses

#: Frame sizes of RFC 2544 section 9.1 for Ethernet, FCS included.
SIZES = (64, 128, 256, 512, 1024, 1280, 1518)
#: Preamble, start of frame and the gap between frames: bytes of the wire besides the frame.
GAP_BYTES = 20


@dataclasses.dataclass
class Trial:
    """One rate, tried once."""

    rate: float  # Per cent of the link.
    sent: int
    received: int

    @property
    def loss(self):
        """Share of the frames that did not come back."""
        return max(0, self.sent - self.received) / self.sent if self.sent else 1.0


@dataclasses.dataclass
class Throughput:
    """Of one frame size."""

    size: int
    seconds: float  # Of a trial.
    best: Trial     # The fastest within the tolerance; None: even the slowest lost more.
    slowest: Trial
    trials: list

    @property
    def mpps(self):
        return self.best.sent / self.seconds / 1e6 if self.best else None

    @property
    def gbps(self):
        """On the wire, gaps included."""
        return self.mpps * (self.size + GAP_BYTES) * 8 / 1e3 if self.best else None


def search(trial, size, seconds, tolerance=0.0, resolution=1.0, lowest=1.0, highest=100.0):
    """Bisect between two rates until they are @p resolution per cent apart.

    The whole is tried first, as a device may well take it. A rate counts only if frames were
    sent at all. @return Throughput.
    """
    trials = []

    def passes(rate):
        trials.append(Trial(rate, *trial(rate)))
        return trials[-1].sent > 0 and trials[-1].loss <= tolerance

    best = None
    good, bad = lowest, highest
    if passes(highest):
        best = trials[-1]
    elif passes(lowest):
        best = trials[-1]
        while bad - good > resolution:
            middle = (good + bad) / 2
            if passes(middle):
                good, best = middle, trials[-1]
            else:
                bad = middle
    return Throughput(size, seconds, best, min(trials, key=lambda t: t.rate), trials)


COLUMNS = ("frame_bytes", "rate_percent", "mpps", "gbps", "sent", "received", "loss", "trials")


def write_csv(results, file):
    """One line a frame size. Without a rate that passed: its columns are empty, loss is the slowest's."""
    writer = csv.writer(file)
    writer.writerow(COLUMNS)
    for r in results:
        shown = r.best or r.slowest
        rate, mpps, gbps = (f"{r.best.rate:.2f}", f"{r.mpps:.4f}", f"{r.gbps:.4f}") if r.best \
            else ("", "", "")
        writer.writerow((r.size, rate, mpps, gbps, shown.sent, shown.received,
                         f"{shown.loss:.6f}", len(r.trials)))


def plot_commands(results, path):
    """For gnuplot: an SVG chart of the rates by frame size."""
    found = [r for r in results if r.best]
    quoted = path.replace("'", "''")
    lines = ["set terminal svg size 800,420 noenhanced", f"set output '{quoted}'",
             "set title 'highest rate without loss (RFC 2544)'",
             "set xlabel 'frame, bytes with FCS'", "set ylabel 'Mpps'",
             "set y2label 'Gb/s on the wire'", "set ytics nomirror", "set y2tics",
             "set yrange [0:*]", "set y2range [0:*]",
             "plot '-' using 1:2 with linespoints title 'Mpps', "
             "'-' using 1:2 axes x1y2 with linespoints title 'Gb/s'"]
    lines += [f"{r.size} {r.mpps:.4f}" for r in found] + ["e"]
    lines += [f"{r.size} {r.gbps:.4f}" for r in found] + ["e"]
    return "\n".join(lines) + "\n"
