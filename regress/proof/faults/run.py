# SPDX-License-Identifier: ISC
"""What the parts of faults.py share: scenes, points, and the plain runs."""
import collections
import ctypes
import dataclasses
import mmap

FRONT, VAULT, NETWORK = ROLES = ("front", "vault", "network")

# How a daemon is started and ended.  root: by root, for another user; otherwise
# by nobody.  mlock: its arena is in mlock memory, which can be looked into.
# whole: faults from the first call on, or only at the end.
Scene = collections.namedtuple(
    "Scene", "name root background armed mlock whole ending")
SCENES = (
    Scene("user", False, False, False, True, True, "close"),
    Scene("root", True, True, True, False, True, "close"),
    Scene("quit", False, False, True, True, False, "quit"),
    Scene("hard", True, False, True, True, False, "hard"),
    Scene("term", False, True, False, True, False, "term"),
    Scene("tether", False, False, True, True, False, "tether"),
)

# The k-th call of a process of this role; 0: no fault.
Point = collections.namedtuple("Point", "scene role k what")

ONE = b"Kp3!first-secret-by-stdin_wQ9zjXfa81LmN#"
TWO = b"Zt8?second-secret-by-PUT_e4RkVbC6yUo2Ds@"

NOBODY = 65534
SLEEPERS = 2
# Exit statuses of a client.  GONE: the daemon has ended.
SERVED, GONE, WRONG = range(3)


def by_role(make):
    return dataclasses.field(default_factory=lambda: {r: make() for r in ROLES})


@dataclasses.dataclass
class Plain:
    """The runs of a scene without a fault, with which the others are
    compared."""
    n: dict = by_role(int)	 # how many calls
    late: dict = by_role(int)	 # of these, before a client ended it
    main: dict = by_role(int)	 # of these, by the loader
    calls: dict = by_role(dict)	 # the name of each
    guards: list = None


plain = {s.name: Plain() for s in SCENES}


class Note(ctypes.Structure):
    """For the tracer, from its client.  sleepers: the registered process, and
    another one of its group, which must die with the vault."""
    _fields_ = [("guarded", ctypes.c_bool), ("ending", ctypes.c_bool),
                ("registered", ctypes.c_bool),
                ("sleepers", ctypes.c_int * SLEEPERS),
                ("why", ctypes.c_char * 256)]


def new_note():
    return Note.from_buffer(mmap.mmap(-1, mmap.PAGESIZE))
