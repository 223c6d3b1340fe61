"""The system `uptime` in the stream: checks become rows, and states follow from them."""
