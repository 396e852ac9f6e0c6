"""EDSR and MDSR (Lim et al. 2017), model files, and networks run over images of any size."""
