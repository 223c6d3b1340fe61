"""Where a Kafka cluster is and how it is entered; options of its clients are made from it."""

from ssl import create_default_context
from typing import Any, Literal
from urllib.parse import urlsplit

from msgspec import Struct

SecurityProtocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
SaslMechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]
DEFAULT_PORT = 9092


class BadAddress(ValueError):
    """Raised when an address of a cluster breaks its rule; the message says which."""


class KafkaSecurity(Struct, frozen=True):
    """How the cluster is entered."""

    protocol: SecurityProtocol = "PLAINTEXT"
    mechanism: SaslMechanism = "PLAIN"
    username: str = ""
    password: str = ""
    ca_file: str = ""
    """Of the certificates that sign the brokers'; empty for the system's."""

    def __repr__(self) -> str:
        """Shows no password: a log line or an error may show us."""
        return f"KafkaSecurity({self.protocol})"


class KafkaAddress(Struct, frozen=True):
    """A cluster, and which of its topics are ours."""

    servers: tuple[str, ...]
    """`host:port` each."""
    topic_prefix: str = "sluice."
    security: KafkaSecurity = KafkaSecurity()

    def topic(self, name: str) -> str:
        """Returns the cluster's name for a topic of ours."""
        return f"{self.topic_prefix}{name}"

    def librdkafka(self) -> dict[str, str | int | float | bool]:
        """Returns what every client of confluent-kafka needs to connect."""
        options: dict[str, str | int | float | bool] = {
            "bootstrap.servers": ",".join(self.servers),
            "security.protocol": self.security.protocol,
            # The defaults, up to 10 s, are how long a broker that is back would go unnoticed.
            "reconnect.backoff.ms": 50,
            "reconnect.backoff.max.ms": 1_000,
            "client.id": "sluice",
        }
        if self.security.protocol.startswith("SASL_"):
            options["sasl.mechanism"] = self.security.mechanism
            options["sasl.username"] = self.security.username
            options["sasl.password"] = self.security.password
        if self.security.ca_file:
            options["ssl.ca.location"] = self.security.ca_file
        return options

    def aiokafka(self) -> dict[str, Any]:
        """Returns what a consumer of aiokafka needs to connect."""
        options: dict[str, Any] = {
            "bootstrap_servers": list(self.servers),
            "security_protocol": self.security.protocol,
            "client_id": "sluice",
        }
        if self.security.protocol.endswith("SSL"):
            options["ssl_context"] = create_default_context(cafile=self.security.ca_file or None)
        if self.security.protocol.startswith("SASL_"):
            options["sasl_mechanism"] = self.security.mechanism
            options["sasl_plain_username"] = self.security.username
            options["sasl_plain_password"] = self.security.password
        return options


def address_of(url: str, topic_prefix: str, security: KafkaSecurity) -> KafkaAddress:
    """Reads `kafka://host:port,host:port`; a missing port is 9092. Raises `BadAddress`."""
    scheme, separator, rest = url.partition("://")
    if scheme != "kafka" or not separator:
        raise BadAddress("the address of a Kafka cluster begins with kafka://")
    if "@" in rest or "/" in rest.rstrip("/"):
        # Not shown: what stands before an @ is a password, and may hold commas.
        raise BadAddress("the address of a Kafka cluster holds hosts and ports alone")
    servers = tuple(_server(part) for part in rest.rstrip("/").split(","))
    if security.protocol.startswith("SASL_") and not (security.username and security.password):
        raise BadAddress(f"{security.protocol} needs a user name and a password")
    return KafkaAddress(servers, topic_prefix, security)


def _server(part: str) -> str:
    try:
        parsed = urlsplit(f"//{part.strip()}")
        host, port = parsed.hostname, parsed.port or DEFAULT_PORT
    except ValueError as error:
        raise BadAddress(f"{part} is not host:port") from error
    if not host:
        raise BadAddress(f"{part or 'nothing'} is not host:port")
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
