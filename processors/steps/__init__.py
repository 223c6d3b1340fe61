"""Pure steps from wire items to rows: no Faust, no store, no clock, no waiting."""
