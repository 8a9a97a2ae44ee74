"""The keys of this device: where they come from, and the only code that ever holds a master key.

Keys come from files, never from arguments or the environment, and have no representation: neither a
log nor a traceback can show one.
"""
