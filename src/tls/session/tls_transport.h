// SPDX-License-Identifier: GPL-3.0-or-later
// TlsTransport is the I/O of one TLS session: a socket, and wolfSSL's callbacks that read and write
// memory. One recv() fills the worker's input scratch with ciphertext, and wolfSSL reads the
// records from the scratch. Sealed records gather in the output scratch, and one send() writes
// them. The handshake and the established stream of a session both use the TlsTransport. Thread:
// loop.
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

/// Checks incoming records during a handshake, before wolfSSL sees them.
class RecordGuard {
 public:
  /// Called between two records, inside wolfSSL's recv callback; TlsTransport's input starts with
  /// the next record. Returns 0 to continue, or the error that the callback returns.
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

  /// wolfSSL's I/O callbacks; `io` is the TlsIoContext of the session.
  static int onRecv(WOLFSSL* ssl, char* into, int size, void* io);
  static int onSend(WOLFSSL* ssl, char* from, int size, void* io);

 protected:
  friend class ServerHandshake;

  /// Every public call makes an OutputGuard. If an exception left sealed records in the shared
  /// output, the guard drops them so that they do not reach another stream.
  struct OutputGuard {
    TlsTransport& transport;
    ~OutputGuard() { transport.dropOutput(); }
  };

  /// The alert that the peer must get after this error; nothing if the error needs no alert.
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
  std::vector<uint8_t> carried_;    // ciphertext kept for the next call
  IdleRecords idle_;
  uint32_t partial_ = 0;  // bytes of an unfinished record that wolfSSL holds
  bool established_ = false;
  bool failed_ = false;
  bool flood_ = false;
  bool outOfMemory_ = false;  // set by onSend; explains the error that wolfSSL then reports
  bool finishWanted_ = false;

 private:
  int feed(char* into, int size);
  void countFraming(std::span<const uint8_t> bytes);
  void releaseTicket();
  void dropOutput() noexcept;

  uint32_t bodyLeft_ = 0;  // body bytes missing from the unfinished record
  bool finished_ = false;
  RingBuffer backlog_;
  std::unique_ptr<HeldTicket> heldTicket_;      // must be sent before later records
  std::unique_ptr<const CloseReason> failure_;  // nullptr in a failed stream: out of memory
};

}  // namespace culvert
