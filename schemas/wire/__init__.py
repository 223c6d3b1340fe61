"""What senders send, format by format."""
