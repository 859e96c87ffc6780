"""The figures of the paper, drawn from a run."""
