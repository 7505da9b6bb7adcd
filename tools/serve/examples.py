"""Runs every example of docs/service.md against a service of its own.

    python tools/serve/examples.py --program target/release/calico

Blocks of `sh`, `python` and `js` are run in examples/drawn, with the address in them replaced by
that of the service; each must succeed and print something. A block whose program or package is
missing is skipped, and said so. Needs curl, Node.js and the package openai to skip none.
"""

import argparse
import importlib.util
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WRITTEN = "http://127.0.0.1:8080"
#: What each example must print, in the order of the page; the first block starts the service.
EXPECTED = ['"calico.result/1"', "The matching parts", "a mask of", '"annotations"', "handle",
            '"title"']


def blocks(text):
    return re.findall(r"^```(sh|python|js)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def command(kind, code):
    """The program that runs a block, or the reason why it cannot be run."""
    if kind == "sh":
        return ["bash", "-euo", "pipefail", "-c", code] if shutil.which("curl") else "there is no curl"
    if kind == "js":
        is_there = shutil.which("node")
        return ["node", "--input-type=module", "-e", code] if is_there else "there is no Node.js"
    if "openai" in code and importlib.util.find_spec("openai") is None:
        return "there is no package openai"
    return [sys.executable, "-c", code]


def passes(number, example, expected, address):
    """Runs an example, and says how it went."""
    kind, code = example
    runs = command(kind, code.replace(WRITTEN, address))
    name = f"example {number} ({kind})"
    if isinstance(runs, str):
        print(f"{name}: skipped, {runs}")
        return True
    done = subprocess.run(runs, cwd=ROOT / "examples" / "drawn", capture_output=True, text=True,
                          timeout=120)
    is_good = done.returncode == 0 and expected in done.stdout
    print(f"{name}: {'passed' if is_good else 'FAILED'}")
    if not is_good:
        print(f"code {done.returncode}, expected {expected!r} in:")
        print(done.stdout[-2000:], done.stderr[-2000:], sep="\n")
    return is_good


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", required=True)
    args = parser.parse_args()
    page = (ROOT / "docs" / "service.md").read_text()
    examples = [(kind, code) for kind, code in blocks(page) if code.strip() != "calico serve"]
    assert len(examples) == len(EXPECTED), f"{len(examples)} examples, {len(EXPECTED)} expectations"
    service = subprocess.Popen([args.program, "serve", "--port", "0", "--log-level", "error"],
                               stdout=subprocess.PIPE, text=True)
    address = service.stdout.readline().strip()
    try:
        failed = sum(not passes(number, *example, address)
                     for number, example in enumerate(zip(examples, EXPECTED), 1))
        service.send_signal(signal.SIGTERM)
        assert service.wait(120) == 0
    finally:
        service.kill()
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
