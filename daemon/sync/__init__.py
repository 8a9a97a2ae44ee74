"""Closed, signed batches of the journal, and the door by which a cloud pulls them."""
