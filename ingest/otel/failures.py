"""What keeps a request of OTLP from being taken, as its sender is told; of HTTP and of gRPC."""

from collections.abc import Mapping

from controlplane import failures
from controlplane.failures import ControlPlaneError, RetryLater
from ingest.app import STATUS
from ingest.otel.answers import Failure
from ingest.rejections import Later, Overloaded, Rejected

FAILED: Mapping[type[ControlPlaneError], int] = {
    failures.BadRequest: 400,
    failures.Unauthorized: 401,
    failures.Forbidden: 403,
    failures.TooManyRequests: 429,
    failures.Unavailable: 503,
}
_ONE = {"traces": "span", "logs": "log record", "metrics": "metric"}
"""As Pulse's server says that it could not take one."""


def of_rejection(rejected: Rejected, signal: str) -> Failure:
    """Returns what a rejection says to the sender of this signal."""
    details = getattr(rejected, "details", None)
    message = "; ".join(one.message for one in details or ()) or rejected.message
    error = rejected.message
    if isinstance(rejected, Overloaded):
        error = f"Failed to enqueue {_ONE[signal]}"
    retry_after_s = rejected.retry_after_s if isinstance(rejected, Later) else None
    return Failure(STATUS[type(rejected)], message, error, retry_after_s)


def of_control_plane(error: ControlPlaneError) -> Failure:
    """Returns what a refusal of the control plane says."""
    retry_after_s = error.retry_after_s if isinstance(error, RetryLater) else None
    return Failure(FAILED.get(type(error), 500), error.message, error.message, retry_after_s)
