"""What the behaviour of a NAT means for whoever wants to be reached."""

from rtc_stun import Behavior, NatBehavior


def chances(found: NatBehavior) -> str:
    """One or two sentences for a person; the table behind them is in the guide on NATs."""
    if found.mapping is None:
        return "Ask a server with two addresses to learn which peers you can connect with directly."
    if found.mapping is not Behavior.ENDPOINT_INDEPENDENT:
        return (
            "This NAT is symmetric: direct connections work with peers that have no NAT, or one that lets in every port of a"
            " host that they have written to; with all others it takes a TURN server."
        )
    network = "This NAT shows everybody the same address of yours," if found.translated else "There is no NAT,"
    match found.filtering:
        case Behavior.ENDPOINT_INDEPENDENT:
            return f"{network} and everybody may write to it: direct connections work with every peer that has UDP."
        case Behavior.ADDRESS_DEPENDENT:
            return f"{network} and hosts that you write to may answer: direct connections work with every peer that has UDP."
        case None:
            return (
                f"{network} and whom the network lets in is unknown: direct connections work, though perhaps not with peers behind a"
                " symmetric NAT; a TURN server is the remedy."
            )
        case Behavior.ADDRESS_AND_PORT_DEPENDENT:
            return (
                f"{network} and what you have written to may answer: direct connections work, except with peers behind a"
                " symmetric NAT; for those it takes a TURN server."
            )
