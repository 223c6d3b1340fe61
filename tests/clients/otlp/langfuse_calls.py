"""Langfuse's SDK, of version 3 or 5: its wrapper of OpenAI's client, within an agent."""

from importlib.metadata import version

from exporters import KEY, MESSAGES, MODELS, SERVER, SESSION, USER
from langfuse import Langfuse
from langfuse.openai import OpenAI

of_whom = {"session_id": SESSION, "user_id": USER, "tags": ["shop"]}
made = Langfuse(public_key="pk-lf-any", secret_key=KEY, host=SERVER, environment="staging")
client = OpenAI(api_key="sk-none", base_url=f"{MODELS}/v1", max_retries=0)
if version("langfuse").startswith("3."):
    with made.start_as_current_span(name="order", input="Ulm") as span:
        span.update_trace(**of_whom)
        client.chat.completions.create(model="gpt-4o", messages=MESSAGES)
        span.update(output="sunny")
else:
    from langfuse import propagate_attributes

    with (
        made.start_as_current_observation(name="order", as_type="agent", input="Ulm") as span,
        propagate_attributes(**of_whom),
    ):
        client.chat.completions.create(model="gpt-4o", messages=MESSAGES)
        span.update(output="sunny")
made.shutdown()
