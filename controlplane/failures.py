"""What the control plane refuses, and why; no HTTP here: api/app.py gives each class its code.

ControlPlaneError
├── BadRequest              the caller's input breaks a rule
│   └── BadSeed             a setting of the first start does
├── Unauthorized            nobody is known behind the credential
│   └── InvalidCredentials  wrong email or password
├── Forbidden               known, but not allowed
│   └── CrossSite           a write that a page of another site sends
├── NotFound                the named thing does not exist for this caller
├── Conflict                the thing exists already, must stay, or would be one too many
├── NotOwner                another process owns the partition now
└── RetryLater              fine, but not now
    ├── TooManyRequests     the caller asked too often
    └── Unavailable         the store does not answer
"""


class ControlPlaneError(Exception):
    """Any refusal of the control plane; `message` is written for the caller and holds no secret."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class BadRequest(ControlPlaneError):
    """Raised when a field is missing, malformed or out of range."""


class BadSeed(BadRequest):
    """Raised when a setting `SLUICE_INIT_*` cannot fill an empty installation."""


class Unauthorized(ControlPlaneError):
    """Raised when a credential is missing, malformed, unknown or expired."""


class InvalidCredentials(Unauthorized):
    """Raised when email and password do not belong together, whichever of them is wrong."""


class Forbidden(ControlPlaneError):
    """Raised when the caller is known but lacks the role, the membership or the right origin."""


class CrossSite(Forbidden):
    """Raised when a browser says that a write comes from the page of another site."""


class NotFound(ControlPlaneError):
    """Raised when the named key, project or user does not exist where the caller may look."""


class Conflict(ControlPlaneError):
    """Raised when a thing exists already, a last admin would go, or a quota would be exceeded."""


class NotOwner(ControlPlaneError):
    """Raised when a worker writes the progress of a partition that another has claimed since."""


class RetryLater(ControlPlaneError):
    """A refusal that ends by itself; `retry_after_s` is a whole number of seconds, at least 1."""

    def __init__(self, message: str, *, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = max(1, retry_after_s)


class TooManyRequests(RetryLater):
    """Raised when one address or one email made too many attempts of a kind."""


class Unavailable(RetryLater):
    """Raised when the database is locked, full, away or silent.

    Nothing was changed, unless the answer to the commit was lost: then all of it was.
    """
