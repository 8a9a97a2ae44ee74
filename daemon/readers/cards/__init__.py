"""What is said to a card: pure codecs, one module per layer, without any input or output.

Every dialogue is a generator that yields a command APDU and is sent the answer (see `apdu`), so
that the same code speaks through PC/SC, through a socket, and in a test that tears the card out at
any step.
"""
