"""Cards with an electronic purse at the counter: whole, torn, cloned, and decided on later."""
