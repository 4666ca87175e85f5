// SPDX-License-Identifier: GPL-3.0-or-later
// TlsTransport does the I/O of one TLS session. It has a socket, and callbacks through which
// wolfSSL reads and writes memory. One recv() fills the worker's input scratch buffer with
// ciphertext, from which wolfSSL reads the records. Sealed records gather in the output scratch
// buffer, which one send() writes to the socket. A session uses the same TlsTransport during and
// after the handshake. Thread: loop.
//
// Invariants:
//   1. The send callback accepts all bytes. Bytes that the socket does not accept wait in
//      backlog_.
//   2. After each call no ciphertext is left outside wolfSSL, because culvert receives at most as
//      many bytes as the caller has room for plaintext. So carried_ is empty, except for bytes that
//      arrived with the end of the handshake.
//   3. The recv callback never returns 0, because wolfSSL would then loop forever.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "net/socket_stream.h"
#include "tls/session/explain.h"
#include "tls/session/idle_records.h"
#include "tls/session/tls_worker.h"

namespace culvert {

/// Checks incoming records during a handshake, before wolfSSL reads them.
class RecordGuard {
 public:
  /// wolfSSL's recv callback calls this function between two records. TlsTransport's input then
  /// starts with the next record. Returns 0 to continue, or the error for the callback to return.
  virtual int beforeRecord() noexcept = 0;

 protected:
  ~RecordGuard() = default;
};

class TlsTransport : public SocketStream {
 public:
  TlsTransport(TlsWorker& worker, UniqueFd fd);
  ~TlsTransport() override;

  IoStatus flush() override;
  size_t backlog() const override { return backlog_.size(); }
  std::optional<CloseReason> failure() const override;

  /// The I/O callbacks of wolfSSL. `io` must point to the TlsIoContext of the session.
  static int onRecv(WOLFSSL* ssl, char* into, int size, void* io);
  static int onSend(WOLFSSL* ssl, char* from, int size, void* io);

 protected:
  friend class ServerHandshake;

  /// Every public call makes an OutputGuard. If an exception leaves sealed records in the shared
  /// output buffer, the guard drops the records, so that they cannot reach another stream.
  struct OutputGuard {
    TlsTransport& transport;
    ~OutputGuard() { transport.dropOutput(); }
  };

  /// Returns the alert that the peer must get after `wolfError`, or nothing if the error needs no
  /// alert.
  std::optional<uint8_t> alertFor(int wolfError) const;
  IoStatus sendOutput();
  void holdTicket();
  /// Keeps the unread input of this call for the next call.
  void stashInput();
  void setFailure(CloseReason reason);
  IoStatus failForMemory() noexcept;

  TlsWorker& worker_;
  TlsIoContext context_;
  TlsSession session_;
  RecordGuard* guard_ = nullptr;    // nullptr after the handshake
  std::span<const uint8_t> input_;  // ciphertext for the call in progress
  std::vector<uint8_t> carried_;    // ciphertext kept from the last call
  IdleRecords idle_;
  uint32_t partial_ = 0;  // bytes of an unfinished record that wolfSSL holds
  bool established_ = false;
  bool failed_ = false;
  bool flood_ = false;
  bool outOfMemory_ = false;  // set by onSend(); explains the error that wolfSSL then reports
  bool finishWanted_ = false;

 private:
  int feed(char* into, int size);
  void countFraming(std::span<const uint8_t> bytes);
  void releaseTicket();
  void dropOutput() noexcept;

  uint32_t bodyLeft_ = 0;  // body bytes of the unfinished record that have not arrived
  bool finished_ = false;
  RingBuffer backlog_;
  std::unique_ptr<HeldTicket> heldTicket_;      // must be sent before later records
  std::unique_ptr<const CloseReason> failure_;  // nullptr in a failed stream means out of memory
};

}  // namespace culvert
