"""Upscaling and denoising of maps and recordings."""
