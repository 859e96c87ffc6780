"""File formats of slides, one module a family, and how a path finds its module."""
