"""The table of clusters: what each amounts to, and names, merges, splits, colours and marks with undo."""
