"""The simulated counter on one page: cashier screen, card tray with reader, receipt printer."""
