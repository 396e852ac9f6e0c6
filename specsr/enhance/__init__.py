"""Super-resolution and denoising of maps and recordings."""
