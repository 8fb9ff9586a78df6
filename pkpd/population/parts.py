"""A cohort part by part, so that Ctrl-C costs no more than the part under way.

Knows cohorts and the parts they are cut into; knows nothing of what is computed for them.
"""

from pkpd.errors import Stopped


def by_parts(cohort, size, work, join, progress=None):
    """join(results, cohort) of the results of consecutive parts of a cohort.

    size : patients in a part
    work : (part, report) -> result; may call report(done), unless it is None, as patients finish
    progress : called with the number of finished patients of the cohort

    Raises Stopped on Ctrl-C, with the joined results of the parts that are finished, or
    KeyboardInterrupt where none is.
    """
    results, done = [], 0
    try:
        for first in range(0, max(len(cohort), 1), size):
            report = None
            if progress is not None:
                report = lambda count, first=first: progress(first + count)  # noqa: E731
            results.append(work(cohort.rows(slice(first, first + size)), report))
            done = min(first + size, len(cohort))
            if progress is not None:
                progress(done)
    except KeyboardInterrupt as stop:
        if not results:
            raise
        raise Stopped(join(results, cohort.until(done)), done, len(cohort)) from stop
    return join(results, cohort)
