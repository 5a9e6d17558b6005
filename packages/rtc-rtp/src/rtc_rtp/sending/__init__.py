"""What leaves: numbering, header extensions, history, retransmission, key frame requests of the peer."""
