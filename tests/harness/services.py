# SPDX-License-Identifier: GPL-3.0-or-later
"""Real daemons, each unprivileged if possible, in a temporary directory, on a free port, ended by pid."""

import grp
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile

from .util import connect, eventually, free_port, is_root, slack


class Service:
    """A daemon in the foreground: `command` may hold {dir} and {port}; `answers` tells that it is up."""

    def __init__(self, name, command, files=None, port=None, prefix=(), ready=None, setup=None):
        self.name = name
        # Not pytest's directory: UNIX socket paths must stay short, and other users must be able to enter.
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix=f"culvert-{name}-"))
        os.chmod(self.dir, 0o755)
        self.port = port or free_port()
        values = {"dir": str(self.dir), "port": str(self.port)}
        for path, text in (files or {}).items():
            target = self.dir / path
            target.parent.mkdir(parents=True, exist_ok=True)
            for key, value in values.items():
                text = text.replace("{" + key + "}", value)
            target.write_text(text)
        if setup:
            setup(self.dir)
        self.output = open(self.dir / "output", "ab")
        filled = [part.format(**values) for part in command]
        self.process = subprocess.Popen([*prefix, *filled], stdin=subprocess.DEVNULL, stdout=self.output,
                                        stderr=subprocess.STDOUT, start_new_session=True)
        try:
            eventually(ready or self._accepts, 15, f"{name} to accept connections")
        except AssertionError as error:
            text = self.text()
            self.stop()
            raise AssertionError(f"{error}\n{text}") from None

    def _accepts(self):
        assert self.process.poll() is None, f"{self.name} ended with {self.process.returncode}: {self.text()}"
        try:
            connect(("127.0.0.1", self.port), 1).close()
            return True
        except OSError:
            return False

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def text(self):
        return (self.dir / "output").read_text(errors="replace")[-4000:]

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
            try:
                self.process.wait(slack(5))
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.output.close()
        shutil.rmtree(self.dir, ignore_errors=True)


def redis():
    return Service("redis", ["redis-server", "--port", "{port}", "--bind", "127.0.0.1", "--dir", "{dir}", "--save", "",
                             "--appendonly", "no", "--unixsocket", "{dir}/redis.sock", "--unixsocketperm", "777"])


_NGINX = """
daemon off; master_process off; pid {dir}/pid; error_log {dir}/error.log;
events { worker_connections 1024; }
http {
  access_log {dir}/access.log; default_type text/plain;
  client_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy; fastcgi_temp_path {dir}/fastcgi;
  uwsgi_temp_path {dir}/uwsgi; scgi_temp_path {dir}/scgi;
  server {
    listen 127.0.0.1:{port}LISTEN; root {dir}/html;
    location /who { return 200 "WHO\\n"; }
  }
}
"""


def nginx(proxy_protocol=False):
    """Serves html/, and answers /who with the client's address as it sees it."""
    conf = _NGINX.replace("LISTEN", " proxy_protocol" if proxy_protocol else "")
    conf = conf.replace("WHO", "$proxy_protocol_addr $proxy_protocol_port" if proxy_protocol
                        else "$remote_addr $remote_port")
    return Service("nginx", ["/usr/sbin/nginx", "-p", "{dir}", "-e", "{dir}/error.log", "-c", "{dir}/nginx.conf"],
                   {"nginx.conf": conf, "html/index.html": "hello from nginx\n"})


_DOVECOT = """
base_dir = {dir}/run
state_dir = {dir}/run
log_path = {dir}/dovecot.log
protocols = imap
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
first_valid_uid = 1
mail_location = maildir:{dir}/mail/%u
OWNERS
passdb {
  driver = static
  args = password=secret
}
userdb {
  driver = static
  args = uid=MAILUSER gid=MAILGROUP home={dir}/mail/%u
}
service imap-login {
  chroot =
  inet_listener imap {
    address = 127.0.0.1
    port = {port}
  }
  inet_listener imaps {
    port = 0
  }
}
service anvil {
  chroot =
}
"""


def dovecot():
    """IMAP with any user name and the password `secret`."""
    me = pwd.getpwuid(os.geteuid())
    if is_root():
        owners, user, group = "", "nobody", "nogroup"
    else:
        owners = f"default_internal_user = {me.pw_name}\ndefault_login_user = {me.pw_name}\n" \
                 f"default_internal_group = {grp.getgrgid(me.pw_gid).gr_name}"
        user, group = str(me.pw_uid), str(me.pw_gid)
    conf = _DOVECOT.replace("OWNERS", owners).replace("MAILUSER", user).replace("MAILGROUP", group)

    def setup(directory):
        (directory / "mail").mkdir()
        (directory / "mail").chmod(0o777)

    return Service("dovecot", ["/usr/sbin/dovecot", "-F", "-c", "{dir}/dovecot.conf"], {"dovecot.conf": conf},
                   setup=setup)


# One thread: with more the order of the servers is not that of the connections.
_HAPROXY = """
global
  nbthread 1
defaults
  mode tcp
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  retries 5
frontend front
  bind 127.0.0.1:{port}
  default_backend back
backend back
  balance roundrobin
SERVERS
"""


def haproxy(*addresses):
    """A plain TCP balancer that takes the addresses in turn, connection by connection."""
    servers = "\n".join(f"  server s{number} {address}" for number, address in enumerate(addresses))
    return Service("haproxy", ["/usr/sbin/haproxy", "-q", "-db", "-f", "{dir}/haproxy.cfg"],
                   {"haproxy.cfg": _HAPROXY.replace("SERVERS", servers)})


def smtp():
    """An SMTP server that stores accepted mail in a maildir: mail/new."""
    return Service("smtp", ["/usr/bin/python3", "-m", "aiosmtpd", "-n", "-l", "127.0.0.1:{port}", "-c",
                            "aiosmtpd.handlers.Mailbox", "{dir}/mail"])


_RSYSLOG = """
global(workDirectory="{dir}")
module(load="imuxsock" SysSock.Use="on" SysSock.Name="/dev/log" SysSock.RateLimit.Interval="0"
       SysSock.UsePIDFromSystem="off")
template(name="plain" type="string" string="%syslogfacility-text%.%syslogseverity-text% %syslogtag%%msg%\\n")
action(type="omfile" file="{dir}/messages" template="plain" asyncWriting="off")
"""


class PrivateDev:
    """A mount namespace with a /dev of its own, so that a syslog daemon of the test can own /dev/log (root only).

    `prefix` runs a command inside: it ends in exec, the pid stays that of the process started.
    """

    # Make it private before anything is mounted. In a chroot the root is not a mount point, but its /dev is one.
    _SETUP = ("set -e; d=$1; mount --make-rprivate / 2>/dev/null || mount --make-rprivate /dev; "
              " mkdir $d; mount -t tmpfs -o mode=755 tmpfs $d; "
              "for n in null zero full random urandom tty; do : >$d/$n; mount --bind /dev/$n $d/$n; done; "
              "mount --rbind $d /dev; echo up; exec sleep 86400")

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="culvert-dev-")
        self.holder = subprocess.Popen(
            ["unshare", "--mount", "--propagation", "unchanged", "/bin/sh", "-c", self._SETUP, "sh", self.dir + "/dev"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        assert self.holder.stdout.readline() == "up\n"
        self.prefix = ("nsenter", "--mount", "--root", "--wd", "--target", str(self.holder.pid))

    def stop(self):
        self.holder.kill()
        self.holder.wait()
        self.holder.stdout.close()
        shutil.rmtree(self.dir, ignore_errors=True)


class Rsyslog(Service):
    """rsyslogd that owns /dev/log of a PrivateDev and writes all it gets to `messages`."""

    def __init__(self, dev):
        self.dev = dev
        super().__init__("rsyslog", ["/usr/sbin/rsyslogd", "-n", "-f", "{dir}/rsyslog.conf", "-i", "{dir}/pid"],
                         {"rsyslog.conf": _RSYSLOG}, prefix=dev.prefix, port=1, ready=self._listens)

    def _listens(self):
        path = f"/proc/{self.dev.holder.pid}/root/dev/log"
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            sock.connect(path)
            return True
        except OSError:
            return False
        finally:
            sock.close()

    def messages(self):
        path = self.dir / "messages"
        return path.read_text(errors="replace") if path.exists() else ""
