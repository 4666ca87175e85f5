// SPDX-License-Identifier: GPL-3.0-or-later
// See record_cipher.h.
#include "tls/record/record_cipher.h"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "base/big_endian.h"
#include "tls/library/wolfssl.h"

namespace culvert {
namespace {

// A sequence number must not wrap (RFC 8446 5.3).
constexpr uint64_t kLastSequence = UINT64_MAX;

void putHeader(uint8_t type, size_t body, uint8_t* out) {
  const auto size = u16Bytes(body);
  const uint8_t header[] = {type, 3, 3, size[0], size[1]};
  std::copy(std::begin(header), std::end(header), out);
}

/// The additional data of a record in TLS 1.2 (RFC 5246 6.2.3.3).
std::array<uint8_t, 13> additional12(uint64_t sequence, const uint8_t* header, size_t payload) {
  std::array<uint8_t, 13> data;
  putU64(sequence, data.data());
  std::copy_n(header, 3, data.begin() + 8);
  putBigEndian(payload, std::span(data).last<2>());
  return data;
}

/// HKDF-Expand-Label with an empty context (RFC 8446 7.1).
bool expandLabel(std::span<const uint8_t> secret, std::string_view label, std::span<uint8_t> out) {
  static constexpr std::string_view kProtocol = "tls13 ";
  auto bytes = [](std::string_view text) { return reinterpret_cast<const byte*>(text.data()); };
  const int digest = secret.size() == 48 ? WC_SHA384 : WC_SHA256;
  return wc_Tls13_HKDF_Expand_Label(out.data(), static_cast<word32>(out.size()), secret.data(),
                                    static_cast<word32>(secret.size()), bytes(kProtocol),
                                    kProtocol.size(), bytes(label),
                                    static_cast<word32>(label.size()), nullptr, 0, digest) == 0;
}

}  // namespace

RecordCipher::RecordCipher(KeyCache& cache, const SessionCipher& cipher, const DirectionKeys& keys)
    : cache_(cache), keys_(keys), cipher_(cipher) {}

RecordCipher::~RecordCipher() {
  cache_.forget(this, place_);
  wipe(&keys_, sizeof keys_);
}

ExpandedKey* RecordCipher::expanded() {
  return cache_.find(this, place_, cipher_.aead,
                     std::span(keys_.key).first(aeadKeySize(cipher_.aead)));
}

AeadNonce RecordCipher::nonce(uint64_t explicitPart) const {
  // Written in two pieces, as the VAES provider loads it: a load over several stores waits.
  AeadNonce nonce;
  std::memcpy(nonce.data(), keys_.iv.data(), 4);
  putU64(explicitNonce() ? explicitPart : u64At(keys_.iv.data() + 4) ^ keys_.sequence,
         nonce.data() + 4);
  return nonce;
}

bool RecordCipher::seal(uint8_t type, std::span<const uint8_t> payload, uint8_t* out) {
  ExpandedKey* key = expanded();
  if (key == nullptr || keys_.sequence == kLastSequence) return false;
  const AeadProvider& aead = aeadFor(cipher_.aead);
  bool sealed = false;
  if (tls13()) {
    putHeader(kApplicationData, payload.size() + 1 + kAeadTag, out);
    sealed = aead.seal(*key, nonce(0), {out, kRecordHeader}, payload, type, out + kRecordHeader);
  } else {
    putHeader(type, payload.size() + overhead() - kRecordHeader, out);
    const uint64_t number = keys_.nextNonce;
    if (explicitNonce()) {
      putU64(number, out + kRecordHeader);
      ++keys_.nextNonce;
    }
    sealed = aead.seal(*key, nonce(number), additional12(keys_.sequence, out, payload.size()),
                       payload, std::nullopt, out + bodyStart());
  }
  ++keys_.sequence;
  return sealed;
}

std::optional<size_t> RecordCipher::open(std::span<const uint8_t> record, uint8_t* out) {
  ExpandedKey* key = expanded();
  if (key == nullptr || keys_.sequence == kLastSequence) return std::nullopt;
  if (record.size() < bodyStart() + kAeadTag) return std::nullopt;
  const AeadProvider& aead = aeadFor(cipher_.aead);
  const size_t size = record.size() - bodyStart() - kAeadTag;
  const std::span<const uint8_t> sealed = record.subspan(bodyStart());
  bool opened = false;
  if (tls13()) {
    opened = aead.open(*key, nonce(0), record.first(kRecordHeader), sealed, out);
  } else {
    const uint64_t number = explicitNonce() ? u64At(record.data() + kRecordHeader) : 0;
    opened = aead.open(*key, nonce(number), additional12(keys_.sequence, record.data(), size),
                       sealed, out);
  }
  if (!opened) return std::nullopt;
  ++keys_.sequence;
  return size;
}

bool RecordCipher::update() {
  const std::span<uint8_t> secret = std::span(keys_.secret).first(cipher_.hashSize);
  std::array<uint8_t, sizeof keys_.secret> next{};
  const bool done = expandLabel(secret, "traffic upd", std::span(next).first(cipher_.hashSize)) &&
                    expandLabel(std::span(next).first(cipher_.hashSize), "key",
                                std::span(keys_.key).first(aeadKeySize(cipher_.aead))) &&
                    expandLabel(std::span(next).first(cipher_.hashSize), "iv", keys_.iv);
  keys_.secret = next;
  wipe(&next, sizeof next);
  keys_.sequence = 0;
  cache_.forget(this, place_);
  return done;
}

}  // namespace culvert
