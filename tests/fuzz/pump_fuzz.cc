// SPDX-License-Identifier: GPL-3.0-or-later
// The input is a schedule: what both sides send, when their sockets take bytes, block, end, reset
// or fail, in which order readiness is told, how the backend is reached. Under any schedule no byte
// is lost unseen, doubled or reordered, a FIFO keeps its bound, nothing spins, and the tunnel ends
// when the schedule does. One input bit chooses between a Pump alone and a whole Tunnel.
// modules: tunnel
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "byte_pattern.h"
#include "scripted_tunnel.h"

namespace culvert {
namespace {

constexpr size_t kFeedAtMost = 300'000;  // a side
constexpr size_t kOverhead = 22;
constexpr size_t kSealedAtOnce = 10;  // records, generously

void require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "property broken: %s\n", what);
  std::abort();
}

/// Reads the schedule; zeroes behind its end.
class Schedule {
 public:
  Schedule(const uint8_t* data, size_t size) : data_(data), size_(size) {}
  bool over() const { return at_ >= size_; }
  uint8_t byte() { return over() ? 0 : data_[at_++]; }
  bool chance(unsigned in) { return byte() % in == 0; }
  size_t bytes() {
    constexpr std::array<size_t, 16> kSizes = {1,     2,     100,    700,   1400,  4096,
                                               16384, 16406, 17408,  20000, 32768, 40000,
                                               48128, 65536, 100000, 0};
    const size_t size = kSizes[byte() % kSizes.size()];
    return size != 0 ? size : ScriptedPeer::kUnlimited;
  }

 private:
  const uint8_t* data_;
  size_t size_;
  size_t at_ = 0;
};

/// A peer whose bytes tell their place, and what has arrived there from the other one.
struct Side {
  explicit Side(ScriptedPeer& p, uint8_t s) : peer(p), seed(s) {}

  ScriptedPeer& peer;
  const uint8_t seed;
  size_t fed = 0;
  size_t arrived = 0;  // of the other side's bytes
  bool ended = false;
  bool sound = true;  // its socket never broke: what was meant for it can be delivered

  void feed(size_t bytes) {
    if (ended) return;
    bytes = std::min(bytes, kFeedAtMost - fed);
    peer.input += pattern(bytes, seed, fed);
    fed += bytes;
  }
  void end(IoStatus how) {
    if (ended) return;
    ended = true;
    if (how == IoStatus::kReset) return reset();
    peer.inputEnd = how;
  }
  void reset() {
    ended = true;
    sound = false;
    peer.reset();
  }
  void failWrites() {
    sound = false;
    peer.writeEnd = IoStatus::kFailed;
    peer.failure = {CloseCause::kInternal, "", "scripted"};
  }
  void configure(Schedule& schedule) {
    peer.window = schedule.bytes();
    const size_t atMost = schedule.bytes();
    peer.readAtMost = std::max<size_t>(atMost, 700);
    peer.holdAcks = schedule.chance(4);
  }
  /// Nothing stands in the way any more.
  void release() {
    peer.window = ScriptedPeer::kUnlimited;
    peer.readAtMost = ScriptedPeer::kUnlimited;
    peer.holdAcks = false;
    peer.acknowledge();
    end(IoStatus::kEof);
  }
  void checkArrivals(const Side& from) {
    for (const char byte : peer.received) {
      require(byte == patternAt(arrived, from.seed),
              "bytes arrive in order, none lost, none doubled");
      ++arrived;
    }
    peer.received.clear();
    require(arrived <= from.peer.taken, "only what was sent arrives");
  }
};

/// What the sockets do to either kind of subject. False: `op` is none of these.
bool scriptSide(uint8_t op, Side& side, bool client, Schedule& schedule) {
  switch (op) {
    case 0:
    case 1:
      side.feed(schedule.bytes());
      return true;
    case 2:
      side.peer.open(schedule.bytes());
      return true;
    case 3: {
      constexpr std::array kEnds = {IoStatus::kEof, IoStatus::kReset, IoStatus::kFailed,
                                    IoStatus::kTruncated};
      const IoStatus end = kEnds[schedule.byte() % (client ? 4 : 3)];
      if (end == IoStatus::kFailed)
        side.peer.failure = {CloseCause::kTlsSent, "bad_record_mac", "scripted"};
      side.end(end);
      return true;
    }
    case 4:
      if (schedule.chance(3)) side.reset();
      return true;
    case 5:
      side.peer.acknowledge();
      return true;
    case 6:
      side.peer.emptyReads = schedule.byte() % 4;
      return true;
    case 7:
      if (client && schedule.chance(4)) side.failWrites();  // TLS only: a plain socket resets
      return true;
    case 8:
      side.peer.window = 0;
      return true;
    default:
      return false;
  }
}

// --- a Pump alone

void fuzzPump(Schedule& schedule) {
  BufferPool pool;
  CounterBlock counters;
  ScriptedPeer from;
  ScriptedPeer to;
  ScriptedStream source(from);
  ScriptedStream sink(to);
  Side sender(from, 1);
  Side receiver(to, 2);
  const size_t fifo = size_t{32 * 1024} << (schedule.byte() % 3);
  if (schedule.chance(2)) to.overhead = kOverhead;
  sender.configure(schedule);
  receiver.configure(schedule);
  TimePoint now = TimePoint{} + std::chrono::hours(1);
  Pump pump(Direction::kInbound, pool, fifo, counters);
  const bool sinkLater = schedule.chance(4);
  pump.setSource(&source);
  if (!sinkLater) pump.setSink(&sink);

  const auto check = [&] {
    receiver.checkArrivals(sender);
    require(from.taken == pump.delivered() + pump.buffered() + pump.lost(),
            "every byte is somewhere");
    require(pump.waiting() <= fifo + kSealedAtOnce * kOverhead, "the FIFO keeps its bound");
    require(pump.paused() || pump.waiting() + ByteStream::kReadUnit <= fifo ||
                pump.sourceEnd() != SourceEnd::kOpen || pump.sinkBroken() || sinkLater ||
                pump.waiting() > fifo - ByteStream::kReadUnit,
            "reading goes on while there is room");
    require(pump.wantsWrite() || pump.waiting() == 0 || pump.sinkBroken() || sinkLater,
            "what waits wants to be written");
  };
  while (!schedule.over()) {
    const uint8_t op = schedule.byte();
    now += Millis(op >> 6);
    if (scriptSide(op & 15, (op & 16) != 0 ? sender : receiver, true, schedule)) continue;
    switch (op & 15) {
      case 9:
        pump.pull(now);
        break;
      case 10:
        pump.push(now);
        break;
      default:
        pump.run(now);
    }
    check();
  }
  pump.setSink(&sink);
  sender.release();
  receiver.release();
  for (size_t i = 0; i < 4 * kFeedAtMost / 700; ++i) {
    pump.run(now);
    check();
  }
  const bool clean = pump.sourceEnd() == SourceEnd::kClean;
  require(pump.sourceEnd() != SourceEnd::kOpen || pump.sinkBroken(), "the source's end is seen");
  if (receiver.sound) {
    require(pump.buffered() == 0, "everything is delivered");
    require(receiver.arrived == from.taken, "everything arrives");
    require(pump.done() == clean && to.finSeen == clean, "a clean end travels, no other does");
    require(!pump.wantsWrite() && !pump.paused() && pump.stalledSince() == kNever,
            "nothing is left to do");
    if (clean) require(receiver.arrived == sender.fed, "a clean end comes after every byte");
  }
  pump.discard();
  require(from.taken == pump.delivered() + pump.lost(), "losses are counted");
}

// --- a whole Tunnel

class TunnelFuzz {
 public:
  explicit TunnelFuzz(Schedule& schedule) : schedule_(schedule) {}

  void run() {
    configure();
    b_.open();
    while (!schedule_.over() && b_.tunnel != nullptr) {
      step();
      check();
    }
    finish();
    checkEnd();
  }

 private:
  void configure() {
    const uint8_t flags = schedule_.byte();
    if ((flags & 1) != 0) b_.client.overhead = kOverhead;
    b_.options.truncationAsFin = (flags & 2) != 0;
    b_.options.fifoSize = size_t{32 * 1024} << (flags >> 2) % 3;
    b_.options.idleTimeout = b_.options.stallTimeout = Millis(0);
    b_.dialing.atOnce = (flags & 16) != 0;
    b_.dialing.preface = (flags & 32) != 0 ? 100 : 0;
    if ((flags & 192) == 192) b_.dialing.failure = CloseReason{CloseCause::kBackendRefused, "", ""};
    constexpr std::array kPlans = {kHandshakeThenConnect, kBothHandshakes, kConnectThenHandshake,
                                   kConnectOnly};
    const uint8_t steps = schedule_.byte();
    b_.options.plan = kPlans[steps >> 6];
    if (b_.options.plan.has(OpeningStep::kClientHandshake))
      for (uint8_t n = steps % 4; n > 0; --n) pushHandshake(b_.client);
    if (b_.options.plan.has(OpeningStep::kBackendHandshake))
      for (uint8_t n = steps / 4 % 4; n > 0; --n) pushHandshake(b_.backend);
    client_.configure(schedule_);
    backend_.configure(schedule_);
  }

  void pushHandshake(ScriptedPeer& peer) {
    constexpr std::array kAnswers = {IoStatus::kBlocked, IoStatus::kBlocked,  IoStatus::kBlocked,
                                     IoStatus::kOk,      IoStatus::kEof,      IoStatus::kReset,
                                     IoStatus::kFailed,  IoStatus::kTruncated};
    const IoStatus answer = kAnswers[schedule_.byte() % kAnswers.size()];
    if (answer == IoStatus::kFailed)
      peer.failure = {CloseCause::kTlsSent, "handshake_failure", "scripted"};
    peer.handshakes.push_back(answer);
  }

  void step() {
    const uint8_t op = schedule_.byte();
    const bool client = (op & 16) != 0;
    Side& side = client ? client_ : backend_;
    if (scriptSide(op & 15, side, client, schedule_)) return;
    switch (op & 15) {
      case 9:
        side.peer.fireReadable();
        break;
      case 10:
        side.peer.fireWritable();
        break;
      case 11:
        expect(b_.settle(), "nothing spins");
        break;
      case 12:
        b_.answerDial();
        break;
      case 13:
        if (schedule_.byte() % 8 != 0) break;
        cut_ = true;
        b_.tunnel->close({CloseCause::kDrain});
        break;
      case 14:
        side.peer.fireReadable();
        side.peer.fireWritable();
        [[fallthrough]];
      default:
        b_.loop.turn(false);
    }
  }

  void check() {
    backend_.checkArrivals(client_);
    client_.checkArrivals(backend_);
    if (b_.tunnel == nullptr) return;
    checkPump(b_.tunnel->inbound(), b_.client);
    checkPump(b_.tunnel->outbound(), b_.backend);
    expect(b_.pool.leasedBytes() <= 2 * (b_.options.fifoSize + RingBuffer::kSpare),
           "memory keeps its bound");
    expect(b_.report.ended == 0, "the end is reported at the end");
  }

  void checkPump(const Pump& pump, const ScriptedPeer& from) {
    expect(pump.waiting() <= b_.options.fifoSize + kSealedAtOnce * kOverhead,
           "the FIFO keeps its bound");
    if (pump.lost() == 0)
      expect(from.taken == pump.delivered() + pump.buffered(), "every byte is somewhere");
  }

  /// The schedule is over: whatever stood still goes on, and the tunnel has to end by itself.
  void finish() {
    client_.release();
    backend_.release();
    for (int turns = 0; b_.report.hostsGone == 0; ++turns) {
      expect(turns < 200, "the tunnel ends when the schedule does");
      expect(b_.settle(), "nothing spins");
      b_.answerDial();
      check();
      if (b_.report.hostsGone != 0) break;
      // What is acknowledged is asked for by timer, every 2 ms at first.
      b_.guard.armBy(b_.loop.now() + Millis(turns < 100 ? 1 : 20));
      b_.loop.turn(true);
    }
    b_.loop.turn(false);
    check();
  }

  void expect(bool condition, const char* what) const {
    if (!condition) describe();
    require(condition, what);
  }

  /// For a person who looks at a failure.
  void describe() const {
    for (const ScriptedPeer* p : {&b_.client, &b_.backend}) {
      std::fprintf(stderr,
                   "%s: stands %d watched r%d w%d input %zu end %d write end %d backlog %zu taken "
                   "%zu fin %d abort %d\n",
                   p == &b_.client ? "client" : "backend", p->stream != nullptr, p->watchedRead,
                   p->watchedWrite, p->input.size(), static_cast<int>(p->inputEnd),
                   static_cast<int>(p->writeEnd), p->stream != nullptr ? p->stream->backlog() : 0,
                   p->taken, p->finSeen, p->aborted);
    }
    if (b_.tunnel == nullptr) return;
    std::fprintf(stderr, "state %d cause %s\n", static_cast<int>(b_.tunnel->state()),
                 b_.tunnel->reason().text().c_str());
    for (const Pump* p : {&b_.tunnel->inbound(), &b_.tunnel->outbound()}) {
      std::fprintf(stderr,
                   "pump: buffered %zu waiting %zu paused %d source end %d broken %d done %d\n",
                   p->buffered(), p->waiting(), p->paused(), static_cast<int>(p->sourceEnd()),
                   p->sinkBroken(), p->done());
    }
  }

  void checkEnd() {
    expect(b_.report.ended == 1 && b_.report.hostsGone == 1, "the end is reported once");
    expect(b_.clientStoodAtEnd, "the client's stream stands at the report");
    expect(b_.tunnels.empty() && b_.client.stream == nullptr && b_.backend.stream == nullptr,
           "everything is freed");
    expect(b_.pool.leasedBytes() == 0, "all memory is given back");
    expect(b_.count(Counter::kTunnelsActive) == 0 && b_.count(Counter::kTunnelsClosed) == 1,
           "the end is counted");
    expect(b_.count(Counter::kBytesLostInbound) == b_.report.inboundLost, "losses are counted");
    expect(b_.count(Counter::kBytesLostOutbound) == b_.report.outboundLost, "losses are counted");
    checkLoss(client_, backend_, b_.report.inboundLost);
    checkLoss(backend_, client_, b_.report.outboundLost);
    if (b_.client.finSeen && b_.backend.finSeen && !b_.client.aborted && !b_.backend.aborted &&
        client_.sound && backend_.sound && b_.report.cause.ends_with("-fin")) {
      expect(backend_.arrived == client_.fed && client_.arrived == backend_.fed,
             "a tunnel that ends in order lost nothing");
      expect(b_.report.inboundLost + b_.report.outboundLost == 0, "and says so");
    }
    if (cut_ || b_.count(Counter::kBackendConnectsOk) == 0 || !b_.report.opened) return;
    // What was taken from a side before it broke is delivered, as long as the other side is there
    // to take it.
    if (backend_.sound && b_.backend.inputEnd != IoStatus::kFailed) {
      expect(backend_.arrived == b_.client.taken, "what the client said is delivered");
    }
    if (client_.sound && b_.client.inputEnd == IoStatus::kEof && !b_.client.failure) {
      expect(client_.arrived == b_.backend.taken, "what the backend said is delivered");
    }
  }

  void checkLoss(const Side& from, const Side& to, uint64_t lost) {
    const size_t missing = from.peer.taken - to.arrived;
    // Of a record that was cut off on its way only the rest is counted.
    const size_t cut = to.peer.overhead != 0 ? ScriptedPeer::kRecord : 0;
    if (to.sound) expect(missing <= lost + cut, "whatever did not arrive is counted as lost");
    expect(
        lost <= missing + to.peer.unacknowledged + b_.dialing.preface + kSealedAtOnce * kOverhead,
        "nothing is lost twice");
  }

  Schedule& schedule_;
  TunnelBench b_;
  Side client_{b_.client, 1};
  Side backend_{b_.backend, 2};
  bool cut_ = false;
};

}  // namespace
}  // namespace culvert

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 4096) return 0;
  culvert::Schedule schedule(data, size);
  if (schedule.byte() % 4 == 0) {
    culvert::fuzzPump(schedule);
  } else {
    culvert::TunnelFuzz(schedule).run();
  }
  return 0;
}
