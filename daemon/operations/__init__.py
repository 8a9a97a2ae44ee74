"""One verb of the shop per module. Each takes ports and values; none knows a driver."""
