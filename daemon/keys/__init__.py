"""Where keys come from: systemd credentials or files that only the daemon may read."""
