// SPDX-License-Identifier: GPL-3.0-or-later
// An Inspector reads the first bytes of a connection whose service is not known yet: the PROXY
// header, the dialog before TLS (starttls), and the ClientHello. Then it hands the connection to its
// service, together with the bytes. A connection that no service takes gets an alert and a log line.
// Only listening sockets with several services, match options or accept-proxy have Inspectors.
// Thread: loop.
//
//   header -> bytes -> (dialog) -> handed over
//                              \-> lingering, after an alert
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/deferred.h"
#include "base/intrusive_list.h"
#include "event/timer.h"
#include "net/plain_stream.h"
#include "tls/hello/hello_gatherer.h"
#include "tls/session/opening_stream.h"
#include "worker/client_session.h"
#include "worker/trust_review.h"

namespace culvert {

class Inspector;

/// What an Inspector needs from its worker.
class InspectorHost {
 public:
  /// The service is known. `opening` is the client's stream if the dialog before TLS was done
  /// already; then `arrival` has no descriptor. The Inspector has ended.
  virtual void onServiceChosen(Inspector& inspector, Arrival arrival,
                               std::unique_ptr<OpeningStream> opening) = 0;
  /// The connection ended without a service, and its line is logged. The Inspector has ended.
  virtual void onRefused(Inspector& inspector) = 0;

 protected:
  ~InspectorHost() = default;
};

class Inspector final : public Deferred, public ListNode<Inspector>, private StreamObserver {
 public:
  Inspector(SessionOwner& owner, InspectorHost& host, AcceptedConn conn);
  ~Inspector() override;

  /// Reads what has arrived. The Inspector may have ended when this returns.
  void start();
  /// Ends the connection at once.
  void close(CloseReason reason);
  /// See TrustReview::renew().
  void renew(const TrustReview::Services& changed) { TrustReview::renew(entrance_, changed); }

 private:
  class HeadStream;
  /// What an Inspector takes on the heap besides bytes_.
  static constexpr size_t kMemory = 1024;

  enum class Stage : uint8_t { kHeader, kBytes, kDialog, kLinger, kEnded };

  void onReadable() override;
  void onWritable() override;
  void onTimer();
  template <class Step>
  void guarded(Step step);
  void step();
  bool receive();
  bool readHeader();
  bool headerRefused(std::string why);
  void chooseByBytes();
  void beginDialog();
  void runDialog();
  ChosenEndpoint chooseForHello(const ClientHello& hello);
  void choose(const ClientHello* hello, const HelloResult& result);
  void take(const RouteChoice& choice, const HelloResult* result);
  void hand(const std::shared_ptr<const Service>& service);
  void refuse(CloseReason reason, uint8_t alert);
  void linger();
  void ended(CloseReason reason);
  void count(const CloseReason& reason) const;
  void tell(const CloseReason& reason) const;
  void onSilence();
  RouteFacts facts() const;
  CloseReason noService(const RouteChoice& choice, const RouteFacts& facts) const;
  const SocketAddress& client() const;
  ByteStream& stream() const;

  SessionOwner& owner_;
  InspectorHost& host_;
  std::shared_ptr<const Entrance> entrance_;
  const SocketAddress peer_;
  const TimePoint accepted_;
  LimitHold place_;  // see AcceptedConn::place
  SocketAddress local_;
  std::unique_ptr<ProxyOrigin> origin_;
  std::vector<uint8_t> bytes_;
  MemoryCharge memory_;  // of bytes_, and of this object
  HelloGatherer gatherer_;
  std::string serverName_;
  std::unique_ptr<HeadStream> head_;
  std::unique_ptr<OpeningStream> opening_;  // in the stage kDialog, instead of head_
  std::shared_ptr<const Service> chosen_;   // by the hello behind the dialog
  Timer timer_;
  Stage stage_ = Stage::kHeader;
  bool handed_ = false;  // the connection belongs to a tunnel now
};

}  // namespace culvert
