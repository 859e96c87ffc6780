"""What stands in a form: numbers as text, ranges, lengths in words."""
