"""Delivers the messages of the outbox, and tries again what was not taken."""

import asyncio
import random
import sys
import time
from collections.abc import Callable
from urllib.parse import quote, urlsplit

import httpx
import msgspec
import structlog

from alerts.apprise_child import Job
from alerts.errors.bodies import Post, post_of
from alerts.errors.wording import trial_alert
from alerts.targets import resolve
from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.errors.alert_outbox import AT_ONCE, claim, settle
from schemas.addresses import TargetRefused
from schemas.errors.alerts import Channel, ChannelConfig, Due, Sent
from schemas.projects import ProjectId

TIMEOUT_S = 10.0
MOST_CHILDREN = 2
"""Of Apprise: each takes 60 MB."""
LEASE_US = 60_000_000
"""Longer than all that is claimed at once may take; who died is waited for that long."""
MOST_ATTEMPTS = 8
FIRST_PAUSE_S = 10.0
LONGEST_PAUSE_S = 3600.0
GROWTH = 4.0
JITTER = 0.2
MOST_ANSWER_BYTES = 2000
AGAIN = frozenset({408, 425, 429})
"""Of the statuses below 500, those that say "later"."""

log = structlog.get_logger(__name__)


class Deliverer:
    """Sends what is due. Any number of processes may: each message has one holder at a time.

    A message goes out at least once. It goes out twice where a process dies after it was taken and
    before that was noted; both carry the same key.
    """

    def __init__(
        self,
        database: Database,
        vault: Vault,
        *,
        private_allowed: bool,
        email_url: str,
        now_us: Callable[[], int] = lambda: time.time_ns() // 1000,
    ) -> None:
        self._database = database
        self._vault = vault
        self._private_allowed = private_allowed
        self._email_url = email_url
        self._now_us = now_us
        self._children = asyncio.Semaphore(MOST_CHILDREN)

    async def work(self) -> None:
        """Sends all that is due."""
        while True:
            found = await claim(self._database, self._vault, self._now_us(), LEASE_US)
            await asyncio.gather(*map(self._deliver, found))
            if len(found) < AT_ONCE:
                return

    async def try_channel(
        self, project_id: ProjectId, channel: Channel, config: ChannelConfig
    ) -> Sent:
        """Sends a test through a channel at once, and returns what it came to."""
        now_us = self._now_us()
        alert = trial_alert(project_id, channel.name, now_us)
        key = f"test/{channel.id}/{now_us}"
        return await self._send(Due("", 1, key, channel.kind, config, alert))

    async def _deliver(self, due: Due) -> None:
        sent = await self._send(due)
        now_us = self._now_us()
        retry_us = None
        if sent.error and not sent.lasting and due.attempt < MOST_ATTEMPTS:
            retry_us = now_us + int(pause_s(due.attempt) * 1_000_000)
        if sent.error:
            log.warning("alert not taken", message_id=due.id, status=sent.status, kind=due.kind)
        await settle(self._database, due, sent, now_us, retry_us)

    async def _send(self, due: Due) -> Sent:
        try:
            if due.kind in ("email", "apprise"):
                return await self._send_by_apprise(due)
            async with asyncio.timeout(TIMEOUT_S):
                return await self._post(post_of(due))
        except TargetRefused as refused:
            return Sent(None, str(refused), lasting=True)
        except TimeoutError:
            return Sent(None, f"no answer within {TIMEOUT_S:g} s")
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            return Sent(None, f"{type(error).__name__}: {error}")

    async def _post(self, post: Post) -> Sent:
        """Posts to the address that was checked. A redirect is not followed: it is no 2xx."""
        url = httpx.URL(post.url)
        port = url.port or (443 if url.scheme == "https" else 80)
        address = await resolve(url.host, port, private_allowed=self._private_allowed)
        headers = {**post.headers, "Host": url.netloc.decode(), "Accept-Encoding": "identity"}
        # The certificate is asked for the name, not for the address.
        name = {"sni_hostname": url.host}
        async with (
            httpx.AsyncClient(trust_env=False, timeout=TIMEOUT_S) as client,
            client.stream(
                "POST",
                url.copy_with(host=address),
                content=post.body,
                headers=headers,
                extensions=name,
            ) as answer,
        ):
            if answer.is_success:
                return Sent(answer.status_code)
            body = b""
            async for part in answer.aiter_raw():
                body += part
                if len(body) >= MOST_ANSWER_BYTES:
                    break
        status = answer.status_code
        text = body[:MOST_ANSWER_BYTES].decode(errors="replace").replace("\0", "")
        lasting = status < 500 and status not in AGAIN
        return Sent(status, f"HTTP {status}: {text}", lasting)

    async def _send_by_apprise(self, due: Due) -> Sent:
        url, private_allowed = due.config.url, self._private_allowed
        if due.kind == "email":
            if not self._email_url:
                error = "this installation sends no email: SLUICE_ALERT_EMAIL_URL is not set"
                return Sent(None, error, lasting=True)
            # The operator's own server: it may well be in the own network.
            url, private_allowed = email_url(self._email_url, due.config.recipients), True
        job = Job(url, due.alert.subject, due.alert.text, private_allowed)
        async with self._children, asyncio.timeout(TIMEOUT_S):
            return Sent(None, await _run_child(job))


def pause_s(attempt: int) -> float:
    """Returns how long to wait after an attempt: longer each time, and not all at one moment."""
    pause = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * GROWTH ** (attempt - 1))
    return pause * random.uniform(1 - JITTER, 1 + JITTER)


def email_url(server: str, recipients: tuple[str, ...]) -> str:
    """Returns the URL by which Apprise sends to these recipients through a server."""
    joined = "&" if urlsplit(server).query else "?"
    return f"{server}{joined}to={quote(','.join(recipients))}"


async def _run_child(job: Job) -> str:
    """Has a child send, and returns its error."""
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "alerts.apprise_child",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={},
    )
    try:
        said, _ = await child.communicate(msgspec.json.encode(job))
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    if child.returncode:
        return f"Apprise ended with code {child.returncode}"
    return said.decode(errors="replace")
