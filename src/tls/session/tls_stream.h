// SPDX-License-Identifier: GPL-3.0-or-later
// TlsStream is the client's end: a socket and, once a whole ClientHello has been judged, a WOLFSSL
// session that does its I/O through memory. One recv() brings a piece of ciphertext into the
// worker's scratch, wolfSSL decrypts record after record from it; sealed records gather in the
// other scratch and leave in one send(). Thread: loop.
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
#include <string>
#include <vector>

#include "net/socket_stream.h"
#include "stats/counters.h"
#include "tls/session/explain.h"
#include "tls/session/facts.h"
#include "tls/session/idle_records.h"
#include "tls/session/record_sizer.h"
#include "tls/session/tls_worker.h"

namespace culvert {

class TlsStream final : public SocketStream, private TlsIoContext {
 public:
  /// `endpoint` is held until the handshake is done.
  TlsStream(TlsWorker& worker, UniqueFd fd, std::shared_ptr<const TlsEndpoint> endpoint);
  ~TlsStream() override;

  /// kEof: the peer left before its first byte.
  IoStatus handshake() override;
  std::string handshakeProgress() const override;
  IoResult read(RingBuffer& into, size_t limit) override;
  IoResult write(RingBuffer& from) override;
  IoStatus flush() override;
  size_t backlog() const override { return backlog_.size(); }
  IoStatus shutdownWrite() override;
  std::optional<CloseReason> failure() const override;

  /// What the client asked for; empty where it named nothing, or before the hello.
  const std::string& serverName() const { return TlsIoContext::serverName; }
  /// What was negotiated, asked of the session; empty before the end of the handshake.
  TlsFacts facts() const { return established_ ? describeSession(session_.get()) : TlsFacts{}; }
  HandshakeFailure handshakeFailure() const { return handshakeFailure_; }
  bool established() const { return established_; }
  const ClientProof* clientProof() const { return client.get(); }  ///< nullptr: never asked for

  /// Other CAs, lists or rules for clients are in force, those of `newest`. Within the handshake the
  /// client will be judged by them, after it at once; where the verdict is against it, it must not
  /// go on.
  ClientVerdict applyTrust(const std::shared_ptr<const TlsEndpoint>& newest);

  /// wolfSSL's I/O callbacks; `io` is the stream's TlsIoContext.
  static int onRecv(WOLFSSL* ssl, char* into, int size, void* io);
  static int onSend(WOLFSSL* ssl, char* from, int size, void* io);

 private:
  struct Hello;
  /// Of each verb: what an exception left sealed in the shared output goes to no other stream.
  struct OutputGuard {
    TlsStream& stream;
    ~OutputGuard() { stream.dropOutput(); }
  };

  IoStatus gatherHello();
  IoStatus beginSession(const ClientHello& hello, std::span<const uint8_t> preface,
                        std::span<const uint8_t> rest);
  IoStatus takeFlight(std::span<const uint8_t> bytes);
  IoStatus gatherSecond(std::span<const uint8_t> bytes);
  IoStatus driveHandshake(const ClientHello* first = nullptr);
  int guardInput() noexcept;
  IoStatus failHandshake(int wolfError);
  AlertsSeen endWithAlert(int wolfError);
  std::optional<uint8_t> alertFor(int wolfError) const;
  IoStatus refuse(CloseReason failure, uint8_t alert, HandshakeFailure kind);
  IoStatus leftEarly(IoStatus status);
  void finishHandshake();
  void holdTicket();
  void releaseTicket();
  IoResult decrypt(RingBuffer& into);
  IoStatus failSession(int wolfError);
  int feed(char* into, int size);
  void countFraming(std::span<const uint8_t> bytes);
  void stashInput();
  IoStatus sendOutput();
  void dropOutput() noexcept;
  void setFailure(CloseReason reason);
  IoStatus failForMemory() noexcept;

  TlsWorker& worker_;
  std::shared_ptr<const TlsEndpoint> endpoint_;  // until the handshake is done
  std::unique_ptr<Hello> hello_;                 // likewise
  TlsSession session_;
  RingBuffer backlog_;
  std::span<const uint8_t> input_;              // ciphertext for the call in progress
  std::vector<uint8_t> carried_;                // ciphertext that outlived a call
  std::unique_ptr<HeldTicket> heldTicket_;      // before all that is sealed after it
  std::unique_ptr<const CloseReason> failure_;  // of a failed stream; none: for want of memory
  RecordSizer records_;
  IdleRecords idle_;
  uint32_t partial_ = 0;   // bytes of an unfinished record that wolfSSL holds
  uint32_t bodyLeft_ = 0;  // of that record, once its header is complete
  HandshakeFailure handshakeFailure_ = HandshakeFailure::kNone;
  bool established_ = false;
  bool failed_ = false;
  bool flood_ = false;
  bool outOfMemory_ = false;  // onSend found no room: the error that wolfSSL then reports is ours
  bool sawByte_ = false;
  bool notifySent_ = false;
  bool finishWanted_ = false;
  bool finished_ = false;
};

}  // namespace culvert
