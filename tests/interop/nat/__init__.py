"""Peers behind NATs that the kernel does, in network namespaces: which path results."""
