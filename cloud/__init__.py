"""Reference cloud backend: pulls batches, verifies everything again, keeps and acknowledges them."""
