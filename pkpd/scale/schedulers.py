"""Who computes the chunks: threads of this process, or the workers of a Dask cluster.

Each scheduler is a generator of (first, last, table) in the order in which chunks finish; only as
many are in progress as keep every thread busy. Knows work(first, last) -> table; knows nothing of
files.
"""

from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from itertools import islice

from pkpd.errors import PkpdError, ResultError
from pkpd.scale.folder import KEPT

AHEAD = 2  # chunks in progress per thread of a cluster, so that none idles while one is written


def on_threads(work, ranges, threads, interrupt=None):
    """Chunks in threads of this process, one each.

    When closed early, it calls `interrupt` and waits for the threads.
    """
    waiting, pending = iter(ranges), {}

    def more(count):
        pending.update({pool.submit(work, *chunk): chunk for chunk in islice(waiting, count)})

    with ThreadPoolExecutor(threads) as pool:
        try:
            more(threads)
            while pending:
                finished, _ = wait(pending, return_when=FIRST_COMPLETED)
                for future in finished:
                    chunk = pending.pop(future)
                    more(1)
                    yield *chunk, future.result()
        except BaseException:
            for future in pending:
                future.cancel()
            if pending and interrupt is not None:
                interrupt()
            raise


def on_cluster(work, ranges, client):
    """Chunks on the workers of a Dask cluster, which repeats those of a lost worker.

    Raises ResultError.
    """
    from distributed import CancelledError, KilledWorker, as_completed

    waiting, pending, done = iter(ranges), {}, as_completed()

    def more(count):
        for chunk in islice(waiting, count):
            future = client.submit(_far, work, *chunk, pure=False)
            pending[future] = chunk
            done.add(future)

    try:
        client.wait_for_workers(1, timeout=30)
        more(AHEAD * sum(client.nthreads().values()))
        for future in done:
            chunk = pending.pop(future)
            wanted = AHEAD * sum(client.nthreads().values())  # workers may have joined
            more(max(1, wanted - len(pending)))
            yield *chunk, future.result()
    except KilledWorker as error:
        raise ResultError(
            f"Several workers died over the same chunk; they may lack memory. {KEPT}"
        ) from error
    except ImportError as error:
        raise ResultError(
            f"A worker cannot load what the work needs ({error}). "
            f"Install the same version of pkpd on every worker. {KEPT}"
        ) from error
    except (OSError, TimeoutError, CancelledError) as error:
        reason = str(error) or type(error).__name__
        raise ResultError(f"The cluster does not answer: {reason}. {KEPT}") from error
    finally:
        if pending:
            client.cancel(list(pending))


def _far(work, first, last):
    """work(first, last) on a worker; an error names the worker's address."""
    from distributed import get_worker

    try:
        return work(first, last)
    except PkpdError as error:
        raise ResultError(f"Worker {get_worker().address}: {error} {KEPT}") from error


def connect(address):
    """distributed.Client of the scheduler at `address`. Raises PkpdError."""
    try:
        from distributed import Client
    except ImportError as error:
        raise PkpdError("A cluster needs Dask: pip install 'pkpd[cluster]'.") from error
    try:
        return Client(address, timeout=10)
    except (OSError, ValueError) as error:
        raise PkpdError(
            f"No Dask scheduler answers at '{address}'. Start one with 'dask scheduler' and give "
            "its address, such as tcp://host:8786."
        ) from error
