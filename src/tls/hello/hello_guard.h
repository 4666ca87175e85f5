// SPDX-License-Identifier: GPL-3.0-or-later
// HelloGuard stands between the socket and wolfSSL for the length of a TLS 1.3 handshake and does
// what RFC 8446 wants of a server and the library does not do: it drops change_cipher_spec wherever
// one may come (section 5), takes a plain alert of a client that never got as far as keys (6),
// skips early data before a second hello (4.2.10), and compares that hello with the first (4.1.2).
// Early data is never accepted: a client that offers it is sent a HelloRetryRequest with a cookie,
// so that what is to be skipped can be told by its record type. Thread: loop.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "tls/hello/client_hello.h"

namespace culvert {

/// What is to be done with the record that stands at the front.
struct [[nodiscard]] RecordVerdict {
  enum Kind : uint8_t {
    kMore,      ///< not enough of it is there to say
    kPass,      ///< it is wolfSSL's business
    kDrop,      ///< `size` bytes are to be skipped
    kRefuse,    ///< the handshake ends with `alert`, for `reason`
    kReceived,  ///< the client ends the handshake with `alert`
  };
  Kind kind = kPass;
  uint8_t alert = 0;
  size_t size = 0;
  std::string_view reason = {};
};

/// Empty `reason`: the second hello is as it should be.
struct [[nodiscard]] SecondHelloVerdict {
  uint8_t alert = 0;
  std::string_view reason = {};
};

/// What a server's staged flight is, as far as it is plain.
struct StagedFlight {
  std::span<const uint8_t> retry;  ///< the body of a HelloRetryRequest; empty: there is none
  bool serverHello = false;        ///< a ServerHello that is none of that kind
  bool asksCertificate = false;    ///< a CertificateRequest of TLS 1.2
};
StagedFlight lookAtFlight(std::span<const uint8_t> staged);

class HelloGuard {
 public:
  /// The first hello is answered by `retry`: the next one is compared with it.
  void awaitSecond(const ClientHello& first, std::span<const uint8_t> retry);
  bool awaitsSecond() const { return awaits_; }

  /// The record at the front of `bytes`, which continue what was dropped before. Not to be asked
  /// within a record that was passed on.
  RecordVerdict inspect(std::span<const uint8_t> bytes);

  /// RFC 8446 4.1.2: the same but for a share of the group asked for, the cookie, early_data that
  /// is gone, the ticket's new binder and padding. The order of the extensions may be another.
  SecondHelloVerdict judgeSecond(const ClientHello& second);

 private:
  using Digest = std::array<uint8_t, 32>;

  RecordVerdict inspectBody(uint8_t type, size_t length, std::span<const uint8_t> bytes);
  RecordVerdict skipEarlyData(size_t record, std::span<const uint8_t> bytes);
  Digest digestOf(const ClientHello& hello) const;

  Digest first_{};
  uint32_t skipLeft_ = 0;  // of a record of early data that has not come whole
  uint32_t skipped_ = 0;   // bytes of early data so far
  uint16_t group_ = 0;     // that the HelloRetryRequest asks for; 0: none
  uint8_t dropped_ = 0;    // change_cipher_spec and warnings so far
  bool awaits_ = false;    // the second hello has not come
  bool cookie_ = false;    // the HelloRetryRequest has one
  bool firstHadTicket_ = false;
  bool firstHadEarlyData_ = false;
};

}  // namespace culvert
