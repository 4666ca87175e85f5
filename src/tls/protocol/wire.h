// SPDX-License-Identifier: GPL-3.0-or-later
// The numbers of the record and handshake layers that culvert itself uses. TLS 1.2 and 1.3 use the
// same numbers (RFC 8446 5.1, 5.2 and B.3; RFC 5246 6.2.1 and 7.4).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace culvert {

// ContentType
inline constexpr uint8_t kChangeCipherSpec = 20;
inline constexpr uint8_t kAlertRecord = 21;
inline constexpr uint8_t kHandshakeRecord = 22;
inline constexpr uint8_t kApplicationData = 23;

// HandshakeType
inline constexpr uint8_t kHelloRequest = 0;
inline constexpr uint8_t kClientHello = 1;
inline constexpr uint8_t kServerHello = 2;
inline constexpr uint8_t kNewSessionTicket = 4;
inline constexpr uint8_t kCertificate = 11;
inline constexpr uint8_t kCertificateRequest = 13;
inline constexpr uint8_t kCertificateVerify = 15;
inline constexpr uint8_t kClientKeyExchange = 16;
inline constexpr uint8_t kKeyUpdate = 24;

// Signalling values in the list of cipher suites
inline constexpr uint16_t kRenegotiationScsv = 0x00ff;  ///< RFC 5746
inline constexpr uint16_t kFallbackScsv = 0x5600;       ///< RFC 7507

// The random bytes of a HelloRetryRequest: SHA-256 of "HelloRetryRequest" (RFC 8446 4.1.3)
inline constexpr std::array<uint8_t, 32> kRetryRandom = {
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
    0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c};

inline constexpr size_t kRecordHeader = 5;
inline constexpr size_t kMessageHeader = 4;
inline constexpr size_t kMaxPlaintext = 16384;                   ///< most payload bytes of a record
inline constexpr size_t kMaxCiphertext13 = kMaxPlaintext + 256;  ///< most body bytes in TLS 1.3

}  // namespace culvert
