"""Bodies, and the programs that read them."""
