// SPDX-License-Identifier: GPL-3.0-or-later
// RecordWriter seals the outgoing records of an established session: payload, alerts, and in TLS
// 1.3 a KeyUpdate before the keys have encrypted too much (RFC 8446 5.5). Thread: loop.
#pragma once

#include <cstdint>
#include <span>

#include "tls/record/output_buffer.h"
#include "tls/record/record_cipher.h"

namespace culvert {

class RecordWriter {
 public:
  // AES-GCM may encrypt 2^24.5 records of full size with one key. culvert changes the keys earlier:
  // after 2^24 records, and after 64 GiB.
  static constexpr uint64_t kMostRecords = uint64_t{1} << 24;
  static constexpr uint64_t kMostBytes = uint64_t{1} << 36;

  static constexpr uint8_t kWarning = 1;
  static constexpr uint8_t kFatal = 2;

  /// `bytes` is the number of payload bytes that the keys have encrypted already.
  RecordWriter(KeyCache& cache, const SessionKeys& keys, uint64_t bytes = 0)
      : cipher_(cache, keys.cipher, keys.out), bytes_(bytes), limit_(keys.sendLimit) {}

  /// The most payload bytes of a record. The peer may have asked for less than 2^14
  /// (record_size_limit, max_fragment_length).
  size_t limit() const { return limit_; }
  /// How many bytes a record is longer than its payload.
  size_t overhead() const { return cipher_.overhead(); }

  /// These functions append one record to `out`, and payload() may append a KeyUpdate first.
  /// `bytes` may have limit() bytes. They return false if memory runs out. Then the session must
  /// end.
  [[nodiscard]] bool payload(std::span<const uint8_t> bytes, OutputBuffer& out);
  [[nodiscard]] bool alert(uint8_t level, uint8_t number, OutputBuffer& out);
  /// TLS 1.3 only. Requests no KeyUpdate in return.
  [[nodiscard]] bool keyUpdate(OutputBuffer& out);

 private:
  bool seal(uint8_t type, std::span<const uint8_t> bytes, OutputBuffer& out);

  RecordCipher cipher_;
  uint64_t bytes_;  // payload since the keys changed
  uint16_t limit_;
};

}  // namespace culvert
