// SPDX-License-Identifier: GPL-3.0-or-later
// Probe makes one health check of one address: it connects, goes through the proxy, the PROXY header,
// the STARTTLS dialog and the TLS handshake as a tunnel does, and runs the check's dialog. After the
// verdict it closes its direction and waits for the backend's end. It never blocks, and has one
// descriptor. Thread: loop.
#pragma once

#include <memory>
#include <string>

#include "base/deferred.h"
#include "base/unique_fd.h"
#include "event/io_watcher.h"
#include "health/health_exchange.h"
#include "tls/session/opening_stream.h"

namespace culvert {

struct ProbeResult {
  enum class State : uint8_t {
    kGood,
    kBad,
    kUnmade,  ///< culvert lacked a descriptor, a port or memory, so it knows nothing of the backend
  };
  State state = State::kUnmade;
  std::string words{};  ///< what the backend said, or why the check failed; printable
};

class ProbeOwner {
 public:
  /// Called once.
  virtual void onVerdict(const ProbeResult& result) = 0;
  /// Called once, after onVerdict(). The owner gives the probe to deleteLater().
  virtual void onClosed() = 0;

 protected:
  ~ProbeOwner() = default;
};

class Probe final : public Deferred, private StreamObserver {
 public:
  /// `host` is the configured host of the address.
  Probe(TlsWorker& tls, std::shared_ptr<const Service> service, const SocketAddress& address,
        std::string host, ProbeOwner& owner);
  ~Probe() override;

  /// The calls of the owner may come before this returns.
  void start();
  /// The time of the check is over.
  void expire();
  /// Ends without a call of the owner.
  void cancel();

 private:
  enum class Phase : uint8_t { kConnecting, kOpening, kDialog, kClosing, kEnded };

  /// A backend may send so much more behind the verdict.
  static constexpr size_t kMostDiscarded = 256 * 1024;

  void onReadable() override { guarded<&Probe::step>(); }
  void onWritable() override { guarded<&Probe::step>(); }
  void onConnected() { guarded<&Probe::finishConnect>(); }
  template <void (Probe::*kStep)()>
  void guarded();
  void connect();
  void finishConnect();
  void open();
  void step();
  void stepOpening();
  void opened();
  void stepDialog();
  void stepClosing();
  void connectFailed(int error);
  void judge(ProbeResult::State state, std::string words);
  void wait(bool writes);
  void end();
  std::string progress() const;
  std::string presented() const;

  TlsWorker& worker_;
  const std::shared_ptr<const Service> service_;
  const SocketAddress address_;
  const std::string host_;
  ProbeOwner* owner_;
  Phase phase_ = Phase::kConnecting;
  bool opened_ = false;  // the handshake is done
  bool judged_ = false;
  size_t discarded_ = 0;
  UniqueFd fd_;
  std::unique_ptr<IoWatcher> watcher_;  // of the connect; declared after fd_
  std::unique_ptr<ByteStream> stream_;
  TlsStream* tls_ = nullptr;
  std::unique_ptr<HealthExchange> exchange_;
};

}  // namespace culvert
