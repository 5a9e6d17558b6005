"""The guide's page calls the guide's program, in real browsers: both see each other."""

import base64
import io
import runpy
from pathlib import Path
from typing import Any, cast

import av
import pytest
from tests.support.installed import codecs_installed
from tests.support.peers import require

from . import browser

EXAMPLE = Path(__file__).parent.parent.parent / "docs" / "examples" / "video_call.py"

_WATCH = """
const end = Date.now() + 20000;
while (!(theirs.videoWidth && theirs.currentTime > 1)) {
  if (Date.now() > end) throw new Error("no picture");
  await new Promise((resolve) => setTimeout(resolve, 50));
}
const canvas = document.createElement("canvas");
canvas.width = theirs.videoWidth; canvas.height = theirs.videoHeight;
canvas.getContext("2d").drawImage(theirs, 0, 0);
let energy = 0;
for (const each of (await pc.getStats()).values())
  if (each.type === "inbound-rtp" && each.kind === "audio") energy = each.totalAudioEnergy;
return { picture: canvas.toDataURL("image/png").split(",")[1], energy };
"""


@pytest.mark.parametrize("name", browser.NAMES)
async def test_the_page_shows_what_python_sends(name: str, tmp_path: Path) -> None:
    require(browser.executable(name), f"{name} is not installed")
    site = runpy.run_path(str(EXAMPLE))["application"]()
    with codecs_installed(tmp_path):
        async with browser.Browser.launch(name, site=site) as page:
            seen = cast("dict[str, Any]", await page.run(_WATCH))

    with av.open(io.BytesIO(base64.b64decode(seen["picture"])), "r") as file:
        picture = next(file.decode(video=0)).reformat(format="rgb24")
    row = bytes(picture.planes[0])[picture.planes[0].line_size * (picture.height // 20) :]
    colours = {tuple(value // 86 for value in row[3 * x : 3 * x + 3]) for x in range(picture.width)}
    # Bars of many colours, which no camera of a browser and no empty picture has.
    assert len(colours) >= 6
    assert seen["energy"] > 0
