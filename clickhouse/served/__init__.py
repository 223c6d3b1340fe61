"""The embedded store as an engine that strangers may ask: `sluice warehouse` serves it by HTTP."""
