// SPDX-License-Identifier: GPL-3.0-or-later
// Answers of name servers to a question for SRV records, made by hand: order, compression, aliases,
// and every answer that cannot be used. And the addresses of the targets.
#include "backend/srv_lookup.h"

#include <gtest/gtest.h>

#include <map>

namespace culvert {
namespace {

constexpr uint16_t kSrvType = 33, kCname = 5, kAddress = 1;

/// Writes a packet.
class Packet {
 public:
  explicit Packet(uint16_t flags = 0x8180, const std::string& question = "_x._tcp.example.org",
                  uint16_t type = kSrvType) {
    u16(7).u16(flags).u16(1).u16(0).u16(0).u16(0);
    name(question).u16(type).u16(1);
  }

  Packet& u16(uint16_t value) {
    bytes_.push_back(static_cast<uint8_t>(value >> 8));
    bytes_.push_back(static_cast<uint8_t>(value));
    return *this;
  }
  Packet& u32(uint32_t value) {
    return u16(static_cast<uint16_t>(value >> 16)).u16(static_cast<uint16_t>(value));
  }
  /// A name without compression; "" is the root.
  Packet& name(const std::string& text) {
    for (size_t at = 0; at < text.size();) {
      const size_t end = std::min(text.find('.', at), text.size());
      bytes_.push_back(static_cast<uint8_t>(end - at));
      bytes_.insert(bytes_.end(), text.begin() + static_cast<ptrdiff_t>(at),
                    text.begin() + static_cast<ptrdiff_t>(end));
      at = end + 1;
    }
    bytes_.push_back(0);
    return *this;
  }
  /// The head of an answer whose owner is the question, by a pointer to it.
  Packet& answer(uint16_t type, uint32_t ttl, uint16_t length, uint16_t owner = 0xc00c) {
    ++bytes_[7];
    return u16(owner).u16(type).u16(1).u32(ttl).u16(length);
  }
  Packet& srv(uint16_t priority, uint16_t weight, uint16_t port, const std::string& target,
              uint32_t ttl = 60) {
    const auto length = static_cast<uint16_t>(6 + target.size() + (target.empty() ? 1 : 2));
    return answer(kSrvType, ttl, length).u16(priority).u16(weight).u16(port).name(target);
  }
  uint16_t here() const { return static_cast<uint16_t>(0xc000 | bytes_.size()); }
  std::vector<uint8_t>& bytes() { return bytes_; }

  Result<SrvAnswer> read(const std::string& question = "_x._tcp.example.org") const {
    return parseSrvAnswer(bytes_, question);
  }
  std::string error() const {
    const auto answer = read();
    return answer ? "no error" : answer.error().text;
  }

 private:
  std::vector<uint8_t> bytes_;
};

TEST(SrvLookup, RecordsAreOrderedByPriorityThenWeight) {
  const auto answer = Packet()
                          .srv(20, 5, 1, "backup.example.org", 500)
                          .srv(10, 1, 2, "light.example.org", 300)
                          .srv(10, 9, 3, "HEAVY.example.org", 400)
                          .srv(10, 9, 3, "a.example.org")
                          .read();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->records, (std::vector<SrvRecord>{{10, 9, 3, "a.example.org"},
                                                     {10, 9, 3, "heavy.example.org"},
                                                     {10, 1, 2, "light.example.org"},
                                                     {20, 5, 1, "backup.example.org"}}));
  EXPECT_EQ(answer->ttl, Millis(60'000));
}

TEST(SrvLookup, CompressedTargetsAndOwnersInAnyCase) {
  Packet packet(0x8180, "_X._TCP.example.ORG");
  packet.answer(kSrvType, 1, 6 + 5 + 2).u16(0).u16(0).u16(80);
  packet.bytes().insert(packet.bytes().end(), {4, 'h', 'o', 's', 't'});
  packet.u16(0xc00c + 8);  // the domain in the question
  const auto answer = packet.read();
  ASSERT_TRUE(answer) << packet.error();
  EXPECT_EQ(answer->records.front().target, "host.example.org");
}

TEST(SrvLookup, AnAliasLeadsToTheRecords) {
  Packet packet;
  const std::string alias = "_x._tcp.other.net";
  packet.answer(kCname, 30, static_cast<uint16_t>(alias.size() + 2));
  const uint16_t owner = packet.here();
  packet.name(alias).answer(kSrvType, 90, 6 + 3, owner).u16(1).u16(2).u16(3).name("h");
  const auto answer = packet.read();
  ASSERT_TRUE(answer) << packet.error();
  EXPECT_EQ(answer->records, (std::vector<SrvRecord>{{1, 2, 3, "h"}}));
  EXPECT_EQ(answer->ttl, Millis(30'000));
}

TEST(SrvLookup, AnAliasOfItselfEnds) {
  Packet packet;
  packet.answer(kCname, 30, 2).u16(0xc00c);
  EXPECT_EQ(packet.error(), "the name has too many aliases");
}

TEST(SrvLookup, SaysWhyThereIsNoRecord) {
  EXPECT_EQ(Packet(0x8183).error(), "there is no such name");
  EXPECT_EQ(Packet(0x8182).error(), "the name server failed (SERVFAIL)");
  EXPECT_EQ(Packet(0x8185).error(), "the name server refused (REFUSED)");
  EXPECT_EQ(Packet(0x8184).error(), "the name server returned the error 4");
  EXPECT_EQ(Packet(0x8380).srv(1, 1, 1, "h").error(), "the answer is truncated");
  EXPECT_EQ(Packet(0x0100).srv(1, 1, 1, "h").error(), "the answer is not an answer");
  EXPECT_EQ(Packet().error(), "the name has no SRV record");
  EXPECT_EQ(Packet(0x8180, "_y._tcp.example.org").error(),
            "the answer belongs to another question");
  EXPECT_EQ(Packet(0x8180, "_x._tcp.example.org", kAddress).error(),
            "the answer belongs to another question");
  EXPECT_EQ(Packet().srv(0, 0, 0, "").error(),
            "the domain does not offer this service (target \".\")");
}

TEST(SrvLookup, RecordsThatCannotBeUsedAreLeftOut) {
  EXPECT_EQ(Packet().srv(1, 1, 0, "h").error(), "no record has a host name and a port");
  EXPECT_EQ(Packet().srv(1, 1, 1, "10.0.0.1").error(), "no record has a host name and a port");
  EXPECT_EQ(Packet().srv(1, 1, 1, "a b").error(), "no record has a host name and a port");
  Packet shortOne;
  shortOne.answer(kSrvType, 1, 6).u16(1).u16(1).u16(1);
  EXPECT_EQ(shortOne.error(), "no record has a host name and a port");
  const auto answer = Packet().srv(1, 1, 0, "bad").srv(2, 2, 2, "good").read();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->records, (std::vector<SrvRecord>{{2, 2, 2, "good"}}));
  // Another name's record, and an address, do not count.
  Packet other;
  other.answer(kAddress, 1, 4).u32(0x7f000001);
  EXPECT_EQ(other.error(), "the name has no SRV record");
}

TEST(SrvLookup, AnyCutOfAPacketIsRefused) {
  const auto whole = Packet().srv(1, 2, 3, "host.example.org").bytes();
  for (size_t size = 0; size < whole.size(); ++size)
    EXPECT_FALSE(parseSrvAnswer(std::span(whole).first(size), "_x._tcp.example.org")) << size;
}

TEST(SrvLookup, NotMoreRecordsThanTheLimit) {
  Packet packet;
  for (uint16_t i = 1; i <= 100; ++i) packet.srv(1, 1, i, "h");
  EXPECT_EQ(packet.read()->records.size(), SrvAnswer::kMostRecords);
}

SocketAddress v4Address(uint32_t host, uint16_t port) { return SocketAddress::ipv4(host, port); }

TEST(SrvTargets, KeepTheOrderAndTheRankOfEachAddress) {
  const SrvAnswer answer{
      {{1, 9, 80, "two"}, {1, 3, 80, "gone"}, {2, 0, 81, "one"}, {3, 1, 80, "two"}}, Millis(1)};
  const auto set =
      resolveTargets(answer, [](const std::string& host, uint16_t port) -> Result<AddressSet> {
        if (host == "gone") return fail("cannot resolve gone: no such name");
        if (host == "one") return AddressSet{v4Address(1, port)};
        return AddressSet{v4Address(2, port), v4Address(3, port)};
      });
  ASSERT_TRUE(set);
  EXPECT_EQ(set->addresses, (AddressSet{v4Address(2, 80), v4Address(3, 80), v4Address(1, 81)}));
  EXPECT_EQ(set->ranks, (std::vector<AddressRank>{{1, 9}, {1, 9}, {2, 0}}));
}

TEST(SrvTargets, WithoutAnyAddressTheFirstErrorCounts) {
  const SrvAnswer answer{{{1, 1, 1, "a"}, {1, 1, 1, "b"}}, Millis(1)};
  const auto set = resolveTargets(answer, [](const std::string& host, uint16_t) {
    return Result<AddressSet>(fail("cannot resolve " + host));
  });
  ASSERT_FALSE(set);
  EXPECT_EQ(set.error().text, "cannot resolve a");
}

}  // namespace
}  // namespace culvert
