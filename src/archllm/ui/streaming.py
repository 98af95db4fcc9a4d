"""Streams that tell a page whenever something has changed (server-sent events)."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from archllm.ui.context import context_of

_GLANCE = 1.0  # seconds between two looks at what is watched
_BREATH = 15.0  # seconds after which a stream says that it is alive


def events(request: Request, seen: Callable[[], dict[str, Any]]) -> Response:
    """A stream of what is seen, told again whenever it differs.

    Args:
        request: who asks; the stream ends with the connection, and with the server.
        seen: looks, in a thread.
    """
    context = context_of(request)

    async def stream() -> AsyncIterator[str]:
        told, last = None, time.monotonic()
        while not context.closing and not await request.is_disconnected():
            now = await to_thread.run_sync(seen)
            if now != told:
                told, last = now, time.monotonic()
                yield f"data: {json.dumps(now)}\n\n"
            elif time.monotonic() - last >= _BREATH:
                last = time.monotonic()
                yield ": alive\n\n"
            await asyncio.sleep(_GLANCE)

    return StreamingResponse(stream(), media_type="text/event-stream", headers={"x-accel-buffering": "no"})
