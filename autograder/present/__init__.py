"""Presenting a lesson: its notebook as slides with a live kernel, and a sheet for whoever speaks."""
