// SPDX-License-Identifier: GPL-3.0-or-later
// TunnelBench is everything around one Tunnel, scripted: two ScriptedPeers, a dialer that answers
// on request, and a host that records reports. The loop is a real one. Thread: loop.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "scripted_stream.h"
#include "tunnel/tunnel_set.h"

namespace culvert {

/// How the backend is connected. Belongs to the test and outlives the dialer.
struct DialScript {
  bool atOnce = true;                  ///< dial() answers before it returns
  std::optional<CloseReason> failure;  ///< the connect fails with this reason
  size_t preface = 0;                  ///< bytes of a PROXY header in front of the payload

  DialObserver* observer = nullptr;  ///< set while an answer is awaited
  size_t dials = 0;
  bool cancelled = false;  ///< the dialer was destroyed before it answered
};

class ScriptedDialer final : public Dialer {
 public:
  ScriptedDialer(DialScript& script, ScriptedPeer& backend) : script_(script), backend_(backend) {}
  ~ScriptedDialer() override {
    if (std::exchange(script_.observer, nullptr) != nullptr) script_.cancelled = true;
  }
  void dial(DialObserver& observer) override {
    ++script_.dials;
    script_.observer = &observer;
    if (script_.atOnce) answer(script_, backend_);
  }
  static void answer(DialScript& script, ScriptedPeer& backend) {
    DialObserver* observer = std::exchange(script.observer, nullptr);
    if (observer == nullptr) return;
    if (script.failure) return observer->onDialFailed(*script.failure);
    observer->onDialed(std::make_unique<ScriptedStream>(backend, script.preface),
                       SocketAddress::ipv4(INADDR_LOOPBACK, 7));
  }

 private:
  DialScript& script_;
  ScriptedPeer& backend_;
};

struct TunnelBench {
  /// What was reported to the host, and when the host was destroyed.
  struct Report {
    size_t ended = 0;
    size_t hostsGone = 0;
    std::string cause;
    std::string detail;
    uint64_t inboundLost = 0;
    uint64_t outboundLost = 0;
    uint64_t discarded = 0;
    bool opened = false;  ///< every handshake was done
  };

  struct Host final : TunnelHost {
    explicit Host(TunnelBench& b) : bench(b) {}
    ~Host() override { ++bench.report.hostsGone; }
    std::unique_ptr<Dialer> dialerFor(Tunnel&) override {
      return std::make_unique<ScriptedDialer>(bench.dialing, bench.backend);
    }
    void onTunnelEnded(Tunnel& tunnel) override {
      Report& r = bench.report;
      ++r.ended;
      r.cause = tunnel.reason().text();
      r.detail = tunnel.reason().detail;
      r.inboundLost = tunnel.inbound().lost();
      r.outboundLost = tunnel.outbound().lost();
      r.discarded = tunnel.discardedBytes();
      r.opened = tunnel.times().opened != TimePoint{};
      bench.clientStoodAtEnd =
          bench.client.stream != nullptr && &tunnel.client() == bench.client.stream;
      bench.tunnel = nullptr;
    }
    TunnelBench& bench;
  };

  EventLoop loop;
  BufferPool pool;
  CounterBlock counters;
  HandshakeQueue handshakes{loop, counters};
  TunnelContext context{loop, pool, counters, handshakes};
  TunnelOptions options;
  ScriptedPeer client;
  ScriptedPeer backend;
  DialScript dialing;
  Report report;
  bool clientStoodAtEnd = false;
  Tunnel* tunnel = nullptr;  ///< null once it has reported its end
  TunnelSet tunnels{loop};
  Timer guard{loop, nullptr, [](void*) {}};

  /// Makes the tunnel and starts it.
  void open() {
    tunnel = &tunnels.add(std::make_unique<Tunnel>(
        context, std::make_shared<const TunnelOptions>(options), std::make_unique<Host>(*this), 1,
        std::make_unique<ScriptedStream>(client), loop.now()));
    tunnel->start();
  }

  void answerDial() { ScriptedDialer::answer(dialing, backend); }

  /// Calls the callbacks of every ready and watched side until nothing moves. Returns false if that
  /// never happens.
  bool settle() {
    for (int rounds = 0; rounds < 100'000; ++rounds) {
      bool moved = client.fireReadable();
      moved |= client.fireWritable();
      moved |= backend.fireReadable();
      moved |= backend.fireWritable();
      loop.turn(false);
      if (!moved) return true;
    }
    return false;
  }

  /// Runs timers until the tunnel is gone. Returns false if it is not within `limit`.
  bool waitEnd(Millis limit = Millis(5000)) {
    const TimePoint deadline = Clock::now() + limit;
    while (settle() && report.hostsGone == 0 && Clock::now() < deadline) {
      guard.armBy(loop.now() + Millis(10));
      loop.turn(true);
    }
    return report.hostsGone != 0;
  }

  uint64_t count(Counter counter) const { return counters.get(counter); }
};

}  // namespace culvert
