// SPDX-License-Identifier: GPL-3.0-or-later
// The ticket key ring: sealing, binding, rotation, and readers on other threads while it rotates.
#include "tls/ticket_keys.h"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace culvert {
namespace {

using Opened = TicketKeys::Opened;

std::unique_ptr<TicketKeys> ring(std::string_view secret = "0123456789abcdef0123456789abcdef",
                                 uint64_t epoch = 100) {
  auto made = TicketKeys::create(SecretBytes(secret), epoch);
  EXPECT_TRUE(made.has_value());
  return std::move(*made);
}

struct Ticket {
  std::vector<uint8_t> bytes;
  TicketLabel label;
};

const std::string kPlain = "a master secret and what belongs to it";

Ticket sealed(const TicketKeys& keys, const TicketBinding& binding = {}, uint8_t generation = 0) {
  Ticket ticket{{kPlain.begin(), kPlain.end()}, {}};
  EXPECT_TRUE(keys.seal(binding, generation, ticket.bytes, ticket.label));
  return ticket;
}

Opened open(const TicketKeys& keys, Ticket ticket, const TicketBinding& binding = {}) {
  Opened opened = keys.open(binding, ticket.label, ticket.bytes);
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
  EXPECT_EQ(open(*keys, good, other), Opened::kNo) << "another service";
}

TEST(TicketKeysTest, OpensNoTicketOfTooLateAGeneration) {
  auto keys = ring();
  Ticket last = sealed(*keys, {}, kLastTicketGeneration);
  EXPECT_EQ(last.label.generation(), kLastTicketGeneration);
  EXPECT_EQ(open(*keys, last), Opened::kYes);
  EXPECT_EQ(open(*keys, sealed(*keys, {}, kLastTicketGeneration + 1)), Opened::kNo);
}

TEST(TicketKeysTest, RotatesThroughThreeKeys) {
  auto keys = ring();
  Ticket ticket = sealed(*keys);
  ASSERT_TRUE(keys->rotateTo(101).has_value());
  EXPECT_EQ(open(*keys, ticket), Opened::kYesRenew);
  EXPECT_NE(sealed(*keys).label.name, ticket.label.name);
  ASSERT_TRUE(keys->rotateTo(100).has_value()) << "never goes back";
  EXPECT_EQ(keys->epoch(), 101u);
  ASSERT_TRUE(keys->rotateTo(102).has_value());
  EXPECT_EQ(open(*keys, ticket), Opened::kNo);
}

TEST(TicketKeysTest, IsTheSameForTheSameSecretAndEpoch) {
  auto one = ring();
  auto two = ring();
  auto ahead = ring("0123456789abcdef0123456789abcdef", 101);
  auto stranger = ring("0123456789abcdef0123456789abcdeF");
  Ticket ticket = sealed(*one);
  EXPECT_EQ(open(*two, ticket), Opened::kYes);
  EXPECT_EQ(open(*ahead, ticket), Opened::kYesRenew);
  EXPECT_EQ(open(*two, sealed(*ahead)), Opened::kYes) << "the next key is known: clocks may differ";
  EXPECT_EQ(open(*stranger, ticket), Opened::kNo);
}

TEST(TicketKeysTest, NeedsASecretOfLength) {
  EXPECT_FALSE(TicketKeys::create(SecretBytes(std::string_view("short")), 1).has_value());
  auto one = TicketKeys::createRandom();
  auto two = TicketKeys::createRandom();
  ASSERT_TRUE(one.has_value() && two.has_value());
  EXPECT_EQ(open(**two, sealed(**one)), Opened::kNo);
  EXPECT_EQ((*one)->epoch(), TicketKeys::epochNow());
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
        if (!keys->seal({}, 0, ticket.bytes, ticket.label)) ++wrong;
        if (keys->open({}, ticket.label, ticket.bytes) == Opened::kNo)
          continue;  // rotated twice meanwhile
        ++opened;
        if (std::string(ticket.bytes.begin(), ticket.bytes.end()) != kPlain) ++wrong;
      }
    });
  }
  for (uint64_t epoch = 101; epoch < 2000; ++epoch) {
    ASSERT_TRUE(keys->rotateTo(epoch).has_value());
    if (epoch % 64 == 0) std::this_thread::yield();
  }
  while (opened.load() == 0) std::this_thread::yield();
  stop = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(wrong.load(), 0);
}

}  // namespace
}  // namespace culvert
