"""RTCP of a session: when it is sent, what is in it, and who takes part."""
