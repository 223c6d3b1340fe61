"""LiteLLM with its callback for OpenTelemetry: a call of OpenAI's and one of Anthropic's."""

import os

from exporters import KEY, MESSAGES, MODELS, SERVER, USER

os.environ["OTEL_EXPORTER"] = "otlp_http"
os.environ["OTEL_ENDPOINT"] = f"{SERVER}/v1/traces"
os.environ["OTEL_HEADERS"] = f"Authorization=Bearer {KEY}"
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

import litellm  # noqa: E402
from litellm.litellm_core_utils.thread_pool_executor import executor  # noqa: E402
from opentelemetry import trace  # noqa: E402

litellm.callbacks = ["otel"]
told = {"messages": MESSAGES, "api_key": "none", "user": USER}
litellm.completion(model="openai/gpt-4o", api_base=f"{MODELS}/v1", **told)
litellm.completion(model="anthropic/claude-sonnet-4-5-20250929", api_base=MODELS, **told)
# Its callbacks run beside.
executor.shutdown(wait=True)
trace.get_tracer_provider().shutdown()
