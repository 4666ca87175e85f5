// SPDX-License-Identifier: GPL-3.0-or-later
// The keys and limits of an established session: all that culvert needs to encrypt and decrypt the
// session's records. Plain data. The bytes are wiped when a SessionKeys is destroyed. Thread: the
// owner's.
#pragma once

#include <array>
#include <cstdint>

#include "tls/library/secret_bytes.h"
#include "tls/protocol/wire.h"
#include "tls/record/aead.h"

namespace culvert {

/// Which side of the session this process is.
enum class TlsRole : uint8_t { kServer, kClient };

/// What both directions of a session have in common.
struct SessionCipher {
  AeadKind aead = AeadKind::kAes128Gcm;
  bool tls13 = true;
  uint8_t hashSize = 32;  ///< bytes of the hash of the key schedule: 32 or 48
};

/// The keys of one direction.
struct DirectionKeys {
  std::array<uint8_t, 48> secret{};  ///< the application traffic secret; TLS 1.3 only
  std::array<uint8_t, kAeadLongestKey> key{};
  std::array<uint8_t, kAeadNonce> iv{};  ///< the first 4 bytes only for AES-GCM in TLS 1.2
  uint64_t sequence = 0;                 ///< number of the next record (RFC 8446 5.3)
  uint64_t nextNonce = 0;                ///< next explicit nonce; AES-GCM in TLS 1.2, sending only
};

struct SessionKeys {
  SessionKeys() = default;
  SessionKeys(const SessionKeys&) = delete;
  SessionKeys& operator=(const SessionKeys&) = delete;
  ~SessionKeys() {
    wipe(&in, sizeof in);
    wipe(&out, sizeof out);
    wipe(resumption.data(), resumption.size());
  }

  SessionCipher cipher;
  TlsRole role = TlsRole::kServer;
  uint16_t sendLimit = kMaxPlaintext;   ///< most payload bytes of a record to the peer
  uint16_t inputLimit = kMaxPlaintext;  ///< most payload bytes of a record from the peer
  DirectionKeys in;
  DirectionKeys out;
  std::array<uint8_t, 48> resumption{};  ///< resumption secret; client role in TLS 1.3 only
};

}  // namespace culvert
