"""Takes from this process what no query may reach: files outside the store, and the network.

The embedded engine takes itself for a tool on its owner's desk. Its grants close the table
functions and engines that read files, but `SELECT file('/etc/passwd')` asks for no grant, nor do
templates and schemas of formats, and an expression can be put together inside a string, where no
reader of the statement finds it. So the kernel holds this, for whoever asks it: Landlock closes the
files, and a filter of system calls closes the network, whatever the protocol, and other programs.

Sources: the kernel's Documentation/userspace-api/landlock.rst, ABI 1 to 7, and seccomp_filter.rst;
the numbers of system calls from its arch/*/entry/syscalls tables and include/uapi/asm-generic.
"""

import ctypes
import os
import platform
import stat
import struct
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
SET_NO_NEW_PRIVS, SET_SECCOMP, MODE_FILTER = 38, 22, 2
ENGINE = "chdb"
PATH_BENEATH = 1
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1, 2, 4, 8
REFER, TRUNCATE, IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
ALL_OF_ABI_1 = (1 << 13) - 1
ON_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV
CONNECT_TCP = 1 << 1
SCOPES = 0b11
"""Abstract sockets and signals of other processes."""
SYSTEM_FILES = (
    "/usr/share/zoneinfo", "/etc/localtime", "/dev/urandom", "/dev/random",
    "/proc/meminfo", "/proc/cpuinfo", "/proc/stat", "/sys/fs/cgroup", "/sys/devices/system",
    "/proc/sys/vm/overcommit_memory", "/sys/kernel/mm/transparent_hugepage",
    "/lib", "/lib64", "/usr/lib", "/usr/lib64", "/proc/self/auxv", "/proc/self/maps",
)  # fmt: skip
"""What engine and interpreter read while they run. Of `/proc/self`, which holds the environment,
only where the kernel's own functions lie, without which the engine takes what follows the
environment in memory for that and may crash, and where the stack of the main thread ends."""


LEAST_ABI, LEAST_KERNEL = 3, "6.2"
"""Below it, files outside the store could be cut to nothing."""
CALLS = {
    "x86_64": (0xC000003E, {"socket": 41, "connect": 42, "execve": 59, "execveat": 322}),
    "aarch64": (0xC00000B7, {"socket": 198, "connect": 203, "execve": 221, "execveat": 281}),
}
"""What this process needs no more: its listener is open, and connections come by `accept`."""
IO_URING_SETUP = 425
"""Which would do the same by another way. Its number is the same on both."""
X32 = 0x40000000
"""From here on, calls of a second kind that x86_64 has."""
LOAD, EQUAL, AT_LEAST, ANSWER = 0x20, 0x15, 0x35, 0x06
NUMBER_AT, ARCHITECTURE_AT = 0, 4
ALLOW, REFUSE = 0x7FFF0000, 0x00050000 | 13
"""A refused call answers EACCES, as one that the rights of a file forbid."""


class Unconfinable(Exception):
    """Raised when this system cannot take all of it from a process, or does not let this one."""


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]  # noqa: RUF012 - ctypes


def confine(store: Path) -> None:
    """Leaves this process the store, its own code, and what it has open. There is no way back.

    Threads that run already are not bound: call it before the engine is loaded. The store must
    exist. Raises `Unconfinable`.
    """
    if ENGINE in sys.modules:
        raise Unconfinable("the engine was loaded before, and its threads run already")
    libc = ctypes.CDLL(None, use_errno=True)
    abi = libc.syscall(CREATE_RULESET, None, 0, 1) if sys.platform == "linux" else -1
    program = filter_of_calls(platform.machine())
    ensure_whole(abi)
    all_rights = ALL_OF_ABI_1 | REFER | TRUNCATE
    ruleset = _create(libc, abi, all_rights)
    try:
        _allow(libc, ruleset, store, all_rights)
        _allow(libc, ruleset, Path(os.devnull), READ_FILE | WRITE_FILE)
        for path in {*map(Path, SYSTEM_FILES), *_code()}:
            _allow(libc, ruleset, path, READ_FILE | READ_DIR | EXECUTE)
        if libc.prctl(SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.syscall(RESTRICT_SELF, ruleset, 0):
            raise Unconfinable(f"Landlock refused: {os.strerror(ctypes.get_errno())}")
    finally:
        os.close(ruleset)
    code = ctypes.create_string_buffer(program)
    filters = _Program(len(program) // 8, ctypes.addressof(code))
    if libc.prctl(SET_SECCOMP, MODE_FILTER, ctypes.byref(filters), 0, 0):
        raise Unconfinable(f"seccomp refused: {os.strerror(ctypes.get_errno())}")


def ensure_whole(abi: int) -> None:
    """Raises `Unconfinable` where a Landlock of this ABI leaves something open; below 1 is none."""
    if abi < 1:
        raise Unconfinable(f"this system has no Landlock: it takes Linux {LEAST_KERNEL} or later")
    if abi < LEAST_ABI:
        raise Unconfinable(
            f"the Landlock of this kernel (ABI {abi}) does not keep files from being truncated:"
            f" it takes Linux {LEAST_KERNEL} or later (ABI {LEAST_ABI})"
        )


def filter_of_calls(machine: str) -> bytes:
    """Returns the program by which the kernel refuses calls. Raises `Unconfinable`."""
    if machine not in CALLS:
        raise Unconfinable(f"no filter of system calls is known for {machine}")
    architecture, calls = CALLS[machine]
    refused = [*calls.values(), IO_URING_SETUP]
    last = len(refused)
    # One statement of the filter: what it does, how many to skip if so and if not, with what.
    steps = [
        (LOAD, 0, 0, ARCHITECTURE_AT),
        (EQUAL, 0, last + 3, architecture),
        (LOAD, 0, 0, NUMBER_AT),
        (AT_LEAST, last + 1, 0, X32),
        *((EQUAL, last - place, 0, number) for place, number in enumerate(refused)),
        (ANSWER, 0, 0, ALLOW),
        (ANSWER, 0, 0, REFUSE),
    ]
    return b"".join(struct.pack("=HBBI", *step) for step in steps)


def _create(libc: ctypes.CDLL, abi: int, all_rights: int) -> int:
    rules = struct.pack("=Q", all_rights)
    if abi >= 4:
        rules += struct.pack("=Q", CONNECT_TCP)
    if abi >= 6:
        rules += struct.pack("=Q", SCOPES)
    ruleset = int(libc.syscall(CREATE_RULESET, rules, len(rules), 0))
    if ruleset < 0:
        raise Unconfinable(f"Landlock refused: {os.strerror(ctypes.get_errno())}")
    return ruleset


def _allow(libc: ctypes.CDLL, ruleset: int, path: Path, rights: int) -> None:
    try:
        opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        # Nothing there to be read: every machine has some of them.
        return
    try:
        if not stat.S_ISDIR(os.fstat(opened).st_mode):
            rights &= ON_FILES
        rule = struct.pack("=Qi", rights, opened)
        if libc.syscall(ADD_RULE, ruleset, PATH_BENEATH, rule, 0):
            raise Unconfinable(f"Landlock refused {path}: {os.strerror(ctypes.get_errno())}")
    finally:
        os.close(opened)


def _code() -> Iterable[Path]:
    """Where modules may still be imported from: not `sys.path`, which may name a home directory."""
    for name in ("stdlib", "platstdlib", "purelib", "platlib"):
        yield Path(sysconfig.get_path(name))
    # A checkout: its packages, not what lies beside them.
    for package in Path(__file__).resolve().parents[2].iterdir():
        if (package / "__init__.py").exists():
            yield package
