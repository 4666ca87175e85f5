// SPDX-License-Identifier: GPL-3.0-or-later
// Derivation, publication and use of session ticket keys: HKDF-SHA256 for the keys, AES-256-GCM for
// the tickets.
#include "tls/ticket_keys.h"

#include <algorithm>
#include <cstring>

#include "tls/random_source.h"
#include "tls/wolfssl.h"

namespace culvert {

namespace {

constexpr size_t kNonceSize = 12;
constexpr size_t kTagSize = 16;
constexpr size_t kSecretSize = 32;
constexpr std::string_view kSalt = "culvert session ticket keys v1";
constexpr std::array<uint8_t, 3> kFormat = {'c', 'v', '1'};  // a number for later changes

/// What is authenticated besides the ticket: the binding, and of the label the bytes that are not
/// the nonce.
using Authenticated = std::array<uint8_t, 32 + 4>;

Authenticated authenticated(const TicketBinding& binding, const TicketLabel& label) {
  Authenticated out;
  std::copy(binding.begin(), binding.end(), out.begin());
  std::copy(label.iv.begin() + kNonceSize, label.iv.end(), out.begin() + binding.size());
  return out;
}

/// One AES-GCM key schedule, wiped when it goes.
class Cipher {
 public:
  explicit Cipher(const std::array<uint8_t, 32>& key) {
    ready_ = wc_AesInit(&aes_, nullptr, INVALID_DEVID) == 0;
    keyed_ = ready_ && wc_AesGcmSetKey(&aes_, key.data(), static_cast<word32>(key.size())) == 0;
  }
  ~Cipher() {
    if (ready_) wc_AesFree(&aes_);
    wipe(&aes_, sizeof(aes_));
  }
  Cipher(const Cipher&) = delete;
  Cipher& operator=(const Cipher&) = delete;

  bool encrypt(std::span<uint8_t> data, const TicketBinding& binding, TicketLabel& label) {
    const Authenticated aad = authenticated(binding, label);
    return keyed_ &&
           wc_AesGcmEncrypt(&aes_, data.data(), data.data(), static_cast<word32>(data.size()),
                            label.iv.data(), kNonceSize, label.mac.data(), kTagSize, aad.data(),
                            static_cast<word32>(aad.size())) == 0;
  }
  bool decrypt(std::span<uint8_t> data, const TicketBinding& binding, const TicketLabel& label) {
    const Authenticated aad = authenticated(binding, label);
    return keyed_ &&
           wc_AesGcmDecrypt(&aes_, data.data(), data.data(), static_cast<word32>(data.size()),
                            label.iv.data(), kNonceSize, label.mac.data(), kTagSize, aad.data(),
                            static_cast<word32>(aad.size())) == 0;
  }

 private:
  Aes aes_;
  bool ready_ = false;
  bool keyed_ = false;
};

}  // namespace

Result<std::unique_ptr<TicketKeys>> TicketKeys::createRandom() {
  SecretBytes secret(kSecretSize);
  if (culvertRandomBlock(secret.data(), kSecretSize) != 0)
    return fail("no random bytes for session ticket keys");
  return create(std::move(secret), epochNow());
}

Result<std::unique_ptr<TicketKeys>> TicketKeys::create(SecretBytes secret, uint64_t epoch) {
  if (secret.size() < kSecretSize) return fail("a session ticket secret needs 32 bytes at least");
  std::unique_ptr<TicketKeys> keys(new TicketKeys(std::move(secret)));
  auto published = keys->publish(epoch);
  if (!published) return tl::unexpected(published.error());
  return keys;
}

TicketKeys::~TicketKeys() {
  for (auto& word : words_) word.store(0, std::memory_order_relaxed);
}

uint64_t TicketKeys::epochNow() {
  auto now = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<uint64_t>(now / kTicketRotation);
}

Result<void> TicketKeys::rotateTo(uint64_t epoch) {
  if (epoch <= this->epoch()) return {};
  return publish(epoch);
}

/// Derives the keys of three epochs and puts them where readers look.
Result<void> TicketKeys::publish(uint64_t epoch) {
  Ring ring{};
  for (size_t i = 0; i < kKeys; ++i) {
    uint64_t number = epoch + i - 1;
    byte info[8];
    for (size_t b = 0; b < sizeof(info); ++b) info[b] = static_cast<byte>(number >> (56 - 8 * b));
    static_assert(sizeof(Key) == 48);
    int result =
        wc_HKDF(WC_SHA256, secret_.data(), static_cast<word32>(secret_.size()),
                reinterpret_cast<const byte*>(kSalt.data()), static_cast<word32>(kSalt.size()),
                info, sizeof(info), reinterpret_cast<byte*>(&ring[i]), sizeof(Key));
    if (result != 0) {
      wipe(&ring, sizeof(ring));
      return fail("session ticket keys cannot be derived (HKDF)");
    }
  }
  std::array<uint64_t, kWords> words;
  static_assert(sizeof(words) == sizeof(ring));
  std::memcpy(words.data(), &ring, sizeof(ring));
  // Odd while the words change. Release on each word orders the odd number before it for whoever
  // reads the new word.
  uint32_t before = sequence_.load(std::memory_order_relaxed);
  sequence_.store(before + 1, std::memory_order_relaxed);
  for (size_t i = 0; i < kWords; ++i) words_[i].store(words[i], std::memory_order_release);
  sequence_.store(before + 2, std::memory_order_release);
  epoch_.store(epoch, std::memory_order_relaxed);
  wipe(&ring, sizeof(ring));
  wipe(words.data(), sizeof(words));
  return {};
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

bool TicketKeys::seal(const TicketBinding& binding, uint8_t generation, std::span<uint8_t> ticket,
                      TicketLabel& label) const {
  Ring ring;
  copyRing(ring);
  const Key& current = ring[1];
  label.name = current.name;
  label.mac = {};
  bool done = culvertRandomBlock(label.iv.data(), kNonceSize) == 0;
  std::memcpy(label.iv.data() + kNonceSize, kFormat.data(), kFormat.size());
  label.iv.back() = generation;
  if (done) {
    Cipher cipher(current.key);
    done = cipher.encrypt(ticket, binding, label);
  }
  wipe(&ring, sizeof(ring));
  return done;
}

TicketKeys::Opened TicketKeys::open(const TicketBinding& binding, const TicketLabel& label,
                                    std::span<uint8_t> ticket) const {
  if (std::memcmp(label.iv.data() + kNonceSize, kFormat.data(), kFormat.size()) != 0 ||
      label.generation() > kLastTicketGeneration)
    return Opened::kNo;
  // The half that the tag does not use: every bit of a ticket counts.
  for (size_t i = kTagSize; i < label.mac.size(); ++i) {
    if (label.mac[i] != 0) return Opened::kNo;
  }
  Ring ring;
  copyRing(ring);
  Opened opened = Opened::kNo;
  for (size_t i = 0; i < kKeys; ++i) {
    if (ring[i].name != label.name) continue;  // names are public: no constant time needed
    Cipher cipher(ring[i].key);
    if (cipher.decrypt(ticket, binding, label)) opened = i == 0 ? Opened::kYesRenew : Opened::kYes;
    break;
  }
  wipe(&ring, sizeof(ring));
  return opened;
}

}  // namespace culvert
