"""The dock that says how good a clustering is, and helps to choose the number of clusters."""
