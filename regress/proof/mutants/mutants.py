#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Proves the tests: changes the daemon in one place at a time, and counts how
many of these mutants the unit tests and the replayed corpora kill.

usage: mutants.py [-j JOBS] [-n MUTANTS] [SOURCE ...]

  -j  jobs at a time (2)
  -n  mutants of each source file (60); 0 for all of them

A mutant is one of the SOURCES below with one token, argument, condition or
statement changed.  The possible mutants of a file are ordered by a hash of the
change, its function and its surroundings, and the first ones are tried: the
same ones in every run, also after an edit elsewhere in the file.  Mutants that
do not compile, or to the same code, do not count.

The tests of a file run in the order of their time, and one that fails or does
not end in time kills the mutant.  Prints a line for each file, then the
survivors as diffs; exits 1 if the killed share of a file is below its figure in
SOURCES.  Takes some ten minutes.  As root it runs in a PID namespace of its
own, because a mutant may send a signal to any process.
"""

import argparse
import concurrent.futures
import difflib
import hashlib
import os
import queue
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time

# Of each source file: its unit tests, the corpora that reach it, and the least
# share, in percent, that these must kill.
SOURCES = {
    "common/line.c": (["line"], ["network"], 97),
    "dazaid/control.c": ([], ["network"], 78),
    "dazaid/heart.c": ([], ["network"], 80),
    "dazaid/panic.c": (["panic", "session"], ["vault"], 97),
    "dazaid/request.c": (["request"], ["network"], 94),
    "dazaid/serve.c": ([], ["vault"], 85),
    "dazaid/session.c": (["session"], ["vault", "network"], 93),
    "dazaid/store.c": (["store"], ["vault"], 93),
}
TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../..")
CORPUS = "regress/proof/fuzz/corpus"

# The tests are built quickly, and a mutant that only a warning sees is built.
MAKE = ["make", "-s", "CC=gcc", "STATIC=", "HARDEN=", "LDHARDEN=",
        "CFLAGS=-O2", "WARN=-w -Werror=int-conversion "
        "-Werror=incompatible-pointer-types"]
CPU_SECONDS = 10	# a test that takes more has killed its mutant
TIMES = 8		# but it may take so many times its usual time

#
# Mutants.
#

TOKEN = re.compile(r"""
    (?P<space>\s+|/\*.*?\*/|//[^\n]*|\\\n)
  | (?P<string>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')
  | (?P<number>\d[\w.]*)
  | (?P<word>[A-Za-z_]\w*)
  | (?P<op>->|\+\+|--|<<=|>>=|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%&|^]=|.)
    """, re.X | re.S)

SWAPS = {
    "<": ["<=", ">="], "<=": ["<", ">"], ">": [">=", "<="], ">=": [">", "<"],
    "==": ["!="], "!=": ["=="], "&&": ["||"], "||": ["&&"],
    "+": ["-"], "-": ["+"], "*": ["/"], "/": ["*"], "%": ["/"],
    "&": ["|"], "|": ["&"], "<<": [">>"], ">>": ["<<"],
    "++": ["--"], "--": ["++"], "+=": ["-=", "="], "-=": ["+=", "="],
    "|=": ["&="], "&=": ["|="], "true": ["false"], "false": ["true"],
}
BINARY_ONLY = {"+", "-", "*", "&"}
KEYWORDS = {"if", "for", "while", "switch", "return", "sizeof", "do", "else",
            "case", "default", "goto"}
SYMMETRIC = {"strcmp", "strcasecmp", "strncmp", "strncasecmp", "memcmp"}
UNCHANGED = {"log_debug"}	# nobody depends on a debug log


class Function:
    """The tokens of a function's body."""

    def __init__(self, text, start, end):
        self.text = text
        found = [m for m in TOKEN.finditer(text, start, end)
                 if m.lastgroup != "space"]
        self.spans = [m.span() for m in found]
        self.kinds = [m.lastgroup for m in found]
        self.words = [m.group() for m in found]
        self.quiet = set()	# those that nothing depends on
        self.other = {}		# of each bracket, its counterpart
        stack = []
        for i, word in enumerate(self.words):
            if word in ("(", "[", "{"):
                stack.append(i)
            elif word in (")", "]", "}") and stack:
                self.other[i] = stack.pop()
                self.other[self.other[i]] = i

    def cut(self, first, last):
        return self.text[self.spans[first][0]:self.spans[last][1]]

    def is_binary(self, i):
        """Whether the operator at i has an operand on its left."""
        before = max(i - 1, 0)
        return (self.kinds[before] in ("number", "word") and
                self.words[before] not in KEYWORDS or
                self.words[before] in (")", "]"))

    def statements(self):
        """The ends of each statement that is an expression or a jump."""
        words, other = self.words, self.other
        starts = {0}
        for i, word in enumerate(words):
            if word in (";", "{", "}", ":", "else") or \
                    word == ")" and other.get(i, 0) > 0 and \
                    words[other[i] - 1] in ("if", "for", "while"):
                starts.add(i + 1)
        for first in sorted(starts):
            word, after = (words[first:] + ["", ""])[:2]
            if not (word in ("break", "continue", "return") and after == ";" or
                    after != "" and self.kinds[first] == "word" and
                    word not in KEYWORDS and
                    after in ("(", "=", "->", ".", "[", "++", "--", "+=", "-=",
                              "|=", "&=") or
                    word == "(" and after == "void" or
                    after != "" and word in ("*", "++")):
                continue
            i = first
            while i < len(words) and words[i] not in (";", ")", "}"):
                i = other.get(i, i) + 1
            if words[i:i + 1] == [";"]:
                yield first, i

    def arguments(self, i):
        """The ends of each argument of the call whose ( is at i."""
        first, at, end = i + 1, i + 1, self.other[i]
        while at < end:
            if self.words[at] == ",":
                yield first, at - 1
                first = at + 1
            at = max(at, self.other.get(at, at)) + 1
        if first < end:
            yield first, end - 1

    def condition(self, i):
        """The index at which the condition of the ? at i begins."""
        i -= 1
        while i >= 0 and self.words[i] not in (
                "(", "[", "{", "=", ",", ";", "return", "?", ":"):
            if self.words[i] == "}" and i not in self.other:
                break
            i = self.other.get(i, i) - 1
        return i + 1

    def edits(self):
        """(operator, first, last token, new text) of each possible mutant."""
        words, other, cut = self.words, self.other, self.cut
        for first, last in self.statements():
            if words[first] in UNCHANGED:
                self.quiet.update(range(first, last + 1))
            yield "delete", first, last, ";"
        for i, word in enumerate(words):
            close = other.get(i + 1, 0)	 # of what the word stands before
            if word in SWAPS and (word not in BINARY_ONLY or self.is_binary(i)):
                for new in SWAPS[word]:
                    yield "swap", i, i, new
            elif self.kinds[i] == "number":
                yield "number", i, i, "(%s + 1)" % word
                if word != "0" and words[i - 2:i] not in (["==", "-"],
                                                          ["!=", "-"]):
                    yield "number", i, i, "(%s - 1)" % word
            elif word in ("if", "while") and close:
                yield "negate", i + 1, close, "(!%s)" % cut(i + 1, close)
            elif word == "?":
                a = self.condition(i)
                if a < i:
                    yield "negate", a, i - 1, "!(%s)" % cut(a, i - 1)
            elif word == "return" and close and words[close + 1] == ";":
                value = cut(i + 1, close)
                if not re.fullmatch(r"\((true|false|-?\d+)\)", value):
                    yield "return", i + 1, close, "(0)"
                    yield "return", i + 1, close, "(!%s)" % value
            elif self.kinds[i] == "word" and word not in KEYWORDS and close \
                    and words[i + 1] == "(":
                args = list(self.arguments(i + 1))[word in SYMMETRIC:]
                for (a, b), (c, d) in zip(args, args[1:]):
                    if cut(a, b) != cut(c, d):
                        between = self.text[self.spans[b][1]:self.spans[c][0]]
                        yield ("arguments", a, d,
                               cut(c, d) + between + cut(a, b))


def mutants_of(text):
    """(name, text) of each mutant of a file, in the order of their hashes."""
    found, seen = [], {}
    # Each function's body, in KNF.
    for m in re.finditer(r"^(\w+)\((?:[^;{}]*?)\)\n\{\n(.*?)^\}$", text,
                         re.M | re.S):
        body = Function(text, m.start(2), m.end(2))
        for kind, first, last, new in list(body.edits()):
            if first in body.quiet:
                continue
            near = " ".join(body.words[max(0, first - 6):last + 7])
            key = "%s:%s: %s -> %s in %s" % (
                m.group(1), kind, " ".join(body.words[first:last + 1]),
                " ".join(new.split()), near)
            seen[key] = seen.get(key, 0) + 1
            key += " #%d" % seen[key]
            found.append((hashlib.sha1(("dazaid" + key).encode()).hexdigest(),
                          key, text[:body.spans[first][0]] + new +
                          text[body.spans[last][1]:]))
    return [m[1:] for m in sorted(found)]


#
# Copies of the tree, in which mutants are built and tried.
#

def run(argv, cwd, cpu):
    """Returns whether it exits with 0 in time; kills its process group."""
    def limit():
        for what, most in ((resource.RLIMIT_CPU, cpu),
                           (resource.RLIMIT_CORE, 0),
                           (resource.RLIMIT_FSIZE, 1 << 26),
                           (resource.RLIMIT_AS, 1 << 32)):
            resource.setrlimit(what, (most, most))
    env = dict(os.environ, HOME=cwd, TMPDIR=cwd,
               __RUNNING_INSIDE_ATF_RUN="internal-yes-value")
    with subprocess.Popen(argv, cwd=cwd, env=env, stdin=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                          preexec_fn=limit, start_new_session=True) as p:
        try:
            return p.wait(2 * cpu) == 0
        except subprocess.TimeoutExpired:
            return False
        finally:
            try:
                os.killpg(p.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass


def make(tree, *args):
    subprocess.run(MAKE + list(args), cwd=tree, check=True, text=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


class Source:
    """A file that is mutated, and its tests."""

    def __init__(self, path, units, targets, least):
        self.path, self.least = path, least
        self.units = ["regress/unit/%s_test" % u for u in units]
        self.replays = ["regress/unit/replay_" + t for t in targets]
        self.same, self.killed, self.tries = set(), {}, []

    def build(self, tree):
        """Returns False if it compiles to code that was built before."""
        obj = self.path[:-1] + "o"
        make(tree, obj)
        with open(os.path.join(tree, obj), "rb") as f:
            digest = hashlib.sha1(f.read()).hexdigest()
        if digest in self.same:
            return False
        self.same.add(digest)
        if self.units:
            make(tree, *self.units)
        if self.replays:
            make(tree, "-f", "regress/proof/fuzz/fuzz.mk", "CFLAGS_replay=-O2",
                 *self.replays)
        return True

    def run(self, tree, test, cpu):
        work = tempfile.mkdtemp(dir=tree)
        try:
            return run([os.path.join(tree, test[0])] + [
                a.replace("TREE", tree) for a in test[1:]], work, cpu)
        finally:
            shutil.rmtree(work, ignore_errors=True)

    def prepare(self, tree):
        """Builds the tests, which must pass, and takes their times."""
        self.build(tree)
        tests = [(r, "TREE/%s/%s" % (CORPUS, r.split("_")[1]))
                 for r in self.replays]
        for u in self.units:
            cases = subprocess.run([u, "-l"], cwd=tree, check=True, text=True,
                                   stdout=subprocess.PIPE).stdout
            tests += [(u, "-r", "/dev/null", case)
                      for case in re.findall(r"^ident: (\S+)", cases, re.M)]
        for test in tests:
            start = time.monotonic()
            if not self.run(tree, test, 300):
                sys.exit("%s fails without a mutant" % " ".join(test))
            self.tries.append((time.monotonic() - start, test))

    def attempt(self, tree, text):
        """Returns whether a test kills this mutant; None: it does not count."""
        path = os.path.join(tree, self.path)
        with open(path, encoding="utf-8") as f:
            original = f.read()
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        try:
            if not self.build(tree):
                return None
            for took, test in sorted(self.tries, key=lambda t: t[0] / (
                    1 + self.killed.get(t[1], 0))):
                if not self.run(tree, test, max(CPU_SECONDS, int(took * TIMES))):
                    self.killed[test] = self.killed.get(test, 0) + 1
                    return True
            return False
        except subprocess.CalledProcessError:
            return None
        finally:
            with open(path, "w", encoding="utf-8") as f:
                f.write(original)

    def tried(self, trees, jobs, wanted):
        """(mutant, killed) of the first mutants that count."""
        with open(os.path.join(TOP, self.path), encoding="utf-8") as f:
            mutants = mutants_of(f.read())

        def attempt(mutant):
            tree = trees.get()
            try:
                return self.attempt(tree, mutant[1])
            finally:
                trees.put(tree)
        found = []
        with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
            for mutant, killed in zip(mutants, pool.map(attempt, mutants)):
                if killed is not None:
                    found.append((mutant, killed))
                if wanted and len(found) == wanted:
                    pool.shutdown(cancel_futures=True)
                    break
        return found

    def diff(self, text):
        with open(os.path.join(TOP, self.path), encoding="utf-8") as f:
            lines = difflib.unified_diff(f.read().splitlines(),
                                         text.splitlines(), lineterm="", n=1)
        return "\n".join(list(lines)[2:])


def row(name, tried, left, least):
    share = 100 * (tried - left) / max(1, tried)
    print("%-18s %6d %6d %9d %6.1f %%%s" % (
        name, tried, tried - left, left, share,
        "  TOO FEW" if share < least else ""), flush=True)
    return share < least


def mutate(args, base):
    """Returns whether the tests of a file kill too few."""
    trees = queue.Queue()
    unknown = set(args.files) - set(SOURCES)
    if unknown:
        sys.exit("not in SOURCES: " + " ".join(sorted(unknown)))
    sources = [Source(path, *of) for path, of in SOURCES.items()
               if not args.files or path in args.files]
    first = os.path.join(base, "0")
    subprocess.run("mkdir $0; git ls-files -coz --exclude-standard | tar -c "
                   "--null -T - 2>/dev/null | tar -x -C $0".replace("$0", first),
                   cwd=TOP, shell=True, check=True)
    for source in sources:
        source.prepare(first)
    trees.put(first)
    for i in range(1, args.jobs):
        shutil.copytree(first, os.path.join(base, str(i)), symlinks=True)
        trees.put(os.path.join(base, str(i)))
    total, survivors, bad = 0, [], False
    print("%-18s %6s %6s %9s" % ("file", "tried", "killed", "survived"))
    for source in sources:
        tried = source.tried(trees, args.jobs, args.number)
        left = [(source, mutant) for mutant, killed in tried if not killed]
        bad |= row(source.path, len(tried), len(left), source.least)
        total += len(tried)
        survivors += left
    row("all", total, len(survivors), 0)
    for source, (key, text) in survivors:
        print("\n%s, %s\n%s" % (source.path, key.split(":")[0],
                                source.diff(text)))
    return bad


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("\n\n")[1][7:])
    parser.add_argument("-j", type=int, default=2, dest="jobs")
    parser.add_argument("-n", type=int, default=60, dest="number")
    parser.add_argument("files", nargs="*")
    args = parser.parse_args()
    if os.geteuid() == 0 and os.getpid() != 1:
        os.execvp("unshare", ["unshare", "-pf", "--mount-proc", "--kill-child",
                              sys.executable] + sys.argv)
    with tempfile.TemporaryDirectory(prefix="mutants.") as base:
        sys.exit(mutate(args, base))


if __name__ == "__main__":
    main()
