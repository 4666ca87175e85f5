// SPDX-License-Identifier: GPL-3.0-or-later
// What is counted and recorded for one tunnel, once for each step, and nothing if nobody looks.
#include "worker/session_meter.h"

#include <gtest/gtest.h>

#include "stats/counter_registry.h"

namespace culvert {
namespace {

constexpr TimePoint kStart = TimePoint{} + std::chrono::hours(1);

TimePoint at(int millis) { return kStart + Millis{millis}; }

TunnelTimes openedTunnel() {
  return {.accepted = at(0),
          .handshakeDone = at(10),
          .connected = at(15),
          .opened = at(35),
          .firstBackendByte = at(45),
          .ended = {}};
}

uint64_t millisOf(const CounterRegistry& registry, Timing timing) {
  return registry.timings().get(timing).sumMicros() / 1000;
}

TEST(SessionMeter, SpansOfATunnelWhoseClientSpeaksTlsFirst) {
  const OpeningSpans spans = openingSpans(openedTunnel());
  EXPECT_EQ(*spans.handshake, Millis{10});
  EXPECT_EQ(*spans.connect, Millis{5});
  EXPECT_EQ(*spans.backendHandshake, Millis{20});
  EXPECT_EQ(*spans.firstByte, Millis{30});
}

TEST(SessionMeter, SpansWithTheHandshakeBehindTheConnect) {
  TunnelTimes times = openedTunnel();
  times.connected = at(4);
  const OpeningSpans spans = openingSpans(times);
  EXPECT_EQ(*spans.connect, Millis{4});
  EXPECT_EQ(*spans.handshake, Millis{6});
}

TEST(SessionMeter, SpansOfStepsThatAreNotDone) {
  OpeningSpans spans = openingSpans({.accepted = at(0)});
  EXPECT_FALSE(spans.handshake || spans.connect || spans.backendHandshake || spans.firstByte);
  spans = openingSpans({.accepted = at(0), .handshakeDone = at(10)});
  EXPECT_TRUE(spans.handshake);
  EXPECT_FALSE(spans.connect);
}

TEST(SessionMeter, EachStepIsRecordedOnce) {
  CounterRegistry registry;
  registry.enableTimings();
  ServiceCounts counts;
  {
    SessionMeter meter(registry.addBlock(), cellOf(&counts, 2));
    EXPECT_TRUE(meter.on());
    EXPECT_EQ(counts.totals().get(ServiceCount::kTunnels), 1u);
    TunnelTimes times{.accepted = at(0), .handshakeDone = at(10)};
    meter.note(times, {.clientTls = true});
    times = openedTunnel();
    for (int i = 0; i < 3; ++i) meter.note(times, {.clientTls = true, .backendTls = true});
  }
  EXPECT_EQ(counts.totals().get(ServiceCount::kTunnels), 0u);
  EXPECT_EQ(counts.totals().get(ServiceCount::kHandshakesOk), 1u);
  EXPECT_EQ(counts.totals().get(ServiceCount::kHandshakesResumed), 0u);
  EXPECT_EQ(registry.timings().get(Timing::kHandshakeFull).count(), 1u);
  EXPECT_EQ(millisOf(registry, Timing::kHandshakeFull), 10u);
  EXPECT_EQ(millisOf(registry, Timing::kConnect), 5u);
  EXPECT_EQ(millisOf(registry, Timing::kBackendHandshake), 20u);
  EXPECT_EQ(millisOf(registry, Timing::kFirstByte), 30u);
  EXPECT_EQ(registry.timings().get(Timing::kHandshakeResumed).count(), 0u);
}

TEST(SessionMeter, ResumedHandshakesHaveTheirOwnHistogram) {
  CounterRegistry registry;
  registry.enableTimings();
  ServiceCounts counts;
  SessionMeter meter(registry.addBlock(), cellOf(&counts, 0));
  meter.note(openedTunnel(), {.clientTls = true, .resumed = true});
  EXPECT_EQ(counts.totals().get(ServiceCount::kHandshakesOk), 1u);
  EXPECT_EQ(counts.totals().get(ServiceCount::kHandshakesResumed), 1u);
  EXPECT_EQ(registry.timings().get(Timing::kHandshakeResumed).count(), 1u);
  EXPECT_EQ(registry.timings().get(Timing::kHandshakeFull).count(), 0u);
}

TEST(SessionMeter, EndsWithoutTlsHaveNoHandshake) {
  CounterRegistry registry;
  registry.enableTimings();
  ServiceCounts counts;
  SessionMeter meter(registry.addBlock(), cellOf(&counts, 0));
  meter.note(openedTunnel(), {});
  EXPECT_EQ(counts.totals().get(ServiceCount::kHandshakesOk), 0u);
  EXPECT_EQ(registry.timings().get(Timing::kHandshakeFull).count(), 0u);
  EXPECT_EQ(registry.timings().get(Timing::kBackendHandshake).count(), 0u);
  EXPECT_EQ(registry.timings().get(Timing::kConnect).count(), 1u);
}

TEST(SessionMeter, IsOffUnlessSomebodyLooks) {
  CounterRegistry registry;
  SessionMeter meter(registry.addBlock(), cellOf(nullptr, 0));
  EXPECT_FALSE(meter.on());
  EXPECT_EQ(meter.bytesTo(Direction::kInbound), nullptr);
  EXPECT_EQ(meter.bytesTo(Direction::kOutbound), nullptr);
  meter.add(ServiceCount::kRefused);
  registry.enableTimings();
  EXPECT_TRUE(meter.on());
}

TEST(SessionMeter, BytesGoToTheService) {
  CounterRegistry registry;
  ServiceCounts counts;
  SessionMeter meter(registry.addBlock(), cellOf(&counts, 0));
  meter.bytesTo(Direction::kInbound)->add(3);
  meter.bytesTo(Direction::kOutbound)->add(5);
  EXPECT_EQ(counts.totals().get(ServiceCount::kBytesIn), 3u);
  EXPECT_EQ(counts.totals().get(ServiceCount::kBytesOut), 5u);
}

TEST(SessionMeter, RefusalsAreOfAHoldOrOfABackend) {
  ServiceCounts counts;
  ServiceCell& cell = counts.cell(0);
  countRefusal(CloseCause::kLimit, cell);
  countRefusal(CloseCause::kDenied, cell);
  countRefusal(CloseCause::kBackendEjected, cell);
  countRefusal(CloseCause::kInternal, cell);
  EXPECT_EQ(counts.totals().get(ServiceCount::kRefused), 2u);
  EXPECT_EQ(counts.totals().get(ServiceCount::kBackendFailures), 1u);
}

TEST(SessionMeter, AlertsAreCountedByNameAndSender) {
  CounterRegistry registry;
  CounterBlock& block = registry.addBlock();
  countAlert({CloseCause::kTlsReceived, "unknown_ca"}, block);
  countAlert({CloseCause::kTlsSent, "bad_record_mac"}, block);
  countAlert({CloseCause::kTlsSent, "bad_record_mac"}, block);
  countAlert({CloseCause::kBackendTlsReceived, "unknown_ca"}, block);  // not the client's
  countAlert({CloseCause::kTlsError, "unknown_ca"}, block);
  countAlert({CloseCause::kTlsReceived, "alert 77"}, block);
  const CounterSnapshot sum = registry.snapshot();
  EXPECT_EQ(sum.alert(AlertFrom::kClient, 48), 1u);
  EXPECT_EQ(sum.alert(AlertFrom::kCulvert, 20), 2u);
  uint64_t all = 0;
  for (uint8_t i = 0; i < kMaxAlerts; ++i)
    all += sum.alert(AlertFrom::kClient, i) + sum.alert(AlertFrom::kCulvert, i);
  EXPECT_EQ(all, 3u);
}

}  // namespace
}  // namespace culvert
