// SPDX-License-Identifier: GPL-3.0-or-later
// The peer of an established session, for tests of the record layer. It seals and opens records of
// any content with the keys of one direction. It shares no code with RecordCipher except the AEAD
// providers, so that a mistake in nonces, additional data or key derivation shows.
#pragma once

#include <algorithm>
#include <optional>
#include <ostream>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "tls/library/wolfssl.h"
#include "tls/record/session_keys.h"

namespace culvert {

using RecordBytes = std::vector<uint8_t>;

/// Pseudo-random bytes, the same in every run.
class ByteSource {
 public:
  explicit ByteSource(uint64_t seed) : engine_(seed) {}
  size_t below(size_t limit) { return engine_() % limit; }
  RecordBytes bytes(size_t size) {
    RecordBytes result(size);
    for (uint8_t& b : result) b = static_cast<uint8_t>(engine_());
    return result;
  }

 private:
  std::mt19937_64 engine_;
};

/// A cipher suite, a version, and the side that the tested process is on.
struct RecordSuite {
  AeadKind aead;
  bool tls13;
  TlsRole role;
};

inline std::vector<RecordSuite> recordSuites(bool tls13) {
  std::vector<RecordSuite> suites;
  for (const AeadKind aead :
       {AeadKind::kAes128Gcm, AeadKind::kAes256Gcm, AeadKind::kChaCha20Poly1305}) {
    for (const TlsRole role : {TlsRole::kServer, TlsRole::kClient})
      suites.push_back({aead, tls13, role});
  }
  return suites;
}

inline std::vector<RecordSuite> everyRecordSuite() {
  std::vector<RecordSuite> suites = recordSuites(true);
  for (const RecordSuite& suite : recordSuites(false)) suites.push_back(suite);
  return suites;
}

inline std::string nameOf(const RecordSuite& suite) {
  static constexpr const char* kNames[] = {"Aes128Gcm", "Aes256Gcm", "ChaCha20Poly1305"};
  return std::string(suite.tls13 ? "Tls13" : "Tls12") + kNames[static_cast<size_t>(suite.aead)] +
         (suite.role == TlsRole::kServer ? "Server" : "Client");
}

inline void PrintTo(const RecordSuite& suite, std::ostream* out) { *out << nameOf(suite); }

/// Fills `keys` with the keys of a made-up session.
inline void makeKeys(const RecordSuite& suite, SessionKeys& keys) {
  keys.cipher = {.aead = suite.aead,
                 .tls13 = suite.tls13,
                 .hashSize = static_cast<uint8_t>(suite.aead == AeadKind::kAes256Gcm ? 48 : 32)};
  keys.role = suite.role;
  ByteSource source(7);
  for (DirectionKeys* keysOf : {&keys.in, &keys.out}) {
    std::ranges::copy(source.bytes(48), keysOf->secret.begin());
    std::ranges::copy(source.bytes(32), keysOf->key.begin());
    std::ranges::copy(source.bytes(12), keysOf->iv.begin());
  }
}

/// The other end of one direction.
class PeerRecords {
 public:
  struct Opened {
    uint8_t type = 0;
    RecordBytes content;
  };

  PeerRecords(const SessionCipher& cipher, const DirectionKeys& keys)
      : keys(keys), cipher_(cipher) {}

  /// Seals one record. `padding` counts only in TLS 1.3.
  RecordBytes seal(uint8_t type, std::span<const uint8_t> content, size_t padding = 0) {
    RecordBytes inner(content.begin(), content.end());
    if (cipher_.tls13) {
      inner.push_back(type);
      inner.resize(inner.size() + padding);
    }
    return sealInner(inner, cipher_.tls13 ? kApplicationData : type);
  }
  RecordBytes seal(uint8_t type, std::initializer_list<uint8_t> content, size_t padding = 0) {
    return seal(type, std::span(content.begin(), content.size()), padding);
  }
  /// Seals one record whose inner plaintext is `inner`: in TLS 1.3 with content type and padding.
  RecordBytes sealInner(std::span<const uint8_t> inner, uint8_t type = kApplicationData) {
    const size_t size = explicitBytes() + inner.size() + kAeadTag;
    RecordBytes record = {type, 3, 3, static_cast<uint8_t>(size >> 8), static_cast<uint8_t>(size)};
    const RecordBytes number = bigEndian8(keys.nextNonce++);
    if (explicitBytes() != 0) record.insert(record.end(), number.begin(), number.end());
    const AeadNonce nonce = nonceOf(number);
    const RecordBytes aad = additional(record, inner.size());
    const size_t start = record.size();
    record.resize(start + inner.size() + kAeadTag);
    ExpandedKey key;
    CULVERT_CHECK(expand(key));
    CULVERT_CHECK(wolfcryptAead().seal(key, nonce, aad, inner, {}, record.data() + start));
    ++keys.sequence;
    return record;
  }
  /// Opens the record at the start of `records`, and removes it. Returns nothing if it is forged.
  std::optional<Opened> open(std::span<const uint8_t>& records) {
    if (records.size() < 5) return std::nullopt;
    const size_t body = static_cast<size_t>(records[3] << 8 | records[4]);
    if (records.size() < 5 + body || body < explicitBytes() + kAeadTag) return std::nullopt;
    const std::span<const uint8_t> record = records.first(5 + body);
    const std::span<const uint8_t> sealed = record.subspan(5 + explicitBytes());
    const AeadNonce nonce = nonceOf(record.subspan(5, explicitBytes()));
    const size_t size = sealed.size() - kAeadTag;
    RecordBytes out(size + 1);  // wolfCrypt refuses a null pointer
    ExpandedKey key;
    if (!expand(key) ||
        !wolfcryptAead().open(key, nonce, additional(record, size), sealed, out.data()))
      return std::nullopt;
    out.pop_back();
    ++keys.sequence;
    records = records.subspan(record.size());
    if (!cipher_.tls13) return Opened{record[0], out};
    if (record[0] != kApplicationData || record[1] != 3 || record[2] != 3) return std::nullopt;
    while (!out.empty() && out.back() == 0) out.pop_back();
    if (out.empty()) return std::nullopt;
    const uint8_t type = out.back();
    out.pop_back();
    return Opened{type, out};
  }
  /// Changes the keys as after a KeyUpdate (RFC 8446 7.2).
  void update() {
    const RecordBytes next = expandLabel("traffic upd", cipher_.hashSize);
    std::ranges::copy(next, keys.secret.begin());
    std::ranges::copy(expandLabel("key", aeadKeySize(cipher_.aead)), keys.key.begin());
    std::ranges::copy(expandLabel("iv", 12), keys.iv.begin());
    keys.sequence = 0;
  }

  DirectionKeys keys;

 private:
  static RecordBytes bigEndian8(uint64_t number) {
    RecordBytes bytes(8);
    for (int i = 7; i >= 0; --i, number >>= 8) bytes[i] = static_cast<uint8_t>(number);
    return bytes;
  }
  size_t explicitBytes() const {
    return cipher_.tls13 || cipher_.aead == AeadKind::kChaCha20Poly1305 ? 0 : 8;
  }
  bool expand(ExpandedKey& key) const {
    return wolfcryptAead().expand(cipher_.aead,
                                  std::span(keys.key).first(aeadKeySize(cipher_.aead)), key);
  }
  AeadNonce nonceOf(std::span<const uint8_t> number) const {
    AeadNonce nonce = keys.iv;
    if (explicitBytes() != 0) {
      std::ranges::copy(number, nonce.begin() + 4);
    } else {
      const RecordBytes sequence = bigEndian8(keys.sequence);
      for (size_t i = 0; i < 8; ++i) nonce[i + 4] ^= sequence[i];
    }
    return nonce;
  }
  RecordBytes additional(std::span<const uint8_t> record, size_t inner) const {
    if (cipher_.tls13) return {record.begin(), record.begin() + 5};
    RecordBytes data = bigEndian8(keys.sequence);
    data.insert(data.end(), record.begin(), record.begin() + 3);
    data.push_back(static_cast<uint8_t>(inner >> 8));
    data.push_back(static_cast<uint8_t>(inner));
    return data;
  }
  /// HKDF-Expand-Label of at most one hash: HMAC(secret, length | label | no context | 1).
  RecordBytes expandLabel(std::string_view label, size_t size) const {
    RecordBytes info = {0, static_cast<uint8_t>(size), static_cast<uint8_t>(6 + label.size())};
    for (const std::string_view part : {std::string_view("tls13 "), label})
      info.insert(info.end(), part.begin(), part.end());
    info.push_back(0);
    info.push_back(1);
    RecordBytes block(cipher_.hashSize);
    Hmac hmac;
    CULVERT_CHECK(wc_HmacInit(&hmac, nullptr, INVALID_DEVID) == 0);
    const int digest = cipher_.hashSize == 48 ? WC_SHA384 : WC_SHA256;
    CULVERT_CHECK(wc_HmacSetKey(&hmac, digest, keys.secret.data(), cipher_.hashSize) == 0);
    CULVERT_CHECK(wc_HmacUpdate(&hmac, info.data(), static_cast<word32>(info.size())) == 0);
    CULVERT_CHECK(wc_HmacFinal(&hmac, block.data()) == 0);
    wc_HmacFree(&hmac);
    block.resize(size);
    return block;
  }

  SessionCipher cipher_;
};

}  // namespace culvert
