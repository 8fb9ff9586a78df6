"""pkpd app: the page in the browser.

Knows options; knows nothing of panels or requests.
"""

from pathlib import Path
from typing import Annotated
from urllib.parse import urlencode

import typer

from pkpd.cli import console, options
from pkpd.errors import PkpdError, closest, listed, quoted


def app(
    what: Annotated[
        str,
        typer.Argument(
            metavar="MODEL|FOLDER",
            help="A model with a benefit, of the library or a .toml file, or a folder of results.",
        ),
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
    """Explore a model, or a finished study, in the browser.

    Move the numbers of a model and see what follows: the day, the dose response, MEDs.

    The page is served to this machine alone and fetches nothing from elsewhere. Its link holds all
    that was chosen, and it gives the command line and the Python for the same numbers. With a
    folder it shows the report, figures and tables of a finished study. Ctrl-C ends it.
    Needs: pip install 'pkpd[app]'

    \b
    Examples:
      pkpd app
      pkpd app explanations/kappa --port 8000 --no-browser
      pkpd app my_model.toml
      pkpd app med
    """
    try:
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401

        from pkpd.app import server
    except ImportError as missing:
        raise PkpdError("pkpd app needs a server: pip install 'pkpd[app]'") from missing
    page, shown = _page(what)
    found = server.application(**shown)
    bound = server.bind(port)
    address = f"http://{server.HOST}:{bound.getsockname()[1]}/{page}"
    console.lines([f"{address}  (Ctrl-C ends it)"])
    if browser:
        typer.launch(address)
    server.serve(bound, found)


def _page(what):
    """(end of the address, arguments of the application) of a model, its file, or a folder.

    Raises PkpdError. What is wrong with a model file is said on the page.
    """
    from pkpd.app.state import choices

    known = choices()["models"]
    query = f"?{urlencode({'model': what})}"
    if what in known:
        return query, {}
    if what.endswith(".toml") and Path(what).is_file():
        return query, {"own": what}
    if Path(what).is_dir():
        return "study", {"folder": what}
    raise PkpdError(
        f"{quoted(what)} is no model with a benefit, no .toml file and no folder."
        f"{closest(what, known)} Models: {listed(known)}."
    )
