"""The SQLite file of a Pulse server, in the tables that its own migrations make."""

import base64
import hashlib
import json
import sqlite3
import uuid
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

ENCRYPTION_KEY = "0123456789abcdef0123456789abcdef-and-what-is-beyond-does-not-count"
SHOP = "5d0f2b84-5a5e-4c0e-9d2f-1f1d5b5d0a01"
BAKERY = "5d0f2b84-5a5e-4c0e-9d2f-1f1d5b5d0a02"
SHOP_KEY = "pulse_sk_3f0c9a52-8f43-4c59-8e0f-6f8a5b1c2d3e"
BAKERY_KEY = "pulse_sk_7a1d4b63-9e54-4d6a-8f10-7f9b6c2d3e4f"
BEGAN_MS = 1_735_689_600_000
"""2025-01-01."""
NOW = "(cast((julianday('now') - 2440587.5)*86400000 as integer))"

# What drizzle's migrations of Pulse's server 0.2 (single mode) make, without the references between
# tables, which SQLite does not check unless it is told to.
TABLES = f"""
CREATE TABLE `projects` (`id` text PRIMARY KEY NOT NULL, `name` text NOT NULL,
    `created_at` integer DEFAULT {NOW} NOT NULL);
CREATE TABLE `api_keys` (`id` text PRIMARY KEY NOT NULL, `project_id` text NOT NULL,
    `key_hash` text NOT NULL, `encrypted_key` text NOT NULL,
    `name` text DEFAULT 'Default Key' NOT NULL, `last_used_at` integer,
    `created_at` integer DEFAULT {NOW} NOT NULL);
CREATE TABLE `sessions` (`id` text PRIMARY KEY NOT NULL, `project_id` text NOT NULL,
    `created_at` integer DEFAULT {NOW} NOT NULL, `metadata` text);
CREATE TABLE `traces` (`trace_id` text PRIMARY KEY NOT NULL, `project_id` text NOT NULL,
    `session_id` text, `timestamp` integer DEFAULT {NOW} NOT NULL, `latency_ms` integer NOT NULL,
    `provider` text NOT NULL, `model_requested` text NOT NULL, `model_used` text,
    `provider_request_id` text, `request_body` text NOT NULL, `response_body` text,
    `input_tokens` integer, `output_tokens` integer, `output_text` text, `finish_reason` text,
    `status` text NOT NULL, `error` text, `cost_cents` real, `metadata` text);
CREATE INDEX `traces_project_timestamp_idx` ON `traces` (`project_id`,`timestamp`);
CREATE INDEX `traces_project_session_idx` ON `traces` (`project_id`,`session_id`);
CREATE TABLE `spans` (`span_id` text PRIMARY KEY NOT NULL, `project_id` text NOT NULL,
    `session_id` text NOT NULL, `parent_span_id` text, `timestamp` integer DEFAULT {NOW} NOT NULL,
    `duration_ms` integer, `source` text NOT NULL, `kind` text NOT NULL,
    `event_type` text NOT NULL, `status` text NOT NULL, `tool_use_id` text, `tool_name` text,
    `tool_input` text, `tool_response` text, `error` text, `is_interrupt` integer, `cwd` text,
    `model` text, `agent_name` text, `metadata` text);
CREATE INDEX `spans_project_timestamp_idx` ON `spans` (`project_id`,`timestamp`);
CREATE TABLE `user_projects` (`id` text PRIMARY KEY NOT NULL, `user_id` text NOT NULL,
    `project_id` text NOT NULL, `role` text DEFAULT 'user' NOT NULL,
    `created_at` integer DEFAULT {NOW} NOT NULL);
CREATE UNIQUE INDEX `user_projects_user_project_unique_idx`
    ON `user_projects` (`user_id`,`project_id`);
CREATE TABLE `account` (`id` text PRIMARY KEY NOT NULL, `user_id` text NOT NULL,
    `account_id` text NOT NULL, `provider_id` text NOT NULL, `access_token` text,
    `refresh_token` text, `access_token_expires_at` integer, `refresh_token_expires_at` integer,
    `scope` text, `id_token` text, `password` text, `created_at` integer DEFAULT {NOW} NOT NULL,
    `updated_at` integer DEFAULT {NOW} NOT NULL);
CREATE TABLE `user` (`id` text PRIMARY KEY NOT NULL, `name` text NOT NULL, `email` text NOT NULL,
    `email_verified` integer DEFAULT false NOT NULL, `image` text,
    `created_at` integer DEFAULT {NOW} NOT NULL, `updated_at` integer DEFAULT {NOW} NOT NULL);
CREATE UNIQUE INDEX `user_email_unique` ON `user` (`email`);
"""


class PulseServer:
    """A file with two projects, their keys, and Ann, who administers the first."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "pulse.db"
        self.secrets = folder / "server-secrets.json"
        self.secrets.write_text(json.dumps({"ENCRYPTION_KEY": ENCRYPTION_KEY}))
        self._connection = sqlite3.connect(self.path)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = OFF")
        self._connection.executescript(TABLES)
        for number, (project, name, key) in enumerate(
            [(SHOP, "Shop", SHOP_KEY), (BAKERY, "Bakery", BAKERY_KEY)]
        ):
            self.add("projects", id=project, name=name, created_at=BEGAN_MS + number)
            self.add_key(project, key)
        self.add("user", id="u1", name="Ann", email="ann@example.com", created_at=BEGAN_MS)
        password = _hashed("correct horse")
        self.add(
            "account",
            id="a1",
            user_id="u1",
            account_id="u1",
            provider_id="credential",
            password=password,
        )
        self.add(
            "user_projects",
            id="m1",
            user_id="u1",
            project_id=SHOP,
            role="admin",
            created_at=BEGAN_MS,
        )

    def add(self, table: str, **values: Any) -> None:
        """Adds a row, as the server stores it."""
        names = ", ".join(f"`{name}`" for name in values)
        marks = ", ".join("?" * len(values))
        with self._connection:
            self._connection.execute(
                f"INSERT INTO `{table}` ({names}) VALUES ({marks})",  # noqa: S608
                list(values.values()),
            )

    def add_key(self, project_id: str, plain: str) -> None:
        """Adds a key as `createApiKey` stores it."""
        self.add(
            "api_keys",
            id=str(uuid.uuid4()),
            project_id=project_id,
            key_hash=hashlib.sha256(plain.encode()).hexdigest(),
            encrypted_key=_sealed(plain),
            created_at=BEGAN_MS,
        )

    def add_trace(self, number: int, project_id: str = SHOP, **changes: Any) -> str:
        """Adds a trace; its number gives its id and time, a minute after the one before."""
        session = str(uuid.UUID(int=(4 << 76) | (8 << 60) | number // 10))
        with self._connection:
            self._connection.execute(
                "INSERT OR IGNORE INTO sessions (id, project_id) VALUES (?, ?)",
                (session, project_id),
            )
        values = {
            "trace_id": str(uuid.UUID(int=(4 << 76) | (8 << 60) | number | 1 << 100)),
            "project_id": project_id,
            "session_id": session,
            "timestamp": BEGAN_MS + number * 60_000 + 123,
            "latency_ms": 12.5,
            "provider": "openai",
            "model_requested": "gpt-4o",
            "request_body": '{"messages":[{"role":"user","content":"H\\u00fc"}]}',
            "response_body": "{}",
            "input_tokens": 50,
            "output_tokens": 100,
            "status": "success",
            "metadata": '{"userId":"user-123"}',
        }
        self.add("traces", **(values | changes))
        return str((values | changes)["trace_id"])

    def add_span(self, number: int, project_id: str = SHOP, **changes: Any) -> str:
        """Adds a span, as `add_trace` does."""
        values = {
            "span_id": str(uuid.UUID(int=(4 << 76) | (8 << 60) | number | 2 << 100)),
            "project_id": project_id,
            "session_id": "sess_1",
            "timestamp": BEGAN_MS + number * 60_000,
            "source": "claude_code",
            "kind": "tool_use",
            "event_type": "post_tool_use",
            "status": "success",
            "tool_name": "Bash",
            "tool_input": '{"command":"ls"}',
            "tool_response": '"ok"',
            "is_interrupt": 0,
        }
        self.add("spans", **(values | changes))
        return str((values | changes)["span_id"])

    def delete_newest_traces(self, count: int) -> None:
        """Deletes rows as Pulse does with a project; SQLite gives their places to the next ones."""
        last = "SELECT rowid FROM traces ORDER BY rowid DESC LIMIT ?"
        with self._connection:
            self._connection.execute(f"DELETE FROM traces WHERE rowid IN ({last})", (count,))

    def close(self) -> None:
        """Stops the server."""
        self._connection.close()


def _sealed(plain: str) -> str:
    nonce = uuid.uuid4().bytes
    sealed = AESGCM(ENCRYPTION_KEY[:32].encode()).encrypt(nonce, plain.encode(), None)
    return base64.b64encode(nonce + sealed[-16:] + sealed[:-16]).decode()


def _hashed(password: str) -> str:
    salt = uuid.uuid4().hex
    key = hashlib.scrypt(
        password.encode(), salt=salt.encode(), n=16_384, r=16, p=1, maxmem=64 << 20, dklen=64
    )
    return f"{salt}:{key.hex()}"
