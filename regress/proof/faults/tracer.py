# SPDX-License-Identifier: ISC
"""Follows the processes of a daemon by ptrace(2), so that no other process is
touched, makes the fault of the run, and starts the client when the vault is
ready."""
import ctypes
import errno
import os
import signal
import struct
import tempfile
import time

import client
import judge
from run import (FRONT, NETWORK, NOBODY, ONE, ROLES, SCENES, SERVED, SLEEPERS,
                 VAULT, new_note, plain)

CALLS = 3000		# of one process in one run
ARENA = 65536		# -z
ARENA_LEN = ARENA + 4096	# with the canary's page
# A run that takes longer hangs; nothing in it waits for more than 10 s.
PATIENCE = 40
STOP = 0.3		# longer than the vault's 100 ms, and than -g
START_MS = 1500		# for network to start, instead of 10 s
TICK = 0.05

# Calls that fail only for wrong arguments, and calls that move bytes.
SURE = set("""exit_group getpid getuid geteuid getgid getegid umask
    set_tid_address rseq set_robust_list rt_sigreturn rt_sigaction
    rt_sigprocmask sigaltstack futex""".split())
MOVING = {"read", "write", "pread64", "recvfrom", "sendto", "sendmsg"}

TRACEME, CONT, GETREGS, SETREGS, SYSCALL = 0, 7, 12, 13, 24
SETOPTIONS, GETEVENTMSG = 0x4200, 0x4201
EVENT_FORK, EVENT_CLONE, EVENT_EXEC, EVENT_EXIT = 1, 3, 4, 6
# SYSGOOD, FORK, VFORK, CLONE, EXEC, EXIT, EXITKILL
OPTIONS = 0x1 | 0x2 | 0x4 | 0x8 | 0x10 | 0x40 | 0x100000
WALL = 0x40000000
PR_SET_CHILD_SUBREAPER = 36

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.restype = ctypes.c_long
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p,
                        ctypes.c_void_p]
seccomp = ctypes.CDLL("libseccomp.so.2")
seccomp.seccomp_syscall_resolve_num_arch.restype = ctypes.c_char_p
CLOSE = 3		# its number


class Regs(ctypes.Structure):
    """struct user_regs_struct"""
    _fields_ = [(name, ctypes.c_ulonglong) for name in """r15 r14 r13 r12 rbp
        rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax rip cs eflags rsp ss
        fs_base gs_base ds es fs gs""".split()]


def ptrace(request, pid, data=None):
    """Returns whether the process is there still."""
    return libc.ptrace(request, pid, None, data) != -1


def call_name(nr, names={}):
    """The name of a system call."""
    if nr not in names:
        name = seccomp.seccomp_syscall_resolve_num_arch(0, nr)
        names[nr] = name.decode() if name else str(nr)
    return names[nr]


def makes_sense(what, call):
    if call in SURE:
        return call != "exit_group" and what in ("kill", "stop")
    return what != "short" or call in MOVING


place = {}		# of this worker: its directory, socket and program


def settle(base, dazaid):
    """Prepares a worker, or main before there are any."""
    place["dir"] = tempfile.mkdtemp(dir=base)
    place["sock"] = place["dir"] + "/sock"
    place["dazaid"] = os.path.abspath(dazaid)
    os.chown(place["dir"], NOBODY, NOBODY)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])


class Proc:
    def __init__(self, role, pid):
        self.role, self.pid, self.status = role, pid, 0
        self.ended = self.inside = False
        self.looked = False	# into its memory at its end
        self.k = 0		# calls so far
        self.call = None
        self.was = Regs()	# at the start of its call
        self.restore = False	# these, after the call
        self.result = None	# of this call, instead of its own

    def set_regs(self, regs):
        ptrace(SETREGS, self.pid, ctypes.byref(regs))

    def change(self, **registers):
        """Makes the call with these registers."""
        regs = Regs.from_buffer_copy(self.was)
        for name, value in registers.items():
            setattr(regs, name, value)
        self.set_regs(regs)
        self.restore = True

    def memory(self, at, size):
        try:
            with open("/proc/%d/mem" % self.pid, "rb", 0) as f:
                return os.pread(f.fileno(), size, at)
        except OSError:
            return b""

    def fail(self, error):
        """Makes the call fail: it becomes close(-1), which every filter allows
        and which does nothing.  A close is made, as the kernel makes it
        whatever it returns."""
        self.result = -error
        if self.call != "close":
            self.change(orig_rax=CLOSE, rdi=2**64 - 1)

    def shorten(self):
        """Makes the call move one byte: its third argument, or the second
        iovec."""
        if self.call != "sendmsg":
            self.change(rdx=1)
            return
        msg = self.memory(self.was.rsi, 56)
        if len(msg) != 56:
            return
        at, = struct.unpack_from("Q", msg, 16)
        iov = self.memory(at, 32)
        if len(iov) != 32:
            return
        first, second = struct.unpack("8xQ8xQ", iov)
        if first != 12 and second > 1:	# 12: to network, which is one packet
            with open("/proc/%d/mem" % self.pid, "wb", 0) as f:
                os.pwrite(f.fileno(), struct.pack("Q", 1), at + 24)


class Tracer:
    """One run."""

    def __init__(self, point):
        self.at = point
        self.s = next(s for s in SCENES if s.name == point.scene)
        self.plain = plain[point.scene]
        self.procs = {}		# by pid
        self.client = None	# its pid
        self.client_status = None	# of its end
        self.counting = self.confined = self.ready = self.open = False
        self.hit = None		# the call that the fault was made in
        self.killed = set()	# the roles, by us
        self.held = None	# a stopped process
        self.stopping = False	# we sent SIGTERM to end it
        self.hold_until = self.lost_at = 0
        self.loss_ms = 0	# to the end, while network was stopped
        self.deadline = time.monotonic() + PATIENCE
        self.text = self.bad = ""
        self.seen = 0		# bytes of memory that were searched
        self.dir, self.sock = place["dir"], place["sock"]
        self.note = new_note()
        # The roles of the processes, in the order of their birth.
        self.roles = list(ROLES[0 if self.s.background else 1:])
        self.first = self.roles[0]
        self.launch()

    def proc(self, role):
        """The process of a role, or None."""
        return next((p for p in self.procs.values() if p.role == role), None)

    def served(self):
        return self.client_status is not None and \
            os.waitstatus_to_exitcode(self.client_status) == SERVED

    def break_rule(self, what):
        """Notes the first broken rule of this run."""
        self.bad = self.bad or what

    def launch(self):
        s = self.s
        args = ("dazaid -s %s -z %d -g %s -l one=-%s%s%s" % (
            self.sock, ARENA, "5" if s.ending == "quit" else "0.1",
            "" if s.background else " -d", " -a" if s.armed else "",
            " -u nobody" if s.root else "")).split()
        stdin, secret = os.pipe()
        self.log, stderr = os.pipe()
        os.write(secret, ONE)
        if (pid := os.fork()) == 0:
            try:
                os.dup2(stdin, 0)
                os.dup2(stderr, 2)
                for sig in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT):
                    signal.signal(sig, signal.SIG_DFL)
                signal.pthread_sigmask(signal.SIG_SETMASK, [])
                if not s.root:
                    client.become_nobody()
                ptrace(TRACEME, 0)
                os.kill(os.getpid(), signal.SIGSTOP)
                os.execv(place["dazaid"], args)
            finally:
                os._exit(1)
        for fd in (stdin, secret, stderr):
            os.close(fd)
        p = self.born(pid)
        if not os.WIFSTOPPED(os.waitpid(pid, WALL)[1]) or \
                not ptrace(SETOPTIONS, pid, OPTIONS):
            raise OSError(ctypes.get_errno(), "ptrace")
        self.go(p)

    def born(self, pid):
        """A new process; each forks the next one."""
        if pid not in self.procs:
            self.procs[pid] = Proc(self.roles.pop(0), pid)
        return self.procs[pid]

    def go(self, p, sig=0):
        """Lets p continue: up to its next system call if that matters, as it
        does in a plain run, in the process whose fault is to come, and in the
        vault until it is ready, after its own fault, and for what it sends to
        syslogd."""
        if self.at.k == 0 or p.role == self.at.role:
            calls = p.role == VAULT or self.hit is None or p.inside
        else:
            calls = p.role == VAULT and (not self.ready or self.s.background)
        ptrace(SYSCALL if calls else CONT, p.pid, sig)

    def stop_vault(self):
        """Nobody guards and nothing would end the vault: sends SIGTERM."""
        self.stopping = True
        os.kill(self.proc(VAULT).pid, signal.SIGTERM)

    def hold(self, p):
        """Keeps p stopped for a while, and kills the client, which is a
        loss."""
        vault = self.proc(VAULT)
        if vault is not None and vault.ended:
            return
        self.held = p
        self.hold_until = time.monotonic() + STOP
        if p.role == FRONT:
            return
        if self.client is not None and self.client_status is None:
            os.kill(self.client, signal.SIGKILL)
            self.lost_at = time.monotonic()
        if p.role == NETWORK and self.ready and not self.note.guarded:
            self.stop_vault()

    def release(self):
        p, self.held = self.held, None
        if p.role == VAULT and self.ready and not self.note.guarded:
            self.stop_vault()
        self.go(p)

    def is_ready(self):
        """The vault waits for the first time: starts the client."""
        self.ready = True
        judge.guards(self)
        if self.hit and self.at.what == "stop" and self.at.role != FRONT:
            self.stop_vault()
        else:
            self.client = client.start(self.sock, self.proc(VAULT).pid,
                                       self.s.ending, self.note)

    def on_entry(self, p):
        if not ptrace(GETREGS, p.pid, ctypes.byref(p.was)):
            return
        p.call = call_name(p.was.orig_rax)
        p.result, p.restore = None, False
        p.k += 1
        if p.k >= CALLS:
            raise RuntimeError("%s makes too many calls" % p.role)
        if self.at.k == 0:
            self.plain.calls[p.role][p.k] = p.call
            if not self.note.ending:
                self.plain.late[p.role] = p.k
            if p.call == "fcntl" and self.plain.main[p.role] == 0:
                self.plain.main[p.role] = p.k	# stdfd_open()
        if p.role == VAULT:
            self.on_entry_of_vault(p)
        if p.call == "sendto":
            # What the process sends to syslogd, which is not there.
            line = p.memory(p.was.rsi, min(p.was.rdx, 510))
            if line.startswith(b"<"):
                self.text += line.decode(errors="replace") + "\n"
        if p.call == "memfd_secret" and self.s.mlock:
            p.fail(errno.ENOSYS)
        # No run is quite like another.
        if self.at.role != p.role or p.k != self.at.k or \
                not makes_sense(self.at.what, p.call):
            return
        self.hit = p.call
        if self.at.what == "short":
            p.shorten()
        elif self.at.what not in ("kill", "stop"):
            p.fail(getattr(errno, self.at.what))

    def on_entry_of_vault(self, p):
        if p.call == "seccomp":
            self.confined = True
        # In its loop; at its end the vault polls one descriptor, or none.
        if p.call == "ppoll" and self.confined and p.was.rsi > 1:
            if not self.ready:
                self.is_ready()
            if self.open:
                self.break_rule("the arena is open while nothing is copied")
        if p.call == "poll" and self.at.what == "stop" and p.was.rdx == 10000:
            p.change(rdx=START_MS)

    def on_return(self, p):
        regs = Regs()
        if not ptrace(GETREGS, p.pid, ctypes.byref(regs)):
            return
        if p.restore:
            for name in ("rdi", "rdx", "orig_rax"):
                setattr(regs, name, getattr(p.was, name))
        if p.result is not None:
            regs.rax = p.result
        if p.restore or p.result is not None:
            p.set_regs(regs)
        if p.role == VAULT and p.call == "mprotect" and \
                p.was.rsi == ARENA_LEN and regs.rax == 0:
            self.open = p.was.rdx != 0	# PROT_NONE
        if self.hit is None or self.at.role != p.role or p.k != self.at.k:
            return
        if self.at.what == "kill":
            self.killed.add(p.role)
            os.kill(p.pid, signal.SIGKILL)
        elif self.at.what == "stop":
            self.hold(p)

    def on_end(self, p, status):
        p.ended, p.status = True, status
        if p.role != VAULT:
            return
        if self.lost_at != 0 and self.held is not None and \
                self.held.role == NETWORK and not self.stopping and \
                self.s.ending != "quit":
            self.loss_ms = (time.monotonic() - self.lost_at) * 1000
        if self.held is not None:
            self.release()

    def on_stop(self, p, status):
        event, sig = status >> 16, os.WSTOPSIG(status)
        if event == EVENT_EXIT:
            p.looked = True
            if p.role != VAULT or VAULT not in self.killed and self.s.mlock:
                judge.memory(self, p)
        elif event == EVENT_EXEC:
            self.counting = True
        elif event in (EVENT_FORK, EVENT_CLONE):
            # Before its parent can end, so that it is waited for.
            child = ctypes.c_ulong()
            if ptrace(GETEVENTMSG, p.pid, ctypes.byref(child)):
                self.born(child.value)
        elif sig == signal.SIGTRAP | 0x80:
            if self.counting and not p.inside:
                self.on_entry(p)
            elif self.counting and p.k > 0:
                self.on_return(p)
            p.inside = not p.inside
            if self.held is p:
                return
        elif event == 0 and sig not in (signal.SIGSTOP, signal.SIGTRAP):
            self.go(p, sig)
            return
        self.go(p)

    def is_over(self):
        return all(p.ended for p in self.procs.values()) and \
            (self.client is None or self.client_status is not None)

    def give_up(self):
        for p in self.procs.values():
            if not p.ended:
                self.break_rule("hangs: %s, in %s%s" % (
                    p.role, p.call, "" if p.inside else ", after it"))
                self.killed.add(p.role)
                os.kill(p.pid, signal.SIGKILL)
        self.break_rule("hangs: a client")
        if self.client is not None and self.client_status is None:
            os.kill(self.client, signal.SIGKILL)
        self.deadline += PATIENCE

    def wait(self):
        """What waitpid(2) says, or (0, 0) after a while."""
        pid, status = os.waitpid(-1, WALL | os.WNOHANG)
        if pid == 0:
            signal.sigtimedwait([signal.SIGCHLD], TICK)
        return pid, status

    def follow(self):
        """Follows the run to its end, and judges it."""
        while not self.is_over():
            now = time.monotonic()
            if now > self.deadline:
                self.give_up()
            if self.held is not None and self.held.role != NETWORK and \
                    now > self.hold_until:
                self.release()
            pid, status = self.wait()
            if pid == 0:
                continue
            if pid == self.client:
                self.client_status = status
            elif os.WIFSTOPPED(status):
                self.on_stop(self.born(pid), status)
            elif pid in self.procs:
                if not self.procs[pid].ended:
                    self.on_end(self.procs[pid], status)
            else:
                for i in range(SLEEPERS):
                    if pid == self.note.sleepers[i]:
                        self.note.sleepers[i] = 0
        self.text += os.read(self.log, 8192).decode(errors="replace")
        os.close(self.log)
        judge.end(self)
