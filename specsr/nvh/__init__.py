"""Speed, orders, levels, weighting and sound quality."""
