# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbers of the TLS protocol: content, handshake, alert, extension and group codes (RFC 8446, RFC 5246)."""

from enum import IntEnum

TLS10, TLS11, TLS12, TLS13 = 0x0301, 0x0302, 0x0303, 0x0304

MAX_PLAINTEXT = 1 << 14
MAX_CIPHERTEXT_13 = MAX_PLAINTEXT + 256
MAX_CIPHERTEXT_12 = MAX_PLAINTEXT + 2048

# The random of a ServerHello that is a HelloRetryRequest (RFC 8446 section 4.1.3).
HELLO_RETRY_RANDOM = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")
# Last eight bytes of ServerHello.random when a 1.3 server is talked down to 1.2 (same section).
DOWNGRADE_TLS12 = b"DOWNGRD\x01"
# The suite by which a client says that it knows renegotiation_info (RFC 5746 section 3.3).
RENEGOTIATION_SCSV = 0x00FF


class ContentType(IntEnum):
    CHANGE_CIPHER_SPEC = 20
    ALERT = 21
    HANDSHAKE = 22
    APPLICATION_DATA = 23
    HEARTBEAT = 24


class HandshakeType(IntEnum):
    HELLO_REQUEST = 0
    CLIENT_HELLO = 1
    SERVER_HELLO = 2
    NEW_SESSION_TICKET = 4
    END_OF_EARLY_DATA = 5
    ENCRYPTED_EXTENSIONS = 8
    CERTIFICATE = 11
    SERVER_KEY_EXCHANGE = 12
    CERTIFICATE_REQUEST = 13
    SERVER_HELLO_DONE = 14
    CERTIFICATE_VERIFY = 15
    CLIENT_KEY_EXCHANGE = 16
    FINISHED = 20
    CERTIFICATE_STATUS = 22
    KEY_UPDATE = 24
    MESSAGE_HASH = 254


class Extension(IntEnum):
    SERVER_NAME = 0
    MAX_FRAGMENT_LENGTH = 1
    STATUS_REQUEST = 5
    SUPPORTED_GROUPS = 10
    EC_POINT_FORMATS = 11
    SIGNATURE_ALGORITHMS = 13
    ALPN = 16
    PADDING = 21
    ENCRYPT_THEN_MAC = 22
    EXTENDED_MASTER_SECRET = 23
    RECORD_SIZE_LIMIT = 28
    SESSION_TICKET = 35
    PRE_SHARED_KEY = 41
    EARLY_DATA = 42
    SUPPORTED_VERSIONS = 43
    COOKIE = 44
    PSK_KEY_EXCHANGE_MODES = 45
    CERTIFICATE_AUTHORITIES = 47
    POST_HANDSHAKE_AUTH = 49
    SIGNATURE_ALGORITHMS_CERT = 50
    KEY_SHARE = 51
    RENEGOTIATION_INFO = 0xFF01


class Group(IntEnum):
    SECP256R1 = 23
    SECP384R1 = 24
    X25519 = 29
    X25519MLKEM768 = 0x11EC


WARNING, FATAL = 1, 2

ALERTS = {
    0: "close_notify",
    10: "unexpected_message",
    20: "bad_record_mac",
    21: "decryption_failed",
    22: "record_overflow",
    30: "decompression_failure",
    40: "handshake_failure",
    41: "no_certificate",
    42: "bad_certificate",
    43: "unsupported_certificate",
    44: "certificate_revoked",
    45: "certificate_expired",
    46: "certificate_unknown",
    47: "illegal_parameter",
    48: "unknown_ca",
    49: "access_denied",
    50: "decode_error",
    51: "decrypt_error",
    70: "protocol_version",
    71: "insufficient_security",
    80: "internal_error",
    86: "inappropriate_fallback",
    90: "user_canceled",
    100: "no_renegotiation",
    109: "missing_extension",
    110: "unsupported_extension",
    112: "unrecognized_name",
    113: "bad_certificate_status_response",
    115: "unknown_psk_identity",
    116: "certificate_required",
    120: "no_application_protocol",
}
ALERT_CODES = {name: code for code, name in ALERTS.items()}

# IANA codes of signature schemes this client can check.
ECDSA_P256_SHA256, ECDSA_P384_SHA384, ED25519 = 0x0403, 0x0503, 0x0807
RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512 = 0x0804, 0x0805, 0x0806
RSA_PKCS1_SHA256, RSA_PKCS1_SHA384 = 0x0401, 0x0501
SIGNATURE_SCHEMES = (ECDSA_P256_SHA256, ECDSA_P384_SHA384, ED25519, RSA_PSS_SHA256, RSA_PSS_SHA384,
                     RSA_PSS_SHA512, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384)
