// SPDX-License-Identifier: GPL-3.0-or-later
// Tickets in real handshakes: what they are bound to, how long they are good, whose clocks count.
#include "tls/session/ticket_guard.h"

#include <gtest/gtest.h>
#include <sys/time.h>

#include <ctime>
#include <functional>

#include "base/big_endian.h"
#include "tls/session/tls_context.h"
#include "unit/tls/support/memory_handshake.h"
#include "unit/tls/support/tls_test.h"

namespace culvert {
namespace {

using std::chrono::seconds;
using std::chrono::system_clock;

/// How far the clock that wolfSSL sees is off: the clock of the replica that seals.
seconds skew{0};

timespec skewedNow() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  now.tv_sec += skew.count();
  return now;
}

}  // namespace
}  // namespace culvert

// In the place of the C library's, which wolfSSL calls: milliseconds in TLS 1.3, seconds in 1.2.
extern "C" int gettimeofday(timeval* tv, void*) noexcept {
  const timespec now = culvert::skewedNow();
  *tv = {now.tv_sec, now.tv_nsec / 1000};
  return 0;
}
extern "C" time_t time(time_t* out) noexcept {
  const time_t now = culvert::skewedNow().tv_sec;
  if (out != nullptr) *out = now;
  return now;
}

namespace culvert {
namespace {

class TlsTicketTest : public TlsTest {
 protected:
  /// Connects once and gives the client's session with its ticket.
  WOLFSSL_SESSION* ticketFrom(const ClientOptions& client, const TestTls& settings,
                              seconds clockOfServer = seconds{0}) {
    MemoryHandshake first(client, settings, keys_.get());
    skew = clockOfServer;
    EXPECT_TRUE(first.run()) << first.failure().detail;
    skew = seconds{0};  // a TLS 1.3 client takes the ticket only now, by a clock that is right
    EXPECT_TRUE(first.exchange());
    EXPECT_FALSE(first.facts().resumed);
    return wolfSSL_get1_session(first.client());
  }
  /// Whether a connection with this ticket resumes; it must succeed in any case. wolfSSL's client
  /// offers no ticket that is too old by `clockOfClient`.
  bool resumes(ClientOptions client, const TestTls& settings, WOLFSSL_SESSION* session,
               seconds clockOfClient = seconds{0}) {
    client.session = session;
    skew = clockOfClient;
    MemoryHandshake second(client, settings, keys_.get());
    skew = seconds{0};
    const bool done = second.run();
    // The client of older releases, not their server, fails where a TLS 1.2 ticket is refused.
    const bool bearsRefusal = LIBWOLFSSL_VERSION_HEX >= 0x05009000 || client.maxVersion != kTls12;
    if (!done && !bearsRefusal) return false;
    EXPECT_TRUE(done) << second.failure().detail;
    EXPECT_TRUE(second.exchange());
    return second.facts().resumed;
  }
  /// Puts the ring into another period.
  void rotateBy(int periods) {
    ASSERT_TRUE(keys_->rotate(system_clock::now() + periods * kTicketRotation).has_value());
  }
  std::unique_ptr<TicketKeys> keys_ = freshTicketKeys();
};

/// The same in both versions.
class TlsTicketOfTest : public TlsTicketTest, public ::testing::WithParamInterface<uint16_t> {
 protected:
  TlsTicketOfTest() { client_.minVersion = client_.maxVersion = GetParam(); }

  /// Whether a ticket of the service as it is by default resumes at the service after `change`.
  bool survives(const std::function<void(TestTls&)>& change) {
    TestTls settings = testSettings();
    WOLFSSL_SESSION* session = ticketFrom(client_, settings);
    EXPECT_NE(session, nullptr);
    change(settings);
    const bool resumed = resumes(client_, settings, session);
    wolfSSL_SESSION_free(session);
    return resumed;
  }
  ClientOptions client_;
};
INSTANTIATE_TEST_SUITE_P(Versions, TlsTicketOfTest, ::testing::Values(kTls12, kTls13),
                         [](const auto& info) {
                           return std::string(info.param == kTls12 ? "Tls12" : "Tls13");
                         });

TEST_P(TlsTicketOfTest, ResumesWhereNothingHasChanged) {
  EXPECT_TRUE(survives([](TestTls&) {}));
}

TEST_P(TlsTicketOfTest, IsBoundToTheService) {
  EXPECT_FALSE(survives([](TestTls& s) { s.service = "other"; }));
}

TEST_P(TlsTicketOfTest, IsBoundToTheProtocols) {
  EXPECT_FALSE(survives([](TestTls& s) { s.alpn = {"h2"}; }));
}

TEST_P(TlsTicketOfTest, IsNotLookedAtWithoutTickets) {
  EXPECT_FALSE(survives([](TestTls& s) { s.sessionTickets = false; }));
}

TEST_P(TlsTicketOfTest, IsBoundToTheVersions) {
  EXPECT_FALSE(survives(
      [](TestTls& s) { (GetParam() == kTls12 ? s.maxVersion : s.minVersion) = GetParam(); }));
}

TEST_P(TlsTicketOfTest, IsBoundToTheSuites) {
  EXPECT_FALSE(survives([](TestTls& s) {
    if (GetParam() == kTls12)
      s.ciphers = {s.suites12().rbegin(), s.suites12().rend() - 2};
    else
      s.ciphersuites = {s.suites13().rbegin(), s.suites13().rend() - 1};
  }));
}

TEST_P(TlsTicketOfTest, IsNotBoundToTheOrderOfTheSuites) {
  EXPECT_TRUE(survives([](TestTls& s) {
    // As on a CPU without AES instructions; the first suite stays the one that is chosen.
    s.ciphers = s.suites12();
    s.ciphersuites = s.suites13();
    std::swap(s.ciphers.back(), s.ciphers[s.ciphers.size() - 2]);
    std::swap(s.ciphersuites.back(), s.ciphersuites[s.ciphersuites.size() - 2]);
  }));
}

TEST_P(TlsTicketOfTest, IsBoundToTheGroups) {
  client_.groups = {0x001d, 0x0017, 0x0018};
  EXPECT_FALSE(survives([](TestTls& s) { s.groups = {0x0018}; }));
}

TEST_P(TlsTicketOfTest, IsBoundToTheKindOfKey) {
  EXPECT_FALSE(survives([](TestTls& s) { s.credentials = testSettings({"rsa"}).credentials; }));
}

/// The context here asks nobody and would take the ticket: what refuses it is the binding.
TEST_P(TlsTicketOfTest, IsBoundToWhatIsAskedOfClients) {
  const auto asking = [](VerifyClient mode, uint8_t contents) {
    PeerAuth auth;
    auth.mode = mode;
    auth.contentHash.fill(contents);
    return std::make_shared<const PeerAuth>(std::move(auth));
  };
  const auto required = asking(VerifyClient::kRequired, 1);
  EXPECT_FALSE(survives([&](TestTls& s) { s.peerAuth = required; }));

  TestTls settings = testSettings();
  settings.peerAuth = required;
  WOLFSSL_SESSION* session = ticketFrom(client_, settings);
  EXPECT_TRUE(resumes(client_, settings, session));
  for (const auto& other :
       {asking(VerifyClient::kOptional, 1), asking(VerifyClient::kRequired, 2), {}}) {
    settings.peerAuth = other;
    EXPECT_FALSE(resumes(client_, settings, session));
  }
  wolfSSL_SESSION_free(session);
}

TEST_P(TlsTicketOfTest, SurvivesOneRotationAndNotTwo) {
  TestTls settings = testSettings();
  WOLFSSL_SESSION* session = ticketFrom(client_, settings);
  rotateBy(1);
  EXPECT_TRUE(resumes(client_, settings, session));
  rotateBy(2);
  EXPECT_FALSE(resumes(client_, settings, session));
  wolfSSL_SESSION_free(session);
}

TEST_P(TlsTicketOfTest, IsBoundToTheServerName) {
  TestTls settings = testSettings();
  WOLFSSL_SESSION* session = ticketFrom(client_, settings);
  for (const char* name : {"a.wild.example.org", "www.example.or", ""}) {
    client_.serverName = name;
    EXPECT_FALSE(resumes(client_, settings, session)) << name;
  }
  wolfSSL_SESSION_free(session);
}

TEST_P(TlsTicketOfTest, IsGoodAsLongAsClientsAreTold) {
  TestTls settings = testSettings();
  const seconds life{kTicketRotation};
  for (const seconds age : {seconds{0}, life - seconds{60}, life + seconds{2}}) {
    WOLFSSL_SESSION* session = ticketFrom(client_, settings, -age);
    EXPECT_EQ(resumes(client_, settings, session, -age), age < life) << age.count() << " s";
    wolfSSL_SESSION_free(session);
  }
  settings.ticketLifetime = Millis{2500};
  for (const seconds age : {seconds{1}, seconds{4}}) {
    WOLFSSL_SESSION* session = ticketFrom(client_, settings, -age);
    EXPECT_EQ(resumes(client_, settings, session, -age), age == seconds{1}) << age.count() << " s";
    wolfSSL_SESSION_free(session);
  }
}

TEST_P(TlsTicketOfTest, BearsWithClocksThatDiffer) {
  TestTls settings = testSettings();
  for (const seconds ahead : {seconds{-300}, seconds{-15}, seconds{5}, seconds{300}}) {
    WOLFSSL_SESSION* session = ticketFrom(client_, settings, ahead);
    EXPECT_TRUE(resumes(client_, settings, session)) << ahead.count() << " s";
    wolfSSL_SESSION_free(session);
  }
}

/// What handshake-rate lets pass: only a ticket that would really open.
class TicketVerdictTest : public TlsTicketOfTest {
 protected:
  void SetUp() override {
    WOLFSSL_SESSION* session = ticketFrom(client_, settings_);
    client_.session = session;
    second_ = std::make_unique<MemoryHandshake>(client_, settings_, keys_.get());
    ASSERT_TRUE(second_->run());
    wolfSSL_SESSION_free(session);
    ASSERT_TRUE(second_->facts().resumed);
    hello_ = second_->hello;
  }
  /// The verdict of a service with `settings` on hello_.
  bool canResume(const TestTls& settings) {
    auto context = TlsContext::create(settings, settings.credentials[second_->credential],
                                      keys_.get(), memoryRecv, memorySend);
    EXPECT_TRUE(context.has_value()) << context.error().text;
    return context && context->canResume(hello_, GetParam());
  }
  bool canResume() { return canResume(settings_); }
  /// The tickets of the hello, which the test may change.
  std::vector<uint8_t> copyOfTickets() const {
    const auto from = GetParam() == kTls13 ? hello_.tickets13 : hello_.ticket12;
    return {from.begin(), from.end()};
  }
  void offer(const std::vector<uint8_t>& tickets) {
    (GetParam() == kTls13 ? hello_.tickets13 : hello_.ticket12) = tickets;
  }

  TestTls settings_ = testSettings();
  std::unique_ptr<MemoryHandshake> second_;
  ClientHello hello_;
};
INSTANTIATE_TEST_SUITE_P(Versions, TicketVerdictTest, ::testing::Values(kTls12, kTls13),
                         [](const auto& info) {
                           return std::string(info.param == kTls12 ? "Tls12" : "Tls13");
                         });

TEST_P(TicketVerdictTest, AgreesWithTheHandshake) {
  EXPECT_TRUE(canResume());
  TestTls other = settings_;
  other.service = "other";
  EXPECT_FALSE(canResume(other));
  other = settings_;
  other.sessionTickets = false;
  EXPECT_FALSE(canResume(other));
  rotateBy(2);
  EXPECT_FALSE(canResume());
}

TEST_P(TicketVerdictTest, NeedsTheNameAndTheSuiteOfTheTicket) {
  hello_.serverName = "a.wild.example.org";
  EXPECT_FALSE(canResume());
  hello_ = second_->hello;
  hello_.cipherSuites = {};
  EXPECT_FALSE(canResume());
}

TEST_P(TicketVerdictTest, NoByteMayBeChanged) {
  const std::vector<uint8_t> real = copyOfTickets();
  // In TLS 1.3, the length is in front of the ticket and the age behind it.
  const size_t first = GetParam() == kTls13 ? 2 : 0;
  const size_t last = real.size() - (GetParam() == kTls13 ? 4 : 0);
  for (size_t at = first; at < last; ++at) {
    std::vector<uint8_t> forged = real;
    forged[at] ^= 0x40;
    offer(forged);
    ASSERT_FALSE(canResume()) << "byte " << at;
  }
  offer(real);
  EXPECT_TRUE(canResume());
}

TEST_P(TicketVerdictTest, BearsWithTicketsOfAnySize) {
  const std::vector<uint8_t> real = copyOfTickets();
  const size_t head = GetParam() == kTls13 ? 2 : 0;
  for (size_t size = 0; size < 1200; size += size < 140 ? 1 : 97) {
    std::vector<uint8_t> cut(real.begin(), real.begin() + static_cast<ptrdiff_t>(head));
    for (size_t i = 0; i < size; ++i) cut.push_back(real[(head + i) % real.size()]);
    if (GetParam() == kTls13) {
      putBigEndian(size, {cut.data(), 2});
      cut.insert(cut.end(), 4, 0);
    }
    offer(cut);
    if (size + head + (head != 0 ? 4 : 0) != real.size()) {
      ASSERT_FALSE(canResume()) << size << " bytes";
    }
  }
}

TEST_P(TicketVerdictTest, LooksAtFewTicketsOnly) {
  if (GetParam() != kTls13) return;
  const std::vector<uint8_t> real = copyOfTickets();
  std::vector<uint8_t> many;
  for (unsigned i = 0; i < TicketGuard::kMostLooked; ++i) {
    many.insert(many.begin(), {0, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0});
    std::vector<uint8_t> list = many;
    list.insert(list.end(), real.begin(), real.end());
    offer(list);
    EXPECT_EQ(canResume(), i + 1 < TicketGuard::kMostLooked) << i;
  }
}

/// The identities of a pre_shared_key extension: sizes and ages, filled with 1, 2, 3...
std::vector<uint8_t> identities(const std::vector<std::pair<size_t, uint32_t>>& tickets) {
  std::vector<uint8_t> out;
  uint8_t fill = 1;
  for (const auto& [size, age] : tickets) {
    out.push_back(static_cast<uint8_t>(size >> 8));
    out.push_back(static_cast<uint8_t>(size));
    out.insert(out.end(), size, fill++);
    for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<uint8_t>(age >> shift));
  }
  return out;
}

TicketLabel labelOf(uint8_t name, uint8_t iv) {
  TicketLabel label{};
  label.name.fill(name);
  label.iv.fill(iv);
  return label;
}

TEST(OfferedTicketsTest, KnowsTheAgeOfEachTicket) {
  const auto bytes = identities({{200, 5}, {31, 6}, {32, 0xfffffffe}});
  ClientHello hello;
  hello.tickets13 = bytes;
  const OfferedTickets offered(hello);
  EXPECT_EQ(offered.ageOf(labelOf(1, 1)), 5u);
  EXPECT_EQ(offered.ageOf(labelOf(2, 2)), std::nullopt) << "too short for one of ours";
  EXPECT_EQ(offered.ageOf(labelOf(3, 3)), 0xfffffffeu);
  EXPECT_EQ(offered.ageOf(labelOf(1, 3)), std::nullopt);
}

}  // namespace
}  // namespace culvert
