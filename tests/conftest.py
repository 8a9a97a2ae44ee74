"""Settings for every test: nothing is judged by how long it took."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("counterd", deadline=None)
settings.load_profile("counterd")
