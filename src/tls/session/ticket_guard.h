// SPDX-License-Identifier: GPL-3.0-or-later
// Decides whether a ticket may resume a session, beyond its key. A ticket never grants what a full
// handshake would refuse. A ticket is never older than its lifetime, by the clocks of all replicas
// that share the secret. Thread: loop (the worker's); a guard is frozen.
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

/// What a client says about the tickets it offers: the ages of TLS 1.3 tickets, and the suites that
/// a TLS 1.2 ticket may resume with.
class OfferedTickets {
 public:
  explicit OfferedTickets(const ClientHello& hello);
  /// The obfuscated_ticket_age (RFC 8446 4.2.11) sent with the ticket that has this label.
  std::optional<uint32_t> ageOf(const TicketLabel& label) const;
  bool offersSuite(uint16_t suite) const;

 private:
  struct Offer {
    std::array<uint8_t, 32> start;  // the key's name and the nonce
    uint32_t age;
  };
  std::vector<Offer> offers_;
  std::vector<uint16_t> suites_;
};

/// The tickets of one context.
class TicketGuard {
 public:
  /// `suites` are those of the context. The keys outlive the guard.
  static Result<TicketGuard> create(const TicketKeys& keys, const TlsSettings& settings,
                                    std::span<const uint16_t> suites);

  bool seal(const TlsIoContext& client, std::span<uint8_t> ticket, TicketLabel& label) const;
  /// Like TicketKeys::open; also returns kNo for an expired ticket.
  TicketKeys::Opened open(TlsIoContext& client, const TicketLabel& label,
                          std::span<uint8_t> ticket) const;

 private:
  TicketGuard(const TicketKeys& keys, Millis lifetime, const TicketBinding& binding)
      : keys_(&keys), lifetime_(lifetime), binding_(binding) {}

  const TicketKeys* keys_;
  Millis lifetime_;
  TicketBinding binding_;
};

/// wolfSSL's SessionTicketEncCb: `guard` is a TicketGuard, the session's I/O context a
/// TlsIoContext.
int ticketCallback(WOLFSSL* ssl, unsigned char* name, unsigned char* iv, unsigned char* mac,
                   int sealing, unsigned char* ticket, int size, int* outSize, void* guard);

}  // namespace culvert
