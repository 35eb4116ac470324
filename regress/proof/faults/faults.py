#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Lets one system call of the daemon go wrong in each run, and judges what
becomes of the daemon.

usage: faults.py [-v] [-e EVERY] [-j JOBS] [-p POINT] DAZAID, as root

A plain run of each scene (start, guard, PUT, LIST, GET, DEL, STATUS, an end, of
which one is the loss of a tether with two holders, another one kills a
registered process and its group) shows which calls each process makes.  A point
is one of these calls with a fault: it fails with an error, moves one byte
instead of all, or its process is killed or stopped right after it.  After each
run

- what clients were told must be true: a secret that was accepted is there, what
  is handed out is what was put, and a refused client is served the next time;
- or the daemon has ended, gave the reason, and left no process and no file;
- its last words say that it has ended;
- it must be as protected as in the plain run: filters, signals, capabilities,
  uids, and the arena sealed while it waits;
- no process but a killed vault may have a byte of a secret when it ends.

strace(1) injects errors and signals, too, but cannot shorten a transfer, look
into the memory of a process that ends, or tell when the vault is ready.

-e tries one point of EVERY, -p only POINT, as it is printed; -v adds the log of
the daemon.  Prints a line for each broken rule and "N points of M tried, N
bad"; exits 1 if any is bad.  `make faults' takes about half an hour,
FAULTS_EVERY=40 a minute.
"""
import argparse
import concurrent.futures
import multiprocessing
import os
import platform
import sys
import tempfile

import tracer
from run import FRONT, NETWORK, ROLES, SCENES, VAULT, Point, plain

ERRORS = ("EINTR", "ENOMEM", "EMFILE", "EIO", "EAGAIN")
WHATS = ERRORS + ("short", "kill", "stop")


def points():
    """Every point of every scene."""
    for scene in SCENES:
        known = plain[scene.name]
        for role in ROLES:
            first = 1 if scene.whole else known.late[role] + 1
            for k in range(first, known.n[role] + 1):
                for what in WHATS:
                    if tracer.makes_sense(what, known.calls[role].get(k)):
                        yield Point(scene.name, role, k, what)


def learn(scenes):
    """Learns the plain runs of these scenes."""
    for scene in scenes:
        known = plain[scene.name]
        for _ in range(3):
            run = tracer.Tracer(Point(scene.name, None, 0, None))
            run.follow()
            if run.bad or not run.served() or run.seen < 100000:
                sys.exit("%s: the plain run is not good: %s\n%s" %
                         (scene.name, run.bad, run.text))
            for p in run.procs.values():
                known.n[p.role] = max(known.n[p.role], p.k)
        print("%s: front %d calls, vault %d, network %d%s" % (
            scene.name, known.n[FRONT], known.n[VAULT], known.n[NETWORK],
            "" if scene.whole else "; faults at the end"), flush=True)


def attempt(point):
    """Runs a point; returns (what is bad, whether the fault came, ms, log)."""
    run = tracer.Tracer(point)
    run.follow()
    return (run.bad and "%s (%s): %s" % ("/".join(map(str, point)), run.hit,
                                         run.bad),
            run.hit is not None, run.loss_ms, run.text)


def main():
    parser = argparse.ArgumentParser(usage="as root: faults.py [-v] [-e EVERY] "
                                     "[-j JOBS] [-p POINT] DAZAID")
    parser.add_argument("-e", type=int, default=1, dest="every")
    parser.add_argument("-j", type=int, default=4, dest="jobs")
    parser.add_argument("-p", dest="point")
    parser.add_argument("-v", action="store_true", dest="verbose")
    parser.add_argument("dazaid")
    args = parser.parse_args()
    if os.geteuid() != 0 or platform.machine() != "x86_64":
        sys.exit("needs root, and knows the registers of x86-64 only")
    with tempfile.TemporaryDirectory(prefix="faults.") as base:
        os.chmod(base, 0o711)
        tracer.settle(base, args.dazaid)
        if args.point:
            name, role, k, what = args.point.split("/")
            learn([s for s in SCENES if s.name == name])
            found = chosen = [Point(name, role, int(k), what)]
        else:
            learn(SCENES)
            found = list(points())
            # Spread, so that each kind of fault is tried.
            chosen = [p for i, p in enumerate(found)
                      if (i * 2654435761 & 0xffffffff) >> 8 <
                      0xffffffff // 256 // args.every]
        bad = missed = slowest = 0
        with concurrent.futures.ProcessPoolExecutor(
                args.jobs, multiprocessing.get_context("fork"), tracer.settle,
                (base, args.dazaid)) as pool:
            for why, hit, ms, log in pool.map(attempt, chosen):
                if why or args.verbose:
                    print(why or "good", log if args.verbose else "", sep="\n",
                          flush=True)
                bad += bool(why)
                missed += not hit
                slowest = max(slowest, ms)
    print("a loss behind a stopped network: the vault ended in %d ms at most" %
          slowest)
    print("%d points of %d tried, %d came not, %d bad" % (
        len(chosen) - missed, len(found), missed, bad))
    sys.exit(bad > 0 or missed == len(chosen))


if __name__ == "__main__":
    main()
