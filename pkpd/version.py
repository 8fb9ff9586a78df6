"""The version of the package, from what is installed. Knows nothing else."""


def release() -> str:
    """Version of the installed package, "unknown" where it is not installed."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("pkpd")
    except PackageNotFoundError:
        return "unknown"
