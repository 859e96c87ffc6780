"""Look at several aligned stains of one tissue at once and let the tissue sort itself."""

from __future__ import annotations

__version__ = "0.1.0"
