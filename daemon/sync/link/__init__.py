"""The link between a device and its cloud. `messages` is pure and shared by both; the doors and the
dialling are the device's own."""
