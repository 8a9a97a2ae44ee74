"""Far sides of the appliance, each its own process: cards, printer, the counter desk."""
