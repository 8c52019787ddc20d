"""What is refused, and what is written down of what was done."""
