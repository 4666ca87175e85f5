// SPDX-License-Identifier: GPL-3.0-or-later
// What a peer speaks whose first bytes are not TLS: a guess for the log, by the openings of common
// protocols. No wolfSSL in here. Thread: any.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace culvert {

/// What a peer that does not speak TLS seems to speak.
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

/// `bytes` is not empty. Fewer bytes than an opening has leave less to go by.
FirstBytes guessFirstBytes(std::span<const uint8_t> bytes);

/// For the log: what it is, and what the client's side can do about it, if there is anything.
std::string_view firstBytesWords(FirstBytes guess);

}  // namespace culvert
