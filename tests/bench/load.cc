// SPDX-License-Identifier: GPL-3.0-or-later
// The load client of the benchmark: one epoll, one kind of work for a fixed time, with the CPU time
// of the measured processes read at the very start and end of the window. Prints one line of JSON.
//
// usage: load --mode connect|pingpong|pull|push|duplex|idle|hellos|check --port N[,N] [--tls 1.3|1.2|plain]
//        [--conns N] [--size BYTES] [--seconds S] [--warmup S] [--resume 1] [--group NAMES]
//        [--pids N,N] [--backend-pids N,N] [--processes N] [--pin 1] [--extra-echo BYTES] [--most 1]
//
// --processes: several that share the connections and are summed up; --pin: each on a CPU of its
// own. --extra-echo: in mode connect, so many bytes go there and back before the usual echo.
// --most: in mode idle, a connection that cannot be set up ends the setting up and not the program.
// Several ports: the connections are dealt out to them. Mode hellos is in hello_burst.h; mode check
// only tells by the exit code 3 that the TLS library does not know the group.
#include <algorithm>
#include <memory>
#include <vector>

#include "bench.h"
#include "channel.h"
#include "cpu_meter.h"
#include "crew.h"
#include "hello_burst.h"

namespace culvert::bench {
namespace {

enum class Mode { kConnect, kPingPong, kPull, kPush, kDuplex, kIdle, kHellos, kCheck };

constexpr size_t kChunk = 64 * 1024;
constexpr size_t kTurnBudget =
    512 * 1024;  // bulk bytes of one connection before the others have their turn
constexpr size_t kConnectingAtOnce = 64;
constexpr uint64_t kStartLimitNs = 30'000'000'000, kStartLimitEachNs = 5'000'000;
constexpr uint64_t kSilenceLimitNs = 5'000'000'000;  // nothing was set up for so long
constexpr size_t kConnectEcho = 64;

std::array<char, kChunk> scratch;
std::array<char, kChunk> payload;

class Load;

struct Connection {
  enum class State { kIdle, kHandshake, kExchange, kEnding };
  Channel channel;
  SSL_SESSION* session = nullptr;
  State state = State::kIdle;
  uint32_t events = 0;
  size_t sent = 0, got = 0;
  bool extraEcho = false;  // the exchange under way is the one before the usual one
  uint64_t started = 0;
};

class Load {
 public:
  Load(const Options& o, Crew& crew)
      : crew_(crew),
        mode_(modeOf(o.text("mode", "connect"))),
        ports_(portsOf(o.text("port", ""))),
        tls_(o.text("tls", "1.3"), o.text("group", "X25519:P-256")),
        resume_(o.number("resume", 0) != 0),
        size_(mode_ == Mode::kPingPong ? static_cast<size_t>(o.number("size", 64)) : kConnectEcho),
        extraEcho_(static_cast<size_t>(o.number("extra-echo", 0))),
        most_(o.number("most", 0) != 0),
        windowNs_(static_cast<uint64_t>(o.number("seconds", 1) * 1e9)),
        warmupNs_(static_cast<uint64_t>(o.number("warmup", 0.2) * 1e9)),
        proxy_(o.text("pids", "")),
        backend_(o.text("backend-pids", "")),
        self_(crew.pids()),
        connections_(crew.share(static_cast<size_t>(o.number("conns", 1)))) {
    if (bulk()) tls_.readAhead();
  }

  void run() {
    if (mode_ == Mode::kCheck) return;
    if (mode_ == Mode::kHellos) return HelloBurst(tls_, ports_.front(), connections_.size()).run();
    if (mode_ != Mode::kConnect) most_ ? openMost() : openAll();
    if (mode_ == Mode::kConnect && resume_) gatherSessions();
    tally_.units = ready_;
    const uint64_t begin = crew_.startTogether();
    if (mode_ == Mode::kIdle) return hold();
    for (auto& c : connections_) {
      if (mode_ != Mode::kConnect)
        beginExchange(c);
      else if (c.state == Connection::State::kIdle)
        start(c);
    }
    turnUntil(begin + warmupNs_);
    measuring_ = true;
    tally_ = {};
    if (!crew_.first()) {
      turnUntil(begin + warmupNs_ + windowNs_);
      crew_.gather();
    }
    const Readings before = readAll();
    turnUntil(before.at + windowNs_);
    measuring_ = false;
    const Readings after = readAll();
    report(before, after, crew_.gather());
  }

 private:
  struct Readings {
    uint64_t at;
    CpuMeter::Reading proxy, backend, self;
  };

  static Mode modeOf(const std::string& name) {
    static const std::map<std::string, Mode> modes{
        {"connect", Mode::kConnect}, {"pingpong", Mode::kPingPong}, {"pull", Mode::kPull},
        {"push", Mode::kPush},       {"duplex", Mode::kDuplex},     {"idle", Mode::kIdle},
        {"hellos", Mode::kHellos},   {"check", Mode::kCheck}};
    const auto it = modes.find(name);
    if (it != modes.end()) return it->second;
    errno = EINVAL;
    die("mode " + name);
  }

  static std::vector<uint16_t> portsOf(const std::string& list) {
    std::vector<uint16_t> ports;
    std::stringstream in(list);
    for (std::string port; std::getline(in, port, ',');)
      ports.push_back(static_cast<uint16_t>(std::stoul(port)));
    if (ports.empty()) ports.push_back(0);
    return ports;
  }

  bool bulk() const {
    return mode_ == Mode::kPull || mode_ == Mode::kPush || mode_ == Mode::kDuplex;
  }
  bool pulls() const { return mode_ == Mode::kPull || mode_ == Mode::kDuplex; }
  bool pushes() const { return mode_ == Mode::kPush || mode_ == Mode::kDuplex; }

  Readings readAll() const { return {nowNs(), proxy_.read(), backend_.read(), self_.read()}; }

  void want(Connection& c, uint32_t events) {
    if (c.events == events) return;
    epoll_.change(c.channel.fd(), events, &c);
    c.events = events;
  }

  void start(Connection& c) {
    if (!tryStart(c)) die(c.channel.why());
  }

  bool tryStart(Connection& c) {
    c.started = nowNs();
    const auto index = static_cast<size_t>(&c - connections_.data());
    // Idle connections keep no session: that is memory of the client only.
    SSL_SESSION** session = mode_ == Mode::kIdle ? nullptr : &c.session;
    if (!c.channel.tryOpen(tls_, ports_[index % ports_.size()], session, resume_)) return false;
    c.state = Connection::State::kHandshake;
    c.events = EPOLLIN | EPOLLOUT;  // writable = connected
    c.sent = c.got = 0;
    epoll_.add(c.channel.fd(), c.events, &c);
    return true;
  }

  /// Brings every connection to the end of its handshake, a few at a time.
  void openAll() {
    const uint64_t limit = nowNs() + kStartLimitNs + connections_.size() * kStartLimitEachNs;
    size_t next = 0;
    while (ready_ < connections_.size()) {
      while (next < connections_.size() && next - ready_ < kConnectingAtOnce)
        start(connections_[next++]);
      turn(100);
      if (failedEarly_ != 0 || nowNs() > limit) {
        errno = ETIMEDOUT;
        die("connections could not be set up");
      }
    }
  }

  /// Connections go on and off until each of them has a session to resume.
  void gatherSessions() {
    const uint64_t limit = nowNs() + kSilenceLimitNs;
    for (auto& c : connections_) start(c);
    const auto lacks = [](const Connection& c) { return c.session == nullptr; };
    while (nowNs() < limit && std::any_of(connections_.begin(), connections_.end(), lacks))
      turn(100);
  }

  /// As many connections as can be set up; the tally has the reason for the first that could not.
  void openMost() {
    size_t next = 0, before = 0;
    uint64_t progress = nowNs();
    for (bool going = true; going || ready_ + failedEarly_ < next;) {
      while (going && next < connections_.size() && next - ready_ < kConnectingAtOnce) {
        going = tryStart(connections_[next]);
        if (!going) tally_.note(std::strerror(errno));
        if (going) ++next;
      }
      turn(100);
      if (ready_ != before) progress = nowNs();
      before = ready_;
      if (nowNs() - progress > kSilenceLimitNs) {
        tally_.note("the server does not answer any more");
        break;
      }
      going = going && failedEarly_ == 0 && next < connections_.size();
    }
  }

  void beginExchange(Connection& c) {
    c.state = Connection::State::kExchange;
    if (bulk()) return want(c, (pulls() ? EPOLLIN : 0u) | (pushes() ? EPOLLOUT : 0u));
    c.started = nowNs();
    c.sent = c.got = 0;
    c.extraEcho = mode_ == Mode::kConnect && extraEcho_ != 0;
    exchange(c);
  }

  void turn(int timeoutMs) {
    if (!again_.empty()) timeoutMs = 0;
    epoll_.turn(timeoutMs, [this](void* data, uint32_t events) {
      onEvent(*static_cast<Connection*>(data), events);
    });
    std::vector<Connection*> again;
    again.swap(again_);
    for (Connection* c : again) {
      if (c->channel.pending()) pull(*c);
    }
  }

  void turnUntil(uint64_t end) {
    for (uint64_t now = nowNs(); now < end; now = nowNs())
      turn(static_cast<int>((end - now) / 1000000 + 1));
  }

  void onEvent(Connection& c, uint32_t events) {
    switch (c.state) {
      case Connection::State::kIdle:
        return;
      case Connection::State::kHandshake:
        return onHandshake(c);
      case Connection::State::kExchange:
        if (!bulk()) return exchange(c);
        if (pushes() && (events & EPOLLOUT) != 0) push(c);
        if (pulls() && (events & (EPOLLIN | EPOLLHUP)) != 0) pull(c);
        return;
      case Connection::State::kEnding:
        return awaitEnd(c);
    }
  }

  void onHandshake(Connection& c) {
    const Io io = c.channel.handshake();
    if (io == Io::kAgain) return want(c, EPOLLIN);
    if (io != Io::kOk) return fail(c);
    want(c, EPOLLIN);
    // Idle connections have exchanged something too: the backend's side stands, and first-use
    // memory is in use.
    if (mode_ == Mode::kConnect || mode_ == Mode::kIdle) return beginExchange(c);
    c.state = Connection::State::kIdle;
    ++ready_;
  }

  /// `size_` bytes out, `size_` bytes back.
  void exchange(Connection& c) {
    for (;;) {
      const size_t size = c.extraEcho ? extraEcho_ : size_;
      while (c.sent < size) {
        size_t n = 0;
        const Io io = c.channel.write(payload.data(), size - c.sent, n);
        c.sent += n;
        if (io == Io::kAgain) return want(c, EPOLLIN | EPOLLOUT);
        if (io != Io::kOk) return fail(c);
      }
      want(c, EPOLLIN);
      while (c.got < size) {
        size_t n = 0;
        const Io io = c.channel.read(scratch.data(), scratch.size(), n);
        c.got += n;
        if (io == Io::kAgain) return;
        if (io != Io::kOk) return fail(c);
      }
      if (mode_ == Mode::kConnect && !c.extraEcho) return end(c);
      if (mode_ == Mode::kIdle) {
        c.state = Connection::State::kIdle;
        ++ready_;
        return;
      }
      if (!c.extraEcho) finishUnit(c);
      c.extraEcho = false;
      c.sent = c.got = 0;
    }
  }

  void finishUnit(Connection& c) {
    const uint64_t now = nowNs();
    ++tally_.units;
    tally_.bytes += size_;
    if (measuring_) latency_.add(now - c.started);
    c.started = now;
  }

  void end(Connection& c) {
    c.state = Connection::State::kEnding;
    c.channel.finish();
    awaitEnd(c);
  }

  /// The connection counts when the proxy has ended it too.
  void awaitEnd(Connection& c) {
    size_t n = 0;
    const Io io = c.channel.read(scratch.data(), scratch.size(), n);
    if (io == Io::kAgain || io == Io::kOk) return;
    finishUnit(c);
    if (c.channel.resumed()) ++tally_.resumed;
    c.channel.reset();
    start(c);
  }

  void pull(Connection& c) {
    for (size_t total = 0; total < kTurnBudget;) {
      size_t n = 0;
      const Io io = c.channel.read(scratch.data(), scratch.size(), n);
      if (io == Io::kAgain) return;
      if (io != Io::kOk) return fail(c);
      total += n;
      tally_.bytes += n;
    }
    if (c.channel.pending()) again_.push_back(&c);
  }

  void push(Connection& c) {
    for (size_t total = 0; total < kTurnBudget;) {
      size_t n = 0;
      const Io io = c.channel.write(payload.data(), payload.size(), n);
      total += n;
      tally_.bytes += n;
      if (io == Io::kAgain) return;
      if (io != Io::kOk) return fail(c);
    }
  }

  void fail(Connection& c) {
    tally_.note(c.channel.why());
    ++failedEarly_;
    c.channel.reset();
    c.state = Connection::State::kIdle;
    if (mode_ == Mode::kConnect) start(c);
  }

  /// Says `ready`, their number, and why there are not more; holds the connections until standard input ends, and closes them in order.
  void hold() {
    if (crew_.first()) {
      const Tally all = crew_.sum().tally;
      std::printf("ready %llu %s\n", static_cast<unsigned long long>(all.units), all.why.data());
      std::fflush(stdout);
      char c = 0;
      while (::read(STDIN_FILENO, &c, 1) > 0) {
      }
      crew_.release();
    }
    crew_.awaitRelease();
    for (auto& connection : connections_) {
      connection.channel.finish();
      connection.channel.reset();
    }
    crew_.gather();
  }

  void report(const Readings& a, const Readings& b, const Crew::Result& all) const {
    const Tally& tally = all.tally;
    const Histogram& latency = all.latency;
    const double seconds = static_cast<double>(b.at - a.at) / 1e9;
    // Threads that have ended take their waiting with them: less than before counts as none.
    const auto ms = [](uint64_t from, uint64_t to) {
      return to < from ? 0.0 : static_cast<double>(to - from) / 1e6;
    };
    std::printf(
        "{\"seconds\": %.4f, \"units\": %llu, \"bytes\": %llu, \"failed\": %llu, \"why\": \"%s\", "
        "\"resumed\": "
        "%llu, \"cpu_ms\": %.3f, "
        "\"wait_ms\": %.3f, \"load_cpu_ms\": %.3f, \"load_wait_ms\": %.3f, \"backend_cpu_ms\": "
        "%.3f, "
        "\"p50_us\": %.1f, \"p99_us\": %.1f, \"p999_us\": %.1f}\n",
        seconds, static_cast<unsigned long long>(tally.units),
        static_cast<unsigned long long>(tally.bytes), static_cast<unsigned long long>(tally.failed),
        tally.why.data(), static_cast<unsigned long long>(tally.resumed),
        ms(a.proxy.cpuNs, b.proxy.cpuNs), ms(a.proxy.waitNs, b.proxy.waitNs),
        ms(a.self.cpuNs, b.self.cpuNs), ms(a.self.waitNs, b.self.waitNs),
        ms(a.backend.cpuNs, b.backend.cpuNs), latency.quantileUs(0.5), latency.quantileUs(0.99),
        latency.quantileUs(0.999));
  }

  Crew& crew_;
  const Mode mode_;
  const std::vector<uint16_t> ports_;
  TlsClient tls_;
  const bool resume_;
  const size_t size_, extraEcho_;
  const bool most_;
  const uint64_t windowNs_, warmupNs_;
  const CpuMeter proxy_, backend_, self_;
  Epoll epoll_;
  std::vector<Connection> connections_;
  std::vector<Connection*> again_;
  size_t ready_ = 0, failedEarly_ = 0;
  bool measuring_ = false;
  Tally& tally_ = crew_.mine().tally;
  Histogram& latency_ = crew_.mine().latency;
};

}  // namespace
}  // namespace culvert::bench

int main(int argc, char** argv) {
  const culvert::bench::Options options(argc, argv);
  culvert::bench::raiseFileLimit();
  culvert::bench::Crew crew(static_cast<size_t>(options.number("processes", 1)));
  if (options.number("pin", 0) != 0) crew.pin();
  auto load = std::make_unique<culvert::bench::Load>(options, crew);
  load->run();
  std::fflush(stdout);
  std::_Exit(0);  // thousands of sessions need no tidying
}
