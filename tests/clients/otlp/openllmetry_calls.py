"""OpenLLMetry's instrumentation of OpenAI's client, over gRPC."""

from exporters import call_openai, over_grpc
from opentelemetry.instrumentation.openai import OpenAIInstrumentor

provider = over_grpc("openllmetry")
OpenAIInstrumentor().instrument(tracer_provider=provider)
call_openai()
provider.shutdown()
