"""How a first error is sent: for each language what to install, and what to copy, with the DSN."""

from collections.abc import Mapping

from msgspec import Struct

CURL = """curl {url}/v1/ingest \\
  -H 'X-Open-Sentry-Key: {key}' -H 'Content-Type: application/json' -d '{{
    "type": "error",
    "exception": {{"type": "Error", "value": "My first error"}},
    "environment": "test"}}'"""
PYTHON = """import sentry_sdk

sentry_sdk.init(dsn="{dsn}", environment="test")

1 / 0"""
NODE = """const Sentry = require("@sentry/node");

Sentry.init({{ dsn: "{dsn}", environment: "test" }});

setTimeout(() => {{
  throw new Error("My first error");
}}, 100);"""
BROWSER = """import * as Sentry from "@sentry/browser";

Sentry.init({{ dsn: "{dsn}", environment: "test" }});

setTimeout(() => {{
  throw new Error("My first error");
}}, 100);"""
GO = """package main

import (
	"errors"
	"time"

	"github.com/getsentry/sentry-go"
)

func main() {{
	err := sentry.Init(sentry.ClientOptions{{Dsn: "{dsn}", Environment: "test"}})
	if err != nil {{
		panic(err)
	}}
	defer sentry.Flush(2 * time.Second)

	sentry.CaptureException(errors.New("my first error"))
}}"""
PHP = """<?php
require __DIR__ . "/vendor/autoload.php";

\\Sentry\\init(["dsn" => "{dsn}", "environment" => "test"]);

throw new \\Exception("My first error");"""
RUBY = """require "sentry-ruby"

Sentry.init do |config|
  config.dsn = "{dsn}"
  config.environment = "test"
  config.background_worker_threads = 0
end

begin
  1 / 0
rescue ZeroDivisionError => error
  Sentry.capture_exception(error)
end"""
JAVA = """import io.sentry.Sentry;

public class First {{
  public static void main(String[] arguments) {{
    Sentry.init(options -> {{
      options.setDsn("{dsn}");
      options.setEnvironment("test");
    }});
    Sentry.captureException(new IllegalStateException("My first error"));
    Sentry.close();
  }}
}}"""
OPEN_SENTRY = """import {{ init, captureException }} from "@zapdev-labs/sentry-clone";

init({{ dsn: "{open_dsn}", environment: "test" }});

captureException(new Error("My first error"));"""


class Sample(Struct, frozen=True):
    """What to copy for one language."""

    name: str
    title: str
    install: str
    text: str
    note: str = ""


SAMPLES: Mapping[str, Sample] = {
    one.name: one
    for one in (
        Sample("python", "Python", "pip install sentry-sdk", PYTHON),
        Sample("node", "Node", "npm install @sentry/node", NODE),
        Sample("browser", "Browser", "npm install @sentry/browser", BROWSER),
        Sample("go", "Go", "go get github.com/getsentry/sentry-go", GO),
        Sample("php", "PHP", "composer require sentry/sentry", PHP),
        Sample("ruby", "Ruby", "gem install sentry-ruby", RUBY),
        Sample("java", "Java", "io.sentry:sentry, from Maven Central", JAVA),
        Sample(
            "open-sentry",
            "Open Sentry",
            "npm install @zapdev-labs/sentry-clone",
            OPEN_SENTRY,
            "Node 18 or newer, or a browser. Its DSN ends with /v1/ingest.",
        ),
        Sample("curl", "curl", "", CURL, "The shortest way to see that errors arrive."),
    )
}
FIRST = "python"


class Sending(Struct, frozen=True):
    """Where errors are sent, and a sample with it filled in."""

    dsn: str
    samples: list[Sample]
    chosen: Sample


def sending_of(url: str, key: str, dsn: str, chosen: str) -> Sending:
    """Returns the samples for a key of a project; an unknown choice is the first one.

    url   our own address
    dsn   what SDKs of Sentry take
    """
    scheme, _, rest = url.partition("://")
    open_dsn = f"{scheme}://{key}@{rest}/v1/ingest"
    found = SAMPLES.get(chosen, SAMPLES[FIRST])
    text = found.text.format(url=url, key=key, dsn=dsn, open_dsn=open_dsn)
    filled = Sample(found.name, found.title, found.install, text, found.note)
    return Sending(dsn, list(SAMPLES.values()), filled)
