"""Keeps the garbage collector from looking at what stays."""

import gc


def settle_heap() -> None:
    """Tells the garbage collector that what exists by now stays, and that rows come by thousands.

    Turns it on: while everything is imported, which stays anyway, it is off. Of that, 0.5 MB are
    cycles that nobody has any more; to look for them took a tenth of the start.

    Rows and their values hold no cycles: they go as soon as nobody has them. With the usual
    threshold of 700 the collector looked at every block several times while it was built, and now
    and then at everything that was ever imported: a sixth of the processor time of an event.
    """
    gc.enable()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
