"""Header extensions of RTP packets: one module per idea, with the URI, what its value means, and both ways between."""
