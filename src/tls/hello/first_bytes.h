// SPDX-License-Identifier: GPL-3.0-or-later
// Guesses the protocol of a client whose first bytes are not TLS, for the log. The guess compares
// the bytes with the first bytes of common protocols. Does not use wolfSSL. Thread: any.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace culvert {

/// The protocol that a client without TLS seems to speak.
enum class FirstBytes : uint8_t {
  kUnknown,
  kHttp,
  kHttp2,
  kSip,
  kSsh,
  kSslv2,
  kProxyV1,
  kProxyV2,
  kSmtp,
  kImap,
  kPop3,
  kFtp,
  kFtpOrPop3,
  kNntp,
  kIrc,
  kXmpp,
  kLdap,
  kPostgresSslRequest,
  kPostgres,
  kTds,
  kMongo,
  kRedis,
  kAmqp,
  kMqtt,
  kSocks,
  kTelnet,
  kRdp,
  kNul,
  kText
};

/// Guesses the protocol from `bytes`, which must not be empty. If `bytes` is so short that it
/// matches only part of a pattern, the guess is less certain.
FirstBytes guessFirstBytes(std::span<const uint8_t> bytes);

/// Returns text for the log: the protocol, and if possible what the client's operator can do.
std::string_view firstBytesWords(FirstBytes guess);

}  // namespace culvert
