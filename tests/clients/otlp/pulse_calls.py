"""The newest SDK of Pulse for Python, out of its source archive."""

import pulse_sdk
from exporters import KEY, MESSAGES, SERVER, SESSION, TOOLS, openai_client

pulse_sdk.init_pulse({"api_key": KEY, "api_url": SERVER, "batch_size": 1})
options = pulse_sdk.ObserveOptions(session_id=SESSION, metadata={"userId": "ann", "turn": 1})
client = pulse_sdk.observe(openai_client(), pulse_sdk.Provider.OPENAI, options)
client.chat.completions.create(model="gpt-4o", messages=MESSAGES)
asked = client.chat.completions.create(model="gpt-4o", messages=MESSAGES, tools=TOOLS)
message = asked.choices[0].message
result = {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "result: sunny"}
client.chat.completions.create(
    model="gpt-4o", messages=[*MESSAGES, message.model_dump(), result], tools=TOOLS
)
pulse_sdk.shutdown()
