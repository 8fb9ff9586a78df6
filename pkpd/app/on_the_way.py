"""Work that is told word by word, and ends when nobody listens any more.

Knows threads and words; knows nothing of what is computed.
"""

import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any

from pkpd.errors import PkpdError

WORKER = "on the way"  # name of the threads
Word = dict[str, Any]
Tell = Callable[[Word], None]


class Abandoned(Exception):
    """Nobody waits for the result any more."""


def on_the_way(work: Callable[[Tell], Word]) -> Iterator[Word]:
    """Yield each word that work(tell) tells, last what it returns or {"error": sentence}.

    Once the iterator is closed, the work ends at its next word.
    """
    words: queue.SimpleQueue[tuple[Word, bool]] = queue.SimpleQueue()
    gone = threading.Event()

    def tell(word: Word) -> None:
        if gone.is_set():
            raise Abandoned
        words.put((word, False))

    def run() -> None:
        last = {"error": "This failed; the terminal of pkpd app says why."}
        try:
            last = work(tell)
        except PkpdError as error:
            last = {"error": str(error)}
        except Exception:
            if not gone.is_set():  # else nobody asks any more what became of it
                raise
        finally:
            words.put((last, True))

    threading.Thread(target=run, name=WORKER, daemon=True).start()
    ended = False
    try:
        while not ended:
            word, ended = words.get()
            yield word
    finally:
        gone.set()
