"""Derivatives: the transformations of functions (transforms.py), and the rules of the tape."""
