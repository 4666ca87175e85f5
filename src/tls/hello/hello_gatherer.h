// SPDX-License-Identifier: GPL-3.0-or-later
// HelloGatherer puts a ClientHello together from however its bytes arrive, and decides "not TLS",
// "malformed, answer with this alert" or "complete" at the first byte that settles it. Thread: loop
// (the functions: any).
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
  kNeedMore,   ///< so far it is the beginning of a ClientHello
  kComplete,   ///< `out` is filled
  kNotTls,     ///< this peer speaks something else: see `guess`
  kMalformed,  ///< TLS, but not a ClientHello one may answer: see `alert`
};

struct [[nodiscard]] HelloResult {
  HelloStatus status = HelloStatus::kNeedMore;
  uint8_t alert = 0;  ///< RFC 8446 6.2 number to send as fatal; valid for kNotTls and kMalformed
  FirstBytes guess = FirstBytes::kUnknown;  ///< valid for kNotTls
  std::string_view reason;  ///< static words for a person; valid for kNotTls and kMalformed
};

/// Gathers one ClientHello. The caller keeps the raw bytes (recv scratch, or a buffer once a hello
/// comes in pieces) and passes all of them from the first byte of the connection at each call; the
/// gatherer continues where it stopped.
///
///   HelloGatherer gatherer;                       // no heap unless the hello is split over
///   records HelloResult r = gatherer.feed(allBytes, hello); kComplete: replay
///   {gatherer.preface(hello), allBytes.subspan(gatherer.consumed())} to wolfSSL.
class HelloGatherer {
 public:
  /// The bytes may have moved in memory since the last call, but must not have changed. After
  /// anything else than kNeedMore the same result is returned for ever (the views in `out` belong
  /// to the call that returned kComplete).
  HelloResult feed(std::span<const uint8_t> bytes, ClientHello& out);

  /// Raw bytes of the records that made up the hello. Valid after kComplete.
  size_t consumed() const { return position_; }

  /// The records to give to wolfSSL in place of the first consumed() bytes: those bytes themselves,
  /// or, for a hello that was split over records, as few records as it fits into (the transcript
  /// covers messages, not records: RFC 8446 4.4.1). Valid after kComplete, as long as `bytes` and the
  /// gatherer live.
  std::span<const uint8_t> preface(std::span<const uint8_t> bytes) const {
    return records_ == 1 ? bytes.first(position_) : std::span<const uint8_t>(joined_);
  }

  uint32_t records() const { return records_; }

  /// Gives the memory of a split hello back; preface() and the views into the hello end with it.
  void forget() { message_ = joined_ = {}; }

 private:
  HelloResult scan(std::span<const uint8_t> bytes, ClientHello& out);
  HelloResult scanRecordHeader(std::span<const uint8_t> record) const;
  HelloResult scanMessageHeader(std::span<const uint8_t> payload);
  HelloResult finish(std::span<const uint8_t> bytes, ClientHello& out);
  void join(std::span<const uint8_t> bytes);

  size_t position_ = 0;       // where the next record header begins
  size_t gathered_ = 0;       // message bytes in the records before position_
  uint32_t messageSize_ = 0;  // header included; 0: not known yet
  uint32_t records_ = 0;
  uint8_t headerSeen_ = 0;  // how many bytes of the message header are in header_
  uint8_t header_[4] = {};
  HelloResult result_;
  std::vector<uint8_t> message_;  // only of a hello that was split over records
  std::vector<uint8_t> joined_;   // that message in full records
};

/// Parses one whole handshake message (header included). Used by the gatherer and by tests.
HelloResult parseClientHelloMessage(std::span<const uint8_t> message, ClientHello& out);

}  // namespace culvert
