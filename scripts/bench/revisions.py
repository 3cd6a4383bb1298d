# SPDX-License-Identifier: BSD-3-Clause
"""guideway-bench of any git revision: built once, then kept.

A commit is checked out in a temporary git worktree within the cache's folder and built there as
scripts/build does it, but for the other programs. Only the program is kept, under the commit's
name and a digest of what it was built by. The folder may be deleted at any time.
"""

import contextlib
import fcntl
import filecmp
import hashlib
import os
import pathlib
import shutil
import tempfile

from child import Failed, must, note, run, undisturbed

ROOT = pathlib.Path(__file__).resolve().parents[2]
TARGET = "tests/bench/guideway-bench"
COMPILER = "gcc"  # As in scripts/build; meson.build says the rest.
WORK_TREE = "."


def default_cache():
    base = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(base) / "guideway-bench"


def _git(what, *words):
    return must(what, ["git", "-C", str(ROOT), "-c", "core.hooksPath=/dev/null", *words])


def resolve(revision):
    """The commit's whole name. @throws Failed"""
    code, out, err = run(["git", "-C", str(ROOT), "rev-parse", "--verify", "--quiet",
                          "--end-of-options", f"{revision}^{{commit}}"])
    if code != 0:
        raise Failed(f"{revision}: no commit of this repository, and no path to a program "
                     f"(a path has a slash in it)\n{err}".rstrip())
    return out.strip()


def _toolchain():
    """A digest of what makes other programs of the same sources."""
    parts = [must("no compiler", [COMPILER, "--version"]).splitlines()[0],
             must("no DPDK", ["pkg-config", "--modversion", "libdpdk"]).strip(),
             must("no meson", ["meson", "--version"]).strip()]
    parts += [os.environ.get(name, "") for name in
              ("CFLAGS", "CPPFLAGS", "LDFLAGS", "PKG_CONFIG_PATH")]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:8]


def _compile(revision, source, build):
    """@return the program's path. @throws Failed"""
    if not (build / "build.ninja").exists():
        must(f"{revision}: cannot be set up", ["meson", "setup", str(build), str(source)],
             env={**os.environ, "CC": COMPILER})
    must(f"{revision}: {TARGET} does not build", ["ninja", "-C", str(build), TARGET])
    return build / TARGET


def _remove_worktree(source):
    # Twice --force: one that is not complete yet is locked. What git does not know is removed, too.
    with contextlib.suppress(Failed):
        _git("", "worktree", "remove", "--force", "--force", str(source))
    shutil.rmtree(source.parent, ignore_errors=True)


@contextlib.contextmanager
def _checked_out(revision, commit, cache):
    """A temporary folder with a worktree of @p commit in source/. Yields the folder."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="building-", dir=cache))
    try:
        _git(f"{revision}: cannot be checked out", "worktree", "add", "--quiet", "--detach",
             str(folder / "source"), commit)
        yield folder
    finally:
        with undisturbed():
            _remove_worktree(folder / "source")


def build_commit(revision, commit, cache):
    """Path of the program of @p commit, within @p cache. @throws Failed"""
    program = cache / f"{commit}-{_toolchain()}"
    if program.exists():
        return program
    note(f"{revision}: building {commit[:12]}")
    cache.mkdir(parents=True, exist_ok=True)
    with _checked_out(revision, commit, cache) as folder:
        _compile(revision, folder / "source", folder / "build").replace(program)
    return program


def _mirror(source):
    """Make @p source hold what git would take of the work tree: tracked and new files. What has
    not changed stays as it is, so that ninja does not compile it again."""
    listed = _git("cannot list the files", "ls-files", "-z", "--cached", "--others",
                  "--exclude-standard", "--deduplicate")
    names = {name for name in listed.split("\0") if name and (ROOT / name).is_file()}
    for name in names:
        copy = source / name
        if not copy.is_file() or not filecmp.cmp(ROOT / name, copy, shallow=False):
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, copy)
    for copy in source.rglob("*"):
        if copy.is_file() and str(copy.relative_to(source)) not in names:
            copy.unlink()


def build_work_tree(cache, program):
    """Build the work tree as it is, and copy the program to @p program. @throws Failed

    Built is a copy that is kept, next to its build folder: the next time less is compiled; nobody
    edits it meanwhile; and from build/ the sources' paths are a commit's (../source), which
    assertions put into the program: other lengths would shift what lies behind them.
    """
    note(f"{WORK_TREE}: building {ROOT} as it is")
    digest = hashlib.sha256(str(ROOT).encode()).hexdigest()[:8]
    folder = cache / f"work-tree-{digest}-{_toolchain()}"
    source = folder / "source"
    source.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _mirror(source)
        shutil.copy(_compile(WORK_TREE, source, folder / "build"), program)
