"""Edge processes of `sluice up`: they speak HTTP, check and frame beside the process that owns log,
stream and store.
"""
