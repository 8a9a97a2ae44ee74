"""Free TCP ports on loopback."""

import socket
from typing import Final

TRIES: Final = 200


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as held:
        port: int = held.getsockname()[1]
    return port


def free_pair(wanted: int | None = None) -> int:
    """The first of two neighbours: vpcd listens on a port for each of its two slots. `wanted` if
    it and its neighbour are free."""
    for turn in range(TRIES):
        port = wanted if wanted is not None and turn == 0 else free_port()
        try:
            with socket.create_server(("", port)), socket.create_server(("", port + 1)):
                return port
        except (OSError, OverflowError):
            continue
    raise RuntimeError("no two neighbouring ports are free")
