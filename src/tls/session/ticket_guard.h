// SPDX-License-Identifier: GPL-3.0-or-later
// TicketGuard decides whether a ticket that TicketKeys can open may resume a session. A ticket must
// not grant what a full handshake would refuse. A ticket must not be older than its lifetime, even
// if another replica with the same ticket secret sealed it. Thread: loop (the worker's); a guard is
// frozen.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "tls/endpoint/tls_settings.h"
#include "tls/hello/client_hello.h"
#include "tls/tickets/ticket_keys.h"

struct WOLFSSL;

namespace culvert {

struct TlsIoContext;

/// The facts in a ClientHello about the tickets that it offers: the ages of TLS 1.3 tickets, and
/// the cipher suites with which a TLS 1.2 ticket may resume.
class OfferedTickets {
 public:
  explicit OfferedTickets(const ClientHello& hello);
  /// Returns the obfuscated_ticket_age (RFC 8446 4.2.11) of the TLS 1.3 ticket with this label.
  /// Returns nothing if the client did not offer that ticket.
  std::optional<uint32_t> ageOf(const TicketLabel& label) const;
  bool offersSuite(uint16_t suite) const;

 private:
  struct Offer {
    std::array<uint8_t, 32> start;  // the first bytes of the ticket: the key's name and the nonce
    uint32_t age;
  };
  std::vector<Offer> offers_;
  std::vector<uint16_t> suites_;
};

/// Seals and opens the session tickets of one context.
class TicketGuard {
 public:
  /// `suites` must list the cipher suites of the context. `keys` must outlive the guard.
  static Result<TicketGuard> create(const TicketKeys& keys, const TlsSettings& settings,
                                    std::span<const uint16_t> suites);

  bool seal(const TlsIoContext& client, std::span<uint8_t> ticket, TicketLabel& label) const;
  /// Calls TicketKeys::open(). Also returns kNo if the ticket has expired, or if the client does
  /// not offer the suite of its TLS 1.2 ticket.
  TicketKeys::Opened open(TlsIoContext& client, const TicketLabel& label,
                          std::span<uint8_t> ticket) const;

  /// Returns true if `hello` offers a ticket with which a session of `version` can resume. culvert
  /// decrypts the ticket for that, because anyone can copy the name of a key. Looks only at the
  /// first kMostLooked tickets of a hello.
  bool canResume(const ClientHello& hello, uint16_t version) const;
  static constexpr unsigned kMostLooked = 4;

 private:
  bool opens(const ClientHello& hello, std::span<const uint8_t> sent) const;
  TicketGuard(const TicketKeys& keys, Millis lifetime, const TicketBinding& binding)
      : keys_(&keys), lifetime_(lifetime), binding_(binding) {}

  const TicketKeys* keys_;
  Millis lifetime_;
  TicketBinding binding_;
};

/// The SessionTicketEncCb that wolfSSL calls to seal and open tickets. `guard` must point to a
/// TicketGuard, and the session's I/O context must be a TlsIoContext.
int ticketCallback(WOLFSSL* ssl, unsigned char* name, unsigned char* iv, unsigned char* mac,
                   int sealing, unsigned char* ticket, int size, int* outSize, void* guard);

}  // namespace culvert
