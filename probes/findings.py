"""What a check comes to: a finding, or trouble that ends it early.

Trouble   a check cannot go on; it carries the outcome, a word for machines, one for people
"""

import errno
import socket

from msgspec import Struct

from schemas.uptime.checks import Certificate, Outcome

MAX_MESSAGE_CHARS = 500
MAX_QUOTED_CHARS = 80
REASONS = {
    "assertion": "what came is not what the monitor expects",
    "closed": "the connection was closed before an answer",
    "dns": "the name has no address, or the answer of DNS is not the expected one",
    "expired": "a certificate or a registration has ended",
    "invalid_target": "the monitor cannot be looked at as it is written",
    "offline": "this prober is not connected, so it cannot tell",
    "overloaded": "this prober has too much to do, so it cannot tell",
    "protocol": "what came breaks the rules of the protocol",
    "rdap": "the registry's server gave no usable answer",
    "redirect": "redirects that are not followed, or too many",
    "refused": "the connection was refused",
    "refused_target": "the address is one that probes may not speak to",
    "reset": "the connection was reset",
    "resolver": "this prober's own resolver does not answer",
    "slow": "it works, and takes longer than `degraded_after_ms`",
    "ending_soon": "it works, and a certificate or a registration ends soon",
    "status": "the status is not one of those expected",
    "timeout": "there was no answer in time",
    "tls": "the encrypted connection could not be made, or is not to be trusted",
    "unreachable": "there is no way to the host",
    "unsupported": "this prober or the registry cannot do it",
    "internal": "a fault in this program; its log has more",
}
"""The words of `Check.reason`, and what they mean."""
OURS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EADDRNOTAVAIL})
"""What a machine says when it has nothing left for one more connection."""
NO_ROUTE = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EHOSTDOWN})
ROUTED_ADDRESSES = {
    socket.AF_INET: ("192.0.2.1", 9),
    socket.AF_INET6: ("2001:db8::1", 9),
}
"""Of documentation: whoever has a way out has one to them. Nothing is sent there."""


class Trouble(Exception):
    """Raised when a check cannot go on."""

    def __init__(self, outcome: Outcome, reason: str, message: str) -> None:
        super().__init__(message)
        self.outcome = outcome
        self.reason = reason
        self.message = message[:MAX_MESSAGE_CHARS]


class Finding(Struct, frozen=True, kw_only=True):
    """What a check saw that went to its end."""

    outcome: Outcome = "ok"
    reason: str = ""
    message: str = ""
    status_code: int | None = None
    certificate: Certificate | None = None
    expires_us: int | None = None


def failed(reason: str, message: str) -> Trouble:
    """Returns trouble that is the target's."""
    return Trouble("fail", reason, message)


def unclear(reason: str, message: str) -> Trouble:
    """Returns trouble that is this prober's, or of how the monitor is written."""
    return Trouble("inconclusive", reason, message)


def quoted(text: str, most: int = MAX_QUOTED_CHARS) -> str:
    """Returns a text of others for a message: on one line, short, in quotes."""
    shown = (one if one.isprintable() else " " for one in text[: most * 2])
    plain = " ".join("".join(shown).split())
    return f'"{plain}"' if len(plain) <= most else f'"{plain[:most]}…"'


def of_os_error(error: OSError, where: str) -> Trouble:
    """Returns what an error of a connection to `where` means."""
    if error.errno in OURS:
        return unclear("overloaded", f"this prober has no socket left for {where}: {error}")
    if isinstance(error, ConnectionRefusedError):
        return failed("refused", f"{where} refused the connection: nothing listens there")
    if isinstance(error, ConnectionResetError | BrokenPipeError):
        return failed("reset", f"{where} reset the connection")
    if isinstance(error, TimeoutError):
        return failed("timeout", f"{where} did not answer the connection in the system's own time")
    if error.errno in NO_ROUTE:
        return _no_route(where)
    return failed("unreachable", f"{where} could not be reached: {error.strerror or error}")


def _no_route(where: str) -> Trouble:
    family = socket.AF_INET6 if where.startswith("[") else socket.AF_INET
    if has_route(family):
        return failed("unreachable", f"there is no way to {where}: a router on the way said so")
    version = "IPv6" if family == socket.AF_INET6 else "IPv4"
    return unclear("offline", f"this prober has no way out by {version}, so {where} is not known")


def has_route(family: socket.AddressFamily) -> bool:
    """Tells whether this machine has a way out. Sends nothing: it asks the kernel."""
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as trial:
            trial.connect(ROUTED_ADDRESSES[family])
    except OSError:
        return False
    return True
