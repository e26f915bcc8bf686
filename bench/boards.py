"""Open boards: Socket.IO connections of one signed-in person, in a process of their own.

``python -m bench.boards BASE COOKIE NUMBER EVENT`` opens them, prints ``ready``, and from then on one line per
move: the card's version and the moments (the machine's monotonic clock, in seconds) at which the boards heard of it.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import defaultdict

import aiohttp
import socketio


async def main(base: str, cookie: str, number: int, name: str) -> None:
    """Opens the boards and tells what they hear, until the input ends."""
    heard: dict[int, list[float]] = defaultdict(list)

    def changed(change: dict[str, int]) -> None:
        moments = heard[change["version"]]
        moments.append(time.monotonic())
        if len(moments) == number:
            print(json.dumps([change["version"], moments]), flush=True)

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        boards = []
        for _ in range(number):
            board = socketio.AsyncClient(http_session=session, reconnection=False)
            board.on(name, changed, namespace="/app")
            await board.connect(base, {"Cookie": cookie, "Origin": base}, ["websocket"], namespaces=["/app"])
            boards.append(board)
        print("ready", flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        await asyncio.gather(*(board.disconnect() for board in boards))


asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]))
