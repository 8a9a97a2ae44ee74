"""The counter over HTTP: the real application on a port, over the real ledger."""
