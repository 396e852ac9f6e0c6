"""HTML reports of recordings and maps."""
