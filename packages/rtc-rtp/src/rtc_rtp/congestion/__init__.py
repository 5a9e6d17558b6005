"""Congestion control: what arrived when, what the path carries, and sending no faster (after "Google Congestion Control").

Receiver
    `TransportFeedbackRecorder`, `CongestionFeedbackRecorder`: note arrivals and build feedback of them.
Sender
    `SentPackets` turns feedback into results, `BandwidthEstimator` results into a bit rate, `Pacer` keeps to it.
"""
