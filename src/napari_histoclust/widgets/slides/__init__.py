"""The dock of slides: add them, look at how they lie on one another, open a run."""
