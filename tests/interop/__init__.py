"""Tests against real browsers and other implementations."""
