# SPDX-License-Identifier: BSD-3-Clause
"""scripts/bench/compare: its statistics, and the whole of it with programs that only talk."""

import itertools
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import time

import pytest

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "scripts" / "bench"
sys.path.insert(0, str(FOLDER))

import metric  # noqa: E402
import paired  # noqa: E402

CPU = str(min(os.sched_getaffinity(0)))
#: Of the same program on this class of machine, as the clock's boost comes and goes.
BOOST = 1.45


# The statistics.

@pytest.mark.parametrize("pairs", [6, 10, 11, 100])
def test_half_of_the_pairs_begin_with_a(pairs):
    order = paired.order(pairs)
    assert order == paired.order(pairs) and len(order) == pairs
    assert set(order) == {("a", "b"), ("b", "a")}
    assert order.count(("a", "b")) == (pairs + 1) // 2
    # By chance: neither strictly in turns nor one half after the other.
    changes = sum(one != next_one for one, next_one in itertools.pairwise(order))
    assert 1 < changes < pairs - 1


def test_phases_out_of_step_with_the_pairs_are_no_difference():
    """Equal programs; the clock changes after every second run, always within a pair."""
    def share_called_different(order):
        rng = random.Random(3)
        wrong = 0
        for _ in range(2000):
            runs = {"a": [], "b": []}
            for step, name in enumerate(itertools.chain(*order)):
                if step % 2 == 1 or step == 0:
                    clock = rng.gauss(60, 3)
                runs[name].append(clock)
            wrong += paired.Comparison(runs["a"], runs["b"]).verdict != "no difference seen"
        return wrong / 2000
    assert share_called_different(paired.order(10)) < 0.03
    assert share_called_different([("a", "b"), ("b", "a")] * 5) > 0.05


@pytest.mark.parametrize("nb", range(1, 13))
def test_ranks_are_those_of_all_possible_samples(nb):
    """Each of nb samples is below the median or above: 2^nb equally likely cases, counted."""
    def coverage(k):
        cases = list(itertools.product((0, 1), repeat=nb))
        return sum(k <= sum(below) <= nb - k for below in cases) / len(cases)
    enough = [k for k in range(1, nb // 2 + 1) if coverage(k) >= 0.95]
    k, claimed = paired.ranks(nb)
    assert k == max(enough, default=0)
    assert claimed == pytest.approx(coverage(k) if k else 0)
    assert (k > 0) == (nb >= paired.MIN_PAIRS)


def test_the_interval_of_known_samples():
    found = paired.median_interval([7, 1, 10, 3, 5, 9, 2, 8, 4, 6])
    assert (found.median, found.low, found.high) == (5.5, 2, 9)
    assert found.coverage == pytest.approx(1 - 22 / 1024)
    found = paired.median_interval(range(1, 101))  # Tables: ranks 40 and 61.
    assert (found.low, found.high) == (40, 61)


def test_too_few_samples_have_no_interval():
    with pytest.raises(ValueError, match="5 samples"):
        paired.median_interval([1, 2, 3, 4, 5])


@pytest.mark.parametrize("change, verdict", [(1, "no difference seen"), (1.02, "slower"),
                                             (0.98, "faster")])
def test_verdicts_in_a_clock_that_changes(change, verdict):
    """Phases of several runs, half a per cent of noise: two per cent are seen."""
    rng = random.Random(1)
    time_of_run = [(1 if step // 7 % 2 else BOOST) * rng.gauss(60, 0.3) for step in range(40)]
    values = {"a": [], "b": []}
    for at, name in enumerate(itertools.chain(*paired.order(20))):
        values[name].append(time_of_run[at] * (change if name == "b" else 1))
    found = paired.Comparison(values["a"], values["b"])
    assert found.verdict == verdict
    assert found.ratio.low <= change <= found.ratio.high
    # Means of the same runs see nothing of it.
    assert not 0.995 < sum(values["b"]) / sum(values["a"]) / change < 1.005


def test_no_difference_is_rarely_called_one():
    """At most one comparison in twenty of equal programs; here 2.1 % with ten pairs."""
    rng = random.Random(2)
    wrong = sum(paired.Comparison([rng.lognormvariate(0, 0.1) for _ in range(10)],
                                  [rng.lognormvariate(0, 0.1) for _ in range(10)]).verdict
                != "no difference seen" for _ in range(2000))
    assert 0.01 < wrong / 2000 < 0.035


def test_slower_by_more_than_needs_the_whole_interval():
    # Ten ratios: the interval goes from the second to the ninth.
    found = paired.Comparison([100] * 10, [104, 106, 107, 108, 108, 108, 109, 110, 111, 112])
    assert found.slower_by_more_than(5) and not found.slower_by_more_than(6)
    assert found.ratio_of_minima == 1.04


# Figures in the JSON.

DOCUMENT = {"hit": {"cycles": {"min": 3, "median": 4.5}, "note": "x", "none": None},
            "p99.9_us": 7, "with.dots": {"p50": 2}, "sizes": [{"ms": 1}, {"ms": 2}], "zero": 0,
            "stages": {"parse": {"min": 1}}, "yes": True, "empty": {}}


@pytest.mark.parametrize("path, found", [
    ("hit.cycles", {"min": 3, "median": 4.5}), ("hit.cycles.min", {"value": 3}),
    ("p99.9_us", {"value": 7}), ("with.dots.p50", {"value": 2}), ("sizes.1.ms", {"value": 2}),
    ("stages.parse", {"min": 1}),
])
def test_figures(path, found):
    assert metric.statistics_of(DOCUMENT, path) == found


@pytest.mark.parametrize("path, reason", [
    ("miss.cycles", "no 'miss' in the JSON, which has: hit, p99.9_us"),
    ("hit.cycles.max", "no 'max' in hit.cycles, which has: min, median"),
    ("hit.cycles.min.x", "no 'x' in hit.cycles.min, which has: no object"),
    ("sizes.2.ms", "no '2' in sizes, which has: places 0 to 1"),
    ("sizes", "sizes is neither a number nor has it min or median"),
    ("hit", "hit is neither a number nor has it min or median, but: cycles, note"),
    ("hit.note", "hit.note is no number"), ("hit.none", "hit.none is no number"),
    ("yes", "yes is no number"), ("zero", "zero is 0, of which no ratio"),
    ("", "no '' in the JSON"),
])
def test_figures_that_are_none(path, reason):
    with pytest.raises(LookupError) as error:
        metric.statistics_of(DOCUMENT, path)
    assert error.value.args[0].startswith(reason)


# The script, with programs that are told what to say.

FAKE = """#!/usr/bin/python3
import json, os, pathlib, sys
log = pathlib.Path({log!r})
at = len([l for l in log.read_text().splitlines() if l.startswith({name!r})]) if log.exists() else 0
with log.open("a") as file:
    print({name!r}, len(sys.argv[0]), *sorted(os.sched_getaffinity(0)), *sys.argv[1:], file=file)
least = {least} * (1 + 0.001 * (at % 3))
print(json.dumps(dict(cycles_per_packet=dict(min=least, median=least * 1.1), nested=[least])))
"""


@pytest.fixture
def fakes(tmp_path):
    """Makes A and B, whose figures are given; log tells who was run how."""
    class Fakes:
        log = tmp_path / "log"
        a = tmp_path / "program a"
        b = tmp_path / "other" / "b"

        def write(self, path, text):
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
            path.chmod(0o755)

        def say(self, a, b):
            for path, least in ((self.a, a), (self.b, b)):
                self.write(path, FAKE.format(log=str(self.log), name=path.name[-1], least=least))

        def run(self, *words):
            return compare(self.a, self.b, "--cpu", CPU, *words)
    return Fakes()


def compare(*words, script=FOLDER / "compare"):
    return subprocess.run([script, *words], capture_output=True, text=True, check=False,
                          timeout=120)


def test_a_slower_program(fakes):
    fakes.say(100, 110)
    done = fakes.run()
    assert done.returncode == 0, done.stderr
    assert "B against A, by min: slower" in done.stdout
    assert "97.9% interval" in done.stdout and "1.100 to 1.100" in done.stdout
    assert f"A: {fakes.a}" in done.stdout and f"B: {fakes.b}" in done.stdout


@pytest.mark.parametrize("a, b, verdict", [(100, 100, "no difference seen"), (110, 100, "faster")])
def test_other_programs(fakes, a, b, verdict):
    fakes.say(a, b)
    assert f"by min: {verdict}" in fakes.run("--pairs", "6").stdout


def test_runs_take_turns_pinned_with_the_arguments_given(fakes):
    fakes.say(100, 100)
    done = fakes.run("--pairs", "6", "--", "--flows", "10", "--mode", "ipip")
    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in fakes.log.read_text().splitlines()]
    # One each, uncounted; then in pairs.
    assert "".join(line[0] for line in lines) == "ab" + "".join(map("".join, paired.order(6)))
    assert {tuple(line[2:]) for line in lines} == {
        (CPU, "pipeline", "--rounds", "4000", "--flows", "10", "--mode", "ipip", "--json")}
    assert len({line[1] for line in lines}) == 1  # The names are equally long.


def test_json(fakes):
    fakes.say(100, 110)
    done = fakes.run("--json", "--pairs", "8", "--statistic", "median")
    told = json.loads(done.stdout)
    assert told["verdict"] == "slower" and told["statistic"] == "median" and told["pairs"] == 8
    assert told["command"] == ["guideway-bench", "pipeline", "--rounds", "4000"]
    assert len(told["a"]["runs"]) == len(told["b"]["runs"]) == 8
    for name in ("min", "median"):
        assert told["compared"][name]["ratio"]["median"] == pytest.approx(1.1)
        assert told["compared"][name]["ratios"] == pytest.approx([1.1] * 8)


def test_fail_over(fakes):
    fakes.say(100, 110)
    done = fakes.run("--fail-over", "9.9")
    assert done.returncode == 1 and "slower than A by more than 9.9 %" in done.stderr
    assert fakes.run("--fail-over", "10.1").returncode == 0
    fakes.say(110, 100)
    assert fakes.run("--fail-over", "0").returncode == 0


def test_metric(fakes):
    fakes.say(100, 110)
    done = fakes.run("--metric", "nested.0", "--", "maglev", "--slots", "65537")
    assert done.returncode == 0 and "by value: slower" in done.stdout
    assert "maglev --slots 65537 --json" in fakes.log.read_text()


@pytest.mark.parametrize("words, reason", [
    (["--metric", "nested.1"], "no '1' in nested, which has: places 0 to 0"),
    (["--metric", "stages.flow"], "no 'stages' in the JSON, which has: cycles_per_packet, nested"),
])
def test_a_figure_that_is_not_there(fakes, words, reason):
    fakes.say(100, 100)
    done = fakes.run(*words)
    assert done.returncode == 2 and reason in done.stderr and str(fakes.a) in done.stderr


@pytest.mark.parametrize("text, reason", [
    ("echo 'unrecognized option --new' >&2; exit 2", "ended with 2:\nunrecognized option --new"),
    ("echo no JSON", "--json printed no JSON"),
    ("echo '{\"cycles_per_packet\": {\"median\": 5}}'", "cycles_per_packet has no min"),
    ("echo '{\"cycles_per_packet\": {\"min\": NaN}}'", "cycles_per_packet.min is nan"),
])
def test_a_program_that_cannot_be_measured_is_named(fakes, text, reason):
    fakes.say(100, 100)
    fakes.write(fakes.b, f"#!/bin/sh\n{text}\n")
    done = fakes.run("--", "pipeline", "--rounds", "200", "--new")
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith(
        f"error: {fakes.b}: guideway-bench pipeline --rounds 200 --new")
    assert reason in done.stderr


def test_a_pair_without_memory_is_run_anew(fakes, tmp_path):
    fakes.say(100, 110)
    fakes.write(tmp_path / "real", fakes.b.read_text())
    count = tmp_path / "count"
    fakes.write(fakes.b, f"""#!/bin/sh
echo >>'{count}'
[ $(wc -l <'{count}') -ne 3 ] || {{ echo 'EAL: Cannot allocate memory' >&2; exit 1; }}
exec '{tmp_path}/real' "$@"
""")
    done = fakes.run("--pairs", "6", "--json")
    assert done.returncode == 0 and "Cannot allocate memory\nanew in 1 s" in done.stderr
    assert len(json.loads(done.stdout)["b"]["runs"]) == 6
    fakes.write(fakes.b, "#!/bin/sh\necho 'no 64 MB of free hugepages' >&2\nexit 1\n")
    done = fakes.run()
    assert done.returncode == 2 and done.stderr.count("anew in 1 s") == 2
    assert f"error: {fakes.b}" in done.stderr


@pytest.mark.parametrize("words, reason", [
    (["--pairs", "5"], "--pairs: 5: from 6"),
    (["--fail-over", "-1"], "--fail-over: -1: from 0"),
    (["--", "flow-table"], "--metric is missing: which figure of flow-table's JSON"),
    (["--cpu", "100000"], "nothing can be pinned to CPU 100000"),
])
def test_bad_options(fakes, words, reason):
    fakes.say(100, 100)
    done = fakes.run(*words)
    assert done.returncode == 2 and reason in done.stderr and not fakes.log.exists()


def test_a_run_that_has_begun_ends_before_the_script(fakes, tmp_path):
    begun, ended = tmp_path / "begun", tmp_path / "ended"
    fakes.write(fakes.a, f"#!/bin/sh\necho >'{begun}'\nsleep 1\necho >'{ended}'\n")
    fakes.write(fakes.b, "#!/bin/sh\n")
    script = subprocess.Popen([FOLDER / "compare", fakes.a, fakes.b, "--cpu", CPU],
                              stderr=subprocess.PIPE, text=True)
    wait_until(begun.exists)
    script.send_signal(signal.SIGTERM)
    _, said = script.communicate(timeout=30)
    assert script.returncode == 128 + signal.SIGTERM and ended.exists()
    assert "waiting for the run to end" in said


def wait_until(condition, seconds=30):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


# Revisions: a small repository with the same target, whose figure is in its source.

MAIN = """#include <stdio.h>
int main(void) {{ puts("{{\\"cycles_per_packet\\": {{\\"min\\": {0}, \\"median\\": {0}}}}}"); }}
"""
LENGTH = """#include <stdio.h>
int main(void) { printf("{\\"cycles_per_packet\\": {\\"min\\": %zu}}", sizeof(__FILE__)); }
"""


class Repository:
    def __init__(self, path):
        self.path = path
        self.cache = path.parent / "cache"
        (path / "scripts" / "bench").mkdir(parents=True)
        for name in ("compare", "child.py", "metric.py", "paired.py", "revisions.py"):
            shutil.copy(FOLDER / name, path / "scripts" / "bench" / name)
        (path / "tests" / "bench").mkdir(parents=True)
        (path / "meson.build").write_text("project('small', 'c')\nsubdir('tests/bench')\n")
        self.build_file = path / "tests" / "bench" / "meson.build"
        self.build_file.write_text("executable('guideway-bench', 'main.c')\n")
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *words):
        who = ["-c", "user.name=Test", "-c", "user.email=test@example.org"]
        return subprocess.run(["git", "-C", self.path, *who, *words], capture_output=True,
                              text=True, check=True).stdout

    def write(self, text):
        (self.path / "tests" / "bench" / "main.c").write_text(text)

    def commit(self, text, tag):
        self.write(text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", tag)
        self.git("tag", tag)

    def command(self, *words):
        return [self.path / "scripts" / "bench" / "compare", *words, "--cpu", CPU, "--pairs", "6",
                "--cache", self.cache]

    def compare(self, *words):
        return subprocess.run(self.command(*words), capture_output=True, text=True, check=False,
                              timeout=120)

    def assert_clean(self):
        assert self.git("worktree", "list", "--porcelain").count("worktree ") == 1
        assert not list((self.path / ".git").glob("worktrees/*"))
        assert not list(self.cache.glob("building-*"))


@pytest.fixture
def repository(tmp_path):
    return Repository(tmp_path / "repository")


def test_revisions_are_built_once(repository):
    repository.commit(MAIN.format(100), "old")
    repository.commit(MAIN.format(110), "new")
    done = repository.compare("old", "new")
    assert done.returncode == 0, done.stderr
    assert "by min: slower" in done.stdout and "1.100 to 1.100" in done.stdout
    assert f"A: old ({repository.git('rev-parse', 'old')[:12]})" in done.stdout
    assert done.stderr.count("building") == 2
    repository.assert_clean()
    done = repository.compare("main", "main~1")  # The same commits.
    assert "by min: faster" in done.stdout and "building" not in done.stderr
    assert repository.git("status", "--porcelain") == ""


def test_the_work_tree_as_it_is(repository):
    repository.commit(MAIN.format(100), "old")
    repository.write(MAIN.format(120))
    assert "1.200 to 1.200" in repository.compare("HEAD", ".").stdout
    repository.write(MAIN.format(90))
    assert "0.900 to 0.900" in repository.compare("HEAD", ".").stdout
    # A header that no commit has, and then has not any more.
    header = repository.path / "tests" / "bench" / "new.h"
    header.write_text("")
    repository.write('#include "new.h"\n' + MAIN.format(80))
    assert "0.800 to 0.800" in repository.compare("HEAD", ".").stdout
    header.unlink()
    done = repository.compare("HEAD", ".")
    assert done.returncode == 2 and "error: .: tests/bench/guideway-bench does not" in done.stderr
    repository.assert_clean()


def test_an_unchanged_work_tree_gives_the_commits_program(repository):
    """Down to the paths in it: here the figure is the length of one."""
    repository.commit(LENGTH, "only")
    assert "1.000 to 1.000" in repository.compare("HEAD", ".").stdout


def test_revisions_that_cannot_be_built(repository):
    repository.commit(MAIN.format(100), "good")
    repository.commit("int main(void) { return wrong; }\n", "bad")
    repository.build_file.write_text("executable('other', 'main.c')\n")
    repository.commit(MAIN.format(100), "without")
    for name, reason in (("bad", "undeclared"), ("without", "unknown target")):
        done = repository.compare("good", name)
        assert done.returncode == 2 and reason in done.stderr
        assert f"error: {name}: tests/bench/guideway-bench does not build" in done.stderr
        repository.assert_clean()
    done = repository.compare("good", "nothing")
    assert done.returncode == 2 and "error: nothing: no commit" in done.stderr


def test_a_signal_while_building(repository, tmp_path):
    began = tmp_path / "began"
    repository.build_file.write_text(f"run_command('sh', '-c', 'echo $$ >{began}.new; "
                                     f"mv {began}.new {began}; exec sleep 60', check: true)\n")
    repository.commit(MAIN.format(100), "slow")
    script = subprocess.Popen(repository.command("slow", "slow"), stderr=subprocess.DEVNULL)
    wait_until(began.exists)
    script.send_signal(signal.SIGINT)
    assert script.wait(timeout=30) == 128 + signal.SIGINT
    repository.assert_clean()
    wait_until(lambda: not pathlib.Path("/proc", began.read_text().strip()).exists(), seconds=10)
