"""One check from begin to end: bounded in time, and never an exception."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping

import structlog
from msgspec import structs

from probes.certificates import is_ending
from probes.checks import dns, domain, http, icmp, tcp, tls
from probes.findings import MAX_MESSAGE_CHARS, Finding, Trouble
from probes.marks import Marks, Phase
from probes.slots import Due
from probes.tools import Tools
from schemas.times import from_us
from schemas.uptime.checks import Check
from schemas.uptime.targets import MonitorType, Target

Look = Callable[[Target, Tools, Marks], Awaitable[Finding]]
LOOKS: Mapping[MonitorType, Look] = {
    "http": http.look,
    "tcp": tcp.look,
    "dns": dns.look,
    "tls": tls.look,
    "domain": domain.look,
    "icmp": icmp.look,
}
"""What is looked at; a `heartbeat` comes by itself."""
SHARE_OF_INTERVAL = 0.8
"""How much of an interval a check may take: the next one must find its slot free."""
WAITS: Mapping[Phase | None, str] = {
    None: "for its turn",
    "dns_ms": "for DNS",
    "connect_ms": "for the connection",
    "tls_ms": "for the handshake of TLS",
    "first_byte_ms": "for the answer to begin",
    "transfer_ms": "for the answer to end",
}
RESOLVER_AWAY = "this prober's own resolver does not answer, so the name is not known"

log = structlog.get_logger(__name__)


def timeout_ms(target: Target) -> int:
    """Returns how long a check may take as a whole."""
    bound = int(target.interval_seconds * 1000 * SHARE_OF_INTERVAL)
    return max(1, min(target.timeout_ms, bound))


async def run(due: Due, tools: Tools) -> Check:
    """Looks once. Raises nothing but a cancellation."""
    marks = Marks()
    finding = await _bounded(due.target, tools, marks)
    if finding.outcome == "ok":
        finding = _degraded(due.target, finding, marks)
    told = result(due, finding, marks)
    if _waited_for_our_resolver(told, due.target, marks) and not await tools.resolver_answers():
        return structs.replace(
            told, outcome="inconclusive", reason="resolver", message=RESOLVER_AWAY
        )
    return told


def result(due: Due, finding: Finding, marks: Marks) -> Check:
    """Returns what is told of a check."""
    return Check(
        monitor_id=due.target.monitor_id,
        project_id=due.target.project_id,
        region=due.region,
        slot_us=due.slot_us,
        started_us=due.started_us,
        attempt=due.attempt,
        revision=due.target.revision,
        outcome=finding.outcome,
        reason=finding.reason,
        message=finding.message[:MAX_MESSAGE_CHARS],
        phases=marks.phases(),
        status_code=finding.status_code,
        peer=marks.peer,
        certificate=marks.certificate,
        expires_us=finding.expires_us,
    )


async def _bounded(target: Target, tools: Tools, marks: Marks) -> Finding:
    allowed_ms = timeout_ms(target)
    try:
        async with asyncio.timeout(allowed_ms / 1000) as bound:
            return await LOOKS[target.type](target, tools, marks)
    except Trouble as trouble:
        return Finding(outcome=trouble.outcome, reason=trouble.reason, message=trouble.message)
    except TimeoutError:
        if bound.expired():
            return _late(target, allowed_ms, marks)
        log.exception("check broke", monitor_id=target.monitor_id)
    except Exception:
        log.exception("check broke", monitor_id=target.monitor_id)
    return Finding(
        outcome="inconclusive",
        reason="internal",
        message="this prober met a fault of its own; its log has more",
    )


def _waited_for_our_resolver(told: Check, target: Target, marks: Marks) -> bool:
    by_dns = target.type == "dns" and not target.resolver
    return told.reason == "timeout" and (by_dns or marks.waiting_for == "dns_ms")


def _late(target: Target, allowed_ms: int, marks: Marks) -> Finding:
    rule = "" if allowed_ms == target.timeout_ms else ", which is 80 % of the interval"
    return Finding(
        outcome="fail",
        reason="timeout",
        message=f"not done within {allowed_ms} ms{rule}: it waited {WAITS[marks.waiting_for]}",
    )


def _degraded(target: Target, finding: Finding, marks: Marks) -> Finding:
    """Returns the finding, or one that says what is about to go wrong."""
    if 0 < target.degraded_after_ms < marks.total_ms:
        return structs.replace(
            finding,
            outcome="degraded",
            reason="slow",
            message=f"it took {marks.total_ms:.0f} ms, more than {target.degraded_after_ms} ms",
        )
    shown = marks.certificate
    watched = target.type == "tls" or target.verify_tls
    if shown and watched and is_ending(shown, target.expiry_warning_days, time.time_ns() // 1000):
        return structs.replace(
            finding,
            outcome="degraded",
            reason="ending_soon",
            message=f"the certificate ends on {from_us(shown.not_after_us):%Y-%m-%d}: renew it",
        )
    return finding
