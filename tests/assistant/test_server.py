"""A client of the protocol, from nothing to a network."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import anyio
import pytest

pytest.importorskip("mcp")

from mcp import Client, StdioServerParameters, stdio_client

SRC = Path(__file__).parents[2] / "src"

SCORE = """
import sys

print(sys.argv[-1].count("nor_conv_3x3"))
"""


class Session:
    """Calls of tools, counted."""

    def __init__(self, client: Any) -> None:
        self.client, self.calls = client, 0

    async def __call__(self, tool: str, **words: Any) -> Any:
        self.calls += 1
        found = await self.client.call_tool(tool, words)
        assert not found.is_error, found.content
        return found.structured_content

    async def refused(self, tool: str, **words: Any) -> str:
        found = await self.client.call_tool(tool, words)
        assert found.is_error
        return str(found.content[0].text)


def talk(script: Any, folder: Path, *flags: str) -> Any:
    """Starts the server in a folder and runs a script of calls."""

    async def run() -> Any:
        place = {"PYTHONPATH": str(SRC), "OMP_NUM_THREADS": "1", "PATH": os.environ["PATH"]}
        server = StdioServerParameters(
            command=sys.executable, args=["-m", "archllm", "mcp", ".", *flags], env=place, cwd=folder
        )
        with anyio.fail_after(300):
            async with Client(stdio_client(server)) as client:
                return await script(Session(client))

    return anyio.run(run)


def test_a_client_gets_from_nothing_to_a_network_in_at_most_ten_calls(tmp_path):
    (tmp_path / "score.py").write_text(SCORE)

    async def script(session: Session) -> None:
        names = [one["name"] for one in (await session("spaces"))["spaces"]]
        assert "nasbench201" in names
        begun = await session(
            "search",
            space="nasbench201",
            objective=f"command:{sys.executable} score.py",
            method="random",
            budget=4,
            network={"channels": 4, "cells": 1},
        )
        status: Any = {"under_way": True}
        while status["under_way"]:
            status = await session("status", wait=60)
        assert status["trouble"] is None
        (study,) = status["studies"]
        assert study["study"] == begun["study"]
        assert study["trials"]["complete"] == 4
        assert study["best"]["value"] == study["best"]["text"].count("nor_conv_3x3")
        made = await session("export", study=begun["study"], out="best.py")
        assert made["text"] == study["best"]["text"]
        assert session.calls <= 10

    talk(script, tmp_path, "--write", "--programs")
    assert (tmp_path / "best.py").stat().st_size > 1_000


def test_a_server_reads_unless_it_is_allowed_more(tmp_path):
    async def script(session: Session) -> None:
        tools = (await session.client.list_tools()).tools
        assert [tool.name for tool in tools] == ["spaces", "info", "sample", "search", "status", "export"]
        assert all(tool.description for tool in tools)
        reading = {tool.name for tool in tools if tool.annotations.read_only_hint}
        assert reading == {"spaces", "info", "sample", "status"}
        assert "--write" in await session.refused("search", space="nasbench201", objective="params", budget=5)
        assert "at character" in await session.refused("info", architecture="|none|", space="nasbench201")
        assert "in the folder" in await session.refused("status", store="../x.db")

    talk(script, tmp_path)
    assert list(tmp_path.iterdir()) == []
