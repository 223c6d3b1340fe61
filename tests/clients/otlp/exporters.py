"""What each program here needs: where to send, and which models to call."""

import os
from typing import Any

SERVER = os.environ["SERVER"]
KEY = os.environ["KEY"]
MODELS = os.environ["MODELS"]
GRPC = os.environ["GRPC"]
SESSION, USER = "conv-1", "ann"
MESSAGES = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "How is the weather in Ulm?"},
]
TOOLS = [{"type": "function", "function": {"name": "look_up", "parameters": {"type": "object"}}}]


def over_http(service: str) -> Any:
    """Makes OpenTelemetry's own provider, which exports protobuf over HTTP."""
    from opentelemetry.exporter.otlp.proto.http import Compression
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    headers = {"authorization": f"Bearer {KEY}"}
    endpoint = f"{SERVER}/v1/traces"
    return provider(
        service, OTLPSpanExporter(endpoint=endpoint, headers=headers, compression=Compression.Gzip)
    )


def over_grpc(service: str) -> Any:
    """Makes the same, which exports over gRPC."""
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

    headers = {"authorization": f"Bearer {KEY}"}
    return provider(service, OTLPSpanExporter(endpoint=GRPC, headers=headers, insecure=True))


def provider(service: str, exporter: Any) -> Any:
    """Makes a provider for spans of a service."""
    from opentelemetry import trace
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    made = TracerProvider(resource=Resource.create({"service.name": service}))
    made.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(made)
    return made


def openai_client() -> Any:
    """Makes OpenAI's own client, of the models here."""
    import openai

    return openai.OpenAI(api_key="sk-none", base_url=f"{MODELS}/v1", max_retries=0)


def call_openai() -> None:
    """Makes a call, a stream, a call that asks for a tool, one of Responses, and an embedding."""
    client = openai_client()
    client.chat.completions.create(model="gpt-4o", messages=MESSAGES, user=USER)
    asked = {"model": "gpt-4o", "messages": MESSAGES, "user": USER}
    list(
        client.chat.completions.create(**asked, stream=True, stream_options={"include_usage": True})
    )
    client.chat.completions.create(**asked, tools=TOOLS)
    client.responses.create(model="gpt-4o", input="How is the weather in Ulm?", user=USER)
    client.embeddings.create(model="text-embedding-3-small", input="weather")
