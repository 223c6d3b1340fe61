"""Makes a connection an encrypted one, and says why that failed."""

import asyncio
import socket
import ssl
from collections.abc import Callable
from functools import cached_property
from typing import TypeVar

from probes.certificates import chain_of, read_chain
from probes.dialing import Dialer
from probes.findings import Trouble, failed, of_os_error
from probes.hosts import ascii_host, literal, shown
from probes.marks import Marks
from schemas.times import from_us
from schemas.uptime.checks import Certificate

P = TypeVar("P", bound=asyncio.BaseProtocol)
EXPIRED = 10
NOT_YET_VALID = 9
SELF_SIGNED = frozenset({18, 19})
WRONG_NAME = frozenset({62, 64})
"""Codes of OpenSSL, x509_vfy.h."""


class Trust:
    """Who is believed. Made once, when it is needed: to read the roots takes milliseconds."""

    def __init__(self, ca_file: str = "") -> None:
        self._ca_file = ca_file

    def context(self, *, verify: bool) -> ssl.SSLContext:
        """Returns how a connection is made."""
        return self._strict if verify else self._blind

    @cached_property
    def _strict(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        if self._ca_file:
            context.load_verify_locations(self._ca_file)
        return context

    @cached_property
    def _blind(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context


class Secure:
    """Opens encrypted connections."""

    def __init__(self, dialer: Dialer, trust: Trust) -> None:
        self._dialer = dialer
        self._trust = trust

    async def open(
        self, host: str, port: int, marks: Marks, *, verify: bool, make: Callable[[], P]
    ) -> tuple[asyncio.Transport, P]:
        """Returns a connection after its handshake; its certificate is in `marks`.

        Raises `Trouble`; where the certificate is not to be trusted, `marks` has it all the same.
        """
        try:
            return await self._shake_hands(host, port, marks, verify=verify, make=make)
        except ssl.SSLCertVerificationError as error:
            marks.certificate = await self._seen(host, port)
            raise untrusted(error, host, marks.certificate) from error
        except ssl.SSLError as error:
            where = shown(host, port)
            raise failed("tls", f"no encrypted connection to {where}: {_said(error)}") from error
        except OSError as error:
            raise of_os_error(error, shown(host, port)) from error

    async def _shake_hands(
        self, host: str, port: int, marks: Marks, *, verify: bool, make: Callable[[], P]
    ) -> tuple[asyncio.Transport, P]:
        connected = await self._dialer.connect(host, port, marks)
        with marks.phase("tls_ms"):
            transport, protocol = await _upgraded(
                connected, self._trust.context(verify=verify), host, make
            )
        try:
            chain = chain_of(transport.get_extra_info("ssl_object"))
            marks.certificate = read_chain(chain)
        except BaseException:
            transport.abort()
            raise
        return transport, protocol

    async def _seen(self, host: str, port: int) -> Certificate | None:
        """Looks a second time without believing anybody: a failed handshake gives no chain."""
        marks = Marks()
        try:
            transport, _ = await self._shake_hands(
                host, port, marks, verify=False, make=asyncio.Protocol
            )
        except (Trouble, OSError):
            return None
        transport.abort()
        return marks.certificate


async def _upgraded(
    connected: socket.socket, context: ssl.SSLContext, host: str, make: Callable[[], P]
) -> tuple[asyncio.Transport, P]:
    loop = asyncio.get_running_loop()
    try:
        transport, protocol = await loop.create_connection(
            make, sock=connected, ssl=context, server_hostname=_server_name(host)
        )
    except BaseException:
        connected.close()
        raise
    return transport, protocol


def _server_name(host: str) -> str:
    """Returns the name that the certificate must have; RFC 6066 3 has no dot at its end."""
    name = ascii_host(host)
    return (literal(name) or name.removesuffix(".")).partition("%")[0]


def untrusted(
    error: ssl.SSLCertVerificationError, host: str, certificate: Certificate | None
) -> Trouble:
    """Returns why a certificate is not to be trusted, and the way out."""
    code = error.verify_code
    if code == EXPIRED:
        ended = f" on {from_us(certificate.not_after_us):%Y-%m-%d}" if certificate else ""
        return failed("tls", f"the certificate of {host} ended{ended}: renew it on the server")
    if code == NOT_YET_VALID:
        return failed("tls", f"the certificate of {host} is not valid yet: look at the clocks")
    if code in SELF_SIGNED:
        return failed(
            "tls",
            f"the certificate of {host} is self-signed: install one of a public authority, add its"
            " authority to the prober's, or set verify_tls to false",
        )
    if code in WRONG_NAME:
        subject = f" but for {certificate.subject}" if certificate else ""
        return failed("tls", f"the certificate is not for {host}{subject}")
    return failed(
        "tls",
        f"the certificate of {host} is not to be trusted: {error.verify_message or _said(error)}",
    )


def _said(error: ssl.SSLError) -> str:
    return (error.reason or str(error)).replace("_", " ").lower()[:200]
