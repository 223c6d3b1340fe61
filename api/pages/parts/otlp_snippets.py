"""What to copy to send over OTLP, for each SDK. docs/otlp-senders.md shows the same."""

from msgspec import Struct


class Otlp(Struct, frozen=True):
    """One SDK: `{url}` and `{key}` stand in the text where they belong."""

    title: str
    text: str
    note: str = ""

    def filled(self, url: str, key: str) -> str:
        """Returns the text with the address of this server and a key."""
        return self.text.format(url=url, key=key)


OTLP = (
    Otlp(
        "Any SDK of OpenTelemetry",
        """export OTEL_EXPORTER_OTLP_ENDPOINT={url}
export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf
export OTEL_EXPORTER_OTLP_HEADERS=Authorization=Bearer%20{key}
export OTEL_SERVICE_NAME=shop""",
        "In the environment of the program. What its code says comes first.",
    ),
    Otlp(
        "OpenTelemetry for Python, with OpenInference",
        """from openinference.instrumentation import using_attributes
from openinference.instrumentation.openai import OpenAIInstrumentor
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

exporter = OTLPSpanExporter(
    "{url}/v1/traces", headers={{"authorization": "Bearer {key}"}}
)
provider = TracerProvider(resource=Resource.create({{"service.name": "shop"}}))
provider.add_span_processor(BatchSpanProcessor(exporter))
trace.set_tracer_provider(provider)
OpenAIInstrumentor().instrument()

with using_attributes(session_id="conversation-1", user_id="ann"):
    ...  # call models here""",
        "It needs opentelemetry-sdk, opentelemetry-exporter-otlp-proto-http and"
        " openinference-instrumentation-openai.",
    ),
    Otlp(
        "OpenLLMetry",
        """from opentelemetry.instrumentation.openai import OpenAIInstrumentor

OpenAIInstrumentor().instrument()""",
        "It needs opentelemetry-instrumentation-openai, and a provider of OpenTelemetry with an"
        " exporter, as above. With both OpenInference and OpenLLMetry a call is billed once.",
    ),
    Otlp(
        "pydantic-ai",
        """from pydantic_ai import Agent

Agent.instrument_all()""",
        "It needs a provider of OpenTelemetry with an exporter, as above. Its agents, tools and"
        " calls are shown; the calls are billed.",
    ),
    Otlp(
        "Langfuse's SDKs",
        """export LANGFUSE_BASE_URL={url}
export LANGFUSE_HOST={url}
export LANGFUSE_PUBLIC_KEY=sluice
export LANGFUSE_SECRET_KEY={key}""",
        "Versions 3 to 5 for Python, and those for JavaScript that send over OpenTelemetry."
        " Those for JavaScript read the first name alone, older ones for Python the second."
        " Any text does as the public key.",
    ),
    Otlp(
        "LiteLLM",
        """import os

os.environ["OTEL_EXPORTER"] = "otlp_http"
os.environ["OTEL_ENDPOINT"] = "{url}/v1/traces"
os.environ["OTEL_HEADERS"] = "Authorization=Bearer {key}"

import litellm

litellm.callbacks = ["otel"]""",
        "Its proxy takes the same variables, and callbacks: [otel] below litellm_settings.",
    ),
    Otlp(
        "Vercel's AI SDK",
        """import {{ OTLPTraceExporter }} from "@opentelemetry/exporter-trace-otlp-proto";
import {{ NodeSDK }} from "@opentelemetry/sdk-node";

const headers = {{ authorization: "Bearer {key}" }};
new NodeSDK({{
  serviceName: "shop",
  traceExporter: new OTLPTraceExporter({{ url: "{url}/v1/traces", headers }}),
}}).start();

// With each call: generateText({{ …, experimental_telemetry: {{ isEnabled: true,
//   metadata: {{ sessionId: "conversation-1", userId: "ann" }} }} }})""",
    ),
    Otlp(
        "Claude Code's telemetry",
        """export CLAUDE_CODE_ENABLE_TELEMETRY=1
export OTEL_METRICS_EXPORTER=otlp OTEL_LOGS_EXPORTER=otlp
export CLAUDE_CODE_ENHANCED_TELEMETRY_BETA=1 OTEL_TRACES_EXPORTER=otlp
export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf
export OTEL_EXPORTER_OTLP_ENDPOINT={url}
export OTEL_EXPORTER_OTLP_HEADERS=Authorization=Bearer%20{key}""",
        "The third line sends spans too. Prompts are not sent, unless OTEL_LOG_USER_PROMPTS=1 says"
        " so.",
    ),
    Otlp(
        "OpenTelemetry's Collector",
        """exporters:
  otlphttp/sluice:
    endpoint: {url}
    headers:
      authorization: Bearer {key}
service:
  pipelines:
    traces:
      receivers: [otlp]
      exporters: [otlphttp/sluice]""",
    ),
)
"""Each client that sends over OTLP and was tried."""
