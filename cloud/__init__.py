"""Reference cloud backend: pulls batches, verifies everything again, keeps them, acknowledges."""
