#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Proves the tests: changes the daemon in one place at a time, and counts how
many of these mutants the unit tests and the replayed corpora kill.

usage: mutants.py [-j JOBS] [-n MUTANTS] [-s FILE] [-c FILE] [SOURCE ...]

  -j  jobs at a time (2)
  -n  mutants of each source file (60); 0 for all of them
  -s  save the verdicts in FILE
  -c  compare with the verdicts in FILE, for the mutants that both runs tried

A mutant is one of the SOURCES below with one token, argument, condition or
statement changed.  The possible mutants of a file are ordered by a hash of the
change, its function and its surroundings, and the first ones are tried: the
same ones in every run, also after an edit elsewhere in the file.  Mutants that
do not compile, or to the same code, do not count.

The tests of a file run in the order of their time, and one that fails or does
not end in time kills the mutant.  Prints a line for each file, then the
survivors as diffs; exits 1 if the killed share of a file is below its figure in
SOURCES.  Takes some five minutes.  As root it runs in a PID namespace of its
own, because a mutant may send a signal to any process.
"""

import argparse
import copy
import difflib
import hashlib
import json
import os
import re
import resource
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
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
UNIT, FUZZ = "regress/unit", "regress/proof/fuzz"

ROW = "%-18s %6d %6d %9d %6.1f %%"
SEED = "dazaid"
CFLAGS = "-std=c11 -O2 -w " \
    "-Werror=int-conversion -Werror=incompatible-pointer-types".split()
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


class Token:
    def __init__(self, kind, text, at):
        self.kind, self.text, self.at = kind, text, at
        self.end = at + len(text)


def tokenize(text, at, end):
    tokens = []
    while at < end:
        m = TOKEN.match(text, at, end)
        if m.lastgroup != "space":
            tokens.append(Token(m.lastgroup, m.group(), at))
        at = m.end()
    return tokens


def functions(text):
    """(name, start, end) of each function's body, in KNF."""
    for m in re.finditer(r"^(\w+)\((?:[^;{}]*?)\)\n\{\n(.*?)^\}$", text,
                         re.M | re.S):
        yield m.group(1), m.start(2), m.end(2)


def pairs(tokens):
    """Maps the index of each bracket to that of its counterpart."""
    stack, other = [], {}
    for i, t in enumerate(tokens):
        if t.kind == "op" and t.text in "([{":
            stack.append(i)
        elif t.kind == "op" and t.text in ")]}" and stack:
            other[i] = stack.pop()
            other[other[i]] = i
    return other


def is_binary(tokens, i):
    before = tokens[max(i - 1, 0)]
    return (before.kind in ("number", "word") and
            before.text not in KEYWORDS or before.text in (")", "]"))


def statements(tokens, other):
    """(first, last) index of each statement that is an expression or a jump."""
    starts = {0}
    for i, t in enumerate(tokens):
        if t.text in (";", "{", "}", ":", "else"):
            starts.add(i + 1)
        if t.text == ")" and i in other and other[i] > 0 and \
                tokens[other[i] - 1].text in ("if", "for", "while"):
            starts.add(i + 1)
    for first in sorted(starts):
        if first + 1 >= len(tokens):
            continue
        t, after = tokens[first], tokens[first + 1].text
        if not (t.text in ("break", "continue", "return") and after == ";" or
                t.kind == "word" and t.text not in KEYWORDS and
                after in ("(", "=", "->", ".", "[", "++", "--", "+=", "-=",
                          "|=", "&=") or
                t.text == "(" and after == "void" or t.text in ("*", "++")):
            continue
        i = first
        while i < len(tokens) and tokens[i].text != ";":
            if tokens[i].text in ")}":
                break
            i = other.get(i, i) + 1 if tokens[i].text in "([{" else i + 1
        if i < len(tokens) and tokens[i].text == ";":
            yield first, i


def arguments(tokens, other, i):
    """(first, last) index of each argument of the call whose ( is at i."""
    first, at, end = i + 1, i + 1, other[i]
    found = []
    while at < end:
        if tokens[at].text in "([{":
            at = other.get(at, at)
        elif tokens[at].text == ",":
            found.append((first, at - 1))
            first = at + 1
        at += 1
    if first < end:
        found.append((first, end - 1))
    return found


def condition_start(tokens, other, i):
    """The index at which the condition of the ? at i begins."""
    i -= 1
    while i >= 0:
        if i in other and tokens[i].text in ")]}":
            i = other[i]
        elif tokens[i].text in ("(", "[", "{", "=", ",", ";", "return", "?",
                                ":", "}"):
            break
        i -= 1
    return i + 1


def edits_of(text, start, end):
    """(operator, first, last token, new text) of each possible mutant."""
    tokens = tokenize(text, start, end)
    other = pairs(tokens)
    quiet = set()
    cut = lambda a, b: text[tokens[a].at:tokens[b].end]
    found = []

    for first, last in statements(tokens, other):
        if tokens[first].text in UNCHANGED:
            quiet.update(range(first, last + 1))
        found.append(("delete", first, last, ";"))
    for i, t in enumerate(tokens):
        if t.text in SWAPS and t.kind != "string" and \
                (t.text not in BINARY_ONLY or is_binary(tokens, i)):
            for new in SWAPS[t.text]:
                found.append(("swap", i, i, new))
        elif t.kind == "number":
            found.append(("number", i, i, "(%s + 1)" % t.text))
            if t.text != "0" and [x.text for x in tokens[i - 2:i]] not in (
                    ["==", "-"], ["!=", "-"]):
                found.append(("number", i, i, "(%s - 1)" % t.text))
        elif t.text in ("if", "while") and i + 1 in other:
            found.append(("negate", i + 1, other[i + 1],
                          "(!%s)" % cut(i + 1, other[i + 1])))
        elif t.text == "?":
            a = condition_start(tokens, other, i)
            if a < i:
                found.append(("negate", a, i - 1, "!(%s)" % cut(a, i - 1)))
        elif t.text == "return" and i + 1 < len(tokens) and i + 1 in other \
                and tokens[other[i + 1] + 1].text == ";":
            value = cut(i + 1, other[i + 1])
            if not re.fullmatch(r"\((true|false|-?\d+)\)", value):
                found.append(("return", i + 1, other[i + 1], "(0)"))
                found.append(("return", i + 1, other[i + 1], "(!%s)" % value))
        elif t.kind == "word" and t.text not in KEYWORDS and \
                i + 1 < len(tokens) and tokens[i + 1].text == "(" and \
                i + 1 in other:
            args = arguments(tokens, other, i + 1)
            if t.text in SYMMETRIC:
                args = args[1:]
            for (a, b), (c, d) in zip(args, args[1:]):
                if cut(a, b) != cut(c, d):
                    found.append(("arguments", a, d, text[
                        tokens[c].at:tokens[d].end] + text[tokens[b].end:
                        tokens[c].at] + cut(a, b)))
    found = [f for f in found if f[1] not in quiet]
    return tokens, found


def mutants_of(text):
    """All mutants of a file, in the order of their hashes."""
    found, seen = [], {}
    for name, start, end in functions(text):
        tokens, edits = edits_of(text, start, end)
        for op, first, last, new in edits:
            near = " ".join(t.text for t in tokens[max(0, first - 6):last + 7])
            key = "%s:%s: %s -> %s in %s" % (
                name, op, " ".join(t.text for t in tokens[first:last + 1]),
                " ".join(new.split()), near)
            seen[key] = seen.get(key, 0) + 1
            key += " #%d" % seen[key]
            a, b = tokens[first].at, tokens[last].end
            found.append({
                "key": key, "text": text[:a] + new + text[b:], "hash": hashlib.sha1((SEED + key).encode()).hexdigest()})
    return sorted(found, key=lambda m: m["hash"])


#
# A copy of the tree, in which mutants are built and tried.
#

def limits(seconds):
    """Limits what a mutant may use."""
    def apply():
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 26, 1 << 26))
        resource.setrlimit(resource.RLIMIT_AS, (1 << 32, 1 << 32))
    return apply


def run(argv, cwd, cpu, wall):
    """Returns whether it exits with 0 in time; kills its process group."""
    env = dict(os.environ, HOME=cwd, TMPDIR=cwd,
               __RUNNING_INSIDE_ATF_RUN="internal-yes-value")
    with subprocess.Popen(argv, cwd=cwd, env=env, stdin=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                          preexec_fn=limits(cpu), start_new_session=True) as p:
        try:
            return p.wait(wall) == 0
        except subprocess.TimeoutExpired:
            return False
        finally:
            try:
                os.killpg(p.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass


class Failed(Exception):
    pass


class Tree:
    """A copy of the tree in which tests are built.  Objects are compiled once; a
    mutant compiles its own.  Each job has a clone."""

    def __init__(self, tree, where):
        self.dir, self.objects, self.deps, self.programs = where, {}, {}, {}
        files = subprocess.run(
            ["git", "ls-files", "-coz", "--exclude-standard"], cwd=tree,
            check=True, text=True, stdout=subprocess.PIPE).stdout
        for f in files.split("\0")[:-1]:
            if os.path.isfile(os.path.join(tree, f)):
                os.makedirs(os.path.dirname(os.path.join(where, f)),
                            exist_ok=True)
                shutil.copy(os.path.join(tree, f), os.path.join(where, f))
        self.scratch = os.path.join(where, "scratch")
        os.makedirs(self.scratch)
        flags = shlex.split(re.search(r"^ALL_CFLAGS :?=(.*)$", self.call(
            ["make", "-pn", "CC=gcc"]), re.M).group(1).replace("-isystem ",
                                                               "-I"))
        self.cflags = CFLAGS + [f for f in flags if re.match("-[DI]", f) and
                                "FORTIFY" not in f]
        self.libs = ["-latf-c"] + self.call(
            ["pkg-config", "--libs", "libbsd-overlay", "libseccomp"]).split()

    def clone(self, where):
        shutil.copytree(self.dir, where, symlinks=True)
        other = copy.copy(self)
        other.dir, other.scratch = where, os.path.join(where, "scratch")
        return other

    def read(self, path):
        with open(os.path.join(self.dir, path), encoding="utf-8") as f:
            return f.read()

    def write(self, path, text):
        with open(os.path.join(self.dir, path), "w", encoding="utf-8") as f:
            f.write(text)

    def call(self, argv):
        p = subprocess.run(argv, cwd=self.dir, check=False, text=True,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if p.returncode != 0:
            raise Failed(p.stderr)
        return p.stdout

    def compile(self, path):
        """The object of a source file, and what it was made from."""
        obj = "scratch/" + path.replace("/", "+") + ".o"
        self.call(["gcc"] + self.cflags + ["-MMD", "-MF", "scratch/d", "-c",
                                           "-o", obj, path])
        made_from = self.read("scratch/d").replace("\\\n", " ").split()
        self.deps[path] = {os.path.normpath(d) for d in made_from[1:]}
        self.objects[path] = obj
        return obj

    def link(self, name):
        sources, extra = self.programs[name]
        objs = [self.objects.get(s) or self.compile(s) for s in sources]
        self.call(["gcc", "-o", "scratch/" + name] + extra + objs + self.libs)

    def add_unit(self, test):
        """The unit test of a module, linked with all of the daemon."""
        sources = ["%s/%s_test.c" % (UNIT, test)]
        for d in ("common", "dazaid", "regress/oracle"):
            sources += ["%s/%s" % (d, f)
                        for f in sorted(os.listdir(self.dir + "/" + d))
                        if f.endswith(".c") and f != "dazaid.c" and
                        f != "guard.c"]
        name = test + "_test"
        self.programs[name] = (sources, [])
        self.link(name)
        return name

    def add_replay(self, target):
        """A fuzz target with replay.c, of the sources that fuzz.mk names."""
        rules = self.call(["make", "-pn", "-f", FUZZ + "/fuzz.mk"])
        m = re.search(r"^OBJ_fuzz_%s\s*:?=(.*)$" % target, rules, re.M)
        sources = [re.sub(r"^.*/build/fuzz/o/(.*)\.o$", r"\1.c", o)
                   for o in m.group(1).split()]
        wraps = set()
        for s in sources:
            if s.startswith(FUZZ):
                wraps.update(re.findall(r"^WRAP\w*\([^,]*, (\w+)", self.read(s),
                                        re.M))
        name = "replay_" + target
        self.programs[name] = (sources + [FUZZ + "/replay.c"], [
            "-Wl,--wrap=" + w for w in sorted(wraps)])
        self.link(name)
        return name

    def tries(self, units, targets):
        """The commands that try a file: unit test cases, then corpora."""
        found = []
        for u in units:
            name = self.add_unit(u)
            for case in re.findall(r"^ident: (\S+)", self.call(
                    ["scratch/" + name, "-l"]), re.M):
                found.append((name, "%s:%s" % (name, case), [
                    "-r", "/dev/null", case]))
        for t in targets:
            name = self.add_replay(t)
            found.append((name, name, [
                os.path.join(self.dir, FUZZ, "corpus", t)]))
        return found

    def run_one(self, name, args, cpu, wall):
        work = tempfile.mkdtemp(dir=self.scratch)
        try:
            return run([os.path.join(self.scratch, name)] + args, work, cpu,
                       wall)
        finally:
            shutil.rmtree(work, ignore_errors=True)

    def rebuild(self, path, names):
        """Builds again what is made from path."""
        for s in [s for s, d in self.deps.items() if path in d]:
            self.compile(s)
        for name in names:
            if any(path in self.deps[s] for s in self.programs[name][0]):
                self.link(name)


class Source:
    """A file that is mutated, and the verdicts on its mutants."""

    def __init__(self, tree, path, units, targets, least):
        self.path, self.units, self.targets = path, units, targets
        self.least, self.text = least, tree.read(path)
        self.mutants = mutants_of(self.text)
        self.same, self.killers, self.tries, self.busy = set(), {}, [], 0
        self.lock = threading.Lock()

    def prepare(self, built):
        """Builds the tests, which must pass, and orders them by time."""
        built.compile(self.path)
        self.same.add(self.digest(built))
        for name, label, args in built.tries(self.units, self.targets):
            start = time.monotonic()
            if built.run_one(name, args, 600, 600):
                self.tries.append((time.monotonic() - start, name, label, args))
            else:
                sys.exit("%s fails without a mutant" % label)

    def digest(self, built):
        with open(os.path.join(built.dir, built.objects[self.path]), "rb") as f:
            return hashlib.sha1(f.read()).hexdigest()

    def build(self, built, m):
        """Returns False if m does not compile, or to code that was tried."""
        built.write(self.path, m["text"])
        try:
            built.compile(self.path)
            digest = self.digest(built)
            with self.lock:
                if digest in self.same:
                    return False
                self.same.add(digest)
            built.rebuild(self.path, {t[1] for t in self.tries})
        except Failed:
            return False
        return True

    def attempt(self, built):
        """Returns the verdict: the test that killed the mutant, or ""."""
        order = sorted(self.tries, key=lambda t: t[0] / (
            1 + self.killers.get(t[2], 0)))
        for took, name, label, args in order:
            cpu = max(CPU_SECONDS, int(took * TIMES))
            if not built.run_one(name, args, cpu, 2 * cpu):
                self.killers[label] = self.killers.get(label, 0) + 1
                return label
        return ""

    def work(self, built, todo, wanted):
        """One job: tries mutants until enough of them have counted."""
        while True:
            with self.lock:
                counted = sum(1 for m in self.mutants if "verdict" in m)
                if not todo or wanted and counted >= wanted:
                    return
                m = None
                if not wanted or counted + self.busy < wanted:
                    m = todo.pop(0)
                    self.busy += 1
            if m is None:
                time.sleep(0.05)
                continue
            verdict = self.attempt(built) if self.build(built, m) else None
            with self.lock:
                self.busy -= 1
                if verdict is not None:
                    m["verdict"] = verdict


def together(work, copies, *args):
    jobs = [threading.Thread(target=work, args=(c,) + args) for c in copies]
    for j in jobs:
        j.start()
    for j in jobs:
        j.join()


def diff(file, m):
    lines = difflib.unified_diff(
        file.text.splitlines(), m["text"].splitlines(), file.path, file.path,
        lineterm="", n=1)
    return "\n".join(l for l in lines if not l.startswith("---")
                     and not l.startswith("+++"))


def mutate(args, base):
    built = Tree(TOP, os.path.join(base, "built"))
    sources = [Source(built, path, *of) for path, of in SOURCES.items()
               if not args.files or path in args.files]
    for source in sources:
        source.prepare(built)
    copies = [built.clone(os.path.join(base, str(i)))
              for i in range(args.jobs)]
    verdicts, survivors, bad = {}, [], False
    print("%-18s %6s %6s %9s" % ("file", "tried", "killed", "survived"))
    for source in sources:
        together(source.work, copies, list(source.mutants), args.number)
        for c in copies:
            c.write(source.path, source.text)
            c.rebuild(source.path, [])
        tried = [m for m in source.mutants if "verdict" in m]
        left = [m for m in tried if not m["verdict"]]
        share = row(source.path, len(tried), len(left), source.least)
        bad = bad or share < source.least
        survivors += [(source, m) for m in left]
        for m in tried:
            verdicts["%s %s" % (source.path, m["key"])] = m["verdict"]
    row("all", len(verdicts), len(survivors), 0)
    for source, m in survivors:
        print("\n%s, %s\n%s" % (source.path, m["key"].split(":")[0],
                                diff(source, m)))
    return verdicts, bad


def row(name, tried, left, least):
    share = 100 * (tried - left) / max(1, tried)
    print(ROW % (name, tried, tried - left, left, share) +
          ("  TOO FEW" if share < least else ""), flush=True)
    return share


def compare(old, new):
    both = [k for k in new if k in old]
    print("\nof the %d mutants of both runs, that one killed %d, this one %d" %
          (len(both), sum(1 for k in both if old[k]),
           sum(1 for k in both if new[k])))
    for k in both:
        if old[k] and not new[k]:
            print("LOST: %s\n  was killed by %s" % (k, old[k]))


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("\n\n")[1][7:])
    parser.add_argument("-c", dest="compare")
    parser.add_argument("-j", type=int, default=2, dest="jobs")
    parser.add_argument("-n", type=int, default=60, dest="number")
    parser.add_argument("-s", dest="save")
    parser.add_argument("files", nargs="*")
    args = parser.parse_args()
    if os.geteuid() == 0 and os.getpid() != 1 and \
            "MUTANTS_IN_NAMESPACE" not in os.environ:
        os.environ["MUTANTS_IN_NAMESPACE"] = "1"
        os.execvp("unshare", ["unshare", "-pf", "--mount-proc", "--kill-child",
                              sys.executable] + sys.argv)
    old = {}
    if args.compare:
        with open(args.compare, encoding="utf-8") as f:
            old = json.load(f)
    base = tempfile.mkdtemp(prefix="mutants.")
    try:
        verdicts, bad = mutate(args, base)
    finally:
        shutil.rmtree(base, ignore_errors=True)
    if args.save:
        with open(args.save, "w", encoding="utf-8") as f:
            json.dump(verdicts, f, indent=0, sort_keys=True)
    if args.compare:
        compare(old, verdicts)
    sys.exit(bad)


if __name__ == "__main__":
    main()
