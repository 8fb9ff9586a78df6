"""Compiled code over lanes, as real files that are pasted behind the header of a model.

A module generated for a model holds, in this order: a legend, named constants, the model's own
functions, and the files of this folder that its solver asks for, without their imports from this
folder. What they import from `frame` the header defines. docs/kernels.md shows a small one.
"""
