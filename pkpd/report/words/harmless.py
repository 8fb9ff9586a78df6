"""Text of strangers made harmless: what moves a cursor or turns the writing shows as escapes.

Knows characters; knows nothing of screens or pages.
"""

import re

# controls but tab and newline, marks and overrides of direction, separators of lines, and halves
# of characters, as names that are not UTF-8 have
_HARMFUL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


def harmless(text):
    r"""The text with harmful characters as escapes, such as \x1b."""
    return _HARMFUL.sub(lambda match: match[0].encode("unicode_escape").decode(), str(text))
