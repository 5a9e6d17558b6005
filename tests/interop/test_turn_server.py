"""Our server as other programs use it: coturn's client, aioice, browsers, programs in Node, GStreamer."""

import asyncio
import base64
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import aioice
import pytest
from tests.interop import browser, gstreamer_peer
from tests.interop.dtls_driver import free_port
from tests.interop.remote import Call, Program, Remote
from tests.interop.turn_driver import installed
from tests.interop.turn_process import SECRET, TOKEN_KEYS, USER, TurnProcess, machine, serving
from tests.support.authority import Authority
from tests.support.peers import require

from rtc_asyncio import RTCPeerConnection
from rtc_cli.turn_tokens import GcmKey
from rtc_turn import TokenContents

SESSION_KEY = b"a key of twenty byte"

# coturn's client.


@contextmanager
def coturn_peer(host: str) -> Iterator[int]:
    """Coturn's peer, which sends back what it gets; its port."""
    port = free_port()
    line = ["turnutils_peer", "-L", host, "-p", str(port)]
    with subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield port
        finally:
            process.kill()


def use(server: TurnProcess, *arguments: str, user: tuple[str, ...] = ("-u", USER[0], "-w", USER[1])) -> str:
    """What coturn's client says after it has used the server."""
    port = server.secure if "-S" in arguments else server.plain
    line = ["turnutils_uclient", *user, "-p", str(port), "-L", server.host, "-n", "20", "-l", "200", "-z", "5"]
    with coturn_peer(server.host) as peer:
        line += ["-e", server.host, "-r", str(peer), *arguments, server.host]
        # Left to itself it may try DTLS 1.0.
        line[1:1] = ["-F", "ECDHE-RSA-AES128-GCM-SHA256"] if "-S" in arguments and "-t" not in arguments else []
        done = subprocess.run(
            line, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60
        )
    return done.stdout


def lost(output: str) -> float:
    """The percentage of packets that coturn's client misses."""
    found = re.findall(r"Total lost packets \d+ \(([0-9.]+)%\)", output)
    assert found, output
    return float(found[-1])


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(("-c",), id="udp"),
        pytest.param((), id="rtcp"),
        pytest.param(("-c", "-s"), id="send"),
        pytest.param(("-c", "-t"), id="tcp"),
        pytest.param(("-c", "-S"), id="dtls"),
        pytest.param(("-c", "-S", "-s"), id="dtls-send"),
        pytest.param(("-c", "-t", "-S"), id="tls"),
        pytest.param(("-c", "-D"), id="padding"),
        pytest.param(("-c", "-G"), id="more-requests"),
        pytest.param(("-c", "-X"), id="ipv4"),
        pytest.param(("-c", "-M"), id="mobility"),
        pytest.param(("-c", "-m", "5"), id="five"),
        pytest.param(("-c", "-y"), id="two-clients"),
        pytest.param(("-c", "-y", "-t", "-s"), id="two-clients-tcp"),
        pytest.param(("-c", "-y", "-S"), id="two-clients-dtls"),
        pytest.param(("-T",), id="tcp-allocations"),
        pytest.param(("-T", "-S"), id="tcp-allocations-tls"),
    ],
)
def test_coturns_client(arguments: tuple[str, ...], tmp_path: Path) -> None:
    require(installed(), "coturn is not installed")
    with serving(tmp_path) as server:
        output = use(server, *arguments)
        server.end()

    assert lost(output) == 0, output
    assert sum(int(str(each["bytes_to_client"])) for each in server.saw("ended")) >= 20 * 200
    assert {each["username"] for each in server.saw("allocated")} == {USER[0]}


def test_coturns_client_with_a_wrong_password(tmp_path: Path) -> None:
    require(installed(), "coturn is not installed")
    with serving(tmp_path) as server:
        output = use(server, "-c", user=("-u", USER[0], "-w", "guess"))
        server.end()

    assert "Total lost packets" not in output
    assert server.saw("allocated") == []


def test_coturns_client_with_credentials_that_end(tmp_path: Path) -> None:
    require(installed(), "coturn is not installed")
    with serving(tmp_path) as server:
        output = use(server, "-c", user=("-u", "carol", "-W", SECRET))
        server.end()

    assert lost(output) == 0, output
    assert all(str(each["username"]).endswith(":carol") for each in server.saw("allocated"))


def test_a_token_of_coturn_is_read() -> None:
    # Its client (-J) makes such tokens too, but proves itself with the first 16 bytes of the session key alone.
    require(shutil.which("turnutils_oauth"), "coturn's turnutils_oauth is not installed")
    key, session_key = (base64.b64encode(each).decode() for each in (TOKEN_KEYS["north"], SESSION_KEY))
    line = [
        "turnutils_oauth",
        "-e",
        "-v",
        "-i",
        "turn.example.org",
        "-j",
        "north",
        "-k",
        key,
        "-n",
        "A256GCM",
        "-l",
        "1",
    ]
    line += ["-m", "4000000000", "-p", session_key, "-q", str(1_411_015_331 << 16 | 32_000), "-r", "3600"]
    done = subprocess.run(line, check=True, capture_output=True)
    token = re.search(rb'"access_token":"([^"]+)"', done.stdout)
    assert token is not None

    contents = TokenContents.open(base64.b64decode(token[1]), GcmKey(TOKEN_KEYS["north"]), "turn.example.org")
    assert contents == TokenContents(session_key=SESSION_KEY, timestamp=1_411_015_331.5, lifetime=3600)


def test_coturns_client_above_its_quota(tmp_path: Path) -> None:
    require(installed(), "coturn is not installed")
    with serving(tmp_path, quota=1) as server:
        output = use(server, "-c", "-m", "2")

    assert "486" in output


# aioice.


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
async def test_aioice(transport: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(tmp_path, host=machine()) as server:
        monkeypatch.setenv("SSL_CERT_FILE", str(server.chain))
        port = server.secure if transport == "tls" else server.plain
        sides = [
            aioice.Connection(
                ice_controlling=controlling,
                turn_server=(server.host, port),
                turn_username=USER[0],
                turn_password=USER[1],
                turn_ssl=transport == "tls",
                turn_transport="udp" if transport == "udp" else "tcp",
                transport_policy=aioice.TransportPolicy.RELAY,
            )
            for controlling in (True, False)
        ]
        for side in sides:
            await side.gather_candidates()
        for side, other in (sides, sides[::-1]):
            for candidate in other.local_candidates:
                await side.add_remote_candidate(candidate)
            await side.add_remote_candidate(None)
            side.remote_username, side.remote_password = other.local_username, other.local_password
        await asyncio.gather(*(side.connect() for side in sides))
        await sides[0].send(b"hello")
        assert await sides[1].recv() == b"hello"
        await sides[1].send(b"and back")
        assert await sides[0].recv() == b"and back"
        kinds = {candidate.type for side in sides for candidate in side.local_candidates}
        await asyncio.gather(*(side.close() for side in sides))
        server.end()

    assert kinds == {"relay"}
    assert {each["transport"] for each in server.saw("allocated")} == {transport}


# Browsers.

_CALL = """
const configuration = {iceServers: [{urls: [argument.url], username: argument.username, credential: argument.credential}], iceTransportPolicy: "relay"};
const sides = [new RTCPeerConnection(configuration), new RTCPeerConnection(configuration)];
const errors = [];
sides.forEach((side, index) => {
  side.onicecandidate = ({candidate}) => candidate && sides[1 - index].addIceCandidate(candidate);
  side.onicecandidateerror = ({errorCode, errorText}) => errors.push(`${errorCode} ${errorText}`);
});
const channel = sides[0].createDataChannel("relayed");
const received = new Promise((resolve) => { sides[1].ondatachannel = ({channel}) => { channel.onmessage = ({data}) => { channel.send(data.toUpperCase()); resolve(data); }; }; });
const answered = new Promise((resolve, reject) => { channel.onmessage = ({data}) => resolve(data); setTimeout(() => reject(new Error(`no answer: ${errors.join(", ")} ${sides[0].iceConnectionState}`)), 40000); });
channel.onopen = () => channel.send("through python");
await sides[0].setLocalDescription();
await sides[1].setRemoteDescription(sides[0].localDescription);
await sides[1].setLocalDescription();
await sides[0].setRemoteDescription(sides[1].localDescription);
const answer = await answered;
const kinds = [];
for (const report of (await sides[0].getStats()).values()) {
  if (report.type === "local-candidate" || report.type === "remote-candidate") kinds.push(report.candidateType);
}
sides.forEach((side) => side.close());
return {received: await received, answer, kinds};
"""


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize("name", browser.NAMES)
async def test_a_browser_talks_to_itself_through_relays_alone(name: str, transport: str, tmp_path: Path) -> None:
    require(browser.executable(name), f"{name} is not installed")
    with serving(tmp_path, host=machine()) as server:
        argument = {
            "url": f"turn:{server.host}:{server.plain}?transport={transport}",
            "username": USER[0],
            "credential": USER[1],
        }
        async with browser.Browser.launch(name) as page:
            result = await page.run(_CALL, argument)
        server.end()

    assert isinstance(result, dict)
    assert (result["received"], result["answer"]) == ("through python", "THROUGH PYTHON")
    assert set(result["kinds"]) == {"relay"}
    assert {each["transport"] for each in server.saw("allocated")} == {transport}


@pytest.mark.parametrize("name", browser.NAMES)
async def test_a_browser_reaches_its_relays_by_tls(name: str, tmp_path: Path) -> None:
    require(browser.executable(name), f"{name} is not installed")
    require(browser.can_trust(), "certutil of libnss3-tools is not installed")
    authority = Authority(tmp_path)
    with serving(tmp_path, certificate=authority.issue("localhost")) as server:
        argument = {
            # By name: Firefox lets no server prove itself with a certificate for an address.
            "url": f"turns:localhost:{server.secure}?transport=tcp",
            "username": USER[0],
            "credential": USER[1],
        }
        async with browser.Browser.launch(name, authority=authority.path) as page:
            result = await page.run(_CALL, argument)
        server.end()

    assert isinstance(result, dict)
    assert (result["received"], result["answer"]) == ("through python", "THROUGH PYTHON")
    assert set(result["kinds"]) == {"relay"}
    assert {each["transport"] for each in server.saw("allocated")} == {"tls"}


@pytest.mark.parametrize("name", browser.NAMES)
async def test_a_browser_does_not_speak_to_a_server_that_nobody_vouches_for(name: str, tmp_path: Path) -> None:
    require(browser.executable(name), f"{name} is not installed")
    with serving(tmp_path, certificate=Authority(tmp_path).issue("localhost")) as server:
        argument = {
            "url": f"turns:localhost:{server.secure}?transport=tcp",
            "username": USER[0],
            "credential": USER[1],
        }
        async with browser.Browser.launch(name) as page:
            with pytest.raises(browser.PageError, match="no answer"):
                await page.run(_CALL.replace("40000", "5000"), argument)
        server.end()

    assert server.saw("allocated") == []


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.programs("werift", "wrtc")  # libdatachannel here goes the direct way whatever the policy
async def test_programs_in_node_reach_us_through_a_relay_alone(program: Program, tmp_path: Path) -> None:
    with serving(tmp_path, host=machine()) as server:
        configuration = {
            "iceServers": [
                {
                    "urls": [f"turn:{server.host}:{server.plain}?transport=udp"],
                    "username": USER[0],
                    "credential": USER[1],
                }
            ],
            "iceTransportPolicy": "relay",
        }
        ours = RTCPeerConnection(hosts=[server.host])
        call = Call(ours, await Remote.create(program, configuration))
        call.create("hello")
        await call.connect(offerer="ours")
        channel = await call.channel("hello")
        channel.send("through python")
        assert await call.theirs.messages("hello", 1) == ["through python"]
        await call.close()
        server.end()

    assert server.saw("allocated")
    assert sum(int(str(each["bytes_to_peers"])) for each in server.saw("ended")) > 0


# GStreamer.


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_webrtcbins_see_each_other_through_relays_alone(transport: str, tmp_path: Path) -> None:
    require(gstreamer_peer.installed(), "GStreamer is not installed")
    with serving(tmp_path, host=machine()) as server:
        uri = f"turn://{USER[0]}:{USER[1]}@{server.host}:{server.plain}?transport={transport}"
        launch = gstreamer_peer.GStreamerPeer.launch
        async with launch("vp8", uri) as offerer, launch("vp8", uri) as answerer:
            await answerer.ask("set_remote", description=await offerer.ask("offer"))
            await offerer.ask("set_remote", description=await answerer.ask("answer"))
            found = []
            async with asyncio.timeout(40):
                while (await answerer.ask("counters"))["video"] < 10:
                    for side, other in ((offerer, answerer), (answerer, offerer)):
                        for candidate in await side.ask("candidates"):
                            found.append(candidate["candidate"])
                            await other.ask("add_candidate", candidate=candidate)
                    await asyncio.sleep(0.1)
        server.end()

    assert found
    assert all(" typ relay " in candidate for candidate in found)
    assert {each["transport"] for each in server.saw("allocated")} == {transport}
