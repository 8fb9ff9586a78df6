"""The server of the page, on a free port."""

import threading

import pytest
import uvicorn

from pkpd.app import server


@pytest.fixture(scope="package")
def address():
    bound = server.bind(0)
    serving = uvicorn.Server(
        uvicorn.Config(server.application(), log_level="error", lifespan="off")
    )
    thread = threading.Thread(target=serving.run, kwargs={"sockets": [bound]})
    thread.start()
    yield f"http://{server.HOST}:{bound.getsockname()[1]}"
    serving.should_exit = True
    thread.join()
