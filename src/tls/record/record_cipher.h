// SPDX-License-Identifier: GPL-3.0-or-later
// RecordCipher encrypts or decrypts the records of one direction: nonces, additional data and
// sequence numbers of TLS 1.3 (RFC 8446 5.2, 5.3) and of the AEAD suites of TLS 1.2 (RFC 5246
// 6.2.3.3, RFC 5288, RFC 7905). Thread: loop.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "tls/record/key_cache.h"
#include "tls/record/session_keys.h"

namespace culvert {

class RecordCipher {
 public:
  /// Copies `keys`. `cache` must outlive this object.
  RecordCipher(KeyCache& cache, const SessionCipher& cipher, const DirectionKeys& keys);
  ~RecordCipher();
  RecordCipher(const RecordCipher&) = delete;
  RecordCipher& operator=(const RecordCipher&) = delete;

  bool tls13() const { return cipher_.tls13; }
  /// Number of records since the keys changed.
  uint64_t sequence() const { return keys_.sequence; }
  /// How many bytes a record is longer than its payload, header included.
  size_t overhead() const { return bodyStart() + (tls13() ? 1 : 0) + kAeadTag; }
  /// Where the ciphertext begins in a record: behind the header and an explicit nonce.
  size_t bodyStart() const { return kRecordHeader + (explicitNonce() ? 8 : 0); }

  /// Encrypts one record of the content type `type` into `out`, which has payload.size() +
  /// overhead() bytes. Returns false if no sequence number is left or the key cannot be expanded.
  [[nodiscard]] bool seal(uint8_t type, std::span<const uint8_t> payload, uint8_t* out);
  /// Decrypts one whole record into `out`, which may be `record`.data() + bodyStart(). Returns the
  /// number of bytes written: record.size() - bodyStart() - kAeadTag. In TLS 1.3 they end with
  /// the content type and padding. Returns nothing if the record is forged, or no sequence number
  /// is left.
  [[nodiscard]] std::optional<size_t> open(std::span<const uint8_t> record, uint8_t* out);
  /// Derives the next keys (RFC 8446 7.2). Returns false if memory runs out.
  [[nodiscard]] bool update();

 private:
  bool explicitNonce() const { return !tls13() && cipher_.aead != AeadKind::kChaCha20Poly1305; }
  AeadNonce nonce(uint64_t explicitPart) const;
  ExpandedKey* expanded();

  KeyCache& cache_;
  DirectionKeys keys_;
  SessionCipher cipher_;
  uint16_t place_ = KeyCache::kNoPlace;
};

}  // namespace culvert
