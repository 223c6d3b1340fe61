"""Sends one message through Apprise, in a process of its own: `python -m alerts.apprise_child`.

Apprise reaches out in many ways, so its process may connect to nothing but what `schemas.addresses`
allows, whatever a name means or a redirect says, and may start no program. A URL may name a file
as a template or a key: those of this machine are not read. Its memory, and a service that never
answers, end with the process. Reads a JSON object, writes an error or nothing.
"""

import sys
from typing import Any

import msgspec

from schemas.addresses import TargetRefused, check_address

CONNECTS = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})
STARTS = frozenset({"subprocess.Popen", "os.exec", "os.posix_spawn", "os.system", "os.fork"})
LOGS = frozenset({"syslog.openlog", "syslog.syslog"})
INET_ADDRESS_PARTS = (2, 4)


class Job(msgspec.Struct):
    """What the child is to do."""

    url: str
    title: str
    body: str
    sort: str
    """`failure` or `success`: services show it by colour or sign."""
    private_allowed: bool


def guard(job: Job) -> None:
    """Refuses connections from now on, for this process and until it ends."""

    def check(event: str, arguments: tuple[Any, ...]) -> None:
        if event in STARTS:
            raise TargetRefused("programs of this machine are not started")
        if event in LOGS:
            raise TargetRefused("the log of this machine is not written to")
        # A socket that is connected already sends without naming an address.
        if event in CONNECTS and arguments[1] is not None:
            address = arguments[1]
            if not isinstance(address, tuple) or len(address) not in INET_ADDRESS_PARTS:
                raise TargetRefused("sockets of this machine are not spoken to")
            check_address(str(address[0]), private_allowed=job.private_allowed)

    sys.addaudithook(check)


def without_files() -> None:
    """Has Apprise know no files of this machine from now on, in this process."""
    from apprise.manager_attachment import AttachmentManager

    AttachmentManager().remove("file")


def send(job: Job) -> str:
    """Sends, and returns an error, empty for none."""
    import apprise

    without_files()
    apprise_asset = apprise.AppriseAsset(secure_logging=True, async_mode=False)
    target = apprise.Apprise.instantiate(job.url, asset=apprise_asset, suppress_exceptions=True)
    if target is None:
        return "Apprise does not know this URL"
    guard(job)
    # Names and titles are texts of senders: where a service takes HTML, they are escaped.
    sort, plain = apprise.NotifyType(job.sort), apprise.NotifyFormat.TEXT
    with apprise.LogCapture(level=apprise.logging.WARNING) as logged:
        taken = target.notify(body=job.body, title=job.title, notify_type=sort, body_format=plain)
        text = logged.getvalue()
    return "" if taken else f"Apprise could not send it: {text.strip() or 'no reason given'}"


if __name__ == "__main__":
    try:
        error = send(msgspec.json.decode(sys.stdin.buffer.read(), type=Job))
    except TargetRefused as refused:
        error = str(refused)
    sys.stdout.write(error[:4000])
