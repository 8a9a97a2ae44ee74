"""The parts of `daemon.ledger.verify`: each proves one side of the books and only reads."""
