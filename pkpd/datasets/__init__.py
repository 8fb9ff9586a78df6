"""What a data set holds and what is odd about it, before anything is computed from it."""
