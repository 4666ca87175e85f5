// SPDX-License-Identifier: GPL-3.0-or-later
// TlsTransport does the I/O of one TLS session: it has the socket, and the bytes that wait for it.
// Sealed records gather in the worker's output buffer, which one send() writes to the socket. A
// session uses the same TlsTransport during and after the handshake. Thread: loop.
//
// Invariants:
//   1. Bytes that the socket does not accept wait in backlog_.
//   2. Between calls no ciphertext waits in carried_, except for bytes that arrived with the end of
//      the handshake, because culvert receives at most as many bytes as the caller has room for
//      plaintext.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "net/socket_stream.h"
#include "tls/session/explain.h"
#include "tls/session/facts.h"
#include "tls/session/tls_worker.h"
#include "tls/session/wolf_io.h"

namespace culvert {

class TlsTransport : public SocketStream {
 public:
  TlsTransport(TlsWorker& worker, UniqueFd fd, TlsPeer peer);
  ~TlsTransport() override;

  IoStatus flush() override;
  size_t backlog() const override { return backlog_.size(); }
  std::optional<CloseReason> failure() const override;

  OutputBuffer& output() { return worker_.output; }
  TimePoint now() const { return worker_.loop.now(); }

 protected:
  friend class ServerHandshake;
  friend class ClientHandshake;
  friend class OwnRecords;
  friend class LibraryRecords;

  /// Every public call makes an OutputGuard. If an exception leaves sealed records in the shared
  /// output buffer, the guard drops the records, so that they cannot reach another stream.
  struct OutputGuard {
    TlsTransport& transport;
    ~OutputGuard() { transport.dropOutput(); }
  };

  IoStatus sendOutput();
  /// Puts plain bytes before all records. Throws std::bad_alloc if there is no memory for them.
  void sendFirst(std::string_view plain);
  /// Puts the delayed ticket before the records that the caller seals next.
  void releaseHeld();
  void holdTicket();
  /// Keeps the unread input of this call for the next call. `rest` may point into carried_.
  void carry(std::span<const uint8_t> rest);
  /// Ends the session. `reason` has the cause for a client; fail() adapts it to the peer.
  void fail(CloseReason reason);
  IoStatus failForMemory() noexcept;

  TlsWorker& worker_;
  TlsIoContext context_;
  std::unique_ptr<WolfIo> wolf_;  // the handshake's; nullptr before the hello and afterwards
  std::vector<uint8_t> carried_;  // ciphertext kept from the last call
  Negotiated negotiated_;         // set when the handshake is done
  const TlsPeer peer_;
  bool established_ = false;
  bool failed_ = false;
  bool finishWanted_ = false;

 private:
  void releaseTicket();
  void dropOutput() noexcept;

  bool finished_ = false;
  RingBuffer backlog_;
  std::unique_ptr<HeldTicket> heldTicket_;      // must be sent before later records
  std::unique_ptr<const CloseReason> failure_;  // nullptr in a failed stream means out of memory
};

}  // namespace culvert
