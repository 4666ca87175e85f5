# SPDX-License-Identifier: GPL-3.0-or-later
"""Load in separate processes, because one interpreter would be the bottleneck or would disturb a measurement.

Run as a program (`python3 bulk.py MODE ...`) this file is one peer; Bulk starts such peers from a test. Peers write JSON
lines to standard output and end when their standard input ends.

    exchange-backend  serves connections that name themselves by 8 bytes: sends and receives `size` bytes at once
    exchange-client   the other end, through TLS, in `count` parallel tunnels
    hold-backend      accepts, reads, never answers (idle tunnels)
    hold-client       opens `count` tunnels through TLS and holds them
    source-backend    sends `size` bytes to each connection, as far as its small socket buffer accepts them, and holds it
    stall-client      opens `count` tunnels through TLS and reads nothing until standard input ends; then reads all
    stream-backend    echoes for ever, for load that a reload must not disturb
    stream-client     `count` tunnels that echo in turns until standard input ends, each byte checked
    churn-client      `count` tunnels one after another in `parallel` threads, each ended as requested
"""

import argparse
import hashlib
import json
import os
import resource
import select
import socket
import ssl
import subprocess
import sys
import threading
import time

if __name__ == "__main__":
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


from harness.clients import TlsClient, Truncated  # noqa: E402
from harness.util import chunks, slack  # noqa: E402

_CLIENT_SEED, _BACKEND_SEED = 1 << 32, 2 << 32
_STEP = 1 << 18


# -- the test's side -----------------------------------------------------------------------------------------------

class Bulk:
    """One peer process."""

    def __init__(self, mode, **options):
        command = [sys.executable, os.path.abspath(__file__), mode]
        for name, value in options.items():
            command += [f"--{name.replace('_', '-')}", str(value)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    @property
    def pid(self):
        return self.process.pid

    def line(self, timeout=60):
        """The next JSON line."""
        if not select.select([self.process.stdout], [], [], slack(timeout))[0]:
            raise AssertionError(f"no line from {self.process.args} within {slack(timeout):.0f} s")
        text = self.process.stdout.readline()
        assert text, f"{self.process.args} ended with {self.process.wait()}"
        return json.loads(text)

    def tell(self):
        """Ends the peer's standard input: the peer finishes its work and reports."""
        self.process.stdin.close()

    def stop(self):
        if not self.process.stdin.closed:
            self.process.stdin.close()
        try:
            self.process.wait(slack(5))
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


# -- the peer's side -----------------------------------------------------------------------------------------------

def _say(**fields):
    print(json.dumps(fields), flush=True)


def _raise_limits():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    threading.stack_size(256 * 1024)


def _context(options):
    context = ssl.create_default_context(cafile=options.ca)
    if options.version:
        version = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}[options.version]
        context.minimum_version = context.maximum_version = version
    return context


def _stdin_ended(timeout):
    return bool(select.select([sys.stdin], [], [], timeout)[0])


def _listen(backlog=4096):
    listener = socket.create_server(("127.0.0.1", 0), backlog=backlog)
    _say(port=listener.getsockname()[1])
    return listener


def _in_threads(count, work):
    threads = [threading.Thread(target=work, args=(number,), daemon=True) for number in range(count)]
    for thread in threads:
        thread.start()
    return threads


def exchange_backend(options):
    listener = _listen()
    results, lock = {}, threading.Lock()

    def send(sock, number, outcome):
        digest = hashlib.sha256()
        try:
            for chunk in chunks(options.size, seed=_BACKEND_SEED + number):
                sock.sendall(chunk)
                digest.update(chunk)
            outcome["sent"] = digest.hexdigest()
        except OSError as error:
            outcome["error"] = str(error)

    def serve(sock):
        outcome = {"received_bytes": 0, "end": None}
        head = b""
        while len(head) < 8:
            piece = sock.recv(8 - len(head))
            if not piece:
                return
            head += piece
        number = int.from_bytes(head, "big")
        sender = threading.Thread(target=send, args=(sock, number, outcome), daemon=True)
        sender.start()
        digest, buffer, burst = hashlib.sha256(), bytearray(_STEP), 0
        view = memoryview(buffer)
        try:
            while True:
                size = sock.recv_into(buffer)
                if not size:
                    outcome["end"] = "fin"
                    break
                digest.update(view[:size])
                outcome["received_bytes"] += size
                burst += size
                if options.burst and burst >= options.burst:
                    burst = 0
                    time.sleep(options.pause)
        except OSError as error:
            outcome["end"] = str(error)
        sender.join()
        outcome["received"] = digest.hexdigest()
        sock.close()
        with lock:
            results[number] = outcome

    def accept():
        while True:
            sock = listener.accept()[0]
            sock.settimeout(slack(240))
            threading.Thread(target=serve, args=(sock,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    _stdin_ended(None)
    with lock:
        _say(**{str(number): outcome for number, outcome in results.items()})


def exchange_client(options):
    context = _context(options)
    results, lock = {}, threading.Lock()

    def work(number):
        outcome = {}
        try:
            with TlsClient(("127.0.0.1", options.port), context, timeout=slack(240)) as client:
                client.send(number.to_bytes(8, "big"))
                outcome.update(client.exchange_paced(
                    options.size, options.size, seed=_CLIENT_SEED + number, slow_rate=options.slow_rate,
                    slow_seconds=options.slow_seconds, limit=slack(240) + options.slow_seconds))
                client.close_notify()
                outcome["end"] = client.outcome()[1]
        except Exception as error:  # reported to the test
            outcome["error"] = repr(error)
        with lock:
            results[str(number)] = outcome

    for thread in _in_threads(options.count, work):
        thread.join()
    _say(**results)


def hold_backend(_options):
    listener = _listen()
    poller = select.epoll()
    poller.register(listener, select.EPOLLIN)
    poller.register(0, select.EPOLLIN)
    held = {}
    while True:
        for fd, _ in poller.poll():
            if fd == 0:
                return
            if fd == listener.fileno():
                sock = listener.accept()[0]
                held[sock.fileno()] = sock
                poller.register(sock, select.EPOLLIN)
            elif not held[fd].recv(65536):
                poller.unregister(fd)
                held.pop(fd).close()


def hold_client(options):
    context = _context(options)
    clients, errors, lock = [], [], threading.Lock()
    numbers = iter(range(options.count))

    def work(_):
        while not errors:
            with lock:
                if next(numbers, None) is None:
                    return
            try:
                client = TlsClient(("127.0.0.1", options.port), context, timeout=slack(60))
                clients.append(client)
            except Exception as error:
                errors.append(repr(error))

    for thread in _in_threads(8, work):
        thread.join()
    _say(held=len(clients), errors=errors)
    _stdin_ended(None)
    for client in clients:
        client.close()


def source_backend(options):
    listener = _listen()
    poller = select.epoll()
    poller.register(listener, select.EPOLLIN)
    poller.register(0, select.EPOLLIN)
    block = b"".join(bytes(chunk) for chunk in chunks(1 << 20, seed=_BACKEND_SEED))
    held = {}
    while True:
        for fd, _ in poller.poll():
            if fd == 0:
                return
            if fd == listener.fileno():
                sock = listener.accept()[0]
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 32768)
                sock.setblocking(False)
                held[sock.fileno()] = [sock, 0]
                poller.register(sock, select.EPOLLOUT)
                continue
            entry = held[fd]
            sock, sent = entry
            at = sent % len(block)
            try:
                entry[1] += sock.send(block[at:at + min(65536, options.size - sent)])
            except BlockingIOError:
                continue
            except OSError:
                poller.unregister(fd)
                held.pop(fd)[0].close()
                continue
            if entry[1] == options.size:
                poller.unregister(fd)


def stall_client(options):
    context = _context(options)
    block = b"".join(bytes(chunk) for chunk in chunks(1 << 20, seed=_BACKEND_SEED))
    wanted = block + block[:1 << 17]
    clients, errors = [], []
    for _ in range(options.count):
        try:
            clients.append(TlsClient(("127.0.0.1", options.port), context, timeout=slack(120), rcvbuf=8192))
        except Exception as error:
            errors.append(repr(error))
            break
    _say(held=len(clients), errors=errors)
    _stdin_ended(None)
    served, numbers, lock = [], iter(clients), threading.Lock()

    def work(_):
        while True:
            with lock:
                client = next(numbers, None)
            if client is None:
                return
            try:
                done = 0
                while done < options.size:
                    piece = client.recv()
                    at = done % len(block)
                    if not piece or piece != wanted[at:at + len(piece)]:
                        raise AssertionError(f"wrong bytes behind {done}")
                    done += len(piece)
                served.append(done)
                client.sock.close()
            except Exception as error:
                errors.append(repr(error))

    for thread in _in_threads(16, work):
        thread.join()
    _say(served=len(served), errors=errors[:5])


def stream_backend(_options):
    listener = _listen()
    poller = select.epoll()
    poller.register(listener, select.EPOLLIN)
    poller.register(0, select.EPOLLIN)
    held = {}

    def drop(fd):
        poller.unregister(fd)
        held.pop(fd).close()

    while True:
        for fd, _ in poller.poll():
            if fd == 0:
                return
            if fd == listener.fileno():
                sock = listener.accept()[0]
                sock.settimeout(slack(30))
                held[sock.fileno()] = sock
                poller.register(sock, select.EPOLLIN)
                continue
            try:
                data = held[fd].recv(65536)
                if data:
                    held[fd].sendall(data)
                    continue
            except OSError:
                pass
            drop(fd)


def stream_client(options):
    """Every tunnel repeatedly sends `size` bytes and checks the echo; tunnels are renewed after `turns` rounds."""
    context = _context(options)
    stop = threading.Event()
    lock = threading.Lock()
    totals = {"rounds": 0, "connections": 0, "bytes": 0}
    errors = []
    started = threading.Semaphore(0)

    def work(number):
        payload = b"".join(bytes(chunk) for chunk in chunks(options.size, seed=number))
        first = True
        try:
            while not stop.is_set():
                with TlsClient(("127.0.0.1", options.port), context, timeout=slack(30)) as client:
                    with lock:
                        totals["connections"] += 1
                    turns = 0
                    while not stop.is_set() and (not options.turns or turns < options.turns):
                        client.echo(payload)
                        turns += 1
                        with lock:
                            totals["rounds"] += 1
                            totals["bytes"] += 2 * options.size
                        if first:
                            first = False
                            started.release()
                        if options.pause:
                            stop.wait(options.pause)
                    client.close_notify()
                    ended = client.outcome()
                    if ended != (0, "close_notify"):
                        raise AssertionError(f"ended with {ended}")
        except Exception as error:
            errors.append(f"tunnel {number}: {error!r}")
            started.release()

    threads = _in_threads(options.count, work)
    for _ in threads:
        started.acquire()
    _say(started=len(threads), errors=errors)
    _stdin_ended(None)
    stop.set()
    for thread in threads:
        thread.join(slack(30))
    stuck = sum(thread.is_alive() for thread in threads)
    _say(errors=errors, stuck=stuck, **totals)


def churn_client(options):
    context = _context(options)
    numbers = iter(range(options.count))
    lock = threading.Lock()
    ends = {}

    def once():
        try:
            with TlsClient(("127.0.0.1", options.port), context, timeout=slack(30)) as client:
                if options.send:
                    client.send(b"x" * options.send)
                if options.end == "wait":
                    return client.outcome()[1]
                if options.end == "reset":
                    client.reset()
                elif options.end == "bare":
                    client.close_bare()
                else:
                    client.close_notify()
                    return client.outcome()[1]
                return "done"
        except Truncated:
            return "handshake:fin"
        except OSError as error:
            return f"error:{type(error).__name__}"

    def work(_):
        while True:
            with lock:
                if next(numbers, None) is None:
                    return
            end = once()
            with lock:
                ends[end] = ends.get(end, 0) + 1

    for thread in _in_threads(options.parallel, work):
        thread.join()
    _say(ends=ends)


_MODES = {
    "exchange-backend": exchange_backend, "exchange-client": exchange_client, "hold-backend": hold_backend,
    "hold-client": hold_client, "stream-backend": stream_backend, "stream-client": stream_client,
    "churn-client": churn_client, "source-backend": source_backend, "stall-client": stall_client,
}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("mode", choices=_MODES)
    for name, kind, default in (
            ("port", int, 0), ("ca", str, None), ("version", str, None), ("size", int, 0), ("count", int, 1),
            ("burst", int, 0), ("pause", float, 0.0), ("slow-rate", int, 0), ("slow-seconds", float, 0.0),
            ("turns", int, 0), ("parallel", int, 8), ("send", int, 0), ("end", str, "close")):
        parser.add_argument(f"--{name}", type=kind, default=default)
    _raise_limits()
    options = parser.parse_args()
    _MODES[options.mode](options)


if __name__ == "__main__":
    main()
