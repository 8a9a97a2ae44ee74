"""The systemd unit: checked by systemd's own tools, and started under a real systemd."""
