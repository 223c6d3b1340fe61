"""When the kernel cannot confine the warehouse, and which system calls it refuses when it can."""

import struct

import pytest

from clickhouse.served.confinement import CALLS, Unconfinable, ensure_whole, filter_of_calls

ALLOWED, ACCESS_DENIED = 0x7FFF0000, 0x00050000 | 13
NUMBERS = {
    "x86_64": {"read": 0, "socket": 41, "connect": 42, "sendto": 44, "socketpair": 53,
               "execve": 59, "accept4": 288, "execveat": 322, "io_uring_setup": 425},
    "aarch64": {"read": 63, "socket": 198, "connect": 203, "sendto": 206, "socketpair": 199,
                "execve": 221, "accept4": 242, "execveat": 281, "io_uring_setup": 425},
}  # fmt: skip
CLOSED = {"socket", "connect", "execve", "execveat", "io_uring_setup"}


def answer_of(program: bytes, architecture: int, number: int) -> int:
    """Runs a program as the kernel does, as far as ours goes."""
    steps = list(struct.iter_unpack("=HBBI", program))
    at, held = 0, 0
    while True:
        code, if_so, if_not, value = steps[at]
        at += 1
        if code == 0x20:
            held = {0: number, 4: architecture}[value]
        elif code == 0x06:
            return value
        else:
            holds = held == value if code == 0x15 else held >= value
            at += if_so if holds else if_not


@pytest.mark.parametrize("machine", list(NUMBERS))
def test_sockets_and_programs_are_closed_and_the_rest_is_not(machine: str) -> None:
    program, architecture = filter_of_calls(machine), CALLS[machine][0]

    answers = {n: answer_of(program, architecture, v) for n, v in NUMBERS[machine].items()}

    assert {name for name, answer in answers.items() if answer == ACCESS_DENIED} == CLOSED
    assert {answer for name, answer in answers.items() if name not in CLOSED} == {ALLOWED}


@pytest.mark.parametrize("machine", list(NUMBERS))
def test_calls_of_another_kind_than_the_machines_own_are_closed(machine: str) -> None:
    program, architecture = filter_of_calls(machine), CALLS[machine][0]

    assert answer_of(program, 0x40000003, 3) == ACCESS_DENIED
    assert answer_of(program, architecture, 0x40000000 + 41) == ACCESS_DENIED


def test_a_machine_whose_calls_are_not_known_is_not_confined() -> None:
    with pytest.raises(Unconfinable, match="riscv64"):
        filter_of_calls("riscv64")


@pytest.mark.parametrize("abi", [-1, 0, 1, 2])
def test_a_kernel_that_leaves_something_open_is_refused_and_told_which_would_do(abi: int) -> None:
    with pytest.raises(Unconfinable, match=r"Linux 6\.2 or later"):
        ensure_whole(abi)


def test_a_kernel_that_closes_all_will_do() -> None:
    ensure_whole(3)
    ensure_whole(7)
