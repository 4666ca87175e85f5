// SPDX-License-Identifier: GPL-3.0-or-later
// The file of the ticket secret: what is taken, and what is said of what is not.
#include "tls/tickets/ticket_secret.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "temp_dir.h"
#include "unit/tls/support/tls_test.h"

namespace culvert {
namespace {

const std::string kOne = "8f1c52f09f0aa1f24d83a1cb4f2a0f6efb1f8ae4fe0a4d5b2f4a4c2b9d7ce613";
const std::string kTwo = "17A25B2C0F37E59D4E5A28D0B64C1F22F7C9A3E6BB10D9D85E3B7F61C40A8E39";

class TicketSecretTest : public TlsTest {};

TEST_F(TicketSecretTest, IsOneOrTwoLinesOfHex) {
  auto one = parseTicketSecrets(kOne + "\n", "s");
  ASSERT_TRUE(one.has_value()) << one.error().text;
  ASSERT_EQ(one->size(), 1u);
  EXPECT_EQ(one->front().size(), 32u);
  EXPECT_EQ(one->front().data()[0], 0x8f);
  EXPECT_EQ(one->front().data()[31], 0x13);
  auto two = parseTicketSecrets("# of May\r\n\r\n  " + kTwo + " \r\n#old\n" + kOne, "s");
  ASSERT_TRUE(two.has_value()) << two.error().text;
  ASSERT_EQ(two->size(), 2u);
  EXPECT_EQ(two->front().data()[0], 0x17) << "the first one seals";
  EXPECT_TRUE(parseTicketSecrets(kOne + kTwo, "s").has_value()) << "a longer one";
}

TEST_F(TicketSecretTest, SaysWhatIsWrongAndWhere) {
  const std::string hex = "; 64 to 256 are allowed, as `openssl rand -hex 32` makes them";
  const std::string dull = "s:1: the secret is not random: make it with `openssl rand -hex 32`";
  std::string counting;
  for (int i = 0; i < 32; ++i) counting += fmt::format("{:02x}", i * 5);
  std::string many;
  for (int i = 0; i < 5; ++i) many += kOne;
  const std::pair<std::string, std::string> cases[] = {
      {"", "s: holds no secret; make one with `openssl rand -hex 32`"},
      {"\n# nothing\n", "s: holds no secret; make one with `openssl rand -hex 32`"},
      {"\n" + kOne.substr(2), "s:2: the secret is too short with 62 hex digits" + hex},
      {kOne.substr(1), "s:1: the secret has 63 hex digits, an odd number" + hex},
      {many, "s:1: the secret is too long with 320 hex digits" + hex},
      {"correct horse battery staple",
       "s:1: the secret has characters other than hex digits" + hex},
      {kOne + " " + kTwo, "s:1: the secret has characters other than hex digits" + hex},
      {std::string(64, '0'), dull},
      {"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", dull},
      {counting, dull},
      {kOne + "\n" + kOne, "s:2: repeats the previous secret"},
      {kOne + "\n" + kTwo + "\n" + kOne,
       "s:3: is one secret too many: 2 are allowed; the first seals tickets, and both open them"},
  };
  for (const auto& [text, error] : cases) {
    auto result = parseTicketSecrets(text, "s");
    ASSERT_FALSE(result.has_value()) << text;
    EXPECT_EQ(result.error().text, error);
  }
}

TEST_F(TicketSecretTest, WarnsOfAFileThatOthersMayRead) {
  const TempDir dir;
  dir.write("secret", kOne);
  const std::string path = dir / "secret";
  const std::pair<mode_t, std::string> cases[] = {{0600, ""},
                                                  {0400, ""},
                                                  {0640, "its group can read it (mode 0640)"},
                                                  {0644, "everybody can read it (mode 0644)"}};
  for (const auto& [mode, words] : cases) {
    ASSERT_EQ(::chmod(path.c_str(), mode), 0);
    auto file = readTicketSecretFile(path);
    ASSERT_TRUE(file.has_value()) << file.error().text;
    ASSERT_EQ(file->warnings.size(), words.empty() ? 0u : 1u) << mode;
    if (!words.empty()) {
      EXPECT_TRUE(file->warnings[0].starts_with(path + ": " + words)) << file->warnings[0];
    }
  }
}

TEST_F(TicketSecretTest, NamesTheFileThatCannotBeRead) {
  auto file = readTicketSecretFile("/nowhere/secret");
  ASSERT_FALSE(file.has_value());
  EXPECT_EQ(file.error().text, "cannot open /nowhere/secret: No such file or directory");
}

TEST_F(TicketSecretTest, HasAPublicNameThatTellsSecretsApart) {
  auto one = parseTicketSecrets(kOne, "s");
  auto two = parseTicketSecrets(kTwo + "\n" + kOne, "s");
  ASSERT_TRUE(one.has_value() && two.has_value());
  const std::string id = ticketSecretId(one->front());
  EXPECT_EQ(id.size(), 8u);
  EXPECT_EQ(id, ticketSecretId(two->back()));
  EXPECT_NE(id, ticketSecretId(two->front()));
  EXPECT_EQ(kOne.find(id), std::string::npos);
  EXPECT_TRUE(sameTicketSecrets(*one, *one));
  EXPECT_FALSE(sameTicketSecrets(*one, *two));
}

}  // namespace
}  // namespace culvert
