"""How much anybody may send: buckets that fill at a rate, for a bounded number of senders."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable

MOST_SENDERS = 10_000


class Limit:
    """Each sender may send `burst` at once, and `rate` a second in the long run; `now` gives seconds."""

    def __init__(self, rate: float, burst: float, now: Callable[[], float] = time.monotonic) -> None:
        self.rate, self.burst, self.now = rate, burst, now
        self._left: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()

    def allows(self, sender: Hashable) -> bool:
        """Whether the sender may send one more now; if so, it counts."""
        now = self.now()
        left, then = self._left.pop(sender, (self.burst, now))
        left = min(self.burst, left + self.rate * (now - then))
        allowed = left >= 1
        self._left[sender] = (left - allowed, now)
        if len(self._left) > MOST_SENDERS:
            # the one that was silent the longest has most likely a full bucket again
            self._left.popitem(last=False)
        return allowed
