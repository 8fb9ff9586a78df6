"""Who computes the chunks: threads of this process, or the workers of a Dask cluster.

Each scheduler is a generator of (first, last, table) in the order in which chunks are finished; only as many are under way as
keep everybody busy. Knows work(first, last) -> table; knows no files.
"""

from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from itertools import islice

from pkpd.errors import PkpdError, ResultError
from pkpd.scale.folder import GO_ON

AHEAD = (
    2  # chunks under way for each thread of a cluster, so that none is idle while one is written
)


def on_threads(work, ranges, threads, interrupt=None):
    """Chunks in threads of this process, one each. When it is closed early, `interrupt` is called and the threads are waited for."""
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
    """Chunks on the workers of a Dask cluster; it computes those of a lost worker again. Raises ResultError."""
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
            more(
                max(1, AHEAD * sum(client.nthreads().values()) - len(pending))
            )  # workers may have come
            yield *chunk, future.result()
    except KilledWorker as error:
        raise ResultError(
            f"Several workers died one after another over the same chunk; they may lack memory. {GO_ON}"
        ) from error
    except ImportError as error:
        raise ResultError(
            f"A worker cannot load what the work needs ({error}). Install pkpd in the same version on every worker. {GO_ON}"
        ) from error
    except (OSError, TimeoutError, CancelledError) as error:
        raise ResultError(
            f"The cluster does not answer: {str(error) or type(error).__name__}. {GO_ON}"
        ) from error
    finally:
        if pending:
            client.cancel(list(pending))


def _far(work, first, last):
    """work(first, last) on a worker; what it complains of is told with the worker's address."""
    from distributed import get_worker

    try:
        return work(first, last)
    except PkpdError as error:
        raise ResultError(f"Worker {get_worker().address}: {error} {GO_ON}") from error


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
            f"No Dask scheduler answers at '{address}'. Start one with 'dask scheduler' and give its address, such as tcp://host:8786."
        ) from error
