"""Files that are taken in: alerts of an FSL or a CAF, a coordinator's own cases; read, mapped, judged row by row."""
