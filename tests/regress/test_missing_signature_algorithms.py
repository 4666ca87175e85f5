# SPDX-License-Identifier: GPL-3.0-or-later
"""A TLS 1.2 hello without signature_algorithms was served.

RFC 9155 6 has handshake_failure: the default was SHA-1. A hello that offers SHA-1 and MD5 only gets the same; beside better
ones they do no harm, and are not chosen."""

from harness.conformance import SERVED, case, table
from harness.steps import hello, schemes, shake, without
from raw_tls import Extension

ALGORITHMS = Extension.SIGNATURE_ALGORITHMS

test_signature_algorithms = table([
    case("none", "9155 6", hello(without(ALGORITHMS)), "handshake_failure", tls=12),
    case("none, at a service of 1.2", "9155 6", hello(without(ALGORITHMS)), "handshake_failure", tls=12, service="old"),
    case("none, RSA certificate", "9155 6", hello(without(ALGORITHMS)), "handshake_failure", tls=12, service="rsa"),
    case("SHA-1 only", "9155 4", hello(schemes(0x0203, 0x0201)), "handshake_failure", tls=12),
    case("SHA-1 and MD5 only, RSA certificate", "9155 4", hello(schemes(0x0201, 0x0101)), "handshake_failure", tls=12,
         service="rsa"),
    case("SHA-1 before SHA-256", "9155 4", shake(schemes(0x0203, 0x0201, 0x0403)), SERVED, tls=12),
    case("SHA-1 before SHA-256, RSA certificate", "9155 4", shake(schemes(0x0201, 0x0401)), SERVED, tls=12, service="rsa"),
])
