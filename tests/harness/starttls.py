# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers whose protocols change from plain text to TLS: dovecot, exim, PostgreSQL, MariaDB, slapd, vsftpd and prosody.

Each is started plain, or with a certificate of the session (`tls=pki.ecdsa`): then it offers TLS by STARTTLS.
"""

import glob
import grp
import os
import pwd
import shutil
import subprocess

from .services import Service
from .util import connect, free_port, is_root


def owner(directory, user):
    """Lets `user` write into the directory, if this process is root."""
    if is_root():
        shutil.chown(directory, user)


def as_user(name):
    """The command that runs another as `name`, if this process is root."""
    if not is_root():
        return ()
    entry = pwd.getpwnam(name)
    return ("setpriv", "--reuid", str(entry.pw_uid), "--regid", str(entry.pw_gid), "--clear-groups", "--")


def copy_keys(tls, directory, user):
    """The certificate and the key where `user` can read them: paths."""
    chain, key = os.path.join(directory, "server.crt"), os.path.join(directory, "server.key")
    shutil.copy(tls.chain, chain)
    shutil.copy(tls.key, key)
    os.chmod(key, 0o600)
    owner(chain, user)
    owner(key, user)
    return chain, key


_DOVECOT = """
base_dir = {dir}/run
state_dir = {dir}/run
log_path = {dir}/dovecot.log
protocols = imap pop3 lmtp sieve submission
listen = 127.0.0.1
TLS
disable_plaintext_auth = no
first_valid_uid = 1
mail_location = maildir:{dir}/mail/%n
default_internal_user = nobody
default_login_user = nobody
default_internal_group = nogroup
submission_relay_host = 127.0.0.1
hostname = mail.example.org
passdb {
  driver = static
  args = password=secret
}
userdb {
  driver = static
  args = uid=nobody gid=nogroup home={dir}/mail/%n
}
service imap-login {
  chroot =
  inet_listener imap {
    port = IMAP
  }
  inet_listener imaps {
    port = 0
  }
}
service pop3-login {
  chroot =
  inet_listener pop3 {
    port = POP3
  }
  inet_listener pop3s {
    port = 0
  }
}
service managesieve-login {
  chroot =
  inet_listener sieve {
    port = SIEVE
  }
}
service submission-login {
  chroot =
  inet_listener submission {
    port = SMTP
  }
  inet_listener submissions {
    port = 0
  }
}
service lmtp {
  inet_listener lmtp {
    address = 127.0.0.1
    port = LMTP
  }
}
service anvil {
  chroot =
}
"""


class Mail(Service):
    """dovecot with imap, pop3, lmtp, sieve and submission (smtp); `ports` by protocol. Any user, password `secret`."""

    def __init__(self, tls=None):
        self.ports = {name: free_port() for name in ("imap", "pop3", "lmtp", "sieve", "smtp")}
        conf = _DOVECOT
        for name, port in self.ports.items():
            conf = conf.replace(f"port = {name.upper()}\n", f"port = {port}\n")
        words = f"ssl = yes\nssl_cert = <{tls.chain}\nssl_key = <{tls.key}" if tls else "ssl = no"

        def setup(directory):
            (directory / "mail").mkdir()
            (directory / "mail").chmod(0o777)

        super().__init__("dovecot", ["/usr/sbin/dovecot", "-F", "-c", "{dir}/dovecot.conf"],
                         {"dovecot.conf": conf.replace("TLS", words)}, setup=setup, port=self.ports["imap"])


_EXIM = """
primary_hostname = mail.example.org
qualify_domain = example.org
spool_directory = {dir}/spool
log_file_path = {dir}/exim-%s
pid_file_path = {dir}/pid
local_interfaces = 127.0.0.1
daemon_smtp_ports = {port}
host_lookup =
rfc1413_query_timeout = 0s
smtp_accept_max_per_host = 0
keep_environment =
# No process besides the daemon and its connections: mail stays in the spool.
queue_only
TLS
acl_smtp_rcpt = accepted
acl_smtp_data = accepted
begin acl
accepted:
  accept
"""


class Exim(Service):
    """exim, which accepts mail for anybody and keeps it in its spool. Without `tls` it does not offer STARTTLS."""

    def __init__(self, tls=None):
        self.user = "Debian-exim" if is_root() else pwd.getpwuid(os.geteuid()).pw_name
        words = "tls_advertise_hosts ="
        if tls:
            words = "tls_advertise_hosts = *\ntls_certificate = {dir}/server.crt\ntls_privatekey = {dir}/server.key"

        def setup(directory):
            (directory / "spool").mkdir()
            for path in (directory, directory / "spool"):
                owner(path, self.user)
            if tls:
                copy_keys(tls, directory, self.user)

        super().__init__("exim", ["/usr/sbin/exim4", "-C", "{dir}/exim.conf", "-bdf"],
                         {"exim.conf": _EXIM.replace("TLS\n", words + "\n")}, setup=setup)

    def log(self):
        """One line a message and what its connection was, such as `P=esmtps X=TLS1.3:...`."""
        path = self.dir / "exim-main"
        return path.read_text() if path.exists() else ""

    def mails(self):
        """The bodies of the accepted messages."""
        return [path.read_text().partition("\n")[2] for path in sorted((self.dir / "spool" / "input").glob("*-D"))]


def postgres_program(name):
    found = sorted(glob.glob(f"/usr/lib/postgresql/*/bin/{name}"))
    return found[-1] if found else shutil.which(name)


class Postgres(Service):
    """PostgreSQL; user `joe`, password `secret` (SCRAM), database `joe`."""

    def __init__(self, tls=None):
        self.user = "postgres" if is_root() else pwd.getpwuid(os.geteuid()).pw_name
        prefix = as_user(self.user)

        def setup(directory):
            owner(directory, self.user)
            (directory / "password").write_text("secret\n")
            owner(directory / "password", self.user)
            subprocess.run([*prefix, postgres_program("initdb"), "-D", str(directory / "data"), "-U", "joe", "-A",
                            "scram-sha-256", "--pwfile", str(directory / "password"), "-N"], check=True,
                           capture_output=True, cwd=directory)
            if tls:
                copy_keys(tls, directory / "data", self.user)

        options = ["-c", "ssl=on"] if tls else []
        super().__init__("postgres", [postgres_program("postgres"), "-D", "{dir}/data", "-p", "{port}", "-k", "{dir}", "-h",
                                      "127.0.0.1", "-c", "fsync=off", "-c", "max_connections=20", *options],
                         prefix=prefix, setup=setup)


class Mariadb(Service):
    """MariaDB; users `native` and `modern` (ed25519), password `secret`."""

    def __init__(self, tls=None):
        self.user = "mysql" if is_root() else pwd.getpwuid(os.geteuid()).pw_name
        prefix = as_user(self.user)

        def setup(directory):
            owner(directory, self.user)
            subprocess.run([*prefix, "mariadb-install-db", "--no-defaults", f"--datadir={directory}/data",
                            "--auth-root-authentication-method=normal", "--skip-test-db"], check=True, capture_output=True,
                           cwd=directory)
            (directory / "init.sql").write_text(
                "INSTALL SONAME 'auth_ed25519';\n"
                "CREATE USER native@'127.0.0.1' IDENTIFIED VIA mysql_native_password USING PASSWORD('secret');\n"
                "CREATE USER modern@'127.0.0.1' IDENTIFIED VIA ed25519 USING PASSWORD('secret');\n")
            if tls:
                copy_keys(tls, directory, self.user)

        options = ["--ssl-cert={dir}/server.crt", "--ssl-key={dir}/server.key"] if tls else ["--skip-ssl"]
        super().__init__("mariadb", ["mariadbd", "--no-defaults", "--datadir={dir}/data", "--port={port}",
                                     "--bind-address=127.0.0.1", "--socket={dir}/mysql.sock", "--pid-file={dir}/pid",
                                     "--init-file={dir}/init.sql", "--innodb-flush-log-at-trx-commit=0",
                                     "--skip-name-resolve", *options], prefix=prefix, setup=setup)


_SLAPD = """
include /etc/ldap/schema/core.schema
pidfile {dir}/pid
modulepath /usr/lib/ldap
moduleload back_mdb
TLS
database mdb
maxsize 10485760
suffix "dc=example,dc=org"
rootdn "cn=admin,dc=example,dc=org"
rootpw secret
directory {dir}/data
"""


class Slapd(Service):
    """OpenLDAP; cn=admin,dc=example,dc=org with the password `secret`."""

    def __init__(self, tls=None):
        words = f"TLSCertificateFile {tls.chain}\nTLSCertificateKeyFile {tls.key}" if tls else ""
        super().__init__("slapd", ["/usr/sbin/slapd", "-d", "0", "-f", "{dir}/slapd.conf", "-h", "ldap://127.0.0.1:{port}/"],
                         {"slapd.conf": _SLAPD.replace("TLS\n", words + "\n"), "data/keep": ""})


_VSFTPD = """
listen=YES
listen_address=127.0.0.1
listen_port={port}
background=NO
anonymous_enable=YES
no_anon_password=YES
anon_root={dir}/files
run_as_launching_user=RUNAS
secure_chroot_dir={dir}/empty
ftp_username=daemon
nopriv_user=nobody
seccomp_sandbox=NO
TLS
"""


class Ftp(Service):
    """vsftpd with anonymous access to files/hello."""

    def __init__(self, tls=None):
        words = "ssl_enable=NO"
        if tls:
            words = (f"ssl_enable=YES\nallow_anon_ssl=YES\nforce_local_logins_ssl=NO\nforce_local_data_ssl=NO\n"
                     f"require_ssl_reuse=NO\nssl_ciphers=HIGH\nrsa_cert_file={tls.both}\nrsa_private_key_file={tls.both}")
        conf = _VSFTPD.replace("RUNAS", "NO" if is_root() else "YES").replace("TLS\n", words + "\n")

        def setup(directory):
            (directory / "empty").mkdir()
            (directory / "files").chmod(0o555)

        super().__init__("vsftpd", ["/usr/sbin/vsftpd", "{dir}/vsftpd.conf"],
                         {"vsftpd.conf": conf, "files/hello": "hello from vsftpd\n"}, setup=setup)


_PROSODY = """
pidfile = "{dir}/pid"
data_path = "{dir}/data"
log = { info = "{dir}/log" }
interfaces = { "127.0.0.1" }
c2s_ports = { {port} }
s2s_ports = { }
http_ports = { }
https_ports = { }
modules_enabled = { "saslauth", "disco", TLSMODULE }
modules_disabled = { "s2s", "offline" }
authentication = "internal_hashed"
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
plugin_paths = { }
TLS
VirtualHost "localhost"
"""


class Xmpp(Service):
    """prosody for the host `localhost`."""

    def __init__(self, tls=None):
        self.user = "prosody" if is_root() else pwd.getpwuid(os.geteuid()).pw_name

        def setup(directory):
            owner(directory, self.user)
            (directory / "data").mkdir()
            owner(directory / "data", self.user)
            if tls:
                copy_keys(tls, directory, self.user)

        words = 'ssl = { key = "{dir}/server.key"; certificate = "{dir}/server.crt"; }' if tls else ""
        conf = _PROSODY.replace("TLSMODULE", '"tls"' if tls else "").replace("TLS\n", words + "\n")
        super().__init__("prosody", ["prosody", "-F", "--config", "{dir}/prosody.cfg.lua"], {"prosody.cfg.lua": conf},
                         prefix=as_user(self.user), setup=setup)
