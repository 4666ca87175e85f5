// SPDX-License-Identifier: GPL-3.0-or-later
// The credentials for a proxy: the file's text, its mistakes, and what stays in memory.
#include "proxy/proxy_auth.h"

#include <gtest/gtest.h>

namespace culvert {
namespace {

TEST(ProxyAuth, ReadsTheOneLine) {
  const std::string longest(255, 'x');
  struct {
    std::string text, user, password;
  } const rows[] = {
      {"user:secret", "user", "secret"},
      {"user:secret\n", "user", "secret"},
      {"user:secret\r\n", "user", "secret"},
      {"\xEF\xBB\xBFuser:secret\n", "user", "secret"},
      {"# the proxy of the office\n\n \t\nuser:secret\n\n# end", "user", "secret"},
      {"user:a:b:c\n", "user", "a:b:c"},
      {" user : # x \n", " user ", " # x "},
      {"\xc3\xa4:\xc3\xb6\n", "\xc3\xa4", "\xc3\xb6"},
      {longest + ":" + longest, longest, longest},
  };
  for (const auto& row : rows) {
    const Result<ProxyCredentials> credentials = ProxyCredentials::parse(row.text);
    ASSERT_TRUE(credentials) << credentials.error().text;
    EXPECT_EQ(credentials->user(), row.user);
    EXPECT_EQ(credentials->password(), row.password);
  }
}

TEST(ProxyAuth, SaysWhatIsWrongWithoutTheSecret) {
  const std::string tooLong(256, 's');
  const std::pair<std::string, std::string> rows[] = {
      {"", "has no credentials"},
      {"# only:comments\n\n", "has no credentials"},
      {"\n\nsecret\n", "line 3 has no ':'"},
      {":secret\n", "line 1 has no user before the ':'"},
      {"secret:\n", "line 1 has no password after the ':'"},
      {"secret:se\x01", "line 1 has a control character"},
      {std::string("secret:s\0x", 10), "line 1 has a control character"},
      {tooLong + ":secret", "line 1 has a user of more than 255 bytes"},
      {"secret:" + tooLong, "line 1 has a password of more than 255 bytes"},
      {"#\na:secret\nb:secret\n", "line 3 has credentials, but line 2 has some already"},
  };
  for (const auto& [text, why] : rows) {
    const Result<ProxyCredentials> credentials = ProxyCredentials::parse(text);
    ASSERT_FALSE(credentials) << text;
    EXPECT_EQ(credentials.error().text, why + "; allowed: one line USER:PASSWORD");
  }
}

TEST(ProxyAuth, MovesShortAndLongTexts) {
  for (size_t size : {size_t{0}, size_t{1}, size_t{15}, size_t{16}, size_t{255}}) {
    const std::string secret(size, 's');
    WipedText first(secret);
    WipedText second(std::move(first));
    EXPECT_EQ(second.view(), secret);
    EXPECT_EQ(first.view(), "");  // NOLINT: the state after a move is defined
    for (size_t other : {size_t{0}, size_t{3}, size_t{40}, size_t{300}}) {
      WipedText third{std::string(other, 'o')};
      third = std::move(second);
      EXPECT_EQ(third.view(), secret);
      EXPECT_EQ(second.view(), "");  // NOLINT
      second = std::move(third);
    }
    second = std::move(*&second);
    EXPECT_EQ(second.view(), secret);
  }
}

TEST(ProxyAuth, WipesTheWholeBlock) {
  for (size_t size : {size_t{3}, size_t{200}}) {
    std::string text(size, 's');
    const char* block = text.data();
    text.resize(1);  // the rest stays behind the end
    wipeText(text);
    EXPECT_TRUE(text.empty());
    ASSERT_EQ(text.data(), block);
    text.resize(text.capacity() - 1, 'n');
    EXPECT_EQ(text.find('s'), std::string::npos);
  }
}

TEST(ProxyAuth, AMovedTextLeavesNothingBehind) {
  alignas(WipedText) unsigned char place[sizeof(WipedText)];
  auto* first = new (place) WipedText("sssssss");
  const WipedText second(std::move(*first));
  const std::string bytes(reinterpret_cast<const char*>(place), sizeof place);
  EXPECT_EQ(bytes.find("sss"), std::string::npos);
  first->~WipedText();
}

}  // namespace
}  // namespace culvert
