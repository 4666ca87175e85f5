# SPDX-License-Identifier: GPL-3.0-or-later
"""A TLS client and a TLS server for tests that need the raw bytes: both can be wrong in every way a hostile or broken peer
can be.

    with Tls13Client(("127.0.0.1", port)).handshake() as client:
        client.send(b"ping")
        assert client.read(4) == b"ping"
        outcome = client.finish()
        assert outcome.clean

server.py has the server: RawServer runs a function for every connection, which is given a Tls13Server or a Tls12Server.
"""

from .constants import ALERT_CODES, ALERTS, FATAL, TLS10, TLS11, TLS12, TLS13, WARNING
from .constants import ContentType, Extension, Group, HandshakeType
from .crypto import SUITES, BadRecord, KeyShare
from .hello import ClientHello, ServerHello, alpn, hello12, hello13, key_share, message, server_name
from .link import Ended, Link
from .server import RawServer, ReceivedHello, Tls12Server, Tls13Server
from .session import Alert, AppData, ChangeCipherSpec, End, Handshake, HandshakeFailed, Outcome, Session
from .tls12 import Ticket12, Tls12Client
from .tls13 import Ticket, Tls13Client

__all__ = [
    "ALERTS", "ALERT_CODES", "Alert", "AppData", "BadRecord", "ChangeCipherSpec", "ClientHello", "ContentType", "End",
    "Ended", "Extension", "FATAL", "Group", "Handshake", "HandshakeFailed", "HandshakeType", "KeyShare", "Link",
    "Outcome", "RawServer", "ReceivedHello", "SUITES", "ServerHello", "Session", "TLS10", "TLS11", "TLS12", "TLS13", "Ticket", "Ticket12", "Tls12Client",
    "Tls12Server", "Tls13Client", "Tls13Server", "WARNING", "alpn", "hello12", "hello13", "key_share", "message", "server_name",
]
