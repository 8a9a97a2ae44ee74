"""The simulated receipt printer: an ESC/POS interpreter of its own, a TCP printer, a control page.

It is the far side of `daemon.printer` and shares no code with it: both obey the printer's manual.
"""
