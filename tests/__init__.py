"""The specification, mirroring the four packages."""
