"""One module per card technology: pure codecs that yield command APDUs and take answers."""
