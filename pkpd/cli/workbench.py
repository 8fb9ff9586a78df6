"""pkpd app: the page in the browser.

Knows options; knows nothing of panels or requests.
"""

from typing import Annotated
from urllib.parse import urlencode

import typer

from pkpd.cli import console, options
from pkpd.errors import PkpdError


def app(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="A model of the library with a benefit.")
    ] = "ldn/hormesis",
    port: Annotated[
        int,
        typer.Option(
            "--port",
            parser=options.whole(0, 65535),
            metavar="PORT",
            help="Port on this machine (default: any that is free).",
            show_default=False,
        ),
    ] = 0,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the page in a browser.")
    ] = True,
):
    """Move the numbers of a model in the browser and see what follows: day, dose response, MEDs.

    The page is served to this machine alone and fetches nothing from elsewhere. Its link holds all
    that was chosen, and it gives the command line and the Python for the same numbers. Ctrl-C ends
    it. Needs: pip install 'pkpd[app]'

    \b
    Examples:
      pkpd app
      pkpd app explanations/kappa --port 8000 --no-browser
    """
    try:
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401

        from pkpd.app import server
        from pkpd.app.state import state
    except ImportError as missing:
        raise PkpdError("pkpd app needs a server: pip install 'pkpd[app]'") from missing
    state([("model", model)])
    bound = server.bind(port)
    address = f"http://{server.HOST}:{bound.getsockname()[1]}/?{urlencode({'model': model})}"
    console.lines([f"{address}  (Ctrl-C ends it)"])
    if browser:
        typer.launch(address)
    server.serve(bound)
