"""Ends what hangs and can't be cancelled, by an alarm of the system in the midst of it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Final, Self

from attrs import frozen

GRACE: Final = 5.0
"""Seconds beyond its limit that whatever is cancelled then has to end."""
_AGAIN: Final = 1.0
"""Seconds after which what swallowed even the alarm is given another."""


@frozen
class Step:
    """What is done with a storage or a codec for a while, and that may hang.

    Attributes:
        doing: what takes the time, as a sentence begins.
        seconds: how long it may take.
        place: the namespace of the place that it is done on; None where there is none.
    """

    doing: str
    seconds: float
    place: str | None = None

    @property
    def hung(self) -> str:
        """Say that it hung."""
        return f"{self.doing} took more than {self.seconds:g} s and couldn't be cancelled"


Begin = Callable[[Step], object]
"""Told of each step as it begins, in the process that goes through it."""


class Hung(KeyboardInterrupt):
    """Raised wherever the process is while it hangs.

    An interrupt, since that is what an event loop lets out of any task at once, and what careless
    code is the least likely to swallow.
    """


class Watch:
    """Watches over the steps of one requirement, in the main thread alone: alarms go there.

    Somebody else's alarm is left as it is: a test run that has a time limit of its own, as by
    pytest-timeout, needs no other.

    Args:
        begin: told of each step, too; None tells nobody.

    Attributes:
        is_over: whether the last step ended.
    """

    def __init__(self, begin: Begin | None = None) -> None:
        self._begin = begin
        self._step: Step | None = None
        self._armed = False
        self.is_over = False

    def __enter__(self) -> Self:
        self._armed = _is_free()
        if self._armed:
            signal.signal(signal.SIGALRM, self._ring)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.is_over = True
        if self._armed:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, signal.SIG_DFL)

    def begin(self, step: Step) -> None:
        """Begin a step; it ends with the next, or with the watch."""
        if self.is_over:
            # A coroutine that was left behind goes through its last steps when it is collected.
            return
        self._step = step
        if self._begin is not None:
            self._begin(step)
        if self._armed:
            signal.setitimer(signal.ITIMER_REAL, step.seconds + GRACE)

    def _ring(self, _number: int, _frame: FrameType | None) -> None:
        # Once the watch is over, one that was on its way is nothing to anybody.
        if self._step is not None and not self.is_over:
            # One at a time: alarms by an interval would pile up where this one can't be raised.
            signal.setitimer(signal.ITIMER_REAL, _AGAIN)
            raise Hung(self._step.hung)


def _is_free() -> bool:
    if not hasattr(signal, "SIGALRM"):
        return False
    if threading.current_thread() is not threading.main_thread():
        return False
    is_set = signal.getitimer(signal.ITIMER_REAL) != (0.0, 0.0)
    return not is_set and signal.getsignal(signal.SIGALRM) is signal.SIG_DFL
