"""An image, four times larger

The same networks enlarge images: `specsr.upscale_image` beside bicubic interpolation, from a
photograph at a quarter of its size.
"""

import sys

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.cbook import get_sample_data
from PIL import Image

import specsr
from specsr.images.imresize import imresize

with get_sample_data("grace_hopper.jpg") as file:
    photo = np.asarray(Image.open(file))[100:340, 130:370]
small = imresize(photo, 1 / 4)
pictures = {
    "a quarter of the size": small,
    "bicubic": imresize(small, 4),
    "specsr": specsr.upscale_image(small, scale=4),
    "original": photo,
}

figure, axes = plt.subplots(1, 4, figsize=(12, 3.4), layout="constrained")
for ax, (title, pixels) in zip(axes, pictures.items(), strict=True):
    ax.imshow(pixels)
    ax.set_title(title)
    ax.axis("off")
specsr.save_figure(figure, sys.argv[1])
