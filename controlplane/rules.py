"""What a name, an email, a password and an id must look like."""

from functools import lru_cache
from uuid import UUID

from controlplane.failures import BadRequest
from controlplane.models import MAX_EMAIL_CHARS, MAX_NAME_CHARS
from schemas.projects import ProjectId

MIN_PASSWORD_CHARS = 8
# Hashing cost grows with the length; better-auth draws the line at the same place.
MAX_PASSWORD_CHARS = 128
EXPECTED = {
    "Invalid email": "expected such as ann@example.com",
    "Password too short": f"expected at least {MIN_PASSWORD_CHARS} characters",
    "Password too long": f"expected at most {MAX_PASSWORD_CHARS} characters",
}
"""The rules behind what the clients of Pulse know word for word."""


def cleaned_email(text: str) -> str:
    """Trim and lower an email; raises `BadRequest` when it cannot be one."""
    email = text.strip().lower()
    local, at, domain = email.rpartition("@")
    broken = not (local and at and domain) or any(sign.isspace() for sign in email)
    if broken or "\0" in email or len(email) > MAX_EMAIL_CHARS:
        raise BadRequest("Invalid email")
    return email


def cleaned_name(text: str, what: str) -> str:
    """Trim a name; raises `BadRequest`, naming `what`, when it is empty or too long."""
    name = text.strip()
    if not name:
        raise BadRequest(f"{what} cannot be empty")
    if len(name) > MAX_NAME_CHARS or "\0" in name:  # PostgreSQL stores no NUL
        raise BadRequest(f"{what} is not a text of at most {MAX_NAME_CHARS} characters")
    return name


def refuse_bad_password(password: str) -> None:
    """Raise `BadRequest` when a new password is too short or too long."""
    if len(password) < MIN_PASSWORD_CHARS:
        raise BadRequest("Password too short")
    if len(password) > MAX_PASSWORD_CHARS:
        raise BadRequest("Password too long")


def explained(message: str) -> str:
    """Returns a message with the rule that it does not tell, for people at a terminal."""
    return f"{message}: {EXPECTED[message]}" if message in EXPECTED else message


def as_uuid(text: str) -> UUID | None:
    """Read an id from outside, `None` when it cannot be one."""
    try:
        return UUID(text)
    except ValueError:
        return None


@lru_cache(4_096)
def uuid_of(project_id: ProjectId) -> UUID:
    """Read the id of a project, which all events of a block may have: always the same object.

    Raises `ValueError` for what is none.
    """
    return UUID(project_id)
