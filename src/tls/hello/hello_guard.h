// SPDX-License-Identifier: GPL-3.0-or-later
// HelloGuard checks the client's records during a TLS 1.3 handshake, before wolfSSL gets them.
// wolfSSL alone does not do all that RFC 8446 requires of a server. HelloGuard drops
// change_cipher_spec wherever it is allowed (section 5), and accepts a plaintext alert of a client
// that has no keys yet (6). It skips early data before a second hello (4.2.10), and compares the
// second hello with the first (4.1.2). culvert never accepts early data. It answers a client that
// offers early data with a HelloRetryRequest and a cookie. Until the second hello, the record type
// then shows which records are early data. Thread: loop.
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
    kMore,      ///< too few bytes to decide
    kPass,      ///< wolfSSL handles the record
    kDrop,      ///< skip `size` bytes
    kRefuse,    ///< culvert ends the handshake with `alert`, because of `reason`
    kReceived,  ///< the client ends the handshake with `alert`
  };
  Kind kind = kPass;
  uint8_t alert = 0;
  size_t size = 0;
  std::string_view reason = {};
};

/// An empty `reason` means that the second hello is valid.
struct [[nodiscard]] SecondHelloVerdict {
  uint8_t alert = 0;
  std::string_view reason = {};
};

/// The contents of the unencrypted part of a staged server flight.
struct StagedFlight {
  std::span<const uint8_t> retry;  ///< the body of a HelloRetryRequest; empty: none
  bool serverHello = false;        ///< a ServerHello that is not a HelloRetryRequest
  bool asksCertificate = false;    ///< a CertificateRequest of TLS 1.2
};
StagedFlight lookAtFlight(std::span<const uint8_t> staged);

class HelloGuard {
 public:
  /// Call when wolfSSL answers the first hello with `retry`, the body of a HelloRetryRequest.
  /// judgeSecond() then compares the second hello with `first`.
  void awaitSecond(const ClientHello& first, std::span<const uint8_t> retry);
  bool awaitsSecond() const { return awaits_; }

  /// Judges the record at the front of `bytes`. If the last call returned kDrop, `bytes` must begin
  /// after the dropped bytes. After kPass, call inspect() only at the start of the next record.
  RecordVerdict inspect(std::span<const uint8_t> bytes);

  /// RFC 8446 4.1.2: the second hello must equal the first. It may differ in the share of the
  /// requested group, the cookie, the removed early_data, the binders, padding, and the order of
  /// extensions.
  SecondHelloVerdict judgeSecond(const ClientHello& second);

 private:
  using Digest = std::array<uint8_t, 32>;

  RecordVerdict inspectBody(uint8_t type, size_t length, std::span<const uint8_t> bytes);
  RecordVerdict skipEarlyData(size_t record, std::span<const uint8_t> bytes);
  Digest digestOf(const ClientHello& hello) const;

  Digest first_{};
  uint32_t skipLeft_ = 0;  // bytes to skip of a partly received early data record
  uint32_t skipped_ = 0;   // bytes of early data so far
  uint16_t group_ = 0;     // requested by the HelloRetryRequest; 0: none
  uint8_t dropped_ = 0;    // change_cipher_spec and warnings so far
  bool awaits_ = false;    // waiting for the second hello
  bool cookie_ = false;    // the HelloRetryRequest has a cookie
  bool firstHadTicket_ = false;
  bool firstHadEarlyData_ = false;
};

}  // namespace culvert
