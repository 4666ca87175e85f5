// SPDX-License-Identifier: GPL-3.0-or-later
// Guesses for the log which protocol a peer speaks whose first bytes are not TLS, by the first
// bytes of common protocols. Does not use wolfSSL. Thread: any.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace culvert {

/// The protocol that a peer without TLS seems to speak.
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

/// `bytes` is not empty. A match of fewer bytes than a pattern has is less certain.
FirstBytes guessFirstBytes(std::span<const uint8_t> bytes);

/// Text for the log: the protocol, and what the client's operator can do, if anything.
std::string_view firstBytesWords(FirstBytes guess);

}  // namespace culvert
