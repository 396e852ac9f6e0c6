"""What low resolution means, what a network is given, and consistency."""
