"""counterd: the daemon of a shop's counter appliance."""

__version__ = "0.1.0"
