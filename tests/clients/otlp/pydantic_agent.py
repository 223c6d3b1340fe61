"""An agent of pydantic-ai: it asks a model of Anthropic's, calls a tool, and asks once more."""

from anthropic import AsyncAnthropic
from exporters import MODELS, SESSION, over_http
from pydantic_ai import Agent
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.models.instrumented import InstrumentationSettings
from pydantic_ai.providers.anthropic import AnthropicProvider

provider = over_http("pydantic-ai")
Agent.instrument_all(InstrumentationSettings(tracer_provider=provider))
client = AsyncAnthropic(api_key="none", base_url=MODELS, max_retries=0)
model = AnthropicModel(
    "claude-sonnet-4-5-20250929", provider=AnthropicProvider(anthropic_client=client)
)
agent = Agent(model, name="weather", instructions="Be brief.")


@agent.tool_plain
def look_up(city: str) -> str:
    """Looks the weather up."""
    return f"result: sunny in {city}"


with provider.get_tracer("shop").start_as_current_span("order", attributes={"session.id": SESSION}):
    agent.run_sync("How is the weather in Ulm?")
provider.shutdown()
