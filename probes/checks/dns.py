"""A question to DNS, and whether the answer is the expected set."""

from collections.abc import Sequence

import dns.asyncquery
import dns.exception
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.resolver
import dns.reversename
from msgspec import Struct

from probes.findings import Finding, Trouble, failed, of_os_error, quoted, unclear
from probes.hosts import ascii_host, literal, shown
from probes.marks import Marks
from probes.tools import Tools
from schemas.uptime.targets import Target

PORT = 53
TRIES = 2
"""Within the timeout: a packet of UDP may be lost."""
NAMES = frozenset({"CNAME", "NS", "PTR", "MX", "SRV", "SOA"})
"""Types whose values end in, or are, a name: the case counts for nothing there."""
MOST_SHOWN = 6


class Server(Struct, frozen=True):
    """A server of DNS."""

    address: str
    port: int = PORT


async def look(target: Target, tools: Tools, marks: Marks) -> Finding:
    """Asks, and compares what is answered. Raises `Trouble`."""
    kind = _type_of(target.record_type)
    servers = _servers(target, tools)
    question = dns.message.make_query(_name_of(target.host, kind), kind, use_edns=0, payload=1232)
    answer = await _ask_any(question, servers, target, marks)
    marks.note_first_byte()
    compare(target, values_of(answer, kind), dns.rcode.to_text(answer.rcode()))
    return Finding()


def _type_of(text: str) -> dns.rdatatype.RdataType:
    try:
        return dns.rdatatype.from_text(text)
    except (dns.exception.DNSException, ValueError) as error:
        raise unclear("invalid_target", f"{quoted(text)} is no type of record") from error


def _name_of(host: str, kind: dns.rdatatype.RdataType) -> dns.name.Name:
    try:
        if kind == dns.rdatatype.PTR and (address := literal(host)):
            return dns.reversename.from_address(address)
        # Names of services, as _dmarc.example.com, are no hosts.
        name = host if host.isascii() else ascii_host(host)
        return dns.name.from_text(name)
    except (dns.exception.DNSException, UnicodeError) as error:
        raise unclear("invalid_target", f"{quoted(host)} is no name of DNS: {error}") from error


def _servers(target: Target, tools: Tools) -> Sequence[Server]:
    if target.resolver:
        named = _server_of(target.resolver)
        # The system's own may well be private; one that a user names may not.
        tools.guard.check(named.address)
        return [named]
    if tools.settings.nameservers:
        port = tools.settings.nameserver_port
        return [Server(address, port) for address in tools.settings.nameservers]
    try:
        found = dns.resolver.get_default_resolver()
    except dns.exception.DNSException as error:
        raise unclear("resolver", "this prober has no resolver: name one in the monitor") from error
    return [Server(str(address), found.port) for address in found.nameservers]


def _server_of(text: str) -> Server:
    host, _, port = text.rpartition(":")
    if not host or (":" in host and not host.endswith("]")):
        host, port = text, str(PORT)
    address = literal(host)
    if address is None or not port.isdecimal() or not 0 < int(port) < 65_536:
        raise unclear(
            "invalid_target",
            f"the resolver {quoted(text)} is no address: write such as 9.9.9.9 or [2620:fe::fe]:53",
        )
    return Server(address, int(port))


async def _ask_any(
    question: dns.message.Message, servers: Sequence[Server], target: Target, marks: Marks
) -> dns.message.Message:
    trials = [server for _ in range(TRIES) for server in servers]
    wait_s = min(target.timeout_ms, target.interval_seconds * 800) / 1000 / len(trials)
    trouble: Trouble | None = None
    for server in trials:
        marks.note_sent()
        try:
            answer = await _ask(question, server, wait_s)
        except dns.exception.Timeout:
            trouble = failed("timeout", f"{_shown(server)} did not answer within the timeout")
        except OSError as error:
            trouble = _unasked(error, server, is_ours=not target.resolver)
        except dns.exception.DNSException as error:
            raise failed(
                "protocol", f"the answer of {_shown(server)} is not DNS: {quoted(str(error))}"
            ) from (error)
        else:
            marks.peer = server.address
            return answer
    raise trouble or unclear("resolver", "this prober has no resolver: name one in the monitor")


async def _ask(question: dns.message.Message, server: Server, wait_s: float) -> dns.message.Message:
    """Asks by UDP, and by TCP where the answer does not fit. What is not its answer is not read."""
    answer, _ = await dns.asyncquery.udp_with_fallback(
        question,
        server.address,
        wait_s,
        server.port,
        ignore_unexpected=True,
        ignore_errors=True,
    )
    return answer


def _unasked(error: OSError, server: Server, *, is_ours: bool) -> Trouble:
    if is_ours:
        return unclear("resolver", f"this prober's resolver {_shown(server)} is away: {error}")
    return of_os_error(error, _shown(server))


def _shown(server: Server) -> str:
    return shown(server.address, server.port)


def values_of(answer: dns.message.Message, kind: dns.rdatatype.RdataType) -> set[str]:
    """Returns the values of one type in an answer, as `normal` writes them."""
    found: set[str] = set()
    for records in answer.answer:
        if records.rdtype == kind:
            for record in records:
                strings = getattr(record, "strings", None)
                text = record.to_text()
                if strings is not None:
                    # A long text is cut into strings; they are one value (RFC 7208 3.3).
                    text = b"".join(strings).decode("utf-8", "replace")
                found.add(normal(text, kind.name))
    return found


def normal(value: str, record_type: str) -> str:
    """Returns a value as it is compared: names without case and last dot, addresses short."""
    value = value.strip()
    if record_type in NAMES:
        return " ".join(part.removesuffix(".") or "." for part in value.lower().split())
    if record_type in ("A", "AAAA"):
        try:
            return literal(value) or value
        except Trouble:
            return value
    if record_type == "TXT" and len(value) > 1 and value[0] == value[-1] == '"':
        return value[1:-1]
    return value


def compare(target: Target, found: set[str], rcode: str) -> None:
    """Raises `Trouble` where an answer is not the expected one."""
    asked = f"{target.record_type} of {quoted(target.host)}"
    if rcode == "NXDOMAIN":
        raise failed("dns", f"{asked}: the name does not exist (NXDOMAIN)")
    if rcode != "NOERROR":
        raise failed("dns", f"{asked}: the server answered {rcode}")
    if not found:
        raise failed("dns", f"{asked}: the name has no such record")
    expected = {normal(value, target.record_type.upper()) for value in target.expected_values}
    if not expected:
        return
    missing, more = expected - found, found - expected
    told = []
    if missing and target.expected_match != "subset":
        told.append(f"{_listed(missing)} is missing")
    if more and target.expected_match != "contains":
        told.append(f"{_listed(more)} is not expected")
    if told:
        raise failed("assertion", f"{asked} is {_listed(found)}: {', '.join(told)}")


def _listed(values: set[str]) -> str:
    first = sorted(values)[:MOST_SHOWN]
    more = f" and {len(values) - len(first)} more" if len(values) > len(first) else ""
    return ", ".join(map(quoted, first)) + more
