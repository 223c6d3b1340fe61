"""What a user of the store needs to see some projects alone, as statements for a ClickHouse server.

`sluice warehouse` has users of its own: `clickhouse.served.users` binds them to the same tables.
"""

import hashlib
import re
from collections.abc import Sequence

from schemas.projects import ProjectId

TABLES = (
    "asked_keys",
    "attachments",
    "bill_changes",
    "bill_marks",
    "bill_queue",
    "check_days",
    "check_ins",
    "checks",
    "cost_changes",
    "deploy_lines",
    "deployments",
    "error_hours",
    "errors",
    "experiment_calls",
    "feedback",
    "key_days",
    "logs",
    "messages",
    "otel_metrics",
    "otel_peer_hours",
    "otel_points",
    "otel_service_hours",
    "otel_spans",
    "otel_traces",
    "outcomes",
    "projects",
    "prompt_templates",
    "scores",
    "session_sums",
    "session_updates",
    "span_marks",
    "spans",
    "spans_hourly",
    "streamed_span_sums",
    "streamed_spans",
    "thinned_traces",
    "trace_sums",
    "traces",
    "transaction_days",
    "transaction_hours",
    "transaction_spans",
    "transactions",
    "uptime_days",
)
"""Every table that has rows of projects; each has a column `project_id`."""
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,62}")
BOUNDS = (
    "readonly = 2",
    "max_execution_time = 30 MIN 1 MAX 60",
    "max_memory_usage = 2000000000 MIN 1 MAX 2000000000",
    "max_rows_to_read = 500000000 MIN 1 MAX 500000000",
    "max_result_rows = 1000000 MIN 1 MAX 1000000",
)
"""As Grafana's own user has them in deploy/clickhouse/users.xml. `readonly = 2`: the data source
sets how answers are formatted; the user still changes nothing. There are least values, because 0 is
no bound."""


class BadName(ValueError):
    """Raised when a name cannot be that of a user: it stands in statements."""


def grant_statements(name: str, password: str, projects: Sequence[ProjectId]) -> list[str]:
    """Returns what makes the user, or makes it as it is said now. Raises `BadName`.

    The password is in none of them: only its digest.
    """
    if not NAME.fullmatch(name):
        raise BadName(
            f"{name!r} cannot be a user: it begins with one of a to z, then come digits, - and _"
            " too, 63 in all"
        )
    digest = hashlib.sha256(password.encode()).hexdigest()
    ids = ", ".join(f"'{project_id}'" for project_id in projects)
    policies = ", ".join(f"`{name}` ON default.{table}" for table in TABLES)
    return [
        f"CREATE USER OR REPLACE `{name}` IDENTIFIED WITH sha256_hash BY '{digest}'"
        f" SETTINGS {', '.join(BOUNDS)}",
        f"CREATE ROW POLICY OR REPLACE {policies}"
        f" FOR SELECT USING project_id IN ({ids}) TO `{name}`",
        # Last: who stops in between leaves a user that sees nothing.
        *(f"GRANT SELECT ON default.{table} TO `{name}`" for table in TABLES),
    ]
