"""What a job may say of a run by a plain request, without an envelope."""

from typing import Annotated, Any

from msgspec import Meta, Struct


class CronParameters(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """In the URL."""

    status: Annotated[
        str, Meta(description="`in_progress`, `ok` or `error`.", examples=["in_progress"])
    ]
    check_in_id: (
        Annotated[
            str,
            Meta(
                description="Id of the run, a UUID: what is said under one id is one run.",
                examples=["3888f8a20f3b4b4c8d3b5b1e2a6f7c91"],
            ),
        ]
        | None
    ) = None
    environment: (
        Annotated[str, Meta(description="Where the job ran.", examples=["staging"])] | None
    ) = None
    duration: (
        Annotated[float, Meta(description="How long it took, in seconds.", examples=[12.5])] | None
    ) = None


class CronBody(CronParameters, frozen=True, kw_only=True, omit_defaults=True):
    """As JSON, which can say more."""

    release: str | None = None
    monitor_config: dict[str, Any] | None = None
    """The schedule of the job."""
    contexts: dict[str, Any] | None = None
