"""What `counterd VERB` does, one verb per module."""
