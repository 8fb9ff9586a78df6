"""The loop over rows and blocks, a real file that is pasted behind the header of a model.

What it imports from `frame` the header and the functions of the model define, see
`pkpd.solvers.collocation.source`.
"""
