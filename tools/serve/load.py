"""Many clients at once: throughput, time to first token, memory.

    python tools/serve/load.py --program target/release/calico --clients 64 --seconds 60

Starts a service, asks it about pairs of pictures, half of the clients as a stream, and compares
its throughput with that of `calico segment --batch` over the same pairs, before and after, in the
same run. There are four pictures, so both encode them once and then know them; the time of the
batch has the start of the program and the writing of results in it. With --address it asks a
service that runs already, and compares nothing.

Needs nothing but Python and Linux (the memory of a process is read from /proc).
"""

import argparse
import atexit
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "drawn"
PAIRS = [["lanterns-1.jpg", "lanterns-2.jpg"], ["bicycles-1.jpg", "bicycles-2.jpg"],
         ["lanterns-2.jpg", "lanterns-1.jpg"], ["bicycles-2.jpg", "bicycles-1.jpg"]]
#: Seconds within which it shows that a connection was closed while it was idle.
IDLE = 0.5
TASKS = ["all", "common_objects", "common_parts", "unique_parts"]


def request(pair, task, stream):
    """A form about a pair of pictures, as bytes."""
    parts = []
    for name in pair:
        head = f'--b\r\ncontent-disposition: form-data; name="image"; filename="{name}"\r\n\r\n'
        parts.append(head.encode() + (EXAMPLES / name).read_bytes() + b"\r\n")
    parts.append(f'--b\r\ncontent-disposition: form-data; name="task"\r\n\r\n{task}\r\n'.encode())
    body = b"".join(parts) + b"--b--\r\n"
    accept = "accept: text/event-stream\r\n" if stream else ""
    head = (f"POST /v1/segment HTTP/1.1\r\nhost: localhost\r\n{accept}"
            f"content-type: multipart/form-data; boundary=b\r\ncontent-length: {len(body)}\r\n\r\n")
    return head.encode() + body


class Closed(Exception):
    """The connection was closed before a response, as a service may do with one that is idle."""


def read_response(stream, deadline):
    """The code of a response, the seconds until its first token, and its body."""
    start, first, body = time.perf_counter(), None, bytearray()
    line = stream.readline()
    if not line:
        raise Closed
    status = int(line.split()[1])
    headers = {}
    while (line := stream.readline().strip()):
        name, _, value = line.decode().partition(":")
        headers[name.lower()] = value.strip()
    if headers.get("transfer-encoding") == "chunked":
        while (size := int(stream.readline(), 16)):
            chunk = stream.read(size)
            stream.read(2)
            body += chunk
            if time.perf_counter() > deadline:
                raise TimeoutError
            if first is None and b"event: text" in chunk:
                first = time.perf_counter() - start
        stream.readline()
    else:
        body += stream.read(int(headers.get("content-length", 0)))
    return status, first, bytes(body), headers


class Client(threading.Thread):
    """Asks one question after the other."""

    def __init__(self, number, address, end, patience, leaves):
        super().__init__(daemon=True)
        self.number, self.address, self.end, self.patience = number, address, end, patience
        self.leaves = leaves
        self.codes, self.firsts, self.seconds, self.faults = {}, [], [], []

    def run(self):
        requests = [request(PAIRS[i % 4], TASKS[(i + self.number) % 4], self.number % 2 == 0)
                    for i in range(4)]
        count = self.number
        connection = stream = None
        is_used = False
        while time.perf_counter() < self.end:
            try:
                if stream is None:
                    connection = socket.create_connection(self.address, timeout=self.patience)
                    stream = connection.makefile("rb")
                    is_used = False
                start = time.perf_counter()
                connection.sendall(requests[count % 4])
                status, first, body, headers = read_response(stream, start + self.patience)
                is_used = True
            except (Closed, BrokenPipeError, ConnectionResetError) as error:
                # Only a connection that was idle in between may be closed, which shows at once.
                if not is_used or time.perf_counter() - start > IDLE:
                    self.faults.append(repr(error))
                connection.close()
                stream = None
                continue
            except (OSError, ValueError, IndexError) as error:
                if self.leaves and isinstance(error, TimeoutError):
                    self.codes["left"] = self.codes.get("left", 0) + 1
                else:
                    self.faults.append(repr(error))
                connection.close()
                stream = None
                continue
            count += 1
            self.codes[status] = self.codes.get(status, 0) + 1
            if status == 200:
                self.seconds.append(time.perf_counter() - start)
                if first is not None:
                    self.firsts.append(first)
                if b'"answers"' not in body:
                    self.codes[200] -= 1
                    kind = b"unfinished" if b"unfinished" in body else b"waited" if b"waited" in body else body[-200:]
                    self.codes[kind.decode()] = self.codes.get(kind.decode(), 0) + 1
            elif status == 429:
                # As a client should: come back when it is told to, at the end at the latest.
                wait = float(headers.get("retry-after", 1))
                time.sleep(max(0, min(wait, self.end - time.perf_counter())))
            if headers.get("connection") == "close":
                stream = None


def resident(process):
    """Bytes that a process holds."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    return 0


def batch(program, scratch, name):
    """Answers per second of `calico segment --batch` over the same questions."""
    items = scratch / "list.jsonl"
    lines = [{"images": [str(EXAMPLES / file) for file in PAIRS[i % 4]], "task": TASKS[(i + i // 4) % 4]}
             for i in range(160)]
    items.write_text("".join(json.dumps(line) + "\n" for line in lines))
    start = time.perf_counter()
    subprocess.run([program, "segment", "--batch", items, "--out", scratch / name], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return len(lines) / (time.perf_counter() - start)


def measures(address):
    """What the service says of going away."""
    with socket.create_connection(address, timeout=10) as connection:
        connection.sendall(b"GET /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
        text = connection.makefile().read()
    names = ("calico_questions_total", "calico_queue_waiting", "calico_answering", "calico_panics_total")
    return {line.split()[0]: float(line.split()[1]) for line in text.splitlines() if line.startswith(names)}


def share(values, part):
    return sorted(values)[min(len(values) - 1, int(len(values) * part))] if values else float("nan")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", help="the program to start, with `serve`")
    parser.add_argument("--serve-args", default="", help="more arguments for it")
    parser.add_argument("--service", help="a command that starts a service, instead of --program")
    parser.add_argument("--address", help="host:port of a service that runs already")
    parser.add_argument("--process", type=int, help="its process, to watch its memory")
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--patience", type=float, default=600, help="of a client, in seconds")
    parser.add_argument("--leave", type=float, help="half of the clients, of streams and of whole answers, go away after so many seconds")
    parser.add_argument("--allow", default="", help="codes that are no failure beside 200 and 429")
    parser.add_argument("--no-batch", action="store_true", help="compare with nothing")
    args = parser.parse_args()

    child = None
    with tempfile.TemporaryDirectory() as scratch:
        scratch = Path(scratch)
        compares = args.program and not args.no_batch and not args.address and not args.service
        before = batch(args.program, scratch, "before") if compares else None
        if args.address:
            host, _, port = args.address.rpartition(":")
        else:
            command = [args.program, "serve", "--port", "0", "--log-level", "error"]
            command = args.service.split() if args.service else command + args.serve_args.split()
            child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
            atexit.register(child.kill)
            host, _, port = child.stdout.readline().strip().removeprefix("http://").rpartition(":")
        process = child.pid if child else args.process

        start = time.perf_counter()
        end = start + args.seconds
        clients = []
        for number in range(args.clients):
            leaves = bool(args.leave) and number % 4 in (2, 3)
            patience = args.leave if leaves else args.patience
            clients.append(Client(number, (host, int(port)), end, patience, leaves))
        for client in clients:
            client.start()
        peaks = [0, 0]
        while (now := time.perf_counter()) < end:
            if process:
                half = int(now - start > args.seconds / 2)
                peaks[half] = max(peaks[half], resident(process))
            time.sleep(0.05)
        for client in clients:
            client.join(args.patience)
        took = time.perf_counter() - start

        codes = {}
        for client in clients:
            for code, count in client.codes.items():
                codes[str(code)] = codes.get(str(code), 0) + count
        firsts = [first for client in clients for first in client.firsts]
        seconds = [one for client in clients for one in client.seconds]
        faults = [fault for client in clients for fault in client.faults]
        report = {
            "clients": args.clients, "seconds": round(took, 1), "codes": codes,
            "broken_connections": len(faults), "first_fault": faults[0] if faults else None,
            "answers_per_second": round(codes.get("200", 0) / took, 2),
            "first_token_seconds": {"median": round(statistics.median(firsts), 3) if firsts else None,
                                    "p95": round(share(firsts, 0.95), 3)},
            "answer_seconds": {"median": round(statistics.median(seconds), 3) if seconds else None,
                               "p95": round(share(seconds, 0.95), 3)},
        }
        if process:
            report["peak_megabytes_by_half"] = [round(peak / 1e6, 1) for peak in peaks]
            report["second_half_to_first"] = round(peaks[1] / max(peaks[0], 1), 3)
        try:
            report["measures"] = measures((host, int(port)))
        except (OSError, IndexError) as error:
            report["measures"] = repr(error)
        if child:
            child.send_signal(signal.SIGTERM)
            report["exit_code"] = child.wait(120)
        if compares:
            after = batch(args.program, scratch, "after")
            report["batch_answers_per_second"] = [round(before, 2), round(after, 2)]
            report["to_batch"] = round(report["answers_per_second"] / statistics.mean([before, after]), 2)
    print(json.dumps(report, indent=2))
    allowed = {"200", "429", *args.allow.split(",")}
    is_sound = not faults and set(codes) <= allowed and report.get("exit_code", 0) == 0
    sys.exit(0 if is_sound else 1)


if __name__ == "__main__":
    main()
