"""The system `errors`: its issues and transactions, to read and to set."""
