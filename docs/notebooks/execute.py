"""Execute notebooks of this folder again and keep what they print and draw.

python docs/notebooks/execute.py [NOTEBOOK ...]     (default: all)

Each runs from its first cell in a fresh kernel and an empty folder. What differs from run to run
is left out: times, progress bars, names of kernels. Knows notebooks; knows nothing of pkpd.
"""

import re
import sys
from base64 import b64decode, b64encode
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
from nbclient import NotebookClient
from PIL import Image

HERE = Path(__file__).parent
MINUTES = 20  # a cell may take, on a machine that has compiled nothing yet
COLOURS = 128  # of a figure, which need no more and take a third of the room
PLACE = re.compile(r"(?<=\s)/\S+/(?=models/)")  # of the library on this machine
PICTURE = re.compile(r"(?<=data:image/png;base64,)[A-Za-z0-9+/=]+")
KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}


def executed(path: Path) -> nbformat.NotebookNode:
    """The notebook with fresh outputs. Raises CellExecutionError where a cell fails."""
    book = nbformat.read(path, as_version=4)
    with TemporaryDirectory() as folder:
        place = {"metadata": {"path": folder}}
        options = {"timeout": 60 * MINUTES, "resources": place, "record_timing": False}
        # what a cell prints may come in pieces, which are one text
        options |= {"kernel_name": "python3", "coalesce_streams": True}
        NotebookClient(book, **options).execute()
    book.metadata = {"kernelspec": KERNEL}
    for cell in book.cells:
        cell.metadata = {}
        if cell.cell_type == "code":
            cell.outputs = [_kept(output) for output in cell.outputs if not _is_bar(output)]
    return book


def _is_bar(output):
    """Whether it is a progress bar that has gone."""
    return output.get("data", {}).get("text/html") == ""


def _kept(output):
    """An output without what only this run knows, its pictures in few colours."""
    output.get("metadata", {}).clear()
    data = output.get("data", {})
    if "image/png" in data:
        data["image/png"] = _small(data["image/png"])
    if "text/plain" in data:
        data["text/plain"] = PLACE.sub("", data["text/plain"])
    if "text/html" in data:
        data["text/html"] = PICTURE.sub(lambda found: _small(found[0]), data["text/html"])
    return output


def _small(picture):
    """A PNG, as base64, in few colours."""
    small = BytesIO()
    drawn = Image.open(BytesIO(b64decode(picture))).convert("RGB")
    drawn.quantize(COLOURS).save(small, format="png", optimize=True)
    return b64encode(small.getvalue()).decode()


def main(names: list[str]) -> None:
    """Execute notebooks and write them. names : their paths, or none for all of this folder"""
    for path in map(Path, names) if names else sorted(HERE.glob("*.ipynb")):
        nbformat.write(executed(path), path)
        print(path)


if __name__ == "__main__":
    main(sys.argv[1:])
