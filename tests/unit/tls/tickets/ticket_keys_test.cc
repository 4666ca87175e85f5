// SPDX-License-Identifier: GPL-3.0-or-later
// The ticket key ring: sealing, binding, rotation, and readers on other threads while it rotates.
#include "tls/tickets/ticket_keys.h"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "base/bytes.h"

namespace culvert {
namespace {

using Opened = TicketKeys::Opened;

constexpr std::string_view kSecret = "0123456789abcdef0123456789abcdef";
constexpr std::string_view kOther = "0123456789abcdef0123456789abcdeF";
constexpr Millis kRotation{1000};

TicketSecrets secrets(std::string_view first, std::string_view second = {}) {
  TicketSecrets made;
  made.emplace_back(asBytes(first));
  if (!second.empty()) made.emplace_back(asBytes(second));
  return made;
}

TicketKeys::WallTime at(int64_t period) { return TicketKeys::WallTime(period * kRotation); }

std::unique_ptr<TicketKeys> ring(TicketSecrets of, int64_t period = 100) {
  auto made = TicketKeys::create(std::move(of), kRotation, at(period));
  EXPECT_TRUE(made.has_value());
  return std::move(*made);
}
std::unique_ptr<TicketKeys> ring() { return ring(secrets(kSecret)); }

struct Ticket {
  std::vector<uint8_t> bytes;
  TicketLabel label;
};

const std::string kPlain = "a master secret and what belongs to it";

Ticket sealed(const TicketKeys& keys, const TicketScope& scope = {{}, "a.example"},
              uint8_t generation = 0) {
  Ticket ticket{{kPlain.begin(), kPlain.end()}, {}};
  EXPECT_TRUE(keys.seal(scope, generation, ticket.bytes, ticket.label));
  return ticket;
}

Opened open(const TicketKeys& keys, Ticket ticket, const TicketScope& scope = {{}, "a.example"}) {
  Opened opened = keys.open(scope, ticket.label, ticket.bytes);
  if (opened != Opened::kNo) {
    EXPECT_EQ(std::string(ticket.bytes.begin(), ticket.bytes.end()), kPlain);
  }
  return opened;
}

TEST(TicketKeysTest, OpensWhatItSealed) {
  auto keys = ring();
  Ticket ticket = sealed(*keys);
  EXPECT_NE(std::string(ticket.bytes.begin(), ticket.bytes.end()), kPlain);
  EXPECT_EQ(open(*keys, ticket), Opened::kYes);
  Ticket again = sealed(*keys);
  EXPECT_EQ(again.label.name, ticket.label.name);
  EXPECT_NE(again.label.iv, ticket.label.iv);
  EXPECT_NE(again.bytes, ticket.bytes);
}

TEST(TicketKeysTest, RefusesWhatWasChanged) {
  auto keys = ring();
  Ticket good = sealed(*keys);
  for (size_t i = 0; i < good.bytes.size(); ++i) {
    Ticket bad = good;
    bad.bytes[i] ^= 1;
    EXPECT_EQ(open(*keys, bad), Opened::kNo);
  }
  for (size_t i = 0; i < 16; ++i) {
    Ticket bad = good;
    bad.label.iv[i] ^= 1;
    EXPECT_EQ(open(*keys, bad), Opened::kNo);
    bad = good;
    bad.label.name[i] ^= 1;
    EXPECT_EQ(open(*keys, bad), Opened::kNo);
    bad = good;
    bad.label.mac[i] ^= 1;
    EXPECT_EQ(open(*keys, bad), Opened::kNo);
  }
  TicketBinding other{};
  other[31] = 1;
  EXPECT_EQ(open(*keys, good, {other, "a.example"}), Opened::kNo) << "another service";
  EXPECT_EQ(open(*keys, good, {{}, "a.exampl"}), Opened::kNo) << "another name";
  EXPECT_EQ(open(*keys, good, {{}, ""}), Opened::kNo) << "no name";
}

TEST(TicketKeysTest, OpensNoTicketOfTooLateAGeneration) {
  auto keys = ring();
  Ticket last = sealed(*keys, {{}, "a.example"}, kLastTicketGeneration);
  EXPECT_EQ(last.label.generation(), kLastTicketGeneration);
  EXPECT_EQ(open(*keys, last), Opened::kYes);
  EXPECT_EQ(open(*keys, sealed(*keys, {{}, "a.example"}, kLastTicketGeneration + 1)), Opened::kNo);
}

TEST(TicketKeysTest, RotatesThroughThreeKeys) {
  auto keys = ring();
  Ticket ticket = sealed(*keys);
  EXPECT_FALSE(*keys->rotate(at(100) + kRotation - Millis{1}));
  EXPECT_TRUE(*keys->rotate(at(101)));
  EXPECT_EQ(open(*keys, ticket), Opened::kYesRenew);
  EXPECT_NE(sealed(*keys).label.name, ticket.label.name);
  EXPECT_TRUE(*keys->rotate(at(102)));
  EXPECT_EQ(open(*keys, ticket), Opened::kNo);
}

TEST(TicketKeysTest, FollowsAClockThatIsSetBack) {
  auto keys = ring(secrets(kSecret), 5000);
  EXPECT_TRUE(*keys->rotate(at(100)));
  EXPECT_EQ(open(*ring(), sealed(*keys)), Opened::kYes) << "where everybody else is";
}

TEST(TicketKeysTest, IsTheSameForTheSameSecretAndTime) {
  auto one = ring();
  auto two = ring();
  auto ahead = ring(secrets(kSecret), 101);
  Ticket ticket = sealed(*one);
  EXPECT_EQ(open(*two, ticket), Opened::kYes);
  EXPECT_EQ(open(*ahead, ticket), Opened::kYesRenew);
  EXPECT_EQ(open(*two, sealed(*ahead)), Opened::kYes) << "the next key is known: clocks may differ";
  EXPECT_EQ(open(*ring(secrets(kOther)), ticket), Opened::kNo);
  auto slower = TicketKeys::create(secrets(kSecret), 2 * kRotation,
                                   TicketKeys::WallTime(100 * 2 * kRotation));
  EXPECT_EQ(open(**slower, ticket), Opened::kNo) << "the same number of another period";
}

/// Each step of the change while the replicas are at different ones.
TEST(TicketKeysTest, ChangesItsSecretWithoutLosingATicket) {
  auto before = ring(secrets(kSecret));
  auto first = ring(secrets(kSecret, kOther));
  auto second = ring(secrets(kOther, kSecret));
  auto after = ring(secrets(kOther));
  EXPECT_EQ(open(*first, sealed(*before)), Opened::kYes);
  EXPECT_EQ(open(*before, sealed(*first)), Opened::kYes);
  EXPECT_EQ(open(*second, sealed(*first)), Opened::kYesRenew) << "a new one under the new secret";
  EXPECT_EQ(open(*first, sealed(*second)), Opened::kYesRenew);
  EXPECT_EQ(open(*after, sealed(*second)), Opened::kYes);
  EXPECT_EQ(open(*second, sealed(*after)), Opened::kYes);
  EXPECT_EQ(open(*after, sealed(*before)), Opened::kNo);
}

TEST(TicketKeysTest, TakesOtherSecretsWhileItRuns) {
  auto keys = ring();
  Ticket old = sealed(*keys);
  EXPECT_FALSE(*keys->replace(secrets(kSecret), kRotation, at(100))) << "nothing new";
  EXPECT_EQ(open(*keys, old), Opened::kYes);
  EXPECT_TRUE(*keys->replace(secrets(kOther, kSecret), kRotation, at(100)));
  EXPECT_EQ(open(*keys, old), Opened::kYesRenew);
  EXPECT_TRUE(*keys->rotate(at(101)));
  EXPECT_EQ(open(*keys, old), Opened::kYesRenew);
  EXPECT_TRUE(*keys->replace(secrets(kOther), kRotation, at(101)));
  EXPECT_EQ(open(*keys, old), Opened::kNo);
  Ticket present = sealed(*keys);
  EXPECT_TRUE(*keys->replace(secrets(kOther), 2 * kRotation, at(101)));
  EXPECT_EQ(open(*keys, present), Opened::kNo) << "another rotation";
}

TEST(TicketKeysTest, KeepsWhatItHasWhereTheNewOneIsNoGood) {
  auto keys = ring();
  Ticket ticket = sealed(*keys);
  EXPECT_FALSE(keys->replace(secrets("short"), kRotation, at(100)).has_value());
  EXPECT_FALSE(keys->replace({}, kRotation, at(100)).has_value());
  EXPECT_FALSE(TicketKeys::create(secrets("short"), kRotation, at(1)).has_value());
  EXPECT_EQ(open(*keys, ticket), Opened::kYes);
}

/// The places of a second secret that there is not are empty: nobody has the key of all zeros.
TEST(TicketKeysTest, OpensNothingUnderAnEmptyPlace) {
  auto keys = ring();
  Ticket ticket = sealed(*keys);
  ticket.label.name = {};
  EXPECT_EQ(open(*keys, ticket), Opened::kNo);
}

TEST(TicketKeysTest, IsReadWhileItRotates) {
  auto keys = ring();
  std::atomic<bool> stop = false;
  std::atomic<int> wrong = 0;
  std::atomic<int> opened = 0;
  std::vector<std::thread> readers;
  for (int i = 0; i < 2; ++i) {
    readers.emplace_back([&] {
      while (!stop.load()) {
        Ticket ticket{{kPlain.begin(), kPlain.end()}, {}};
        if (!keys->seal({{}, {}}, 0, ticket.bytes, ticket.label)) ++wrong;
        if (keys->open({{}, {}}, ticket.label, ticket.bytes) == Opened::kNo)
          continue;  // rotated twice meanwhile
        ++opened;
        if (std::string(ticket.bytes.begin(), ticket.bytes.end()) != kPlain) ++wrong;
      }
    });
  }
  for (int64_t period = 101; period < 2000; ++period) {
    ASSERT_TRUE(keys->rotate(at(period)).has_value());
    if (period % 128 == 64) {
      ASSERT_TRUE(keys->replace(secrets(kOther, kSecret), kRotation, at(period)).has_value());
    }
    if (period % 128 == 0) {
      ASSERT_TRUE(keys->replace(secrets(kSecret), kRotation, at(period)).has_value());
      std::this_thread::yield();
    }
  }
  while (opened.load() == 0) std::this_thread::yield();
  stop = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(wrong.load(), 0);
}

}  // namespace
}  // namespace culvert
