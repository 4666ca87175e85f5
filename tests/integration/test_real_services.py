# SPDX-License-Identifier: GPL-3.0-or-later
"""Real plaintext services get TLS in front of them, and their ordinary clients notice nothing else."""

import os
import subprocess

import pytest

from harness import Config, services, slack


def run(*command, **options):
    result = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=slack(20),
                            check=False, **options)
    assert result.returncode == 0, f"{command}: {result.returncode}\n{result.stdout}{result.stderr}"
    return result.stdout


def curl(pki, port, url, *more):
    return run("curl", "-sS", "--cacert", pki.ca_file, "--resolve", f"localhost:{port}:127.0.0.1", *more, url)


def test_redis(culvert, service, need, pki):
    """redis-cli --tls: commands, a value of 4 MiB both ways, a pipeline, over TCP and over redis' UNIX socket."""
    need("redis-server", "redis-cli")
    redis = service(services.redis)
    daemon = culvert(Config({"tcp": {"backend": redis.address}, "unix": {"backend": f"unix:{redis.dir}/redis.sock"}}))
    for name in ("tcp", "unix"):
        cli = ["redis-cli", "-h", "127.0.0.1", "-p", daemon.port(name), "--tls", "--cacert", pki.ca_file, "--sni",
               "localhost"]
        assert run(*cli, "ping") == "PONG\n"
        value = "x" * (4 << 20)
        assert run(*cli, "-x", "set", "big", input=value) == "OK\n"
        assert run(*cli, "get", "big") == value + "\n"
        commands = "".join(f"set key{number} {number}\n" for number in range(2000))
        assert run(*cli, "--pipe", input=commands).rstrip().endswith("errors: 0, replies: 2000")
    daemon.wait_closed(count=8)


def test_nginx(culvert, service, need, pki, tmp_path):
    """curl over HTTPS: a page, 16 MiB of download, ten requests on one connection."""
    need("nginx")
    nginx = service(services.nginx)
    (nginx.dir / "html" / "big").write_bytes(os.urandom(16 << 20))
    daemon = culvert(backend=nginx.address)
    url = f"https://localhost:{daemon.port()}"
    assert curl(pki, daemon.port(), f"{url}/index.html") == "hello from nginx\n"
    curl(pki, daemon.port(), f"{url}/big", "-o", tmp_path / "big")
    assert (tmp_path / "big").read_bytes() == (nginx.dir / "html" / "big").read_bytes()
    accepted = daemon.counters()["accepted"]
    pages = curl(pki, daemon.port(), f"{url}/index.html?[1-10]")
    assert pages == "hello from nginx\n" * 10
    assert daemon.counters()["accepted"] == accepted + 1


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_nginx_learns_the_clients_address_by_proxy_protocol(culvert, service, need, pki, version):
    need("nginx")
    nginx = service(services.nginx, proxy_protocol=True)
    daemon = culvert(backend=nginx.address, service={"proxy-protocol": version})
    said = curl(pki, daemon.port(), f"https://localhost:{daemon.port()}/who", "-w", "%{local_ip} %{local_port}\n")
    seen, real = said.splitlines()
    assert seen == real


def test_dovecot(culvert, service, need, pki):
    """curl imaps://: log in, list the mailboxes."""
    need("dovecot")
    dovecot = service(services.dovecot)
    daemon = culvert(backend=dovecot.address)
    said = curl(pki, daemon.port(), f"imaps://localhost:{daemon.port()}/", "-u", "joe:secret")
    assert "INBOX" in said
    daemon.wait_closed()


def test_smtp(culvert, service, pki, tmp_path):
    """curl smtps://: one mail of 1 MiB arrives as it was sent."""
    if subprocess.run(["/usr/bin/python3", "-c", "import aiosmtpd"], capture_output=True, check=False).returncode:
        pytest.skip("python3-aiosmtpd is not installed")
    server = service(services.smtp)
    daemon = culvert(backend=server.address)
    lines = "".join(f"line {number} of a long mail\r\n" for number in range(40000))
    (tmp_path / "mail").write_text("Subject: hello\r\n\r\n" + lines, newline="")
    curl(pki, daemon.port(), f"smtps://localhost:{daemon.port()}", "--mail-from", "a@example.org", "--mail-rcpt",
         "b@example.org", "-T", tmp_path / "mail")
    (mail,) = (server.dir / "mail" / "new").iterdir()
    assert lines.replace("\r\n", "\n") in mail.read_text().replace("\r\n", "\n")
    daemon.wait_closed()
