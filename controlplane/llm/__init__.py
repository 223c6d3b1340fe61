"""The system `llm`: the prices that projects set, and the runs that price stored rows anew."""
