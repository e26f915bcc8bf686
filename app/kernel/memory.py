"""How Python's garbage collector treats a process that serves requests."""

from __future__ import annotations

import gc

# Objects made before the youngest are looked at: a page makes tens of thousands, and nearly all of them go by
# themselves when it has been sent. With Python's 700 a tenth of a page's time went into looking.
_YOUNG = 20_000


def settle() -> None:
    """Called once the application has been made: what lives as long as the process is never looked at again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, 20, 50)
