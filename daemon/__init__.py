"""counterd: the daemon of a shop's counter appliance."""
