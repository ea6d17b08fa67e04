"""Who comes in, by which proof and for how long; and what was read, sought and refused."""
