"""The server of the page, on a free port, and of a folder of a finished study."""

import itertools
import threading
from contextlib import contextmanager

import pytest
import uvicorn

from pkpd.app import server


@contextmanager
def served(application):
    """The address of a server of an ASGI application."""
    bound = server.bind(0)
    serving = uvicorn.Server(uvicorn.Config(application, log_level="error", lifespan="off"))
    thread = threading.Thread(target=serving.run, kwargs={"sockets": [bound]})
    thread.start()
    try:
        yield f"http://{server.HOST}:{bound.getsockname()[1]}"
    finally:
        serving.should_exit = True
        thread.join()


@pytest.fixture(scope="package")
def address():
    with served(server.application()) as found:
        yield found


@pytest.fixture(scope="package")
def serve():
    """serve(own=..., folder=...) -> the address of a server of the page, as a context."""
    return lambda **shown: served(server.application(**shown))


@pytest.fixture
def endless():
    """work(tell) that tells numbers without end, and the list of the threads that do it."""
    workers = []

    def work(tell):
        workers.append(threading.current_thread())
        for k in itertools.count():
            tell({"done": k})

    return work, workers
