"""The machine under the daemon: its clock and the service manager."""
