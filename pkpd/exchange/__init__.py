"""Models in and out of other simulators: foreign text -> model file -> Model -> foreign text.

An importer translates equations into the language of model files and leaves every check to the
loader; an exporter writes the checked, scaled equations of a Model. No foreign text is executed,
and nothing that it names is opened.
"""
