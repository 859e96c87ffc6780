"""What figures say about a clustering: indices, a baseline, a report."""
