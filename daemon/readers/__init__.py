"""Card readers: PC/SC and their far sides, behind daemon.ports.cards."""
