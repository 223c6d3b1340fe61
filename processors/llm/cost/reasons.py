"""The words for why a cost is unknown, and what each says."""

REASONS = {
    "provider": "no price list knows the provider",
    "local": "the model runs on your own machine, which no price list knows",
    "custom": "a fine-tuned or imported model, a variant or a place, with a price of its own",
    "model": "no price list of the provider names the model",
    "counts": "the call has no token counts",
    "measure": "the model is charged by what no answer counts, such as pages or characters",
    "time": "no price of the model is known for the time of the call",
    "calls": "several calls are counted as one, and those with a long input cost more",
    "rate": "this was counted, and has no rate",
    "term": "the call was served on terms for which no price is known",
    "charge": "this was charged besides tokens, and no answer says how much of it",
    "amount": "the counts are absurd: the cost would not fit the store",
}
"""By the word, or by what stands before its colon (`rate:input_audio_tokens`)."""


def meaning_of(reason: str) -> str:
    """What a word says, in a sentence."""
    word, _, rest = reason.partition(":")
    return f"{REASONS[word]}: {rest}" if rest else REASONS[word]
