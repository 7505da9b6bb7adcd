"""Prove that we and the hub's own Python client share one cache: each finds what the other pulled.

A small hub is started on this machine; nobody else is asked. `TOOLS` is a virtual environment,
`FOLDER` an empty folder outside of the repository.

    TOOLS/bin/pip install -r tools/roundtrip/hub_requirements.txt
    cargo build -p calico-hub --example pull
    TOOLS/bin/python tools/roundtrip/hub_cache.py FOLDER target/debug/examples/pull
"""

import argparse
import hashlib
import http.server
import json
import os
import pathlib
import subprocess
import threading
import urllib.parse

REPOSITORY = "org/name"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
BRANCHES = {"main": COMMIT, "refs/pr/1": COMMIT}
# The large ones are known by their SHA-256, and lie at another address.
SMALL = {"README.md": b"---\nlicense: mit\n---\n", "config.json": b"{}", "a/b c/empty.txt": b""}
LARGE = {"model.safetensors": bytes(range(256)) * 4000, "a/copy.bin": bytes(range(256)) * 4000}
FILES = SMALL | LARGE


def git(content):
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def etag(name):
    return sha256(FILES[name]) if name in LARGE else git(FILES[name])


class Server(http.server.BaseHTTPRequestHandler):
    """Answers what both clients ask a hub."""

    protocol_version = "HTTP/1.1"
    asked = []

    def log_message(self, *_):
        self.asked.append(f"{self.command} {self.path}")

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        path = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path)
        api = f"/api/models/{REPOSITORY}"
        if path == api or path.startswith(f"{api}/revision/"):
            commit = path.removeprefix(f"{api}/revision/")
            self.listing(BRANCHES.get(commit, COMMIT))
        elif path == f"{api}/tree/{COMMIT}":
            self.send_json([self.entry(name, "path", "oid") | {"type": "file"} for name in FILES])
        elif path.startswith(f"/{REPOSITORY}/resolve/"):
            name = path.split("/resolve/", 1)[1]
            for revision in [*BRANCHES, COMMIT]:
                name = name.removeprefix(f"{revision}/")
            self.resolve(name)
        elif path.startswith("/storage/"):
            self.send_file(path.removeprefix("/storage/"), {})
        else:
            self.answer(404, b"", {"X-Error-Code": "EntryNotFound"})

    def entry(self, name, name_key, git_key):
        content = FILES[name]
        entry = {name_key: name, "size": len(content), git_key: git(content)}
        if name in LARGE:
            lfs = {"sha256": sha256(content), "oid": sha256(content), "size": len(content)}
            entry["lfs"] = lfs | {"pointerSize": 134}
        return entry

    def listing(self, commit):
        siblings = [self.entry(name, "rfilename", "blobId") for name in FILES]
        self.send_json({"id": REPOSITORY, "sha": commit, "siblings": siblings, "tags": []})

    def resolve(self, name):
        if name not in FILES:
            return self.answer(404, b"", {"X-Error-Code": "EntryNotFound"})
        headers = {"X-Repo-Commit": COMMIT, "ETag": f'"{etag(name)}"'}
        headers |= {"X-Linked-Etag": f'"{etag(name)}"', "X-Linked-Size": str(len(FILES[name]))}
        if name in SMALL:
            return self.send_file(name, headers)
        # Another name of this machine is another host.
        port = self.server.server_address[1]
        place = f"http://localhost:{port}/storage/{urllib.parse.quote(name)}"
        return self.answer(302, b"", headers | {"Location": place})

    def send_file(self, name, headers):
        content = FILES[name]
        start = self.headers.get("Range")
        if start is None:
            return self.answer(200, content, headers)
        first = int(start.removeprefix("bytes=").split("-")[0])
        whole = f"bytes {first}-{len(content) - 1}/{len(content)}"
        return self.answer(206, content[first:], headers | {"Content-Range": whole})

    def send_json(self, value):
        self.answer(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def answer(self, status, body, headers):
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def ours(command, cache, endpoint, offline=False, revision=None):
    """Pulls everything, and gives the folder and the lines about the files."""
    source = REPOSITORY if revision is None else f"{REPOSITORY}@{revision}"
    variables = {"HF_HUB_CACHE": str(cache), "HF_ENDPOINT": endpoint, "HF_TOKEN": "hf_secret"}
    variables["HF_HUB_OFFLINE"] = "1" if offline else "0"
    done = subprocess.run(
        [*command, source], env=os.environ | variables, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    *files, folder = done.stdout.splitlines()
    assert not done.stderr, done.stderr
    return pathlib.Path(folder), files


def check(folder):
    for name, content in FILES.items():
        assert (folder / name).read_bytes() == content, name


def layout(cache):
    """What lies in a cache: names, links and the small files that tell what is what."""
    found = {}
    for path in sorted(cache.rglob("*")):
        name = str(path.relative_to(cache))
        if path.is_symlink():
            found[name] = f"-> {os.readlink(path)}"
        elif path.is_file() and not name.startswith(".locks/"):
            found[name] = json.loads(path.read_text()) if "trees" in name else path.read_bytes()
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("command", nargs="+")
    arguments = parser.parse_args()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    endpoint = f"http://127.0.0.1:{server.server_address[1]}"
    os.environ |= {"HF_ENDPOINT": endpoint, "NO_PROXY": "*", "HF_HUB_DISABLE_XET": "1"}
    os.environ |= {"HF_HUB_DISABLE_TELEMETRY": "1", "HF_HOME": str(arguments.folder / "home")}
    # Reads the variables when it is imported.
    from huggingface_hub import hf_hub_download, snapshot_download

    here, there = arguments.folder / "ours", arguments.folder / "theirs"
    folder, files = ours(arguments.command, here, endpoint)
    assert len(files) == len(FILES), files
    check(folder)
    found = snapshot_download(REPOSITORY, cache_dir=here, local_files_only=True)
    assert pathlib.Path(found).samefile(folder), found
    for name in FILES:
        for revision in ["main", COMMIT]:
            path = hf_hub_download(
                REPOSITORY, name, revision=revision, cache_dir=here, local_files_only=True
            )
            assert pathlib.Path(path).read_bytes() == FILES[name], name
    asked = len(Server.asked)
    snapshot_download(REPOSITORY, cache_dir=here, token=False)
    fetched = [line for line in Server.asked[asked:] if "/resolve/" in line and "GET" in line]
    assert not fetched, fetched

    snapshot_download(REPOSITORY, cache_dir=there, token=False)
    asked = len(Server.asked)
    for revision in [None, COMMIT]:
        folder, files = ours(arguments.command, there, endpoint, offline=True, revision=revision)
        check(folder)
        assert all(line.startswith("cached ") for line in files), files
    assert len(Server.asked) == asked, Server.asked[asked:]
    _, files = ours(arguments.command, there, endpoint)
    assert all(line.startswith("cached ") for line in files), files
    assert len(Server.asked) == asked + 1, Server.asked[asked:]

    mine, theirs = layout(here), layout(there)
    theirs.pop("CACHEDIR.TAG", None)
    if "HF_HUB_DISABLE_SYMLINKS" in os.environ:
        # Their files move from the blobs to the snapshot.
        mine = {name: content for name, content in mine.items() if "/blobs/" not in name}
    assert mine == theirs, (mine.keys() ^ theirs.keys(), mine, theirs)
    # A branch with slashes in its name.
    folder, _ = ours(arguments.command, here, endpoint, revision="refs/pr/1")
    found = snapshot_download(
        REPOSITORY, revision="refs/pr/1", cache_dir=here, local_files_only=True
    )
    assert pathlib.Path(found).samefile(folder), found
    print(f"{len(FILES)} files are found both ways, and {len(mine)} entries are the same")


if __name__ == "__main__":
    main()
