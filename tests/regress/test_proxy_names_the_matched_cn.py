# SPDX-License-Identifier: GPL-3.0-or-later
"""PROXY v2 named a client by a CN that no rule had allowed.

Done: a certificate with several CNs and URIs, and rules that match the second ones. Seen: the header and the log name the first
ones. Right: they name those that matched."""

import struct

from cryptography import x509

from harness import Backend, TlsClient, eventually
from harness.client_pki import ClientPki


def test_the_header_and_the_log_name_what_matched(culvert, pki, backend, workdir):
    clients = ClientPki(workdir)
    root = clients.ca("clients root")
    wanted = "spiffe://example.org/web"
    one = clients.make("one", issuer=root, common=["first", "second"],
                       sans=[x509.UniformResourceIdentifier("https://other.example/"), x509.UniformResourceIdentifier(wanted)])
    server = backend(Backend, lambda connection: connection.read_to_end())
    daemon = culvert(backend=server.address, service={
        "verify-client": "required", "client-ca": root.cert, "proxy-protocol": "v2", "allow-cn": "second",
        "allow-uri": "spiffe://example.org/*"})
    context = pki.context()
    context.load_cert_chain(one.chain, one.key)
    with TlsClient(daemon.address(), context) as client:
        client.close_notify()
        eventually(lambda: server.connections, 5, "a backend connection")
        server.connections[0].wait_end()
    header = bytes(server.connections[0].data)
    assert struct.pack("!BH", 0x22, 6) + b"second" in header
    assert struct.pack("!BH", 0xE1, len(wanted)) + wanted.encode() in header
    assert daemon.wait_closed()["client_uri"] == wanted
