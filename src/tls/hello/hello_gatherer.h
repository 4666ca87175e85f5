// SPDX-License-Identifier: GPL-3.0-or-later
// HelloGatherer assembles a ClientHello from bytes that arrive in pieces of any size. As soon as it
// has enough bytes, HelloGatherer decides between "not TLS", "malformed" and "complete". Thread:
// loop (the functions: any).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "tls/hello/client_hello.h"
#include "tls/hello/first_bytes.h"

namespace culvert {

enum class HelloStatus : uint8_t {
  kNeedMore,   ///< the bytes so far are the start of a ClientHello
  kComplete,   ///< `out` is filled
  kNotTls,     ///< the peer speaks another protocol, named by `guess`
  kMalformed,  ///< TLS, but not a valid ClientHello; `alert` says why
};

struct [[nodiscard]] HelloResult {
  HelloStatus status = HelloStatus::kNeedMore;
  uint8_t alert = 0;  ///< fatal alert (RFC 8446 6.2); valid for kNotTls and kMalformed
  FirstBytes guess = FirstBytes::kUnknown;  ///< valid for kNotTls
  std::string_view reason;                  ///< static text; valid for kNotTls and kMalformed
};

/// Gathers one ClientHello. The caller keeps the raw bytes in the recv scratch buffer or, if the
/// hello arrives in pieces, in a buffer of its own. Each call passes all bytes since the first byte
/// of the connection, and the gatherer continues where it stopped. Only a hello that is split over
/// records needs heap memory.
///
///   HelloGatherer gatherer;
///   HelloResult r = gatherer.feed(allBytes, hello);
///   if (r.status == HelloStatus::kComplete) {
///     // Pass gatherer.preface(allBytes) to wolfSSL, then the bytes after the hello:
///     // allBytes.subspan(gatherer.consumed()).
///   }
class HelloGatherer {
 public:
  /// `bytes` may have moved in memory since the last call, but must not have changed. After any
  /// result except kNeedMore, further calls return that result again. Only the call that first
  /// returns kComplete fills `out`, with views into `bytes` or into the gatherer.
  HelloResult feed(std::span<const uint8_t> bytes, ClientHello& out);

  /// The number of bytes in the records of the hello. Valid after kComplete.
  size_t consumed() const { return position_; }

  /// Returns the records to pass to wolfSSL instead of the first consumed() bytes. A hello in one
  /// record is returned unchanged. A hello split over records is returned in as few new records as
  /// possible. New records are allowed because the transcript covers messages, not records (RFC
  /// 8446 4.4.1). Valid after kComplete, as long as `bytes` and the gatherer live.
  std::span<const uint8_t> preface(std::span<const uint8_t> bytes) const {
    return records_ == 1 ? bytes.first(position_) : std::span<const uint8_t>(joined_);
  }

  uint32_t records() const { return records_; }

  /// Frees the memory of a split hello. Afterwards preface() and the views into the hello are
  /// invalid.
  void forget() { message_ = joined_ = {}; }

 private:
  HelloResult scan(std::span<const uint8_t> bytes, ClientHello& out);
  HelloResult scanRecordHeader(std::span<const uint8_t> record) const;
  HelloResult scanMessageHeader(std::span<const uint8_t> payload);
  HelloResult finish(std::span<const uint8_t> bytes, ClientHello& out);
  void join(std::span<const uint8_t> bytes);

  size_t position_ = 0;       // where the next record header begins
  size_t gathered_ = 0;       // message bytes in the records before position_
  uint32_t messageSize_ = 0;  // header included; 0 if not yet known
  uint32_t records_ = 0;
  uint8_t headerSeen_ = 0;  // number of message header bytes in header_
  uint8_t header_[4] = {};
  HelloResult result_;
  std::vector<uint8_t> message_;  // a hello that was split over records
  std::vector<uint8_t> joined_;   // that hello in as few records as possible
};

/// Parses one complete ClientHello message with its header. Used by the gatherer and by tests.
HelloResult parseClientHelloMessage(std::span<const uint8_t> message, ClientHello& out);

}  // namespace culvert
