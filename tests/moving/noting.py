"""An extension of ``adc move``: each event is a line in a log, and it may kill the process.

``ADC_TEST_LOG`` is the log. Once this process has written ``ADC_TEST_LINES`` lines to it (-1:
never), a thread kills it, at whatever step that is. Batches are small, so that there are many.
"""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from itertools import count

from aide_de_camp import held
from aide_de_camp.spi import Event, EventKind, hookimpl

_LOG = os.open(os.environ["ADC_TEST_LOG"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
_LAST = int(os.environ["ADC_TEST_LINES"])
_written = count(1)
_enough = threading.Event()


@hookimpl
def adc_event(event: Event) -> None:
    if event.kind in (EventKind.MOVED_AWAY, EventKind.MOVED_HERE):
        os.write(_LOG, f"{event.kind} {event.job_id}\n".encode())
        if next(_written) == _LAST:
            _enough.set()


def _kill() -> None:
    _enough.wait()
    time.sleep(random.random() * 0.02)
    os.kill(os.getpid(), signal.SIGKILL)


vars(held)["BATCH_JOBS"] = 10
threading.Thread(target=_kill, daemon=True).start()
if _LAST == 0:
    _enough.set()
