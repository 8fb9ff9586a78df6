"""Compiled kernels of the tests live in pytest's own cache folder: kept between runs, emptied by `pytest --cache-clear`."""

import os


def pytest_configure(config):
    os.environ.setdefault("PKPD_CACHE", str(config.cache.mkdir("pkpd")))
