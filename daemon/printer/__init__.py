"""The receipt printer: layout and status are pure, transport is python-escpos."""
