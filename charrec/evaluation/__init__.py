"""What trained networks read, and how well: predictions, rates with intervals, paired comparisons."""
