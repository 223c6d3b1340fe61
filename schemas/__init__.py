"""The vocabulary: msgspec Structs for wire forms, records, rows and settings; no I/O."""
