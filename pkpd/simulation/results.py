"""Results that regimens and event tables have in common.

Knows what a kernel watched; knows nothing of doses.
"""

from pkpd.result import EndpointResult


def endpoint_result(cohort, regimen, watch, occasion, solution, status, ends):
    """EndpointResult. status : (P,) and time of failure (P,); ends : of the window, (P,) each."""
    code, fail_time = status
    since, until = ends
    return EndpointResult(
        model=cohort.model,
        cohort=cohort,
        regimen=str(regimen),
        names=tuple(endpoint.text for endpoint in watch.endpoints),
        units=tuple(endpoint.unit for endpoint in watch.endpoints),
        errors=(),
        occasion=occasion,
        status=code,
        fail_time=fail_time,
        since=since,
        until=until,
        values=watch.values(solution, since, until),
    )
