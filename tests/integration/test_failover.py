# SPDX-License-Identifier: GPL-3.0-or-later
"""Three redis servers, one of which is killed, stalled, or swallows connection requests: how long clients wait, with and
without health checks, beside haproxy and nginx in the same run. It prints a table."""

import os
import signal
import time

import pytest

from harness import Blackhole, TlsClient, services, slack
from harness.services import Service

PATIENCE = 4.0  # seconds that a client waits before it counts as lost

_HAPROXY = """
defaults
  mode tcp
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  retries 5
  option redispatch 1
frontend front
  bind 127.0.0.1:{port} ssl crt PEM
  default_backend back
backend back
  balance roundrobin
SERVERS
"""

_NGINX = """
daemon off; master_process off; pid {dir}/pid; error_log {dir}/error.log;
load_module /usr/lib/nginx/modules/ngx_stream_module.so;
events { worker_connections 1024; }
stream {
  upstream back { SERVERS }
  server { listen 127.0.0.1:{port} ssl; ssl_certificate CHAIN; ssl_certificate_key KEY;
           proxy_pass back; proxy_connect_timeout 5s; }
}
"""


def haproxy(addresses, pem, check):
    how = " check inter 200ms fall 2 rise 2" if check else ""
    servers = "\n".join(f"  server s{number} {address}{how}" for number, address in enumerate(addresses))
    return Service("haproxy", ["/usr/sbin/haproxy", "-q", "-db", "-f", "{dir}/haproxy.cfg"],
                   {"haproxy.cfg": _HAPROXY.replace("PEM", pem).replace("SERVERS", servers)})


def nginx(addresses, pki):
    conf = _NGINX.replace("SERVERS", " ".join(f"server {address};" for address in addresses))
    conf = conf.replace("CHAIN", str(pki.ecdsa.chain)).replace("KEY", str(pki.ecdsa.key))
    return Service("nginx", ["/usr/sbin/nginx", "-p", "{dir}", "-e", "{dir}/error.log", "-c", "{dir}/nginx.conf"],
                   {"nginx.conf": conf})


def visit(address, context):
    """Seconds until redis has answered a PING; None if the client was lost."""
    began = time.monotonic()
    try:
        with TlsClient(address, context, timeout=PATIENCE) as client:
            client.send(b"PING\r\n")
            if client.recv_exactly(7) != b"+PONG\r\n":
                return None
            return time.monotonic() - began
    except Exception:  # a reset, a cut, a time-out: the client got no answer
        return None


def visits(address, context, seconds, harm=None):
    """Clients one after the other for `seconds`; `harm` runs after a fifth of the time."""
    waits, lost, began = [], 0, time.monotonic()
    while time.monotonic() - began < seconds:
        if harm and time.monotonic() - began > seconds / 5:
            harm()
            harm = None
        wait = visit(address, context)
        if wait is None:
            lost += 1
        else:
            waits.append(wait)
        time.sleep(0.01)
    return len(waits) + lost, lost, 1000 * max(waits, default=0)


@pytest.mark.full
@pytest.mark.parametrize("trouble", ["killed", "stalled", "swallows"])
def test_worst_waits(culvert, service, need, pki, trouble, capsys):
    need("redis-server", "haproxy", "nginx")
    context = pki.context()
    results = {}
    for name in ("culvert", "culvert, checks", "haproxy", "haproxy, checks", "nginx"):
        servers = [service(services.redis) for _ in range(3)]
        addresses = [f"127.0.0.1:{one.port}" for one in servers]
        hole = Blackhole() if trouble == "swallows" else None
        if hole:
            addresses[1] = hole.address
        harm = {"killed": lambda: servers[1].process.kill(),
                "stalled": lambda: os.kill(servers[1].process.pid, signal.SIGSTOP)}.get(trouble)
        if name.startswith("culvert"):
            options = {"backend": addresses, "balance": "round-robin"}
            if "checks" in name:
                options.update({"health-check": "redis", "health-interval": "200ms", "health-timeout": "200ms",
                                "health-fall": "2"})
            daemon = culvert(service=options)
            target = daemon.address()
        else:
            front = service(nginx, addresses, pki) if name == "nginx" else service(
                haproxy, addresses, str(pki.ecdsa.both), "checks" in name)
            target = ("127.0.0.1", front.port)
        results[name] = visits(target, context, 10, harm)
        for one in servers:
            if one.process.poll() is None:
                os.kill(one.process.pid, signal.SIGCONT)
        if hole:
            hole.stop()
    with capsys.disabled():
        print(f"\n{trouble}:")
        for name, (count, lost, worst) in results.items():
            print(f"  {name:18} {count:5} clients, {lost:3} lost, worst wait {worst:7.0f} ms")
    if trouble != "stalled":
        assert results["culvert"][1] == results["culvert, checks"][1] == 0
    assert results["culvert, checks"][1] <= 2  # those that had the stalled server when it stopped
