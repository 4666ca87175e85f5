// SPDX-License-Identifier: GPL-3.0-or-later
// TlsTransport is the I/O of one TLS session: a socket, and wolfSSL's callbacks that read and write
// memory. One recv() brings a piece of ciphertext into the worker's scratch, wolfSSL takes record
// after record from it; sealed records gather in the other scratch and leave in one send(). The
// handshake and the established stream of a session both work on it. Thread: loop.
//
// Invariants: 1. the send callback always accepts; what the socket does not take waits in backlog_.
//             2. after each call no ciphertext is left outside wolfSSL (carried_ is empty, but for
//                what came along with the end of the handshake), because no more is received than
//                there is room for its plaintext.
//             3. the recv callback never returns 0 (wolfSSL would spin).
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

/// Looks at what comes in while a handshake is under way, before wolfSSL sees it.
class RecordGuard {
 public:
  /// Called between two records, inside wolfSSL's recv callback; the next record begins
  /// TlsTransport's input. Returns 0 to go on, or the callback's error.
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

  /// Of each verb: what an exception left sealed in the shared output goes to no other stream.
  struct OutputGuard {
    TlsTransport& transport;
    ~OutputGuard() { transport.dropOutput(); }
  };

  /// The alert that the peer must get after this error, or nothing.
  std::optional<uint8_t> alertFor(int wolfError) const;
  IoStatus sendOutput();
  void holdTicket();
  /// What is left of the input of a call outlives it.
  void stashInput();
  void setFailure(CloseReason reason);
  IoStatus failForMemory() noexcept;

  TlsWorker& worker_;
  TlsIoContext context_;
  TlsSession session_;
  RecordGuard* guard_ = nullptr;    // of the handshake; none after it
  std::span<const uint8_t> input_;  // ciphertext for the call in progress
  std::vector<uint8_t> carried_;    // ciphertext that outlived a call
  IdleRecords idle_;
  uint32_t partial_ = 0;  // bytes of an unfinished record that wolfSSL holds
  bool established_ = false;
  bool failed_ = false;
  bool flood_ = false;
  bool outOfMemory_ = false;  // onSend found no room: the error that wolfSSL then reports is ours
  bool finishWanted_ = false;

 private:
  int feed(char* into, int size);
  void countFraming(std::span<const uint8_t> bytes);
  void releaseTicket();
  void dropOutput() noexcept;

  uint32_t bodyLeft_ = 0;  // of that record, once its header is complete
  bool finished_ = false;
  RingBuffer backlog_;
  std::unique_ptr<HeldTicket> heldTicket_;      // before all that is sealed after it
  std::unique_ptr<const CloseReason> failure_;  // of a failed stream; none: for want of memory
};

}  // namespace culvert
