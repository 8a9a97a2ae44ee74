"""Pure values and decisions: no clock, no disk, no network. `now` comes in as an argument."""
