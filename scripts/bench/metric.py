# SPDX-License-Identifier: BSD-3-Clause
"""A figure out of what guideway-bench prints as JSON, by a dotted path: hit.guideway.cycles.

Numbers count places in an array from 0. A key may have dots of its own (p99.9_us): the longest
one that fits is taken.
"""

import math

#: What guideway-bench calls the statistics of a figure's rounds.
STATISTICS = ("min", "median")


def _content(value):
    if isinstance(value, dict):
        return ", ".join(value) or "nothing"
    if isinstance(value, list):
        return f"places 0 to {len(value) - 1}" if value else "nothing"
    return "no object"


def _child(value, key):
    """@throws LookupError"""
    if isinstance(value, dict):
        return value[key]
    if isinstance(value, list) and key.isdecimal():
        return value[int(key)]
    raise LookupError


def find(document, path):
    """@throws LookupError: its text says what is not where, and what is there instead."""
    value, words, passed = document, path.split("."), []
    while words:
        for nb in range(len(words), 0, -1):
            key = ".".join(words[:nb])
            try:
                value = _child(value, key)
            except LookupError:
                continue
            passed.append(key)
            words = words[nb:]
            break
        else:
            raise LookupError(f"no {words[0]!r} in {'.'.join(passed) or 'the JSON'}, "
                              f"which has: {_content(value)}")
    return value


def number(value, path):
    """@throws LookupError: it is none of which a ratio could be made."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise LookupError(f"{path} is no number")
    if not math.isfinite(value) or value <= 0:
        raise LookupError(f"{path} is {value}, of which no ratio can be made")
    return value


def statistics_of(document, path):
    """Of a figure that has some: {"min": …, "median": …}, what there is of them; of a plain
    number {"value": …}.

    @throws LookupError: as find() and number(), or the figure has none of the statistics.
    """
    value = find(document, path)
    if not isinstance(value, (dict, list)):
        return {"value": number(value, path)}
    names = [name for name in STATISTICS if isinstance(value, dict) and name in value]
    if not names:
        raise LookupError(f"{path} is neither a number nor has it min or median, but: "
                          f"{_content(value)}")
    return {name: number(value[name], f"{path}.{name}") for name in names}
