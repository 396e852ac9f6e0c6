"""Configs, training data, losses and the training loop."""
