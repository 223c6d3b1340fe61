"""What the system `errors` is made of: events, transactions, and what their senders wrote."""
