"""What a pure step makes of items; no Faust, no store, no clock, no waiting."""


class Unfit(ValueError):
    """Raised when an item cannot become a row; the message is the dead letter's reason."""
