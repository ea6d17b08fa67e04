"""Files of alerts that an FSL or a CAF sends: read, mapped, judged row by row, then taken in like any other alert."""
