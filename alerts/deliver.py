"""Delivers the messages of the outbox, and tries again what was not taken."""

import asyncio
import time
from collections.abc import Callable
from urllib.parse import quote, urlsplit

import httpx
import msgspec
import structlog

from alerts.apprise_child import Job
from alerts.bodies import post_of
from alerts.children import run_child
from alerts.hiding import without_secrets
from alerts.plans import PLANS
from alerts.targets import resolve
from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.outbox import claim, settle
from schemas import metrics
from schemas.addresses import TargetRefused
from schemas.channels import ChannelConfig, ChannelKind
from schemas.messages import Due, Message, Sent, Source

TIMEOUT_S = 10.0
MOST_AT_ONCE = 10
"""Messages on their way in this process: who does not answer keeps few others waiting."""
MOST_CHILDREN = 2
"""Of Apprise: each takes 60 MB."""
LEASE_US = 60_000_000
"""Longer than all that is on its way at once may take; who died is waited for that long."""
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
        pagerduty_url: str,
        now_us: Callable[[], int] = lambda: time.time_ns() // 1000,
    ) -> None:
        self._database = database
        self._vault = vault
        self._private_allowed = private_allowed
        self._email_url = email_url
        self._pagerduty_url = pagerduty_url
        self._now_us = now_us
        self._children = asyncio.Semaphore(MOST_CHILDREN)
        self._running: dict[asyncio.Task[None], str] = {}
        """Each with its project."""

    async def begin(self) -> int:
        """Begins to send what is due, and returns how many messages; it waits for no receiver."""
        limit = MOST_AT_ONCE - len(self._running)
        if limit <= 0:
            return 0
        found = await claim(
            self._database,
            self._vault,
            self._now_us(),
            lease_us=LEASE_US,
            limit=limit,
            busy=set(self._running.values()),
        )
        for due in found:
            task = asyncio.create_task(self._deliver(due))
            self._running[task] = due.project_id
            task.add_done_callback(self._ended)
        return len(found)

    async def work(self) -> None:
        """Sends all that is due, and waits for what it comes to."""
        while await self.begin() or self._running:
            await asyncio.gather(*self._running)

    async def close(self) -> None:
        """Breaks off what is being sent; it is sent again when its lease has ended."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def send_now(
        self,
        kind: ChannelKind,
        config: ChannelConfig,
        message: Message,
        key: str,
        source: Source = "uptime",
    ) -> Sent:
        """Sends a message that is in no outbox, once, and returns what it came to."""
        return await self._send(Due("", 1, source, key, kind, config, message))

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.pop(task, None)
        if not task.cancelled() and (bug := task.exception()) is not None:
            log.error("a message could not be handled, will try again", exc_info=bug)

    async def _deliver(self, due: Due) -> None:
        sent = await self._send(due)
        now_us = self._now_us()
        plan = PLANS[due.source]
        gives_up = sent.lasting and not (due.source == "webhook" and sent.status)
        pause_s = None if gives_up else plan.pause_s(due.attempt)
        after = plan.ends if pause_s is None else now_us + int(pause_s * 1_000_000)
        outcome = "given_up" if pause_s is None else "retried"
        metrics.MESSAGE_ATTEMPTS.labels(due.source, outcome if sent.error else "delivered").inc()
        if sent.error:
            log.warning("alert not taken", message_id=due.id, status=sent.status, kind=due.kind)
        await settle(self._database, due, sent, now_us, after)

    async def _send(self, due: Due) -> Sent:
        sent = await self._attempt(due)
        return sent._replace(error=without_secrets(sent.error, due.config))

    async def _attempt(self, due: Due) -> Sent:
        try:
            if due.kind in ("email", "apprise"):
                return await self._send_by_apprise(due)
            async with asyncio.timeout(TIMEOUT_S):
                return await self._post(due)
        except TargetRefused as refused:
            return Sent(None, str(refused), lasting=True)
        except TimeoutError:
            return Sent(None, f"no answer within {TIMEOUT_S:g} s")
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            return Sent(None, f"{type(error).__name__}: {error}")

    async def _post(self, due: Due) -> Sent:
        """Posts to the address that was checked. A redirect is not followed: it is no 2xx."""
        post = post_of(due, self._pagerduty_url)
        # The operator alone says where PagerDuty is: that may be in the own network.
        allowed = self._private_allowed or due.kind == "pagerduty"
        url = httpx.URL(post.url)
        port = url.port or (443 if url.scheme == "https" else 80)
        address = await resolve(url.host, port, private_allowed=allowed)
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
            url = email_url(self._email_url, due.config.recipients, due.message.unsubscribe_url)
            private_allowed = True
        message = due.message
        sort = "failure" if message.tone == "bad" else "success"
        job = Job(url, message.subject, message.text, sort, private_allowed)
        async with self._children, asyncio.timeout(TIMEOUT_S):
            said = await run_child("alerts.apprise_child", msgspec.json.encode(job))
        return Sent(None, said.decode(errors="replace"))


def email_url(server: str, recipients: tuple[str, ...], unsubscribe_url: str = "") -> str:
    """Returns the URL by which Apprise sends to these recipients through a server."""
    joined = "&" if urlsplit(server).query else "?"
    url = f"{server}{joined}to={quote(','.join(recipients))}"
    if not unsubscribe_url:
        return url
    leave = quote(f"<{unsubscribe_url}>", safe="")
    # What begins with a plus is a header of the email.
    return f"{url}&+List-Unsubscribe={leave}&+List-Unsubscribe-Post=List-Unsubscribe%3DOne-Click"
