// SPDX-License-Identifier: GPL-3.0-or-later
// See sha256.h.
#include "tls/library/sha256.h"

namespace culvert {

Sha256Hasher::Sha256Hasher() : started_(wc_InitSha256(&state_) == 0), ok_(started_) {}

Sha256Hasher::~Sha256Hasher() {
  if (started_) wc_Sha256Free(&state_);
}

void Sha256Hasher::add(std::span<const uint8_t> bytes) {
  if (bytes.empty()) return;
  ok_ = ok_ && wc_Sha256Update(&state_, bytes.data(), static_cast<word32>(bytes.size())) == 0;
}

void Sha256Hasher::addInteger(uint64_t number) {
  add({reinterpret_cast<const uint8_t*>(&number), sizeof(number)});
}

Sha256Digest Sha256Hasher::finish() {
  Sha256Digest out{};
  ok_ = ok_ && wc_Sha256Final(&state_, out.data()) == 0;
  return ok_ ? out : Sha256Digest{};
}

Sha256Digest sha256Of(std::span<const uint8_t> bytes) {
  Sha256Hasher sha;
  sha.add(bytes);
  return sha.finish();
}

}  // namespace culvert
