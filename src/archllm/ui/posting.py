"""What a script of ours posts, as JSON, and routes that are answered from it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from archllm.errors import InvalidInput, shown
from archllm.ui.context import Context, context_of


def posted(path: str, answer: Callable[[Context, dict[str, Any]], Response]) -> Route:
    """A route to which a script of ours posts JSON, answered in a thread: what it begins or stops may wait."""

    async def endpoint(request: Request) -> Response:
        asked = await _json_of(request)
        return await to_thread.run_sync(answer, context_of(request), asked)

    return Route(path, endpoint, methods=["POST"])


async def _json_of(request: Request) -> dict[str, Any]:
    """What a script of ours sent.

    Raises:
        InvalidInput: it is no JSON object, or says that it is something else, as a form of another page would.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise InvalidInput("this is asked for with JSON (content-type: application/json)")
    try:
        found = json.loads(await request.body())
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"the request is no JSON: {error}") from error
    if not isinstance(found, dict):
        raise InvalidInput(f"a JSON object is expected, got {shown(found)}")
    return found
