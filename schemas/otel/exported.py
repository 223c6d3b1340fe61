"""What exports are answered in JSON, for the description of the API."""

from msgspec import Struct


class RejectedSpans(Struct, rename="camel"):
    """How many spans were not taken, and why. Do not send them again."""

    rejected_spans: int
    error_message: str


class RejectedRecords(Struct, rename="camel"):
    """How many log records were not taken, and why. Do not send them again."""

    rejected_log_records: int
    error_message: str


class RejectedPoints(Struct, rename="camel"):
    """How many data points were not taken, and why. Do not send them again."""

    rejected_data_points: int
    error_message: str


class ExportedTraces(Struct, rename="camel", omit_defaults=True):
    """The spans are durable."""

    partial_success: RejectedSpans | None = None


class ExportedLogs(Struct, rename="camel", omit_defaults=True):
    """The log records are durable."""

    partial_success: RejectedRecords | None = None


class ExportedMetrics(Struct, rename="camel", omit_defaults=True):
    """The metrics are durable."""

    partial_success: RejectedPoints | None = None
