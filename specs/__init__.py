"""The requirement index and its checker."""
