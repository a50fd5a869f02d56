"""What a browser is told of a page, beside its content."""

from __future__ import annotations

import base64
import hashlib
import re


def page_headers(page: str, *, styles: str = "'self'", images: str = "'self'") -> dict[str, str]:
    """Headers that let a page load from here only, run no script but those from here and its own
    as they are now, and be shown nowhere else.

    `styles` and `images` are further sources of these, as Content-Security-Policy has them.
    """
    inline = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    scripts = " ".join(["'self'", *(f"'sha256-{_digest(each)}'" for each in inline)])
    policy = {
        "default-src": "'none'",
        "script-src": scripts,
        "style-src": styles,
        "img-src": images,
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    return {
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        "X-Frame-Options": "DENY",  # frame-ancestors, for old browsers
    }


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
