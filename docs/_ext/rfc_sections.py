"""The role :rfc:`8489#section-6.3` shows the section in words."""

from docutils import nodes
from docutils.parsers.rst import roles
from docutils.parsers.rst.states import Inliner
from sphinx.application import Sphinx

BASE = "https://www.rfc-editor.org/rfc/rfc"


def rfc(
    name: str, rawtext: str, text: str, lineno: int, inliner: Inliner, options: object = None, content: object = None
) -> tuple[list[nodes.Node], list[nodes.system_message]]:
    """A link to an RFC or one of its sections."""
    number, _, anchor = text.partition("#")
    words = anchor.replace("section-", "section ").replace("appendix-", "appendix ")
    label = f"RFC {number}" + (f", {words}" if words else "")
    target = f"{BASE}{number}.html" + (f"#{anchor}" if anchor else "")
    return [nodes.reference(rawtext, label, refuri=target)], []


def setup(app: Sphinx) -> dict[str, bool]:
    """Replace the role of docutils."""
    roles.register_local_role("rfc", rfc)  # type: ignore[arg-type]
    return {"parallel_read_safe": True}
