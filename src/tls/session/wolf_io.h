// SPDX-License-Identifier: GPL-3.0-or-later
// WolfIo is one WOLFSSL with the callbacks through which it reads and writes memory. A handshake
// uses it, and later LibraryRecords, if wolfSSL keeps the records. Thread: loop.
//
// Invariants:
//   1. The send callback accepts all bytes.
//   2. The recv callback never returns 0, because wolfSSL would then loop forever.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "tls/record/idle_records.h"
#include "tls/session/tls_context.h"

namespace culvert {

class TlsTransport;

/// Checks incoming records during a handshake, before wolfSSL reads them.
class RecordGuard {
 public:
  /// wolfSSL's recv callback calls this function between two records. The input of the WolfIo then
  /// starts with the next record. Returns 0 to continue, or the error for the callback to return.
  virtual int beforeRecord() noexcept = 0;

 protected:
  ~RecordGuard() = default;
};

struct WolfIo {
  explicit WolfIo(TlsTransport& transport) : io(transport) {}
  WolfIo(const WolfIo&) = delete;
  WolfIo& operator=(const WolfIo&) = delete;

  /// The I/O callbacks of wolfSSL. `context` must point to the TlsIoContext of the session.
  static int onRecv(WOLFSSL* ssl, char* into, int size, void* context);
  static int onSend(WOLFSSL* ssl, char* from, int size, void* context);

  /// Returns the alert that the peer must get after `wolfError`, or nothing if the error needs no
  /// alert.
  std::optional<uint8_t> alertFor(int wolfError) const;
  /// Returns how many bytes of ciphertext may be received, so that their payload fits into
  /// `limit` bytes, including the unfinished record that wolfSSL holds.
  size_t receivable(size_t limit) const { return limit > partial_ ? limit - partial_ : 0; }

  TlsTransport& io;
  TlsSession session;
  RecordGuard* guard = nullptr;    // nullptr after the handshake
  std::span<const uint8_t> input;  // ciphertext for the call in progress
  IdleRecords idle;
  bool established = false;
  bool flood = false;
  bool outOfMemory = false;  // set by onSend(); explains the error that wolfSSL then reports

 private:
  int feed(char* into, int size);
  void countFraming(std::span<const uint8_t> bytes);

  uint32_t partial_ = 0;   // bytes of an unfinished record that wolfSSL holds
  uint32_t bodyLeft_ = 0;  // body bytes of the unfinished record that have not arrived
};

}  // namespace culvert
