"""Lamps, buzzer, buttons and the customer display."""
