// SPDX-License-Identifier: GPL-3.0-or-later
// See ticket_guard.h.
#include "tls/session/ticket_guard.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/big_endian.h"
#include "base/hex.h"
#include "tls/library/sha256.h"
#include "tls/library/tls_library.h"
#include "tls/library/wolfssl.h"
#include "tls/session/tls_context.h"

namespace culvert {

namespace {

/// Offsets of the ticket fields that culvert needs, in wolfSSL's struct InternalTicket (internal.h,
/// which is not installed). The struct starts with 2 bytes of version, 2 bytes of suite, 48 bytes
/// of secret, 8 bytes of sealing time, a flag, and ticket_age_add. In TLS 1.3 the sealing time is
/// in milliseconds. In TLS 1.2 the sealing time is in seconds and uses only the first 4 bytes. All
/// wolfSSL releases with TLS 1.3 have the same layout, and a test checks the layout.
constexpr size_t kMinor = 1;
constexpr size_t kSuite = 2;
constexpr size_t kTime = 52;
constexpr size_t kAgeAdd = 61;
constexpr size_t kTicketHead = 65;
constexpr uint8_t kMinorOfTls13 = 4;
// More than the sealed part of any ticket that culvert issues.
constexpr size_t kMostSealed = 512;

/// The build options of wolfSSL that change the rest of struct InternalTicket. These build options
/// are part of the binding, so replicas with different builds of wolfSSL refuse each other's
/// tickets.
constexpr std::string_view kLayout =
    "t"
#ifdef WOLFSSL_EARLY_DATA
    "e"
#endif
#ifdef WOLFSSL_TICKET_HAVE_ID
    "i"
#endif
#ifdef HAVE_SNI
    "s"
#endif
#ifdef HAVE_ALPN
    "a"
#endif
#ifdef OPENSSL_EXTRA
    "x"
#endif
#ifdef OPENSSL_ALL
    "l"
#endif
    ;

int64_t nowMillis() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<Millis>(now).count();
}

bool isTls13(std::span<const uint8_t> ticket) { return ticket[kMinor] >= kMinorOfTls13; }

int64_t sealedMillis(std::span<const uint8_t> ticket) {
  return isTls13(ticket) ? static_cast<int64_t>(bigEndian(ticket.subspan(kTime, 8)))
                         : static_cast<int64_t>(bigEndian(ticket.subspan(kTime, 4))) * 1000;
}

/// Sets the ticket's sealing time to `now` and its ticket_age_add to `obfuscatedAge`, so that
/// wolfSSL computes an age of 0 on both sides. Otherwise wolfSSL declines the ticket if the
/// client's age and the time since sealing differ by a second (in some releases, ten seconds).
/// wolfSSL's check protects early data, which culvert never accepts. The check would prevent
/// resumption if the clocks of two replicas or of the client differ, or if the obfuscated age has
/// wrapped. culvert has checked the ticket's lifetime before.
void settleAge(std::span<uint8_t> ticket, uint32_t obfuscatedAge, int64_t now) {
  putBigEndian(static_cast<uint64_t>(now), ticket.subspan(kTime, 8));
  putBigEndian(obfuscatedAge, ticket.subspan(kAgeAdd, 4));
}

/// Adds the length of `part` to the hash, then `part` itself.
void addSizedPart(Sha256Hasher& sha, std::string_view part) {
  uint8_t size[4];
  putBigEndian(part.size(), size);
  sha.add(size);
  sha.add(part);
}

void addSet(Sha256Hasher& sha, std::vector<uint16_t> set) {
  std::sort(set.begin(), set.end());
  addSizedPart(sha, fmt::format("{:x}", fmt::join(set, " ")));
}

std::vector<uint16_t> groupsInUse(const TlsSettings& settings) {
  std::vector<uint16_t> groups = settings.allGroups();
  std::erase_if(groups, [](uint16_t group) { return !libraryHasGroup(group); });
  return groups;
}

/// Describes the client certificate settings, as part of the binding. A service that requests
/// client certificates issues no tickets. The binding also makes such a service refuse tickets from
/// a replica with different client certificate settings.
std::string clientPolicy(const PeerAuth* auth) {
  if (auth == nullptr) return "off";
  return fmt::format("{} {}", static_cast<unsigned>(auth->mode), encodeHex(auth->contentHash));
}

}  // namespace

OfferedTickets::OfferedTickets(const ClientHello& hello) {
  hello.forEachTicket13([this](std::span<const uint8_t> identity, uint32_t age) {
    Offer offer{{}, age};
    if (identity.size() < offer.start.size()) return;
    std::copy_n(identity.begin(), offer.start.size(), offer.start.begin());
    offers_.push_back(offer);
  });
  if (hello.ticket12Length == 0) return;
  for (size_t i = 0; i < hello.cipherSuites.size(); ++i) suites_.push_back(hello.cipherSuites[i]);
}

bool OfferedTickets::offersSuite(uint16_t suite) const {
  return std::find(suites_.begin(), suites_.end(), suite) != suites_.end();
}

std::optional<uint32_t> OfferedTickets::ageOf(const TicketLabel& label) const {
  for (const Offer& offer : offers_) {
    if (std::equal(label.name.begin(), label.name.end(), offer.start.begin()) &&
        std::equal(label.iv.begin(), label.iv.end(), offer.start.begin() + label.name.size()))
      return offer.age;
  }
  return std::nullopt;
}

/// Computes the binding of the guard's tickets from the settings. A ticket resumes a session only
/// if a full handshake would have the same result. Otherwise culvert makes a full handshake.
Result<TicketGuard> TicketGuard::create(const TicketKeys& keys, const TlsSettings& settings,
                                        std::span<const uint16_t> suites) {
  Sha256Hasher sha;
  addSizedPart(sha, fmt::format("{:x}{}", LIBWOLFSSL_VERSION_HEX, kLayout));
  addSizedPart(sha, settings.service);
  addSizedPart(sha, fmt::format("{:x}/{:x}", settings.minVersion, settings.maxVersion));
  addSet(sha, std::vector<uint16_t>(suites.begin(), suites.end()));
  addSet(sha, groupsInUse(settings));
  addSizedPart(sha, clientPolicy(settings.peerAuth.get()));
  for (const std::string& name : settings.alpn) addSizedPart(sha, name);
  const TicketBinding binding = sha.finish();
  if (!sha.ok()) return fail("session tickets cannot be set up (SHA-256)");
  return TicketGuard(keys, settings.ticketLifetime, binding);
}

bool TicketGuard::seal(const TlsIoContext& client, std::span<uint8_t> ticket,
                       TicketLabel& label) const {
  return keys_->seal({binding_, client.serverName}, client.ticketGeneration, ticket, label);
}

TicketKeys::Opened TicketGuard::open(TlsIoContext& client, const TicketLabel& label,
                                     std::span<uint8_t> ticket) const {
  const TicketKeys::Opened opened = keys_->open({binding_, client.serverName}, label, ticket);
  if (opened == TicketKeys::Opened::kNo) return opened;
  const int64_t now = nowMillis();
  if (ticket.size() < kTicketHead || now - sealedMillis(ticket) > lifetime_.count()) {
    wipe(ticket.data(), ticket.size());
    return TicketKeys::Opened::kNo;
  }
  // If the client does not offer the suite of its ticket, refuse the ticket here. Otherwise wolfSSL
  // would refuse the client, but RFC 5077 3.4 requires a full handshake.
  if (!isTls13(ticket) && client.offered != nullptr &&
      !client.offered->offersSuite(u16At(ticket, kSuite))) {
    wipe(ticket.data(), ticket.size());
    return TicketKeys::Opened::kNo;
  }
  if (isTls13(ticket) && client.offered != nullptr) {
    if (const auto age = client.offered->ageOf(label)) settleAge(ticket, *age, now);
  }
  // A client may offer several tickets, and wolfSSL may open a ticket without using it. Keep the
  // highest key generation of all opened tickets.
  client.ticketGeneration =
      std::max(client.ticketGeneration, static_cast<uint8_t>(label.generation() + 1));
  return opened;
}

bool TicketGuard::canResume(const ClientHello& hello, uint16_t version) const {
  if (version != kTls13) return !hello.ticket12.empty() && opens(hello, hello.ticket12);
  bool found = false;
  unsigned looked = 0;
  hello.forEachTicket13([&](std::span<const uint8_t> ticket, uint32_t) {
    if (!found && looked++ < kMostLooked) found = opens(hello, ticket);
  });
  return found;
}

/// `sent` is a ticket as wolfSSL sends it (ExternalTicket in internal.h): the name of the key, the
/// nonce, the length of the sealed bytes, the sealed bytes, and the tag.
bool TicketGuard::opens(const ClientHello& hello, std::span<const uint8_t> sent) const {
  TicketLabel label;
  const size_t front = label.name.size() + label.iv.size();
  const size_t head = front + 2;
  std::array<uint8_t, kMostSealed> sealed;
  if (sent.size() < head + kTicketHead + label.mac.size()) return false;
  const size_t size = u16At(sent, front);
  if (size > sealed.size() || size < kTicketHead || sent.size() != head + size + label.mac.size())
    return false;
  std::copy_n(sent.begin(), label.name.size(), label.name.begin());
  std::copy_n(sent.begin() + label.name.size(), label.iv.size(), label.iv.begin());
  std::copy_n(sent.begin() + static_cast<ptrdiff_t>(head), size, sealed.begin());
  std::copy_n(sent.end() - label.mac.size(), label.mac.size(), label.mac.begin());
  const std::span<uint8_t> ticket(sealed.data(), size);
  const bool good =
      keys_->open({binding_, hello.serverName}, label, ticket) != TicketKeys::Opened::kNo &&
      nowMillis() - sealedMillis(ticket) <= lifetime_.count() &&
      hello.cipherSuites.contains(u16At(ticket, kSuite));
  wipe(sealed.data(), sealed.size());
  return good;
}

int ticketCallback(WOLFSSL* ssl, unsigned char* name, unsigned char* iv, unsigned char* mac,
                   int sealing, unsigned char* ticket, int size, int* outSize, void* context) {
  const auto* guard = static_cast<const TicketGuard*>(context);
  auto* client = static_cast<TlsIoContext*>(wolfSSL_GetIOReadCtx(ssl));
  const std::span<uint8_t> data(ticket, static_cast<size_t>(size));
  *outSize = size;
  TicketLabel label;
  static_assert(sizeof(label.name) == WOLFSSL_TICKET_NAME_SZ &&
                sizeof(label.iv) == WOLFSSL_TICKET_IV_SZ &&
                sizeof(label.mac) == WOLFSSL_TICKET_MAC_SZ);
  if (sealing != 0) {
    if (!guard->seal(*client, data, label)) return WOLFSSL_TICKET_RET_FATAL;
    std::memcpy(name, label.name.data(), label.name.size());
    std::memcpy(iv, label.iv.data(), label.iv.size());
    std::memcpy(mac, label.mac.data(), label.mac.size());
    return WOLFSSL_TICKET_RET_OK;
  }
  std::memcpy(label.name.data(), name, label.name.size());
  std::memcpy(label.iv.data(), iv, label.iv.size());
  std::memcpy(label.mac.data(), mac, label.mac.size());
  const TicketKeys::Opened opened = guard->open(*client, label, data);
  if (opened == TicketKeys::Opened::kNo) return WOLFSSL_TICKET_RET_REJECT;
  if (opened == TicketKeys::Opened::kYes) return WOLFSSL_TICKET_RET_OK;
#if LIBWOLFSSL_VERSION_HEX >= 0x05006000
  // WOLFSSL_TICKET_RET_CREATE means "accept this ticket and send a new ticket". In TLS 1.3 wolfSSL
  // sends a new ticket after every handshake, and treats WOLFSSL_TICKET_RET_CREATE as a refusal.
  // Releases before 5.6 treat it as a refusal in every TLS version.
  if (wolfSSL_GetVersion(ssl) != WOLFSSL_TLSV1_3) return WOLFSSL_TICKET_RET_CREATE;
#endif
  return WOLFSSL_TICKET_RET_OK;
}

}  // namespace culvert
