"""Takes from this process what no query may reach: files outside the store, and the network.

The embedded engine takes itself for a tool on its owner's desk. Its grants close the table
functions and engines that read files, but `SELECT file('/etc/passwd')` asks for no grant, nor do
templates and schemas of formats, and an expression can be put together inside a string, where no
reader of the statement finds it. So the kernel holds this: Landlock, Linux 5.13 and later, for
whoever asks it.

Source: the kernel's Documentation/userspace-api/landlock.rst, ABI 1 to 7.
"""

import ctypes
import os
import stat
import struct
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
SET_NO_NEW_PRIVS = 38
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


class Unconfinable(Exception):
    """Raised when this system has no Landlock, or does not let this process use it."""


def confine(store: Path) -> None:
    """Leaves this process the store, its own code, and what it has open. There is no way back.

    Threads that run already are not bound: call it before the engine is loaded. The store must
    exist. Raises `Unconfinable`.
    """
    if ENGINE in sys.modules:
        raise Unconfinable("the engine was loaded before, and its threads run already")
    libc = ctypes.CDLL(None, use_errno=True)
    abi = libc.syscall(CREATE_RULESET, None, 0, 1) if sys.platform == "linux" else -1
    if abi < 1:
        raise Unconfinable("this system has no Landlock")
    all_rights = ALL_OF_ABI_1 | (REFER if abi >= 2 else 0) | (TRUNCATE if abi >= 3 else 0)
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
