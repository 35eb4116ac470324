# SPDX-License-Identifier: ISC
"""The client of a run: it makes each request, twice if need be, and says what
is not as dazai-protocol(7) has it.  Exits with SERVED, GONE or WRONG, or dies of
SIGALRM if it hangs."""
import fnmatch
import os
import select
import signal
import socket
import time
import traceback

from run import GONE, NOBODY, ONE, SERVED, SLEEPERS, TWO, WRONG


class Gone(Exception):
    pass


class Wrong(Exception):
    pass


class Refused(Exception):
    pass


class Conn:
    """A connection; exits if nobody listens any more."""

    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX)
        try:
            self.sock.connect(path)
        except OSError as e:
            raise Gone from e

    def send(self, data):
        try:
            self.sock.sendall(data)
        except OSError:
            pass	# the answer tells more

    def recv(self, size):
        """Up to size bytes; fewer at the end."""
        got = b""
        try:
            while len(got) < size and (more := self.sock.recv(size - len(got))):
                got += more
        except OSError:
            pass
        return got

    def line(self):
        """A line without its newline; "" at the end."""
        got = b""
        while (c := self.recv(1)) != b"\n":
            if not c:
                return ""
            got += c
        return got.decode()

    def ask(self, line):
        self.send(line.encode() + b"\n")
        return self.line()

    def lost(self, seconds):
        """Whether the daemon gives it up in time."""
        poll = select.poll()
        poll.register(self.sock, select.POLLRDHUP)
        return bool(poll.poll(seconds * 1000))


def become_nobody():
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)


def must_be(answer, word):
    """The answer must be word, a refusal, or the end of the connection."""
    if answer == word:
        return
    if answer not in ("", "BUSY") and not answer.startswith("ERROR ") or \
            answer.startswith(("ERROR no-such-secret", "ERROR exists")):
        raise Wrong("%s: %s" % (word, answer))
    raise Refused


class Client:
    def __init__(self, sock, vault, note):
        self.sock, self.vault, self.note = sock, vault, note
        self.control = self.heart = None
        self.holders = []
        self.maybe_put = False	# all of it was sent
        self.deleted = False	# perhaps: a DEL without an answer may be done

    def does(self, request, *args):
        """One request.  There is one fault, so a second try must be served,
        unless the daemon is about to end."""
        for _ in range(2):
            if self.control is None:
                self.control = Conn(self.sock + ".ctl")
            try:
                return request(*args)
            except Refused:
                self.control = None
        if self.heart.lost(5):
            raise Gone
        raise Wrong("%s: neither served nor ended" % (args,))

    def ok(self, line):
        must_be(self.control.ask(line), "OK")

    def put(self, line):
        answer = self.control.ask(line)
        if self.maybe_put and answer.startswith("ERROR exists"):
            return
        must_be(answer, "GO")
        self.control.send(TWO)
        self.maybe_put = True
        must_be(self.control.line(), "OK")

    def get(self, line, want):
        must_be(self.control.ask(line), "DATA %d" % len(want))
        got = self.control.recv(len(want))
        if not want.startswith(got):
            raise Wrong(line + ": other bytes")
        if got != want:
            raise Refused

    def rows(self, line, patterns):
        """The answer is OK after one line of each pattern."""
        missing = set(patterns)
        row = self.control.ask(line)
        while row != "OK":
            found = [p for p in patterns if fnmatch.fnmatchcase(row, p)]
            if not found:
                must_be(row, "OK")
            missing -= set(found)
            row = self.control.line()
        if missing:
            raise Wrong(line + ": not those that there are")

    def list(self, line):
        self.rows(line, ["two 40 - -"] if self.deleted else
                  ["one 40 - -", "two 40 - -"])

    def delete(self, line):
        answer = self.control.ask(line)
        if self.deleted and answer.startswith("ERROR no-such-secret"):
            return
        self.deleted = True
        must_be(answer, "OK")

    def status(self, line):
        answer = self.control.ask(line)
        if not answer.startswith("STATUS alive=1 "):
            must_be(answer, "STATUS")
        if " guarded=1 " not in answer:
            raise Refused
        if " secrets=1 " not in answer:
            raise Wrong("STATUS: " + answer)

    def beats(self, line, want):
        """A line of the heartbeat.  If it is lost, the daemon ends."""
        answer = self.heart.ask(line)
        if answer == "":
            raise Gone
        if answer != want:
            raise Wrong("%s: %s" % (line, answer))

    def guards(self):
        for i in range(200):
            # The vault may not have seen yet that the last one is lost.
            time.sleep(0.01 if i > 0 else 0)
            self.heart = Conn(self.sock)
            answer = self.heart.ask("HELLO 1")
            if answer == "WELCOME":
                self.note.guarded = True
                return
            if answer not in ("", "BUSY"):
                raise Wrong("HELLO: " + answer)
            self.heart.sock.close()
        raise Wrong("HELLO: always BUSY")

    def registers(self):
        """A process that leads a group, as a command of dazaictl run, and a
        second one."""
        for i in range(SLEEPERS):
            if (pid := os.fork()) == 0:
                os.closerange(0, 256)
                signal.alarm(60)	# if we are killed before it is noted
                while True:
                    signal.pause()
            self.note.sleepers[i] = pid
            os.setpgid(pid, self.note.sleepers[0])
        self.does(self.ok, "REGISTER pid=%d" % self.note.sleepers[0])
        self.note.registered = True

    def hold(self, line):
        must_be(self.control.ask(line), "HOLDING")
        self.holders.append(self.control)
        self.control = None

    def release(self, line):
        """Holds and releases a tether of its own."""
        own = Conn(self.sock + ".ctl")
        must_be(own.ask("HOLD other"), "HOLDING")
        self.ok(line)
        if own.line() != "":
            raise Wrong("RELEASE: its holder is not disconnected")

    def holder_says(self, line, want):
        """A line of the second holder; if it is lost, the first one remains."""
        answer = self.holders[1].ask(line)
        if answer not in ("", want) and not answer.startswith("ERROR "):
            raise Wrong("%s: %s" % (line, answer))

    def loses_tether(self):
        """The loss of one holder is none; that of the last one ends the
        daemon."""
        self.does(self.hold, "HOLD usb")
        self.does(self.hold, "HOLD usb")
        # The fault may have cost one of the holders, which is no loss.
        self.does(self.rows, "TETHERS",
                  ["heartbeat 1 held *", "usb [12] held *"])
        self.holder_says("WATCH %d" % os.getpid(), "OK")
        self.does(self.release, "RELEASE other")
        self.holders[0].sock.close()
        self.does(self.status, "STATUS")
        self.holder_says("CANCEL", "NOTHING-PENDING")
        self.holder_says("PING", "PONG")
        self.holders[1].sock.close()

    def ends(self, ending):
        if ending == "close":
            return
        if ending == "quit":
            # Not while it is executed: there must be time to cancel.
            self.does(self.ok, "PANIC")
            self.beats("CANCEL", "CANCELLED")
            self.beats("QUIT", "BYE")
            return
        if ending == "hard":
            self.does(self.ok, "PANIC hard")
        elif ending == "term":
            os.kill(self.vault, signal.SIGTERM)
        else:
            self.loses_tether()
        if not self.heart.lost(10):
            raise Wrong("the end: there is none")

    def lives(self, ending):
        self.guards()
        self.does(self.put, "PUT two 40")
        self.does(self.list, "LIST")
        self.does(self.get, "GET two", TWO)
        self.does(self.get, "GET one", ONE)
        self.does(self.delete, "DEL one")
        self.does(self.list, "LIST")
        self.does(self.status, "STATUS")
        self.beats("PING", "PONG")
        self.note.ending = True
        if ending == "hard":
            self.registers()
        self.ends(ending)


def start(sock, vault, ending, note):
    """Starts a client of the daemon at sock; returns its pid."""
    if (pid := os.fork()) > 0:
        return pid
    code = WRONG
    try:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(30)
        become_nobody()
        Client(sock, vault, note).lives(ending)
        code = SERVED
    except Gone:
        code = GONE
    except Wrong as e:
        note.why = str(e).encode()[:255]
    except BaseException:
        traceback.print_exc()
        note.why = b"a client fails by itself"
    finally:
        os._exit(code)
