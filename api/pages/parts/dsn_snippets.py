"""What to copy to send errors: Sentry's own SDKs, unchanged, with a DSN of ours."""

from api.pages.parts.snippets import Sample

PYTHON = """import sentry_sdk

sentry_sdk.init(
    dsn="{dsn}",
    environment="production",
    traces_sample_rate=0.1,
)

sentry_sdk.capture_message("Hello, Sluice")"""
NODE = """const Sentry = require("@sentry/node");

Sentry.init({{
  dsn: "{dsn}",
  environment: "production",
  tracesSampleRate: 0.1,
}});

Sentry.captureMessage("Hello, Sluice");"""
BROWSER = """import * as Sentry from "@sentry/browser";

Sentry.init({{
  dsn: "{dsn}",
  environment: "production",
  integrations: [Sentry.browserTracingIntegration()],
  tracesSampleRate: 0.1,
}});

Sentry.captureMessage("Hello, Sluice");"""
GO = """package main

import (
	"time"

	"github.com/getsentry/sentry-go"
)

func main() {{
	err := sentry.Init(sentry.ClientOptions{{
		Dsn:         "{dsn}",
		Environment: "production",
	}})
	if err != nil {{
		panic(err)
	}}
	defer sentry.Flush(2 * time.Second)

	sentry.CaptureMessage("Hello, Sluice")
}}"""
PHP = """<?php
require __DIR__ . '/vendor/autoload.php';

\\Sentry\\init([
    'dsn' => '{dsn}',
    'environment' => 'production',
]);

\\Sentry\\captureMessage('Hello, Sluice');"""
RUBY = """require "sentry-ruby"

Sentry.init do |config|
  config.dsn = "{dsn}"
  config.environment = "production"
end

Sentry.capture_message("Hello, Sluice")"""
JAVA = """import io.sentry.Sentry;

public class Main {{
  public static void main(String[] args) {{
    Sentry.init(options -> {{
      options.setDsn("{dsn}");
      options.setEnvironment("production");
    }});

    Sentry.captureMessage("Hello, Sluice");
  }}
}}"""
WAYS = (
    ("Python", PYTHON, "pip install sentry-sdk"),
    ("Node", NODE, "npm install @sentry/node"),
    ("Browser", BROWSER, "npm install @sentry/browser"),
    ("Go", GO, "go get github.com/getsentry/sentry-go"),
    ("PHP", PHP, "composer require sentry/sentry"),
    ("Ruby", RUBY, "gem install sentry-ruby"),
    ("Java", JAVA, "implementation 'io.sentry:sentry:8.+' in build.gradle"),
)


def dsn_snippets(dsn: str) -> list[Sample]:
    """Return a sample for each language, which sends one message with this DSN."""
    return [Sample(title, text.format(dsn=dsn), note) for title, text, note in WAYS]
