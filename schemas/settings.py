"""Every setting of Sluice, with its default and its meaning; `docs/settings.md` repeats them.

Each is an environment variable: `SLUICE_` and the field's name in capitals. How these are read:
`schemas.settings_reading`.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

PREFIX = "SLUICE_"
FOREVER_DAYS = 1_000_000
"""Older than the oldest row can be."""
LEAST_MEMORY_BYTES = 256 << 20
"""With less, the embedded engine answers no query."""
SECRETS = frozenset(
    {
        "secret",
        "other_secrets",
        *("init_api_key", "init_api_token", "init_monitor_key", "init_user_password"),
        "database_url",
        "warehouse_url",
        "warehouse_users",
        "kafka_sasl_password",
        "metrics_token",
        "mcp_token",
        "prober_token",
        "alert_email_url",
        *("export_token", "api_key"),
        "export_s3_secret_key",
        "judge_key",
    }
)

Port = Annotated[int, Meta(ge=1, le=65535)]
Positive = Annotated[int, Meta(ge=1)]
Count = Annotated[int, Meta(ge=0)]
NO_REGION = "none"
"""In place of a region: this process looks at nothing. An empty variable counts as not set."""


class SettingsError(Exception):
    """Raised when a setting is unknown or breaks its rule; the message names it."""


class Settings(Struct, frozen=True, kw_only=True):
    """Read once, at start, and passed down as plain arguments."""

    host: str = "127.0.0.1"
    """Address to listen on. `0.0.0.0` listens on every interface."""
    port: Port = 8080
    """Port to listen on."""
    edge_processes: Annotated[int, Meta(ge=0, le=64)] | None = None
    """Processes beside `sluice up` that accept, check and frame for it; on Linux alone. 0: it does
    so itself. Empty: none with fewer than 4 usable cores, 2 with 4, 3 with more."""
    otlp_grpc_port: Annotated[int, Meta(ge=0, le=65535)] = 0
    """Port for OTLP over gRPC, at the same address; 4317 is usual. It needs the extra `grpc`. 0: it
    is not taken."""
    data_dir: str = "~/.sluice"
    """Directory that holds the log, the store, the control plane and the secret, where no server is
    named for them."""
    database_url: str = ""
    """Control plane: empty for SQLite in the data directory, or `postgresql://…`."""
    warehouse_url: str = ""
    """Store: empty for chDB in the data directory, or `http(s)://…` of a ClickHouse server."""
    warehouse_ca_file: str = ""
    """File with the certificate authorities (PEM) that are trusted for that server. Empty: those of
    the system."""
    warehouse_cert_file: str = ""
    """File with the client certificate (PEM) that this process shows to that server."""
    warehouse_key_file: str = ""
    """File with the private key of the client certificate, if it is not in the same file."""
    warehouse_replicated: bool = False
    """Whether `sluice migrate` makes replicated tables, on a cluster of ClickHouse servers."""
    secret: str = ""
    """Key for sealed API keys and signed cookies, at least 32 characters. Empty: made at first
    start and kept in the data directory."""
    other_secrets: str = ""
    """Secrets, comma-separated, that open what they sealed too: those of before, or of after, a
    change of `SLUICE_SECRET`."""
    signup_enabled: bool = True
    """Whether anybody may make an account, at `/sign-up` or `/dashboard/api/signup`."""
    allowed_origins: str = ""
    """Origins, comma-separated, whose pages may read and write through the API in a browser."""
    trusted_proxies: str = ""
    """Addresses or networks, comma-separated, of proxies whose headers are believed about who asks
    and for which host. Empty: none."""
    signups_per_hour: Positive = 30
    """Accounts that one address may make in an hour, at `/sign-up` or `/dashboard/api/signup`."""
    max_projects_per_user: Positive = 50
    """Projects that one person may administer when they make another."""
    max_members_per_project: Positive = 500
    """Members and pending invitations of one project."""
    max_keys_per_project: Positive = 100
    """API keys of one project; as many DSN keys and API tokens, and API tokens of one person."""
    init_project: str = ""
    """Name of the first project of an empty installation (else `Default`)."""
    init_api_key: str = ""
    """API key of that project, `pulse_sk_…` (else a random one)."""
    init_dsn_key: str = ""
    """DSN key of that project, 32 hex digits in lower case (else a random one). The DSN ends with
    `/1`."""
    init_api_token: str = ""
    """API token of an empty installation, `osco_` and at least 16 characters. It may do everything
    in every project."""
    init_monitor_key: str = ""
    """Monitor key of that project, `sk_live_` and at least 16 characters: it makes, changes and
    reads monitors and incidents."""
    init_user_email: str = ""
    """Email of an admin for an empty installation."""
    init_user_password: str = ""
    """That admin's password, at least 8 characters."""
    monitor_requests_per_minute: Count = 1200
    """Requests a minute that a monitor key may make to each process; 0 is no limit."""
    deploy_by: Literal["auto", "anyone", "members", "admins"] = "auto"
    """Who may deploy, and so run code on this machine: `anyone` with an account; `members` or
    `admins` of the first project. `auto`: `anyone` where Sluice listens on loopback alone and no
    proxy brings requests, else `admins`."""
    deploy_requests_per_minute: Count = 600
    """Requests a minute that one person, or one token of a project, may make to the API of
    deployments of each process; 0 is no limit."""
    rate_limit: Count = 0
    """Ingest requests a minute for each API key; 0 is no limit."""
    max_body_bytes: Positive = 16 << 20
    """Bytes of one request as sent."""
    max_inflated_bytes: Positive = 64 << 20
    """Bytes of one request when inflated."""
    max_item_bytes: Positive = 16 << 20
    """Bytes of one item of a request."""
    max_attachment_bytes: Positive = 5 << 20
    """Bytes of one attachment of an event. A larger one counts as invalid; the event is kept."""
    max_envelope_attachment_bytes: Positive = 16 << 20
    """Bytes of all attachments that come with one event. Those beyond it count as invalid."""
    max_inflight_bytes: Count = 0
    """Bytes of all requests being read at one time; the process takes three times as many. 0: a
    sixteenth of the memory, at most 256 MiB."""
    max_connections: Count = 0
    """Connections that may be open at one time. Beyond it, the least useful one is closed for a new
    one. 0: half of the files that the process may have open beyond 256, at most 10000."""
    max_connections_per_address: Count = 0
    """The same for each address (an IPv6 network of 64 bits counts as one). This machine and
    trusted proxies have no such limit. 0: a quarter of all."""
    request_timeout_s: Positive = 30
    """How long a client may take to send the head of a request, to send its body, or to read its
    answer. Body and answer get a second more for each 64 KiB."""
    keep_alive_s: Positive = 75
    """How long a connection is kept open between two requests."""
    metrics_token: str = ""
    """Token that `/metrics` asks for, as `Authorization: Bearer`. Empty: only requests of this
    machine that came through no proxy are answered."""
    memory_bytes: Count = 0
    """Memory that the process may use, 256 MiB at least. 0: what its control group or its machine
    has. Two fifths are for the embedded engine."""
    kafka_url: str = ""
    """Event log: empty for one file in the data directory (`sluice up`), or
    `kafka://host:port,host:port`."""
    kafka_topic_prefix: str = "sluice."
    """How the names of Sluice's topics in Kafka begin."""
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    """How to connect to Kafka: `PLAINTEXT`, `SSL`, `SASL_PLAINTEXT` or `SASL_SSL`."""
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "PLAIN"
    """How to sign in with SASL: `PLAIN`, `SCRAM-SHA-256` or `SCRAM-SHA-512`."""
    kafka_sasl_username: str = ""
    """User name for SASL."""
    kafka_sasl_password: str = ""
    """Password for SASL."""
    kafka_ca_file: str = ""
    """File with the certificate authorities (PEM) that are trusted for the brokers. Empty: those of
    the system."""
    kafka_replication: Annotated[int, Meta(ge=1, le=32_767)] = 1
    """Replicas of each partition in the topics that `sluice migrate` makes."""
    kafka_retention_hours: Positive = 168
    """How long the topics that `sluice migrate` makes keep records, stored or not. An outage of the
    store that lasts longer loses events."""
    kafka_produce_timeout_ms: Positive = 2000
    """How long an edge waits for Kafka to acknowledge events before it writes them to its spool."""
    kafka_linger_ms: Count = 5
    """Least time between two records of a partition, unless a record is full."""
    kafka_group: str = "sluice"
    """Consumer group of the workers."""
    kafka_session_timeout_ms: Positive = 15_000
    """How long a worker may be silent before other workers take its partitions."""
    spool_max_bytes: Positive = 1 << 30
    """Bytes that an edge keeps on disk while Kafka is away. Beyond it, senders get 503 with
    `Retry-After`."""
    log_partitions: Annotated[int, Meta(ge=1, le=1024)] = 1
    """Partitions of a new log; fixed once the log exists."""
    log_max_bytes: Positive = 4 << 30
    """Bytes of records in the log. Beyond it, senders get 503 with `Retry-After`."""
    log_keep_hours: Count = 0
    """How long the log keeps records that are stored; 0 forgets them at once."""
    retention_days: Count = 0
    """Days that events, outcomes and dead letters are kept, if a project sets none. 0 keeps all."""
    retention_sums_days: Count = 400
    """Days that sums of calls, agent spans and errors stay if rows go first. 0: as long as rows."""
    source_maps_days: Count = 90
    """Days that source maps are kept after the last event that was mapped by them. 0 keeps them."""
    source_maps_max_bytes: Positive = 1 << 30
    """Of one project, compressed. Beyond it, the uploads go that were longest not used."""
    dedup_window_hours: Positive = 168
    """How long a resent id is recognised, at least. At its start, a server reads the stored ids of
    so many hours."""
    dedup_filter_bits: Annotated[int, Meta(ge=20, le=34)] = 28
    """Size of the filter that recognises resent ids, one for each kind, as a power of two of bits.
    28 is 32 MiB: 13 million ids in the window cause 1 % needless look-ups."""
    block_interval_ms: Count = 200
    """Least time between two inserts of one partition, by `sluice up`; where inserts are slow, up
    to twice as much."""
    worker_block_interval_ms: Count = 500
    """The same for `sluice worker`. Its store is shared, and makes a part of every insert."""
    block_max_bytes: Positive = 8 << 20
    """Bytes of events in one insert, before compression."""
    pace_lag_ms: Count = 1500
    """How far the stream may lag behind before senders are slowed down, so that accepted events
    stay fresh. 0: they never are."""
    query_threads: Positive = 3
    """Queries of users that may run at one time."""
    query_max_memory_bytes: Annotated[int, Meta(ge=64 << 20)] = 256 << 20
    """Memory of the store for one query of a user. Beyond half of it, grouping and sorting use the
    disk."""
    max_outgoing_bytes: Annotated[int, Meta(ge=16 << 20)] = 64 << 20
    """Bytes of all answers that are read or sent at one time. Beyond it, further ones are 503 with
    `Retry-After`."""
    read_back_timeout_s: Positive = 10
    """How long `/batch` waits until its items can be read."""
    warehouse_host: str = "127.0.0.1"
    """Address that `sluice warehouse` listens on."""
    warehouse_port: Port = 8123
    """Port that `sluice warehouse` listens on."""
    warehouse_users: str = ""
    """Who may use it: `NAME:PASSWORD:RIGHTS` with rights `readonly`, `readonly=ID+ID` (of these
    projects alone) or `write`, comma-separated or one a line. Empty: one user with a random
    password, on this machine alone."""
    warehouse_threads: Positive = 4
    """Calls that it runs at one time: so many that read, and as many that write."""
    warehouse_waiting: Count = 32
    """Calls of each sort that may wait for their turn. Further ones are 503 with `Retry-After`."""
    warehouse_max_body_bytes: Positive = 256 << 20
    """Bytes of one body, as sent and when inflated."""
    warehouse_max_result_bytes: Positive = 256 << 20
    """Bytes of one answer that cannot be sent block by block."""
    warehouse_max_memory_bytes: Annotated[int, Meta(ge=256 << 20)] = 4 << 30
    """Memory of all its calls together; beyond it, calls fail."""
    warehouse_query_timeout_s: Annotated[int, Meta(ge=1, le=3600)] = 300
    """How long a call may run, if it does not say so itself."""
    warehouse_unconfined: bool = False
    """Whether to serve it even if the kernel cannot keep its users from the files of this machine
    and from the network."""
    mcp_url: str = ""
    """Address of the server that `sluice mcp` asks. Empty: `sluice up` on this machine."""
    mcp_token: str = ""
    """API token that `sluice mcp` asks with."""
    export_token: str = ""
    """API token or key that `sluice export` asks with. Empty: it makes one for itself."""
    api_key: str = ""
    """API key that `sluice dataset` and `sluice experiment` ask with. Empty: the oldest one of the
    project on this machine."""
    export_folder: str = ""
    """Folder for scheduled exports; each project has one in it. Empty: none goes to a folder."""
    export_s3_url: str = ""
    """Bucket for scheduled exports, `s3://bucket/prefix`. Empty: none goes to S3."""
    export_s3_endpoint: str = ""
    """Address of a store that speaks S3. Empty: AWS."""
    export_s3_region: str = ""
    """Region of the bucket."""
    export_s3_access_key: str = ""
    """Access key for S3. Empty: what the environment says, as AWS names it."""
    export_s3_secret_key: str = ""
    """Secret key for S3."""
    judge_url: str = ""
    """Address at which judges ask models, of any server that speaks OpenAI's chat completions:
    `https://api.openai.com/v1`. Empty: judges ask no model."""
    judge_key: str = ""
    """Key for it, sent as `Authorization: Bearer`. Empty: none is sent."""
    judge_models: str = ""
    """Models that judges may ask there, comma-separated. Empty: none."""
    judge_provider: Annotated[str, Meta(min_length=1, max_length=128)] = "openai"
    """Provider by which the calls of judges are priced."""
    judge_timeout_s: Annotated[int, Meta(ge=1, le=120)] = 30
    """How long a model may take to answer a judge."""
    judge_concurrency: Annotated[int, Meta(ge=1, le=64)] = 4
    """Questions that a process asks a model at one time."""
    private_targets: Literal["refuse", "allow"] = "refuse"
    """Whether alerts may be sent to private and link-local addresses, probes look at them, and
    repositories be fetched from them or from folders of this machine: `refuse` or `allow`. Those of
    cloud metadata are always refused."""
    prober_region: Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")] = "default"
    """Region from which `sluice up` or `sluice prober` looks at monitors: at those that name it
    among their `regions`. `none`: `sluice up` looks at none."""
    prober_url: str = ""
    """Address of the Sluice that `sluice prober` works for. Empty: it is a part of this
    installation, with its Kafka and its database."""
    prober_token: str = ""
    """Prober key of a project, `sk_probe_…`, with which `sluice prober` asks that address."""
    prober_canary: str = ""
    """What probers can always reach while they are connected: `HOST:PORT`, comma-separated. If none
    of them can be reached, failures are `inconclusive`. Empty: that address, else nothing."""
    deploy_driver: Literal["process", "bubblewrap", "docker", "none"] = "process"
    """What builds and apps that Sluice deploys run in: `process`, `bubblewrap` or `docker`. `none`:
    `sluice up` runs no deployments."""
    deploy_docker_host: Annotated[str, Meta(pattern=r"^unix:///.")] = "unix:///var/run/docker.sock"
    """Socket of the engine of this machine, for the driver `docker`."""
    deploy_docker_image: str = ""
    """Image in which the driver `docker` builds and runs what has no Dockerfile. Empty: `python` or
    `node` of Docker Hub, by its language, else `debian`."""
    deploy_name: Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")] = "default"
    """Name of the deployer: it keeps its releases and apps by it. Each of several has its own."""
    deploy_parallel: Positive = 2
    """Deployments that a deployer builds at a time."""
    deploy_build_timeout_s: Annotated[int, Meta(ge=1, le=86400)] = 900
    """How long each command of a build may run."""
    deploy_health_timeout_s: Annotated[int, Meta(ge=1, le=3600)] = 60
    """How long an app may take until it answers; then its deployment fails."""
    deploy_first_port: Annotated[int, Meta(ge=1024, le=65435)] = 21000
    """First of the ports on which deployed apps listen, on loopback. Apps take up to 9000."""
    alert_email_url: str = ""
    """Mail server for alerts by email, as a URL of Apprise: `mailtos://USER:PASSWORD@HOST?from=…`.
    Empty: there are none."""
    pagerduty_url: str = "https://events.pagerduty.com"
    """Address of PagerDuty's Events API v2: `https://events.eu.pagerduty.com` for accounts in the
    EU."""
    apps_host: str = ""
    """Host under which each deployed app has a name of its own: `apps.example.com`, with a record
    of DNS for `*.apps.example.com` that leads here. Empty: `localhost`, for browsers on this
    machine. `none`: apps have no names."""
    public_url: str = ""
    """Address under which everybody reaches the status pages: `https://status.example.com`.
    Messages to those who follow a page lead there. Empty: nobody can follow one."""
    stop_timeout_s: Positive = 4
    """How long a stop may take. What is not stored by then stays in the log."""
    access_log: bool = False
    """Whether each request is logged (without its query string and keys)."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Lowest level of log lines that are written: `debug`, `info`, `warning` or `error`."""
    log_format: Literal["auto", "json", "console"] = "auto"
    """Log lines for programs (`json`) or for people (`console`). `auto` is `console` on a terminal,
    else `json`."""

    @property
    def kept_days(self) -> int:
        """Days that things are kept: `FOREVER_DAYS` where nothing is deleted for its age."""
        return self.retention_days or FOREVER_DAYS

    def __repr__(self) -> str:
        """Shows no value: some are secrets, and a log line or an error may show us."""
        return "Settings(…)"
