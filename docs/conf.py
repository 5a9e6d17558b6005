"""Sphinx configuration."""

import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(Path(__file__).parent / "_ext"), str(ROOT), *map(str, sorted(ROOT.glob("packages/*/src")))]

project = "WebRTC for Python"
author = "The rtc developers"
project_copyright = "2026, the rtc developers"

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.intersphinx",
    "spec_pages",
    "builtin_names",
    "rfc_sections",
]
intersphinx_mapping = {}
myst_enable_extensions = ["colon_fence", "deflist", "fieldlist"]
myst_heading_anchors = 3
autodoc_default_options = {"members": True, "undoc-members": False, "show-inheritance": True}
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
napoleon_google_docstring = True
napoleon_use_ivar = True
default_role = "code"

exclude_patterns = ["_build", "examples"]
html_theme = "furo"
html_title = "WebRTC for Python"
html_static_path: list[str] = []
