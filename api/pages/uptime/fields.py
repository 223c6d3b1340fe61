"""The fields of a monitor's form: which there are for which type, and what each is called."""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from schemas.uptime.targets import MONITOR_TYPES, MonitorType

Kind = Literal["text", "number", "decimal", "check", "choice", "lines"]
Group = Literal["", "answer", "advanced", "alerts"]
"""Where it stands: at the top, under "What counts as up", folded away, under "Who is told"."""
TYPES: Sequence[tuple[MonitorType, str, str]] = (
    ("http", "HTTP", "A page or an API answers as it should"),
    ("tcp", "TCP", "A port takes connections"),
    ("dns", "DNS", "A name has the records that it should"),
    ("tls", "TLS", "A certificate is good, and does not end soon"),
    ("domain", "Domain", "A registration does not end soon"),
    ("icmp", "Ping", "A host answers ICMP"),
    ("heartbeat", "Heartbeat", "A job says by itself that it ran"),
)
TYPE_TITLES: Mapping[str, str] = {name: title for name, title, _ in TYPES}
HOSTED = ("tcp", "dns", "tls", "domain", "icmp")
LOOKED_AT = tuple(one for one in MONITOR_TYPES if one != "heartbeat")
CERTIFIED = ("http", "tls", "domain")
QUORUMS = (("majority", "A majority of regions"), ("any", "Any region"), ("all", "All regions"))
METHODS = tuple((one, one) for one in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
RECORDS = tuple(
    (one, one) for one in ("A", "AAAA", "CNAME", "MX", "NS", "TXT", "SOA", "SRV", "CAA")
)
MATCHES = (
    ("contains", "Contains all of these"),
    ("equals", "Is exactly these"),
    ("subset", "Has none but these"),
)


class Field(NamedTuple):
    """One field of the form; its name is that of `MonitorConfig`."""

    name: str
    label: str
    kind: Kind = "text"
    types: Sequence[str] = MONITOR_TYPES
    help: str = ""
    group: Group = ""
    options: Sequence[tuple[str, str]] = ()
    is_required: bool = False


FIELDS: Sequence[Field] = (
    Field("name", "Name", help="As people know it.", is_required=True),
    Field("url", "URL", types=("http",), help="https://example.com/health", is_required=True),
    Field("host", "Host", types=HOSTED, help="A name or an address.", is_required=True),
    Field("port", "Port", "number", types=("tcp",), help="1 to 65535.", is_required=True),
    Field("port", "Port", "number", types=("tls",), help="0 is 443."),
    Field("record_type", "Record", "choice", types=("dns",), options=RECORDS),
    Field("interval_seconds", "Every, in seconds", "number", help="1 to 86400."),
    Field(
        *("cron", "Or by a crontab", "text", ("heartbeat",)),
        "When runs are due, in place of the seconds: 0 3 * * *. Empty: none.",
    ),
    Field("timezone", "Time zone of the crontab", "text", ("heartbeat",), "As Europe/Berlin."),
    Field(
        *("grace_seconds", "A run may be late, in seconds", "number", ("heartbeat",)),
        "After that it is missing.",
    ),
    Field(
        *("max_runtime_seconds", "A run may take, in seconds", "number", ("heartbeat",)),
        "Of one that has told of its start.",
        "advanced",
    ),
    Field(
        *("slug", "Slug", "text", ("heartbeat",)),
        "Check-ins of Sentry's SDKs with this name feed it: a-z, 0-9, - and _. Empty: none.",
        "advanced",
    ),
    Field(
        *("environment", "Environment", "text", ("heartbeat",)),
        "The check-ins of this one.",
        "advanced",
    ),
    Field(
        *("timeout_ms", "Timeout, in milliseconds", "number"),
        types=LOOKED_AT,
        help="100 to 120000; never more than 80 % of the interval.",
    ),
    Field("method", "Method", "choice", ("http",), group="answer", options=METHODS),
    Field(
        *("expected_status", "Expected status", "text", ("http",)),
        "200, 200-299, or several with commas between them. Empty is 200 to 399.",
        "answer",
    ),
    Field(
        *("assertions", "The answer must have", "lines", ("http",)),
        "One a line: body contains OK; json data.status equals up; header content-type contains"
        " json; json queue less_than 100; not body matches (?i)error.",
        "answer",
    ),
    Field(
        *("expected_value", "Expected values", "lines", ("dns",)),
        "One a line. Empty: any answer will do.",
        "answer",
    ),
    Field("expected_match", "The answer", "choice", ("dns",), "", "answer", MATCHES),
    Field(
        *("send", "Send", "text", ("tcp",)),
        r"Once the connection is made. \r and \n are the ends of lines.",
        "answer",
    ),
    Field("expect", "Expect", "text", ("tcp",), "A pattern that what comes back has.", "answer"),
    Field(
        *("degraded_after_ms", "Slow after, in milliseconds", "number", LOOKED_AT),
        "What takes longer is degraded. 0 is never.",
        "answer",
    ),
    Field(
        *("expiry_warning_days", "Warn of an end, days before", "number", CERTIFIED),
        "A certificate or domain that ends sooner is degraded: 0 to 365.",
        "answer",
    ),
    Field(
        *("sla_target_pct", "Promised uptime of a month, in percent", "decimal", MONITOR_TYPES),
        "0 to 100, to four decimals: what service levels are measured by.",
        "advanced",
    ),
    Field(
        *("headers", "Headers", "lines", ("http",)),
        "One a line: Name: value. Values are sealed; … stands for one that stays as it is.",
        "advanced",
    ),
    Field("body", "Body", "lines", ("http",), "Sent as it is.", "advanced"),
    Field("follow_redirects", "Follow redirects", "check", ("http",), "", "advanced"),
    Field("verify_tls", "The certificate must be good", "check", ("http",), "", "advanced"),
    Field(
        *("resolver", "Resolver", "text", ("dns",)),
        "An address, with a port if it is not 53. Empty is the system's.",
        "advanced",
    ),
    Field(
        *("failure_threshold", "Failures until it is down", "number", MONITOR_TYPES),
        "In a row: 1 to 20.",
        "advanced",
    ),
    Field(
        *("recovery_threshold", "Passes until it is up", "number", MONITOR_TYPES),
        "In a row: 1 to 20.",
        "advanced",
    ),
    Field(
        *("retry_interval_seconds", "Look again after a failure, in seconds", "number", LOOKED_AT),
        "0 is the lesser of 10 s and the interval; up to 3600.",
        "advanced",
    ),
    Field(
        *("regions", "Regions", "lines", LOOKED_AT),
        "Names of probers, one a line.",
        "advanced",
    ),
    Field(
        *("quorum", "Down when", "choice", LOOKED_AT),
        "Of the regions that know a state.",
        "advanced",
        QUORUMS,
    ),
    Field(
        *("notifications", "Notifications", "lines", MONITOR_TYPES),
        "One a line: mailto:ann@example.com, slack://…, any URL of Apprise, https://… for a"
        " webhook, pagerduty://KEY, channel:NAME. They are sealed: slack://…#1 stands for the"
        " first one, which stays as it is.",
        "alerts",
    ),
    Field(
        *("latency_alerts", "Tell when checks take unusually long", "check", LOOKED_AT),
        group="alerts",
    ),
    Field(
        *("escalation_policy", "Escalation policy", "text", MONITOR_TYPES),
        "Its name. Empty: none.",
        "alerts",
    ),
)


def fields_of(type: str) -> list[Field]:
    """Returns the fields that monitors of a type have, in their order."""
    return [field for field in FIELDS if type in field.types]
