"""Issues: the list, one of them with its events, and what people do about them."""
