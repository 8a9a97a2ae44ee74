"""What the operations need of the world, in the shop's own words, with the errors each may raise."""
