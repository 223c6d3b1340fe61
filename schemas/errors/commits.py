"""What a commit's message says that it repairs, and how a project is called there.

The words are Sentry's (`fixes SHOP-12`), and so is the form: the project's name, and the number of
the issue. A bare `#12` is a number of the code host, and says nothing here.
"""

import re
from collections.abc import Iterable

from schemas.errors.releases import Commit

FIXES = re.compile(
    r"\b(?:fix|fixes|fixed|close|closes|closed|resolve|resolves|resolved)\b:?\s+"
    r"((?:[\w-]{1,60}-\d{1,9})(?:\s*(?:,|\band\b|&)\s*[\w-]{1,60}-\d{1,9}){0,20})",
    re.IGNORECASE,
)
NAMED = re.compile(r"([\w-]{1,60})-(\d{1,9})(?![\w-])")
MAX_SLUG_CHARS = 60


def slug_of(name: str) -> str:
    """Returns the name of a project as addresses and commits have it: `Web shop` is `web-shop`."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:MAX_SLUG_CHARS]


def fixed_in(commits: Iterable[Commit], slug: str) -> dict[int, str]:
    """Returns the numbers of issues that commits say they repair, each with its commit."""
    found: dict[int, str] = {}
    for commit in commits:
        for group in FIXES.finditer(commit.message):
            for project, number in NAMED.findall(group[1]):
                if slug and project.lower() == slug:
                    found.setdefault(int(number), commit.sha)
    return found
