# SPDX-License-Identifier: GPL-3.0-or-later
"""A TLS 1.3 hello whose ec_point_formats lacks "uncompressed" got illegal_parameter.

TLS 1.3 has no use for the extension (RFC 8446 4.2.7); in TLS 1.2 the alert is right (RFC 8422 5.1.2)."""

import pytest

from harness.conformance import SERVED, case, table
from harness.steps import hello, put, shake, versions
from raw_tls import Extension

FORMATS = Extension.EC_POINT_FORMATS

test_point_formats = table([
    *[case(f"formats {body.hex()} in a hello of 1.3", "8446 4.2.7", shake(put(FORMATS, body)), SERVED)
      for body in (b"\1\1", b"\2\1\2", b"\1\x7f")],
    case("formats without uncompressed in a hello of 1.3 and 1.2", "8446 4.2.7",
         shake(put(FORMATS, b"\2\1\2"), versions(0x0304, 0x0303)), SERVED),
    case("the same at a service of 1.2", "8422 5.1.2",
         hello(put(FORMATS, b"\2\1\2"), versions(0x0304, 0x0303)), "illegal_parameter", service="old"),
    case("formats without uncompressed in a hello of 1.2", "8422 5.1.2", hello(put(FORMATS, b"\1\1")),
         "illegal_parameter", tls=12),
])
pytestmark = pytest.mark.wolfssl(5, 9)
