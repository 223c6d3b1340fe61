"""Chromium, as the system has it: what pages are opened in."""

import shutil

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def program() -> str | None:
    """Return the path of the browser, `None` where there is none."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def why_not() -> str | None:
    """Return why no page can be opened, `None` where one can."""
    if program() is None:
        return f"there is no {' or '.join(NAMES[:2])} in PATH (on Debian: apt install chromium)"
    return None
