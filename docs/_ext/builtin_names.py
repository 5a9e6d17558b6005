"""Names of Python's own types in signatures are no references.

Without this, `type` in a signature is looked for among the attributes of that name in all packages, of which there are many.
"""

import builtins

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx


def setup(app: Sphinx) -> dict[str, bool]:
    """Enter the extension."""
    app.connect("doctree-read", _unlink)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _unlink(_: Sphinx, doctree: nodes.document) -> None:
    for reference in list(doctree.findall(addnodes.pending_xref)):
        if reference.get("refdomain") == "py" and hasattr(builtins, reference.get("reftarget", "")):
            reference.replace_self(nodes.Text(reference["reftarget"]))
