// SPDX-License-Identifier: GPL-3.0-or-later
// Names are looked up in the order of the questions, on a thread that never holds up the end.
#include "net/host_lookup.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

namespace culvert {
namespace {

/// Outlives the thread of a look-up that was left behind.
struct Record {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::string> answers;
  bool entered = false;
  bool blocked = false;
  bool left = false;

  void waitFor(const std::function<bool()>& what) {
    std::unique_lock lock(mutex);
    EXPECT_TRUE(changed.wait_for(lock, std::chrono::seconds(10), what));
  }
};

HostLookupOptions optionsFor(const std::shared_ptr<Record>& record) {
  return {.onThreadStart = {},
          .onAnswer =
              [record](const std::string& host, uint16_t port, const Result<AddressSet>& answer) {
                const std::lock_guard lock(record->mutex);
                record->answers.push_back(
                    host + ":" + std::to_string(port) +
                    (answer ? " is " + answer->front().text() : " fails: " + answer.error().text));
                record->changed.notify_all();
              },
          .lookup = [record](const std::string& host, uint16_t port) -> Result<AddressSet> {
            std::unique_lock lock(record->mutex);
            record->entered = true;
            record->changed.notify_all();
            record->changed.wait(lock, [&record] { return !record->blocked; });
            record->left = true;
            record->changed.notify_all();
            if (host == "none") return fail("no such host");
            return AddressSet{SocketAddress::ipv4(INADDR_LOOPBACK, port)};
          }};
}

TEST(HostLookup, AnswersInOrder) {
  const auto record = std::make_shared<Record>();
  HostLookup lookup(optionsFor(record));
  EXPECT_TRUE(lookup.ask("a", 1));
  EXPECT_TRUE(lookup.ask("none", 2));
  EXPECT_TRUE(lookup.ask("a", 3));
  record->waitFor([&record] { return record->answers.size() == 3; });
  EXPECT_EQ(record->answers,
            (std::vector<std::string>{"a:1 is 127.0.0.1:1", "none:2 fails: no such host",
                                      "a:3 is 127.0.0.1:3"}));
}

TEST(HostLookup, EndsWithoutAQuestion) {
  HostLookup lookup(optionsFor(std::make_shared<Record>()));
}

TEST(HostLookup, IsNotHeldUpByAStuckLookup) {
  const auto record = std::make_shared<Record>();
  record->blocked = true;
  {
    HostLookup lookup(optionsFor(record));
    EXPECT_TRUE(lookup.ask("a", 1));
    record->waitFor([&record] { return record->entered; });
  }
  {
    const std::lock_guard lock(record->mutex);
    record->blocked = false;
    record->changed.notify_all();
  }
  record->waitFor([&record] { return record->left; });
  EXPECT_TRUE(record->answers.empty()) << "nothing is told after the end";
}

}  // namespace
}  // namespace culvert
