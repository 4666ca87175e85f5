// SPDX-License-Identifier: GPL-3.0-or-later
// What match-name allows, and what it says of the rest.
#include "route/route_names.h"

#include <gtest/gtest.h>

namespace culvert {
namespace {

TEST(RouteNames, AreWrittenInLowerCase) {
  for (const auto& [text, name] :
       {std::pair("WWW.Example.org", "www.example.org"),
        std::pair("*.Example.ORG", "*.example.org"), std::pair("localhost", "localhost"),
        std::pair("_a-1.xn--bcher-kva.example", "_a-1.xn--bcher-kva.example")})
    EXPECT_EQ(parseMatchName(text).value_or("refused"), name);
  const std::string longest = std::string(63, 'a') + "." + std::string(63, 'b');
  EXPECT_EQ(parseMatchName(longest).value_or("refused"), longest);
}

TEST(RouteNames, SayWhatIsWrong) {
  const std::string allowed = "; allowed: NAME or *.SUFFIX, such as www.example.org";
  const std::pair<std::string, std::string> cases[] = {
      {"192.0.2.1", "is an address, not a server name"},
      {"fd00::1", "is an address, not a server name"},
      {"a.*.org", "has a * that is not the whole first label"},
      {"w*.example.org", "has a * that is not the whole first label"},
      {"*", "has a * that is not the whole first label"},
      {"*.*.org", "has a * that is not the whole first label"},
      {"*.", "has a label that is empty or longer than 63 bytes"},
      {"", "has a label that is empty or longer than 63 bytes"},
      {"www.example.org.", "has a label that is empty or longer than 63 bytes"},
      {".example.org", "has a label that is empty or longer than 63 bytes"},
      {"a..b", "has a label that is empty or longer than 63 bytes"},
      {std::string(64, 'a') + ".org", "has a label that is empty or longer than 63 bytes"},
      {"b\xc3\xbc"
       "cher.example",
       "has a character that a server name cannot have (write a name in other scripts as xn--...)"},
      {"https://example.org",
       "has a character that a server name cannot have (write a name in other scripts as xn--...)"},
  };
  for (const auto& [text, why] : cases) {
    const auto parsed = parseMatchName(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().text, "\"" + text + "\" " + why + allowed);
  }
  std::string longName;
  while (longName.size() < 260) longName += "a.";
  EXPECT_FALSE(parseMatchName(longName + "org"));
}

}  // namespace
}  // namespace culvert
