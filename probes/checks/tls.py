"""The certificate of any server that begins with TLS: whether it is to be trusted, and its end."""

import asyncio
import time

from probes.findings import Finding, failed
from probes.marks import Marks
from probes.tools import Tools
from schemas.times import from_us
from schemas.uptime.targets import Target

PORT = 443


async def look(target: Target, tools: Tools, marks: Marks) -> Finding:
    """Shakes hands and reads the chain. Raises `Trouble`, also for a chain that has ended."""
    transport, _ = await tools.secure.open(
        target.host,
        target.port or PORT,
        marks,
        verify=target.verify_tls,
        make=asyncio.Protocol,
    )
    transport.abort()
    shown = marks.certificate
    if shown is None:
        raise failed("tls", f"{target.host} showed no certificate that can be read")
    if shown.not_after_us <= time.time_ns() // 1000:
        raise failed(
            "expired",
            f"the certificate of {target.host} ended on {from_us(shown.not_after_us):%Y-%m-%d}:"
            " renew it on the server",
        )
    return Finding(expires_us=shown.not_after_us)
