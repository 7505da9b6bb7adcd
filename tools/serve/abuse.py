"""Requests that nobody should send: the service refuses each, in time, and stays as it was.

    python tools/serve/abuse.py --program target/release/calico --requests 10000

Starts a service with short limits of time and sends it requests, drawn from a seed: cut bodies,
lengths that lie, bombs of every picture format, pictures of one pixel and of one long side, deep
JSON, numbers that are none, clients that stall, huge headers, wrong content types, paths that
climb. Each must be answered by a 4xx (or, where the request never becomes one, the connection
closed), none by a 5xx, within a bound of time, and what the process holds at rest, but for
pictures that it keeps on purpose, must not grow from the second quarter to the last, which is
asked of runs of 10,000 and more. At the end an ordinary question must be answered.

Needs Python, Pillow and Linux.
"""

import argparse
import atexit
import base64
import io
import json
import random
import signal
import socket
import struct
import subprocess
import sys
import time
import zlib
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from PIL import Image

sys.path.insert(0, str(Path(__file__).parent))
from load import request as question, resident  # noqa: E402

#: Seconds within which every request is over: the longest limit of time, and some.
BOUND = 15.0
#: Seconds of rest, until slow connections are over and memory is given back.
REST = 3.0
#: How much more the process may hold at rest at the end than after the second quarter.
GROWTH = 1.05
#: Requests from which on that is asked: before, its threads still fill the memory that they keep.
WHOLE = 10_000
#: Wrong outcomes that may be the fault of a machine that has too much to do.
FEW = 10


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width, height, data=b""):
    """A PNG file that says it has this size."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(data, 9))
            + chunk(b"IEND", b""))


def saved(kind, size=(8, 8), **options):
    file = io.BytesIO()
    Image.new("RGB", size, (90, 120, 30)).save(file, kind, **options)
    return file.getvalue()


def long_side(kind):
    """A sound picture with a side that is too long."""
    return saved(kind, (1, 60000))


def patched(data, at, new):
    return data[:at] + new + data[at + len(new):]


def bombs():
    """Small files that say they are huge, or unfold to something huge."""
    huge = 0x7fff
    jpeg = saved("JPEG")
    frame = jpeg.index(b"\xff\xc0") + 5
    gif = patched(saved("GIF"), 6, struct.pack("<HH", 65535, 65535))
    bmp = patched(saved("BMP"), 18, struct.pack("<ii", 1 << 20, 1 << 20))
    tiff = io.BytesIO()
    Image.new("RGB", (8, 8)).save(tiff, "TIFF", tiffinfo={})
    webp = saved("WEBP", lossless=True)
    at = webp.index(b"VP8L") + 9
    yield "png size", png(huge, huge)
    yield "png unfolds", png(16000, 16000, b"\0" * 50_000_000)
    yield "png unfolds within the limits", png(7000, 7000, b"\0" * 100_000_000)
    yield "jpeg size", patched(jpeg, frame, struct.pack(">HH", 65535, 65535))
    yield "gif size", gif
    yield "bmp size", bmp
    yield "bmp negative", patched(saved("BMP"), 18, struct.pack("<ii", -5, -(1 << 31)))
    yield "webp size", patched(webp, at, b"\xff\xff\xff\xff")
    yield "tiff size", tiff.getvalue().replace(struct.pack("<HHI", 256, 4, 1) + struct.pack("<I", 8),
                                               struct.pack("<HHI", 256, 4, 1) + struct.pack("<I", 1 << 30))
    for kind in ["PNG", "BMP", "GIF", "TIFF", "JPEG"]:
        yield f"{kind.lower()} 1x60000", long_side(kind)


class Attacks:
    """Makes requests; each has a name and says whether it may be answered well."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.picture = saved("PNG")
        self.bombs = list(bombs())
        self.kinds = [getattr(self, name) for name in dir(self) if name.startswith("a_")]

    def draw(self):
        attack = self.random.choice(self.kinds)
        name, data, *rest = attack()
        return (name, data, rest[0] if rest else {})

    # Pieces of requests.

    def head(self, path="/v1/segment", more="", length=None, method="POST"):
        length = f"content-length: {length}\r\n" if length is not None else ""
        return f"{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{more}{length}\r\n".encode()

    def post(self, body, kind="application/json", path="/v1/segment", more=""):
        return self.head(path, f"content-type: {kind}\r\n{more}", len(body)) + body

    def form(self, *fields):
        body = b"".join(
            b'--b\r\ncontent-disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (name, value)
            for name, value in fields) + b"--b--\r\n"
        return self.post(body, "multipart/form-data; boundary=b")

    def json(self, **fields):
        fields.setdefault("images", [base64.b64encode(self.picture).decode()])
        return self.post(json.dumps(fields).encode())

    def noise(self, least, most):
        return self.random.randbytes(self.random.randint(least, most))

    # Attacks.

    def a_cut_body(self):
        whole = self.form((b"image", self.picture), (b"task", b"all"))
        return "cut body", whole[:self.random.randint(150, len(whole) - 1)], {"closes": True}

    def a_cut_form(self):
        whole = b'--b\r\ncontent-disposition: form-data; name="image"\r\n\r\n' + self.picture + b"\r\n--b--\r\n"
        body = whole[:self.random.randint(0, len(whole) - 9)]
        return "cut form", self.post(body, "multipart/form-data; boundary=b")

    def a_length_that_lies(self):
        body = self.json()
        length = self.random.choice([1, 5, 1 << 40, 1 << 62, 99_999_999_999])
        at = body.index(b"content-length: ")
        end = body.index(b"\r\n", at)
        lie = body[:at] + f"content-length: {length}".encode() + body[end:]
        return "length that lies", lie, {"closes": True}

    def a_length_that_is_none(self):
        length = self.random.choice(["-1", "x", "1, 2", "99999999999999999999999", "0x10", ""])
        head = self.head(more=f"content-type: application/json\r\ncontent-length: {length}\r\n")
        return "length that is none", head + b"{}"

    def a_bad_chunk(self):
        head = self.head(more="content-type: application/json\r\ntransfer-encoding: chunked\r\n")
        size = self.random.choice([b"zz", b"-1", b"ffffffffffffffffff", b"5;" + b"x" * 20000, b""])
        return "bad chunk", head + size + b"\r\nhello\r\n0\r\n\r\n", {"closes": True}

    def a_bomb(self):
        name, data = self.random.choice(self.bombs)
        return f"bomb: {name}", self.form((b"image", data), (b"task", b"all"))

    def a_damaged_picture(self):
        kind = self.random.choice(["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP"])
        data = bytearray(saved(kind, (40, 30)))
        for _ in range(self.random.randint(1, 30)):
            data[self.random.randrange(len(data))] = self.random.randrange(256)
        data = bytes(data[:self.random.randint(1, len(data))])
        return f"damaged {kind}", self.form((b"image", data)), {"may_be_sound": True}

    def a_tiny_picture(self):
        return "1x1", self.form((b"image", saved("PNG", (1, 1)))), {"may_be_sound": True}

    def a_deep_json(self):
        depth = self.random.choice([200, 5000, 200_000])
        opening = self.random.choice([b"[", b'{"images":', b'{"a":['])
        return "deep JSON", self.post(opening * depth)

    def a_number_that_is_none(self):
        number = self.random.choice(["NaN", "Infinity", "-1", "-0.5", "1e999", "1e400", '"3"', "[]", "2.5"])
        field = self.random.choice(["max_new_tokens", "temperature", "top_p", "seed"])
        picture = base64.b64encode(self.picture).decode()
        body = f'{{"images": ["{picture}"], "{field}": {number}}}'
        return "number that is none", self.post(body.encode()), {"may_be_sound": number == "2.5"}

    def a_field_that_is_none(self):
        field = self.random.choice([b"top_p", b"seed", b"max_new_tokens", b"stream", b"task", b"temperature"])
        value = self.random.choice([b"-1", b"NaN", b"inf", b"", b"\xff\xfe", b"1" * 400])
        return "field that is none", self.form((b"image", self.picture), (field, value))

    def a_base64_that_is_none(self):
        text = self.random.choice(["!", "====", "a", "data:,x", "data:image/png;base64,", "\0", "é" * 9])
        return "base64 that is none", self.json(images=[text])

    def a_wrong_content_type(self):
        kind = self.random.choice(["text/plain", "application/xml", "image/png", "multipart/form-data",
                                   "multipart/form-data; boundary=" + "b" * 500, "application/json/x", "\t"])
        return "wrong content type", self.post(b'{"images": []}', kind)

    def a_huge_header(self):
        size = self.random.choice([70_000, 200_000])
        return "huge header", self.head(more=f"x-a: {'a' * size}\r\n", length=0), {"closes": True}

    def a_crowd_of_headers(self):
        many = "".join(f"x-{i}: 1\r\n" for i in range(500))
        return "crowd of headers", self.head(more=many, length=0), {"closes": True}

    def a_path_that_climbs(self):
        path = self.random.choice(["/../../etc/passwd", "/v1/export/../../x", "/%2e%2e/%2e%2e/etc/passwd",
                                   "//etc/passwd", "/examples/../page.js", "/page.js%00.html", "/v1/segment/",
                                   "/\\..\\..\\x", "/" + "a/" * 3000, "/v1/export/%00", "/;/metrics"])
        return "path that climbs", self.head(path, length=0, method=self.random.choice(["GET", "POST"]))

    def a_method_that_is_none(self):
        method = self.random.choice(["BREW", "PUT", "DELETE", "TRACE", "get", "P\x01ST", "PATCH"])
        return "method that is none", self.head(method=method, length=0)

    def a_noise(self):
        return "noise", self.noise(1, 3000), {"closes": True}

    def a_noise_as_json(self):
        return "noise as JSON", self.post(self.noise(0, 3000))

    def a_noise_as_result(self):
        body = json.dumps({
            "schema": "calico.result/1", "model": {"name": "x"}, "warnings": [],
            "images": [{"index": 1, "file_name": "a", "width": 16000, "height": 3000}],
            "answers": [{"task": None, "prompt": "", "text": "", "plain_text": "", "status": "ok",
                         "truncated": False, "warnings": [], "segments": [{
                             "id": 1, "label": "a", "phrase": "a", "image": 1, "role": "other", "group": 1,
                             "parent": None, "box": None, "area": 1, "area_ratio": 0.1, "centroid": None,
                             "scores": {"mean_foreground_probability": None, "phrase_token_probability": None,
                                        "predicted_iou": 0.5, "calibrated": False},
                             "mask": {"size": [3000, 16000], "counts": self.random.choice(
                                 ["", "0", "zzzz", "o" * 5000, "Z" * 3])}}]}]}).encode()
        return "hostile result", self.post(body, path=f"/v1/export/{self.random.choice(['coco', 'npz', 'svg'])}")

    def a_chat_that_is_none(self):
        chat = self.random.choice([
            {"model": "mini", "messages": []}, {"model": "x", "messages": [{"role": "user", "content": "x"}]},
            {"model": "mini", "messages": [{"role": "user", "content": [{"type": "image_url"}]}]},
            {"model": "mini", "messages": [{"role": "user", "content": [
                {"type": "image_url", "image_url": {"url": "http://127.0.0.1/"}}]}]},
            {"model": "mini", "messages": "x"}, {"messages": 3}, [], None])
        return "chat that is none", self.post(json.dumps(chat).encode(), path="/v1/chat/completions")

    def a_crowd_of_pictures(self):
        return "crowd of pictures", self.form(*[(b"image", self.picture)] * self.random.randint(9, 200))

    def a_crowd_of_fields(self):
        return "crowd of fields", self.form((b"image", self.picture), *[(b"x%d" % i, b"1") for i in range(1000)])

    def a_long_prompt(self):
        return "long prompt", self.form((b"image", self.picture), (b"prompt", b"word " * 100_000))

    def a_slow_loris(self):
        return "slow loris", self.head(length=10)[:self.random.randint(1, 60)], {"closes": True, "slow": True}

    def a_smuggled_request(self):
        head = self.head(more="content-type: application/json\r\ntransfer-encoding: chunked\r\n", length=6)
        return "smuggled request", head + b"0\r\n\r\nGET /x HTTP/1.1\r\n\r\n", {"closes": True}


def send(address, attack):
    """Sends an attack; the name, what came of it, and how long it took."""
    name, data, rules = attack
    start = time.perf_counter()
    reply = b""
    try:
        with socket.create_connection(address, timeout=BOUND) as connection:
            try:
                connection.sendall(data)
                if rules.get("closes") and not rules.get("slow"):
                    connection.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # The service has heard enough.
            while (block := connection.recv(65536)):
                reply += block
                if len(reply) > 1 << 20:
                    break
    except TimeoutError:
        return name, "no answer in time", BOUND
    except OSError:
        pass
    took = time.perf_counter() - start
    status = reply.split(b" ", 2)[1].decode(errors="replace") if reply.startswith(b"HTTP/1.") else "closed"
    if status == "closed":
        return name, "closed" if rules.get("closes") else "closed without an answer", took
    is_sound = status == "200" and rules.get("may_be_sound")
    if status.startswith("4") or is_sound:
        return name, status, took
    return name, f"answered {status}: {reply[:300]!r}", took


def is_good(outcome):
    return outcome.startswith(("4", "200")) or outcome == "closed"


def cached(address):
    """Bytes of encoded pictures that the service keeps on purpose, up to a limit."""
    with socket.create_connection(address, timeout=BOUND) as connection:
        connection.sendall(b"GET /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
        lines = connection.makefile().read().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("calico_image_cache_bytes "))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", required=True)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()

    command = [args.program, "serve", "--port", "0", "--log-level", "error", "--header-seconds", "2",
               "--receive-seconds", "3", "--queue", "200"]
    service = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    host, _, port = service.stdout.readline().strip().removeprefix("http://").rpartition(":")
    address = (host, int(port))
    atexit.register(service.kill)
    attacks = Attacks(args.seed)
    outcomes, doubtful, slowest, rests = Counter(), [], (0, ""), []
    start = time.perf_counter()
    with ThreadPoolExecutor(args.clients) as pool:
        # Between the quarters the service rests: what it holds then, it holds for good.
        for _ in range(4):
            attacks_now = [attacks.draw() for _ in range(args.requests // 4)]
            sent = pool.map(lambda attack: send(address, attack), attacks_now)
            for attack, (name, outcome, took) in zip(attacks_now, sent):
                outcomes[outcome if len(outcome) < 30 else outcome[:12]] += 1
                slowest = max(slowest, (took, name))
                if not is_good(outcome):
                    doubtful.append((name, outcome, attack))
            time.sleep(REST)
            rests.append(resident(service.pid) - cached(address))
    took = time.perf_counter() - start
    assert sum(outcomes.values()) == args.requests // 4 * 4
    # A client that this machine holds up runs into the limits of time, too: what is wrong is wrong
    # again when it is sent alone. Where much is wrong, nothing is repeated.
    bad = [(name, outcome) for name, outcome, attack in doubtful
           if len(doubtful) > FEW or not is_good(send(address, attack)[1])]

    with socket.create_connection(address, timeout=BOUND) as connection:
        connection.sendall(question(["lanterns-1.jpg", "lanterns-2.jpg"], "all", False))
        is_alive = connection.recv(15).startswith(b"HTTP/1.1 200")
    service.send_signal(signal.SIGTERM)
    code = service.wait(120)
    growth = rests[3] / max(rests[1], 1)
    is_flat = growth < GROWTH if args.requests >= WHOLE else None
    print(json.dumps({
        "requests": args.requests, "kinds": len(attacks.kinds), "seconds": round(took, 1),
        "outcomes": dict(outcomes.most_common()), "slowest_seconds": [round(slowest[0], 2), slowest[1]],
        "megabytes_at_rest_by_quarter": [round(rest / 1e6, 1) for rest in rests],
        "last_rest_to_second": round(growth, 3), "is_flat": is_flat, "answers_afterwards": is_alive, "exit_code": code,
        "bad": bad[:10], "bad_count": len(bad), "good_when_repeated": len(doubtful) - len(bad),
    }, indent=2))
    sys.exit(0 if not bad and is_alive and code == 0 and is_flat is not False else 1)


if __name__ == "__main__":
    main()
