"""Super-resolution and denoising of spectrograms, from recording to recording.

The public names stand in ``__init__.pyi``, in the order of the data.  Each is loaded when first
used, so that ``import specsr`` stays fast.
"""

import lazy_loader

from specsr.version import __version__ as __version__

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
