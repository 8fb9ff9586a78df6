"""Results that regimens and event tables have in common.

Knows outputs and what a kernel watched; knows nothing of doses.
"""

from pkpd.result import EndpointResult


def course(kind, cohort, doses, names, errors, occasion, status, **values):
    """Result or EventResult of outputs.

    kind : the class; doses : Regimen or Records; names : of the outputs; errors : their residuals
    status : (P,) and time of failure (P,); values : its further fields
    """
    code, fail_time = status
    return kind(
        model=cohort.model,
        cohort=cohort,
        regimen=str(doses),
        names=names,
        units=tuple(map(cohort.model.unit, names)),
        errors=errors,
        occasion=occasion,
        status=code,
        fail_time=fail_time,
        **values,
    )


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
