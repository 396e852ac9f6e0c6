"""A page in the browser: open, look, work, listen, read off, save."""
