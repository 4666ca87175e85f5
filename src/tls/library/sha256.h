// SPDX-License-Identifier: GPL-3.0-or-later
// SHA-256 by wolfCrypt. Only .cc files of src/tls include this header. Thread: one owner.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/bytes.h"
#include "tls/library/wolfssl.h"

namespace culvert {

using Sha256Digest = std::array<uint8_t, 32>;

/// Hashes data that is given in parts. The boundaries between the parts do not affect the digest.
class Sha256Hasher {
 public:
  Sha256Hasher();
  ~Sha256Hasher();
  Sha256Hasher(const Sha256Hasher&) = delete;
  Sha256Hasher& operator=(const Sha256Hasher&) = delete;

  void add(std::span<const uint8_t> bytes);
  void add(std::string_view text) { add(asBytes(text)); }
  /// Hashes the number in host byte order. Use addInteger() only for digests that stay on hosts
  /// with the same byte order.
  void addInteger(uint64_t number);

  /// Returns the digest. Call finish() once, after the last part. If wolfCrypt failed in any call,
  /// the digest is all zero and ok() returns false.
  Sha256Digest finish();
  bool ok() const { return ok_; }

 private:
  wc_Sha256 state_{};
  bool started_ = false;
  bool ok_ = false;
};

/// Returns the digest of `bytes`, or all zeros if wolfCrypt fails.
Sha256Digest sha256Of(std::span<const uint8_t> bytes);

}  // namespace culvert
