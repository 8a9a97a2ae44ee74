"""Two branches of one merchant on one page: their counters, one hand with cards, and a cable to the
cloud from each that can be pulled."""
