# SPDX-License-Identifier: GPL-3.0-or-later
"""The black-box harness: everything a test needs to run culvert between real peers on the loopback.

    pki       a certificate authority and server certificates made for the session
    config    Config, the INI file as nested dictionaries
    daemon    Culvert, one running daemon: its ports, log, counters, memory, signals
    backends  plain TCP and UNIX-socket backends with every kind of behaviour and misbehaviour
    clients   TlsClient, a TLS client in charge of how it closes
    programs  openssl, gnutls-cli, curl and a wolfSSL client, and what they report as negotiated
    services  real daemons (redis, nginx, haproxy, dovecot, rsyslog) in temporary directories
    bulk      transfers that are too big for one Python process
    util      eventually(), scaled(), free ports, /proc
"""

from .backends import (Backend, Blackhole, BurstReader, Echo, HalfCloser, Hanger, Refuser, Resetter, Sink, Source,
                       TlsBackend)
from .clients import TlsClient, Truncated
from .config import Config
from .daemon import Culvert, LogLine, StartFailed
from .pki import Pki
from .util import BINARY, OWN_RECORDS, SANITIZED, SCALE, WOLFSSL, eventually, is_root, pattern, scaled, sha256, slack

__all__ = [
    "BINARY", "Backend", "Blackhole", "BurstReader", "Config", "Culvert", "Echo", "HalfCloser", "Hanger", "LogLine",
    "OWN_RECORDS", "Pki", "Refuser", "Resetter", "SANITIZED", "SCALE", "Sink", "Source", "StartFailed", "TlsBackend", "TlsClient",
    "Truncated", "WOLFSSL", "eventually", "is_root", "pattern", "scaled", "sha256", "slack",
]
