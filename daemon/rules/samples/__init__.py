"""Sample shops to start from: one file each, sections as the office would write them."""
