"""The image path: bicubic, metrics, benchmark sets, upscaling."""
