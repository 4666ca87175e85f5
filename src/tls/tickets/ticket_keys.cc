// SPDX-License-Identifier: GPL-3.0-or-later
// Derives, publishes and uses session ticket keys. HKDF-SHA256 derives the keys, and AES-256-GCM
// seals the tickets.
#include "tls/tickets/ticket_keys.h"

#include <algorithm>
#include <cstring>

#include "base/big_endian.h"
#include "base/bytes.h"
#include "tls/library/random_source.h"
#include "tls/library/wolfssl.h"

namespace culvert {

namespace {

constexpr size_t kNonceSize = 12;
constexpr size_t kTagSize = 16;
constexpr std::string_view kSalt = "culvert session ticket keys v2";
constexpr std::array<uint8_t, 3> kFormat = {'c', 'v', '2'};  // the version of the ticket format

/// The additional data of the AEAD: the scope, and the bytes of the label except the nonce.
class Authenticated {
 public:
  Authenticated(const TicketScope& scope, const TicketLabel& label) {
    add(scope.binding);
    add(std::span(label.iv).subspan(kNonceSize));
    // Add the server name last, so that its length is not needed. The parser of the hello limits
    // the length of the name.
    add(asBytes(scope.serverName));
  }
  const uint8_t* data() const { return bytes_.data(); }
  word32 size() const { return static_cast<word32>(size_); }

 private:
  void add(std::span<const uint8_t> part) {
    const size_t fits = std::min(part.size(), bytes_.size() - size_);
    std::copy_n(part.begin(), fits, bytes_.begin() + static_cast<ptrdiff_t>(size_));
    size_ += fits;
  }
  static constexpr size_t kLongestName = 253;
  std::array<uint8_t, sizeof(TicketBinding) + 16 - kNonceSize + kLongestName> bytes_;
  size_t size_ = 0;
};

int64_t periodOf(TicketKeys::WallTime time, Millis rotation) {
  return std::chrono::floor<Millis>(time.time_since_epoch()) / rotation;
}

/// One AES-GCM key schedule. The destructor wipes the key schedule.
class TicketCipher {
 public:
  explicit TicketCipher(const std::array<uint8_t, 32>& key) {
    ready_ = wc_AesInit(&aes_, nullptr, INVALID_DEVID) == 0;
    keyed_ = ready_ && wc_AesGcmSetKey(&aes_, key.data(), static_cast<word32>(key.size())) == 0;
  }
  ~TicketCipher() {
    if (ready_) wc_AesFree(&aes_);
    wipe(&aes_, sizeof(aes_));
  }
  TicketCipher(const TicketCipher&) = delete;
  TicketCipher& operator=(const TicketCipher&) = delete;

  bool encrypt(std::span<uint8_t> data, const TicketScope& scope, TicketLabel& label) {
    const Authenticated aad(scope, label);
    return keyed_ && wc_AesGcmEncrypt(&aes_, data.data(), data.data(),
                                      static_cast<word32>(data.size()), label.iv.data(), kNonceSize,
                                      label.mac.data(), kTagSize, aad.data(), aad.size()) == 0;
  }
  bool decrypt(std::span<uint8_t> data, const TicketScope& scope, const TicketLabel& label) {
    const Authenticated aad(scope, label);
    return keyed_ && wc_AesGcmDecrypt(&aes_, data.data(), data.data(),
                                      static_cast<word32>(data.size()), label.iv.data(), kNonceSize,
                                      label.mac.data(), kTagSize, aad.data(), aad.size()) == 0;
  }

 private:
  Aes aes_;
  bool ready_ = false;
  bool keyed_ = false;
};

}  // namespace

Result<std::unique_ptr<TicketKeys>> TicketKeys::create(TicketSecrets secrets, Millis rotation,
                                                       WallTime now) {
  std::unique_ptr<TicketKeys> keys(new TicketKeys);
  const auto done = keys->replace(std::move(secrets), rotation, now);
  if (!done) return tl::unexpected(done.error());
  return keys;
}

TicketKeys::~TicketKeys() {
  for (auto& word : words_) word.store(0, std::memory_order_relaxed);
}

Result<bool> TicketKeys::replace(TicketSecrets secrets, Millis rotation, WallTime now) {
  if (rotation == rotation_ && sameTicketSecrets(secrets, secrets_)) return false;
  const int64_t period = periodOf(now, rotation);
  Ring ring;
  if (auto derived = derive(secrets, rotation, period, ring); !derived)
    return tl::unexpected(derived.error());
  publish(ring);
  secrets_ = std::move(secrets);
  rotation_ = rotation;
  period_ = period;
  return true;
}

/// Also rotates backwards. After a wrong clock is corrected, this process must use the same keys as
/// the other processes. After a small correction, the ring still has the keys of existing tickets.
Result<bool> TicketKeys::rotate(WallTime now) {
  const int64_t period = periodOf(now, rotation_);
  if (period == period_) return false;
  Ring ring;
  if (auto derived = derive(secrets_, rotation_, period, ring); !derived)
    return tl::unexpected(derived.error());
  publish(ring);
  period_ = period;
  return true;
}

/// Derives the keys of three periods for each secret. The keys also depend on the rotation, because
/// the same period number means a different time under a different rotation.
Result<void> TicketKeys::derive(const TicketSecrets& secrets, Millis rotation, int64_t period,
                                Ring& ring) {
  if (secrets.empty() || secrets.size() > kMaxTicketSecrets)
    return fail("session tickets need one or two secrets");
  std::memset(&ring, 0, sizeof(ring));
  for (const SecretBytes& secret : secrets) {
    if (secret.size() < kMinTicketSecret)
      return fail("a session ticket secret needs 32 bytes at least");
    for (int64_t number = period - 1; number <= period + 1; ++number) {
      uint8_t info[16];
      putBigEndian(static_cast<uint64_t>(number), {info, 8});
      putBigEndian(static_cast<uint64_t>(rotation.count()), {info + 8, 8});
      static_assert(sizeof(Key) == 48);
      const int result =
          wc_HKDF(WC_SHA256, secret.data(), static_cast<word32>(secret.size()),
                  reinterpret_cast<const byte*>(kSalt.data()), static_cast<word32>(kSalt.size()),
                  info, sizeof(info), reinterpret_cast<byte*>(&ring.keys[ring.count]), sizeof(Key));
      if (result != 0) {
        wipe(&ring, sizeof(ring));
        return fail("session ticket keys cannot be derived (HKDF)");
      }
      ++ring.count;
    }
  }
  return {};
}

/// Publishes the keys to the readers, and wipes `ring`.
void TicketKeys::publish(Ring& ring) {
  std::array<uint64_t, kWords> words;
  static_assert(sizeof(words) == sizeof(ring));
  std::memcpy(words.data(), &ring, sizeof(ring));
  // The sequence number is odd while the words change. Each word is stored with release order, so a
  // reader that sees a new word also sees the odd sequence number.
  const uint32_t before = sequence_.load(std::memory_order_relaxed);
  sequence_.store(before + 1, std::memory_order_relaxed);
  for (size_t i = 0; i < kWords; ++i) words_[i].store(words[i], std::memory_order_release);
  sequence_.store(before + 2, std::memory_order_release);
  wipe(&ring, sizeof(ring));
  wipe(words.data(), sizeof(words));
}

void TicketKeys::copyRing(Ring& out) const {
  std::array<uint64_t, kWords> words;
  uint32_t before = 0;
  uint32_t after = 0;
  do {
    before = sequence_.load(std::memory_order_acquire);
    for (size_t i = 0; i < kWords; ++i) words[i] = words_[i].load(std::memory_order_acquire);
    after = sequence_.load(std::memory_order_relaxed);
  } while (before != after || (before & 1) != 0);
  std::memcpy(&out, words.data(), sizeof(out));
  wipe(words.data(), sizeof(words));
}

bool TicketKeys::seal(const TicketScope& scope, uint8_t generation, std::span<uint8_t> ticket,
                      TicketLabel& label) const {
  Ring ring;
  copyRing(ring);
  const Key& current = ring.keys[kCurrent];
  label.name = current.name;
  label.mac = {};
  bool done = culvertRandomBlock(label.iv.data(), kNonceSize) == 0;
  std::memcpy(label.iv.data() + kNonceSize, kFormat.data(), kFormat.size());
  label.iv.back() = generation;
  if (done) {
    TicketCipher cipher(current.key);
    done = cipher.encrypt(ticket, scope, label);
  }
  wipe(&ring, sizeof(ring));
  return done;
}

TicketKeys::Opened TicketKeys::open(const TicketScope& scope, const TicketLabel& label,
                                    std::span<uint8_t> ticket) const {
  if (std::memcmp(label.iv.data() + kNonceSize, kFormat.data(), kFormat.size()) != 0 ||
      label.generation() > kLastTicketGeneration)
    return Opened::kNo;
  // The GCM tag uses half of the field. The other half must be zero, so that every bit of a ticket
  // is authenticated.
  for (size_t i = kTagSize; i < label.mac.size(); ++i) {
    if (label.mac[i] != 0) return Opened::kNo;
  }
  Ring ring;
  copyRing(ring);
  Opened opened = Opened::kNo;
  for (size_t i = 0; i < ring.count; ++i) {
    if (ring.keys[i].name != label.name) continue;  // names are public, so timing reveals nothing
    TicketCipher cipher(ring.keys[i].key);
    if (cipher.decrypt(ticket, scope, label)) {
      const bool fresh = i == kCurrent || i == kCurrent + 1;
      opened = fresh ? Opened::kYes : Opened::kYesRenew;
    }
    break;
  }
  wipe(&ring, sizeof(ring));
  return opened;
}

}  // namespace culvert
