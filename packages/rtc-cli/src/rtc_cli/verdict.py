"""What the behaviour of a NAT means for whoever wants to be reached."""

from rtc_stun import Behavior, NatBehavior


def chances(found: NatBehavior) -> str:
    """One or two sentences for a person; the table behind them is in the guide on NATs."""
    if found.mapping is None:
        return "Ask a server with two addresses to learn which peers you can connect with directly."
    if found.mapping is not Behavior.ENDPOINT_INDEPENDENT:
        return (
            "A symmetric NAT: direct connections work with peers that have no NAT, or one that lets in a host that they"
            " have written to; with all others it takes a TURN server."
        )
    network = "A NAT that keeps your address, and" if found.translated else "No NAT, and a network that"
    match found.filtering:
        case Behavior.ENDPOINT_INDEPENDENT:
            return f"{network} lets everybody in: direct connections work with every peer whose network passes UDP."
        case Behavior.ADDRESS_DEPENDENT:
            return f"{network} lets in every host that you write to: direct connections work with nearly every peer."
        case _:
            return (
                f"{network} lets in what you have written to: direct connections work, except with peers behind a symmetric"
                " NAT; for those it takes a TURN server."
            )
