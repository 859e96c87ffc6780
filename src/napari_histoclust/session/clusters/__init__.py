"""The rows and columns of the table of clusters."""
