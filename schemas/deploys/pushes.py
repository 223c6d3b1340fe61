"""What git servers tell of pushes: signatures, and bodies of GitHub, GitLab and Gitea. Pure.

GitHub, "Webhook events and payloads"; GitLab, "Webhook events"; Gitea, "Webhooks". Forgejo sends
what Gitea does.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple
from urllib.parse import parse_qs

import msgspec

from schemas.deploys.states import Provider

BRANCH = "refs/heads/"
NO_COMMIT = re.compile(r"0{40}|0{64}")
COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
MAX_ENVIRONMENT_CHARS = 100
TAKEN = re.compile(r"production|pr-\d+|branch-.*", re.DOTALL)
"""Environments that no branch has under its own name."""
EVENTS: Mapping[Provider, str] = {
    "github": "x-github-event",
    "gitlab": "x-gitlab-event",
    "gitea": "x-gitea-event",
}
DELIVERIES: Mapping[Provider, tuple[str, ...]] = {
    "github": ("x-github-delivery",),
    "gitlab": ("x-gitlab-event-uuid", "x-gitlab-webhook-uuid", "idempotency-key"),
    "gitea": ("x-gitea-delivery",),
}
OPENS = ("opened", "reopened", "synchronize", "synchronized", "open", "reopen", "update")
CLOSES = ("closed", "close", "merge")
Sort = Literal["push", "request"]


class Told(NamedTuple):
    """That a branch, or what somebody asks to be merged, is at a commit, or is gone."""

    sort: Sort
    branch: str
    commit_sha: str
    """Empty where it is gone."""
    commit_msg: str = ""
    number: int = 0
    """Of a pull or merge request."""

    @property
    def is_gone(self) -> bool:
        """Whether its preview ends."""
        return not self.commit_sha

    @property
    def environment(self) -> str:
        """The preview that it has, if it has one: a request has that of its branch."""
        return preview_of(self.branch)

    @property
    def ending(self) -> tuple[str, ...]:
        """The previews that end with it; a request may have one that was named after its number."""
        return (self.environment, *([f"pr-{self.number}"] if self.sort == "request" else ()))


def is_signed(provider: Provider, headers: Mapping[str, str], body: bytes, secret: str) -> bool:
    """Tells whether a body comes from who knows the secret; takes the same time for any that fails.

    `headers` have names in lower case.
    """
    if provider == "gitlab":
        # GitLab sends the secret as it is: with TLS alone nobody reads it on the way.
        given = headers.get("x-gitlab-token", "")
        return hmac.compare_digest(given.encode(), secret.encode())
    expected = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    given = headers.get("x-hub-signature-256", "").removeprefix("sha256=")
    if provider == "gitea":
        given = headers.get("x-gitea-signature", "") or given
    return hmac.compare_digest(given.encode(), expected.encode())


def delivery_of(provider: Provider, headers: Mapping[str, str]) -> str:
    """Returns what names a message, the same when it is sent again; empty where nothing does."""
    return next((headers[name] for name in DELIVERIES[provider] if headers.get(name)), "")


def preview_of(branch: str) -> str:
    """Returns the environment of a branch: each has its own, whatever its name is."""
    name = f"branch-{branch}" if TAKEN.fullmatch(branch) else branch
    if len(name) <= MAX_ENVIRONMENT_CHARS:
        return name
    told_by = hashlib.sha256(branch.encode()).hexdigest()[:12]
    return f"{name[: MAX_ENVIRONMENT_CHARS - 13]}-{told_by}"


def read_told(provider: Provider, headers: Mapping[str, str], body: bytes) -> Told | None:
    """Returns what a message tells; `None` where it is nothing that is deployed.

    Raises `ValueError` for a body that is none of its provider's.
    """
    event = headers.get(EVENTS[provider], "").lower()
    found = _json(headers, body)
    if provider == "gitlab":
        kind = _text(found, "object_kind")
        if kind == "push":
            return _push(found)
        return _merge_request(found) if kind == "merge_request" else None
    if event == "push":
        return _push(found)
    if event == "pull_request":
        return _pull_request(found)
    if event == "delete" and provider == "gitea" and _text(found, "ref_type") == "branch":
        return Told("push", _text(found, "ref").removeprefix(BRANCH), "")
    return None


def is_to_production(told: Told, branch: str) -> bool:
    """Tells whether something is deployed to production, whose branch this is."""
    return told.sort == "push" and told.branch == branch and not told.is_gone


def _push(found: Mapping[str, Any]) -> Told | None:
    ref, after = _text(found, "ref"), _text(found, "after").lower()
    if not ref.startswith(BRANCH):
        return None  # a tag
    branch = ref.removeprefix(BRANCH)
    if found.get("deleted") is True or NO_COMMIT.fullmatch(after):
        return Told("push", branch, "")
    head = found.get("head_commit")
    commits = found.get("commits")
    if not isinstance(head, dict) and isinstance(commits, list):
        ours = [one for one in commits if isinstance(one, dict) and one.get("id") == after]
        head = ours[0] if ours else None
    return Told("push", branch, _commit(after), _message(head))


def _pull_request(found: Mapping[str, Any]) -> Told | None:
    request = _object(found, "pull_request")
    head, base = _object(request, "head"), _object(request, "base")
    # Anybody may ask for a pull from a repository of their own: their code is not run here.
    if _object(head, "repo").get("id") != _object(base, "repo").get("id"):
        return None
    number = found.get("number")
    action = _text(found, "action")
    sha = _text(head, "sha").lower()
    return _request(action, number, (_text(head, "ref"), sha, _text(request, "title")))


def _merge_request(found: Mapping[str, Any]) -> Told | None:
    request = _object(found, "object_attributes")
    if request.get("source_project_id") != request.get("target_project_id"):
        return None
    last = _object(request, "last_commit")
    branch, sha = _text(request, "source_branch"), _text(last, "id").lower()
    number, action = request.get("iid"), _text(request, "action")
    return _request(action, number, (branch, sha, _text(last, "message")))


def _request(action: str, number: Any, of: tuple[str, str, str]) -> Told | None:
    branch, sha, message = of
    if not isinstance(number, int) or isinstance(number, bool) or not 0 < number < 10**9:
        raise ValueError("expected the number of the request")
    if action in CLOSES:
        return Told("request", branch, "", number=number)
    if action not in OPENS:
        return None
    return Told("request", branch, _commit(sha), message[:500], number)


def _json(headers: Mapping[str, str], body: bytes) -> Mapping[str, Any]:
    if headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        # GitHub's older form: the JSON is in a field.
        fields = parse_qs(body.decode("utf-8", "replace"), max_num_fields=10)
        body = fields.get("payload", [""])[0].encode()
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ValueError("expected a JSON object") from None
    if not isinstance(found, dict):
        raise ValueError("expected a JSON object")
    return found


def _commit(sha: str) -> str:
    if COMMIT.fullmatch(sha) is None:
        raise ValueError("expected the hash of a commit")
    return sha


def _message(commit: Any) -> str:
    text = commit.get("message") if isinstance(commit, dict) else ""
    return text.replace("\0", "")[:500] if isinstance(text, str) else ""


def _text(found: Mapping[str, Any], name: str) -> str:
    value = found.get(name)
    return value.replace("\0", "") if isinstance(value, str) else ""


def _object(found: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = found.get(name)
    return value if isinstance(value, dict) else {}
