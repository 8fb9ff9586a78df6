"""A checked Model as text of another simulator, one module a format, each with `write(model)`."""
