"""Benchmarks that print ratios: every implementation in turns in the same run, by CPU time."""
