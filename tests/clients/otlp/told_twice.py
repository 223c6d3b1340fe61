"""One call of OpenAI's client that OpenInference and OpenLLMetry both tell."""

from exporters import MESSAGES, openai_client, over_http
from openinference.instrumentation.openai import OpenAIInstrumentor as OpenInference
from opentelemetry.instrumentation.openai import OpenAIInstrumentor as OpenLLMetry

provider = over_http("both")
OpenInference().instrument(tracer_provider=provider)
OpenLLMetry().instrument(tracer_provider=provider)
openai_client().chat.completions.create(model="gpt-4o", messages=MESSAGES)
provider.shutdown()
