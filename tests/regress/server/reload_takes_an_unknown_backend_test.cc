// SPDX-License-Identifier: GPL-3.0-or-later
// Done: a reload with a backend's name that does not resolve. Seen: it was taken. Right: an error
// for each new name, within bounded time; names that were there before are not asked for.
#include <gtest/gtest.h>

#include <atomic>
#include <future>

#include "server/backend_names.h"

namespace culvert {
namespace {

Config configOf(std::initializer_list<const char*> backends) {
  Config config;
  ServiceOptions service;
  service.name = "main";
  uint32_t line = 1;
  for (const char* backend : backends)
    service.backend.push_back({backend, Origin::file("f.ini", line++)});
  config.services.push_back(std::move(service));
  return config;
}

class UnknownBackend : public testing::Test {
 protected:
  std::vector<std::string> check(const Config& config, const Config& before,
                                 BackendNamesOptions options = {}) {
    if (!never_.valid()) options.patience = Millis(60'000);
    options.lookup = [asked = asked_, never = never_](const std::string& host,
                                                      uint16_t) -> Result<AddressSet> {
      ++*asked;
      if (never.valid()) never.wait();
      if (host.starts_with("good")) return AddressSet{SocketAddress::ipv4(1, 1)};
      return fail("cannot resolve " + host + ": no such name");
    };
    Diagnostics diagnostics;
    checkNewBackends(config, before, options, diagnostics);
    std::vector<std::string> texts;
    for (const Diagnostic& one : diagnostics.list()) texts.push_back(one.text());
    return texts;
  }

  // Shared with a thread that may be left behind.
  std::shared_ptr<std::atomic<int>> asked_ = std::make_shared<std::atomic<int>>(0);
  std::shared_future<void> never_;
};

TEST_F(UnknownBackend, IsAnErrorAtItsPlace) {
  EXPECT_EQ(check(configOf({"good.example:1", "bad.example:2", "10.0.0.1:3", "unix:/x"}),
                  configOf({"10.0.0.2:3"})),
            std::vector<std::string>{"f.ini:2: error: [service main] backend: cannot resolve "
                                     "bad.example: no such name"});
  EXPECT_EQ(*asked_, 2);
}

TEST_F(UnknownBackend, ThatWasThereBeforeIsNotAskedFor) {
  EXPECT_TRUE(check(configOf({"bad.example:2"}), configOf({"bad.example:1"})).empty());
  EXPECT_EQ(*asked_, 0);
}

TEST_F(UnknownBackend, WithoutAnAnswerIsAnError) {
  std::promise<void> end;
  never_ = end.get_future().share();
  const auto errors = check(configOf({"bad.example:1", "good.example:1"}), Config(),
                            {.patience = Millis(20), .onThreadStart = {}});
  end.set_value();
  ASSERT_EQ(errors.size(), 2u);
  EXPECT_TRUE(errors[1].ends_with("cannot resolve good.example: no answer within 20 ms"))
      << errors[1];
}

}  // namespace
}  // namespace culvert
