"""Text of another simulator -> System, one module a format, each with `read(text, place)`."""
