// SPDX-License-Identifier: GPL-3.0-or-later
// One worker's contexts: made once, bounded, and gone with the settings that they were made of.
#include "tls/context_cache.h"

#include <gtest/gtest.h>

#include "unit/tls/tls_test_support.h"

namespace culvert {
namespace {

class ContextCacheTest : public TlsTest {
 protected:
  static const TlsContext* get(ContextCache& cache, const std::shared_ptr<const TlsSettings>& of,
                               bool tickets = false) {
    auto made = cache.contextFor(of, 0, tickets);
    EXPECT_TRUE(made);
    return made ? *made : nullptr;
  }

  std::shared_ptr<const TlsSettings> settings_ =
      std::make_shared<const TlsSettings>(testSettings());
  ContextCache one_{nullptr, memoryRecv, memorySend};
  ContextCache two_{nullptr, memoryRecv, memorySend};
};

TEST_F(ContextCacheTest, MakesAContextOnce) {
  const TlsContext* made = get(one_, settings_);
  EXPECT_EQ(get(one_, settings_), made);
  EXPECT_NE(get(one_, settings_, true), made);
  EXPECT_EQ(one_.size(), 2u);
}

/// What is used goes on being used; of the rest the one that was used longest ago makes room.
TEST_F(ContextCacheTest, HoldsAtMost512) {
  const TlsContext* used = get(one_, settings_);
  TlsIoContext io;
  auto session = used->newSession(ClientHello(), io);
  ASSERT_TRUE(session);
  std::vector<std::shared_ptr<const TlsSettings>> others;
  for (size_t i = 0; i < 520; ++i) {
    others.push_back(std::make_shared<const TlsSettings>(*settings_));
    get(one_, others.back());
    ASSERT_EQ(one_.size(), std::min<size_t>(i + 2, 512));
    ASSERT_EQ(get(one_, settings_), used) << "after " << i;
  }
  EXPECT_EQ(used->sessions(), 1u) << "none was made anew in its place";
}

/// Each worker has a cache, and some a second context for the same settings: none of them may keep
/// the others', and with them the old private key, alive.
TEST_F(ContextCacheTest, ForgetsSettingsThatAreGoneInEveryCache) {
  get(one_, settings_);
  get(one_, settings_, true);
  get(two_, settings_);
  one_.dropUnused();
  EXPECT_EQ(one_.size(), 2u) << "still in use";
  settings_.reset();
  one_.dropUnused();
  two_.dropUnused();
  EXPECT_EQ(one_.size(), 0u);
  EXPECT_EQ(two_.size(), 0u);
}

TEST_F(ContextCacheTest, AMissForgetsToo) {
  get(one_, settings_);
  settings_ = std::make_shared<const TlsSettings>(testSettings());
  get(one_, settings_);
  EXPECT_EQ(one_.size(), 1u);
}

}  // namespace
}  // namespace culvert
