"""What all tests share: the command line as a function, a browser, a cache of compiled kernels.

No example of Hypothesis has a deadline: a loaded machine is no mistake.

The kernels live in pytest's own cache folder: kept between runs, shared by the processes of one,
emptied by `pytest --cache-clear`. With `-p no:cacheprovider` they live in the user's cache.
"""

import os
import shutil
import sys

import pytest
from hypothesis import settings

from pkpd.cli import main

settings.register_profile("pkpd", deadline=None)
settings.load_profile("pkpd")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def pytest_configure(config):
    if config.pluginmanager.has_plugin("cacheprovider"):
        os.environ.setdefault("PKPD_CACHE", str(config.cache.mkdir("pkpd")))


def pytest_collection_finish():
    """Let numba compile without being watched line by line, where coverage is measured.

    It runs no line of the package then, and took half as long again.
    """
    if sys.gettrace() is None:
        return
    from numba.core.dispatcher import Dispatcher

    compile = Dispatcher.compile

    def unwatched(*arguments):
        watching = sys.gettrace()
        sys.settrace(None)
        try:
            return compile(*arguments)
        finally:
            sys.settrace(watching)

    Dispatcher.compile = unwatched


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    """run(words...) -> (exit code, stdout, stderr), in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def call(*words):
        try:
            main([str(w) for w in words])
            code = 0
        except SystemExit as stop:
            code = stop.code or 0
        return code, *capsys.readouterr()

    return call


@pytest.fixture(scope="module")
def browser():
    """A Chromium of the system."""
    from playwright.sync_api import sync_playwright

    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.fail(f"No browser on PATH ({', '.join(BROWSERS)}): apt-get install chromium")
    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield chromium
        chromium.close()
