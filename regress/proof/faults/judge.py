# SPDX-License-Identifier: ISC
"""Judges a run: what protects the daemon while it lives, what its processes have
in their memory when they end, how they end, and what they leave."""
import os
import signal
import time

from run import FRONT, NETWORK, ONE, SLEEPERS, TWO, VAULT, WRONG

KEYS = ("Uid:", "Gid:", "Groups:", "SigBlk:", "SigIgn:", "SigCgt:", "CapInh:",
        "CapPrm:", "CapEff:", "NoNewPrivs:", "Seccomp:")

# The calls by which the daemon says something, ends what is registered, makes
# its last words, and recognizes its files, without which it must leave them.
SAYS = {"write", "pwritev2", "writev", "sendto"}
KILLS = {"pidfd_send_signal", "setresuid"}
WORDS = {"openat", "fchmod", "pread64", "pwritev2", "newfstatat", "fstat",
         "flock"}
FILES = {"newfstatat", "unlinkat", "flock", "pread64"}


def lines_of(pid, name):
    with open("/proc/%d/%s" % (pid, name), encoding="utf-8") as f:
        return f.read().splitlines()


def memory(run, p):
    """Looks for secrets in the writable memory of a process that is about to
    end."""
    with open("/proc/%d/mem" % p.pid, "rb", 0) as mem:
        for line in lines_of(p.pid, "maps"):
            span, perms = line.split()[:2]
            if perms[1] != "w" and "/" in line:
                continue	# of a file, and unwritten
            start, end = (int(a, 16) for a in span.split("-"))
            try:
                found = os.pread(mem.fileno(), end - start, start)
            except (OSError, OverflowError):
                continue
            run.seen += len(found)
            if ONE[4:20] in found or TWO[4:20] in found:
                run.break_rule("%s ends with a secret in its memory: %s" %
                               (p.role, line))


def guards_of(p):
    """What protects a process.  The uid of network differs from run to run and
    is replaced."""
    try:
        found = ["dumpable: %d" % (os.stat("/proc/%d" % p.pid).st_uid != 0)]
        for line in lines_of(p.pid, "status"):
            if line.startswith(KEYS):
                if line.startswith(("Uid:", "Gid:")) and \
                        60706 <= int(line.split()[1]) < 61184:
                    line = line[:4] + " its own"
                found.append(line)
        return found + [line for line in lines_of(p.pid, "limits")
                        if line.startswith("Max core")]
    except OSError:
        return ["gone"]


def guards(run):
    """When the vault is ready: learns what protects it, or compares with the
    plain run."""
    network = run.proc(NETWORK)
    found = guards_of(run.proc(VAULT)) + guards_of(network)
    if run.plain.guards is None:
        run.plain.guards = found
    elif NETWORK not in run.killed and "gone" not in found:
        if len(found) != len(run.plain.guards):
            run.break_rule("alive, but %d guards" % len(found))
        for line, known in zip(found, run.plain.guards):
            if line != known:
                run.break_rule("alive, but " + line)


def sleepers(note, seconds):
    """Returns whether the registered process, or its group, lives on for so
    long; kills it."""
    alive = False
    for i in range(SLEEPERS):
        pid, note.sleepers[i] = note.sleepers[i], 0
        deadline = time.monotonic() + seconds
        while pid != 0 and os.waitpid(pid, os.WNOHANG)[0] != pid:
            if time.monotonic() > deadline:
                alive = True
                os.kill(pid, signal.SIGKILL)
            time.sleep(0.005)
    return alive


def loading(run, role):
    """Returns whether the fault came in the loader, before any code of ours ran:
    how that ends is not our affair."""
    return run.hit is not None and run.at.role == role and \
        run.at.k < run.plain.main[role]


def signal_of(p):
    """The signal that has ended it; 0: none."""
    return os.WTERMSIG(p.status) if os.WIFSIGNALED(p.status) else 0


def vault(run):
    v = run.proc(VAULT)
    panicked = "PANIC" in run.text
    silent = run.hit not in SAYS
    if VAULT in run.killed:
        return
    if not v.looked:
        run.break_rule("the vault's end was not seen")
    if loading(run, VAULT) and run.first == VAULT:
        return
    sig = signal_of(v)
    if run.at.role == FRONT and not run.ready and sig == signal.SIGTERM:
        return	# meant for the front, before there is a secret
    if sig:
        if sig != signal.SIGKILL or not run.s.armed or \
                run.stopping and not panicked:
            run.break_rule("the vault ends by signal %d" % sig)
        elif not panicked and silent:
            run.break_rule("an end without a word")
        if sleepers(run.note, 5) and run.note.registered and \
                run.hit not in KILLS:
            run.break_rule("what is registered lives on")
        return
    code = os.WEXITSTATUS(v.status)
    if run.ready and code != 0 and (code != 137 or run.hit != "kill"):
        run.break_rule("the vault ends with %d" % code)
    elif not run.ready and code == 0 and not panicked and not run.stopping:
        run.break_rule("a start that fails ends with 0")
    elif run.text == "" and silent:
        run.break_rule("an end without a word")
    elif run.ready and "secrets wiped" not in run.text and silent:
        run.break_rule("an end that does not say that it wiped")


def others(run):
    network, front = run.proc(NETWORK), run.proc(FRONT)
    if network is not None and not loading(run, NETWORK) and \
            signal_of(network) not in (0, signal.SIGKILL):
        run.break_rule("network ends by signal %d" % signal_of(network))
    if front is not None and FRONT not in run.killed and \
            not loading(run, FRONT) and (
                signal_of(front) or
                os.WEXITSTATUS(front.status) != (0 if run.ready else 1) and
                VAULT not in run.killed):
        run.break_rule("the start ends with %#x" % front.status)
    if run.client is None:
        return
    if os.WIFSIGNALED(run.client_status) and run.lost_at == 0:
        run.break_rule("a client hangs")
    elif os.waitstatus_to_exitcode(run.client_status) == WRONG:
        run.break_rule(run.note.why.decode(errors="replace"))


def last(run):
    """The vault has ended by itself, and its last words must say so, unless the
    fault kept it from making the file, or from writing to it."""
    try:
        with open(run.sock + ".last", "rb") as f:
            words = f.read(512).decode(errors="replace")
        os.unlink(run.sock + ".last")
    except OSError:
        words = ""
    if run.ready and VAULT not in run.killed and run.hit not in WORDS and (
            len(words) != 256 or not words.startswith("LAST time=") or
            " pid=%d " % run.proc(VAULT).pid not in words or
            " how=running" in words):
        run.break_rule("last words: %.100s" % words)


def files(run):
    """Removes the files that are left; there may be none."""
    left = os.listdir(run.dir)
    for name in left:
        os.unlink(os.path.join(run.dir, name))
    if left and not run.killed & {run.first, VAULT} and run.hit not in FILES:
        run.break_rule("files are left: " + " ".join(left))


def end(run):
    """Judges a run that is over."""
    if run.proc(VAULT) is not None:
        vault(run)
    others(run)
    last(run)
    files(run)
    sleepers(run.note, 0)
