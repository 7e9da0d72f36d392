"""Torch parts that several papers share."""
