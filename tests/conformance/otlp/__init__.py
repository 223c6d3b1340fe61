"""Whether a server keeps the rules of OTLP/HTTP: `python -m tests.conformance.otlp URL`.

It needs httpx and opentelemetry-proto, and nothing of Sluice. Source of the rules: the OTLP
specification 1.x (OTLP/HTTP) and opentelemetry-proto's comments. Each check names its rule; MUST,
SHOULD and MAY are the specification's, and SHOULD where it is silent and losses would follow.
"""
