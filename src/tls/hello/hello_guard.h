// SPDX-License-Identifier: GPL-3.0-or-later
// HelloGuard checks records between the socket and wolfSSL during a TLS 1.3 handshake, because
// wolfSSL does not do all that RFC 8446 requires of a server. HelloGuard drops change_cipher_spec
// records where they are allowed (RFC 8446 section 5). It accepts a plaintext alert of a client
// that has no keys yet (section 6). It compares the second hello with the first (section 4.1.2). It
// skips early data before a second hello (section 4.2.10), because culvert never accepts early
// data. culvert answers a client that offers early data with a HelloRetryRequest and a cookie.
// Until the second hello arrives, the record type then shows which records are early data. Thread:
// loop.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "tls/hello/client_hello.h"

namespace culvert {

/// What to do with the first record of the input.
struct [[nodiscard]] RecordVerdict {
  enum Kind : uint8_t {
    kMore,      ///< more bytes are needed to decide
    kPass,      ///< pass the record to wolfSSL
    kDrop,      ///< skip the next `size` bytes
    kRefuse,    ///< end the handshake with `alert`, because of `reason`
    kReceived,  ///< the client has ended the handshake with `alert`
  };
  Kind kind = kPass;
  uint8_t alert = 0;
  size_t size = 0;
  std::string_view reason = {};
};

/// The verdict on a second hello. An empty `reason` means that the second hello is valid.
struct [[nodiscard]] SecondHelloVerdict {
  uint8_t alert = 0;
  std::string_view reason = {};
};

/// What the unencrypted part of a staged server flight contains.
struct StagedFlight {
  std::span<const uint8_t> retry;  ///< the body of a HelloRetryRequest; empty if there is none
  bool serverHello = false;        ///< has a ServerHello that is not a HelloRetryRequest
  bool asksCertificate = false;    ///< has a CertificateRequest of TLS 1.2
};
StagedFlight lookAtFlight(std::span<const uint8_t> staged);

class HelloGuard {
 public:
  /// Call when wolfSSL answers the hello `first` with a HelloRetryRequest, whose body is `retry`.
  /// judgeSecond() then compares the second hello with `first`.
  void awaitSecond(const ClientHello& first, std::span<const uint8_t> retry);
  bool awaitsSecond() const { return awaits_; }

  /// Judges the record at the front of `bytes`. After kDrop, pass the bytes that follow the dropped
  /// bytes. After kPass, call inspect() again only at the start of the next record.
  RecordVerdict inspect(std::span<const uint8_t> bytes);

  /// Judges the second hello, which must equal the first hello except for some fields (RFC 8446
  /// 4.1.2). The hellos may differ in the key share of the requested group, the cookie, the removed
  /// early_data, the binders, the padding, and the order of extensions.
  SecondHelloVerdict judgeSecond(const ClientHello& second);

 private:
  using Digest = std::array<uint8_t, 32>;

  RecordVerdict inspectBody(uint8_t type, size_t length, std::span<const uint8_t> bytes);
  RecordVerdict skipEarlyData(size_t record, std::span<const uint8_t> bytes);
  Digest digestOf(const ClientHello& hello) const;

  Digest first_{};
  uint32_t skipLeft_ = 0;  // bytes of the current early data record that have not arrived
  uint32_t skipped_ = 0;   // bytes of early data received so far
  uint16_t group_ = 0;     // the group that the HelloRetryRequest requested, or 0
  uint8_t dropped_ = 0;    // change_cipher_spec and warning records so far
  bool awaits_ = false;    // waiting for the second hello
  bool cookie_ = false;    // the HelloRetryRequest has a cookie
  bool firstHadTicket_ = false;
  bool firstHadEarlyData_ = false;
};

}  // namespace culvert
