// SPDX-License-Identifier: GPL-3.0-or-later
// One worker's contexts: made once, bounded, and gone with the settings that they were made of.
#include "tls/session/context_cache.h"

#include <gtest/gtest.h>

#include "unit/tls/support/memory_handshake.h"
#include "unit/tls/support/tls_test.h"

namespace culvert {
namespace {

class ContextCacheTest : public TlsTest {
 protected:
  static const TlsContext* get(ContextCache& cache, const TlsEndpoint& of, bool tickets = false) {
    auto made = cache.contextFor(of, 0, tickets);
    EXPECT_TRUE(made);
    return made ? *made : nullptr;
  }

  TlsEndpoint endpoint_ = testSettings().endpoint();
  ContextCache one_{nullptr, memoryRecv, memorySend};
  ContextCache two_{nullptr, memoryRecv, memorySend};
};

TEST_F(ContextCacheTest, MakesAContextOnce) {
  const TlsContext* made = get(one_, endpoint_);
  EXPECT_EQ(get(one_, endpoint_), made);
  EXPECT_NE(get(one_, endpoint_, true), made);
  EXPECT_EQ(one_.size(), 2u);
}

/// What is used goes on being used; of the rest the one that was used longest ago makes room.
TEST_F(ContextCacheTest, HoldsAtMost512) {
  const TlsContext* used = get(one_, endpoint_);
  TlsIoContext io;
  auto session = used->newSession(ClientHello(), io);
  ASSERT_TRUE(session);
  std::vector<TlsEndpoint> others;
  for (size_t i = 0; i < 520; ++i) {
    others.push_back(endpoint_);
    others.back().settings = std::make_shared<const TlsSettings>(*endpoint_.settings);
    get(one_, others.back());
    ASSERT_EQ(one_.size(), std::min<size_t>(i + 2, 512));
    ASSERT_EQ(get(one_, endpoint_), used) << "after " << i;
  }
  EXPECT_EQ(used->sessions(), 1u) << "none was made anew in its place";
}

/// Each worker has a cache, and some a second context for the same settings: none of them may keep
/// the others', and with them the old private key, alive.
TEST_F(ContextCacheTest, ForgetsSettingsThatAreGoneInEveryCache) {
  get(one_, endpoint_);
  get(one_, endpoint_, true);
  get(two_, endpoint_);
  one_.dropUnused();
  EXPECT_EQ(one_.size(), 2u) << "still in use";
  endpoint_.settings.reset();
  one_.dropUnused();
  two_.dropUnused();
  EXPECT_EQ(one_.size(), 0u);
  EXPECT_EQ(two_.size(), 0u);
}

/// A renewed certificate: the settings stay, and the old key must go.
TEST_F(ContextCacheTest, ForgetsACertificateThatIsGone) {
  TempDir dir;
  runIn(dir,
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj "
        "/CN=other.example.org -keyout other.pem -out cert && cat cert >> other.pem");
  auto loaded = Credentials::loadFiles({dir / "other.pem", {}, {}});
  ASSERT_TRUE(loaded);
  TlsEndpoint renewed = endpoint_;
  renewed.credentials = std::make_shared<const CredentialSet>(CredentialSet::List{*loaded});
  get(one_, renewed);
  get(one_, endpoint_);
  EXPECT_EQ(one_.size(), 2u);
  loaded->reset();
  renewed.credentials.reset();
  one_.dropUnused();
  EXPECT_EQ(one_.size(), 1u);
  get(one_, endpoint_);
  EXPECT_EQ(one_.size(), 1u);
}

TEST_F(ContextCacheTest, AMissForgetsToo) {
  get(one_, endpoint_);
  endpoint_ = testSettings().endpoint();
  get(one_, endpoint_);
  EXPECT_EQ(one_.size(), 1u);
}

}  // namespace
}  // namespace culvert
