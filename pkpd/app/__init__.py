"""A page in the browser on which one moves the numbers of a model and sees what follows.

Knows models with a benefit; leaves all computing to the functions that scripts and the command
line call.
"""
