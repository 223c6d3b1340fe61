"""OpenInference's instrumentation of OpenAI's client."""

from exporters import SESSION, USER, call_openai, over_http
from openinference.instrumentation import using_attributes
from openinference.instrumentation.openai import OpenAIInstrumentor

provider = over_http("openinference")
OpenAIInstrumentor().instrument(tracer_provider=provider)
with using_attributes(session_id=SESSION, user_id=USER, metadata={"turn": 1}, tags=["shop"]):
    call_openai()
provider.shutdown()
