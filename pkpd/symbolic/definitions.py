"""Which definition of a name holds where files of a model include and replace one another.

An [override] replaces what the files define that its own file includes, directly or not, wherever
that file is included in turn. Knows names and files; knows nothing of what they define.
"""

from pkpd.errors import ModelError


class Definitions:
    """The definitions of one kind, such as parameters or rates, by name.

    files : of one model, included ones first; the later definition of a file that overrides stands
        in the place of the first
    """

    def __init__(self, files):
        self.below = _below(files)
        self.found: dict[str, list] = {}

    def add(self, name, file, label, value, place):
        """Add the definition of a file.

        label : what [override] calls it
        """
        below = self.below[file.path]
        before = self.found.get(name, [])
        overrides = label in file.data.get("override", {}).get("names", [])
        kept = [d for d in before if not (overrides and d[0].path in below)]
        self.found[name] = [*kept, (file, label, value, place)]

    def settled(self):
        """name -> (value, place). Raises ModelError for a name of which two definitions hold."""
        for held in self.found.values():
            if len(held) > 1:
                raise ModelError(_both(*held[:2]))
        return {name: held[0][2:] for name, held in self.found.items()}


def _both(first, second):
    """What is wrong with two definitions of a name."""
    file, label, _, place = second
    if label in file.data.get("override", {}).get("names", []):
        remedy = (
            "which its file does not include; define it once more, under [override] names, in a "
            "file that includes both"
        )
    else:
        remedy = "list it under [override] names to replace it"
    separator = "," if remedy.startswith("which") else ";"
    return f"{place}: '{label}' is already defined at {first[3]}{separator} {remedy}."


def _below(files):
    """path -> paths of the files that it includes, directly or not."""
    below: dict = {}
    for file in files:
        below[file.path] = set()
        for name in file.data.get("include", []):
            included = [p for p in below if f"/{p.as_posix()}".endswith(f"/{name}.toml")]
            for path in included:
                below[file.path] |= {path} | below[path]
    return below
