"""`archllm ui` as a program."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "src"


def test_the_command_prints_its_address_and_ends_by_ctrl_c(folder):
    words = [sys.executable, "-m", "archllm", "ui", str(folder), "--port", "0", "--json"]
    environment = os.environ | {"PYTHONPATH": str(SOURCE)}
    page = subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        said = json.loads("".join(iter(page.stdout.readline, "}\n")) + "}")
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        assert b"runs/good" in opener.open(said["url"], timeout=60).read()
        page.send_signal(signal.SIGINT)
        errors = page.communicate(timeout=60)[1]
    finally:
        page.kill()
    assert page.returncode == 0 and "Traceback" not in errors and said["url"].startswith("http://127.0.0.1:")


def test_the_page_opens_without_a_deep_learning_library():
    code = "import sys, archllm.ui.app; sys.exit(bool({'torch', 'transformers', 'matplotlib'} & set(sys.modules)))"
    subprocess.run([sys.executable, "-c", code], check=True, env=os.environ | {"PYTHONPATH": str(SOURCE)})
