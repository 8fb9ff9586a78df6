"""A cohort in chunks that are solved side by side, so that work arrays stay small.

Knows cohorts and threads; knows nothing of what is computed.
"""

import os
from concurrent.futures import ThreadPoolExecutor

from pkpd.limits import thread_count

PATIENTS = 2048  # of a chunk at most
FEWEST = 512  # that are worth a chunk of their own


def in_chunks(cohort, work, threads=None, progress=None, patients=None):
    """Yield work(patients, threads) of consecutive chunks of a cohort, in order.

    As many chunks as there are threads are solved at a time, because what happens between the
    solver's calls is serial.
    threads : None for all cores; progress : called with the number of finished patients
    patients : of a chunk, on which no result depends (default: so many that all threads work)
    """
    threads = thread_count(threads) or os.cpu_count() or 1
    rounds = -(-len(cohort) // (PATIENTS * threads))
    even = -(-len(cohort) // (rounds * threads or 1))
    size = patients or min(max(even, FEWEST), PATIENTS)
    firsts = range(0, len(cohort), size)
    beside = min(threads, len(firsts))

    def solve(first):
        return work(cohort.rows(slice(first, first + size)), threads // beside)

    parts = map(solve, firsts) if beside == 1 else _side_by_side(solve, firsts, beside)
    for first, part in zip(firsts, parts, strict=True):
        yield part
        if progress is not None:
            progress(min(first + size, len(cohort)))


def _side_by_side(solve, firsts, count):
    """Yield solve(first) of every part in order, `count` at a time in threads.

    Closed early, it waits only for those under way.
    """
    with ThreadPoolExecutor(count) as pool:
        pending = [pool.submit(solve, first) for first in firsts]
        try:
            for future in pending:
                yield future.result()
        finally:
            for future in pending:
                future.cancel()
