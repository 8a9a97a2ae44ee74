"""A customer display on a serial line, as a process of its own: it obeys the commands of its kind
and shows what stands on it."""
