"""Tells which URLs Apprise knows, in a process of its own: `python -m alerts.apprise_check`.

Apprise takes 60 MB, which the server does not spend. Reads a JSON list of URLs, and writes one of
booleans. It reaches out to nobody.
"""

import sys

import msgspec

from alerts.apprise_child import without_files


def known(urls: list[str]) -> list[bool]:
    """Returns of each URL whether Apprise could send to it."""
    import apprise

    without_files()
    asset = apprise.AppriseAsset(secure_logging=True, async_mode=False)
    found = [apprise.Apprise.instantiate(url, asset=asset) for url in urls]
    return [one is not None for one in found]


if __name__ == "__main__":
    given = msgspec.json.decode(sys.stdin.buffer.read(), type=list[str])
    sys.stdout.buffer.write(msgspec.json.encode(known(given)))
