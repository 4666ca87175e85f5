// SPDX-License-Identifier: GPL-3.0-or-later
// Done: 66,000 handshakes under a wildcard, each with another invented name. Seen: they filled the
// table of names that clients ask for, and real names found no place in it. Right: the names of
// certificates are remembered and not those of clients, so that no handshake makes the table grow
// beyond them.
#include "tls/credentials/asked_names.h"
#include "tls/endpoint/credential_set.h"
#include "unit/tls/support/test_credentials.h"

namespace culvert {
namespace {

TEST(StrangersFillAskedNames, InventionsCountForTheWildcard) {
  const CredentialSet set({testCredentials("ec")});
  AskedNames asked;
  for (int i = 0; i < 66'000; ++i)
    asked.note(set.nameCovering("invented" + std::to_string(i) + ".wild.example.org"), 1000);
  asked.note(set.nameCovering("www.example.org"), 1000);
  auto recent = asked.recent(1000);
  std::sort(recent.begin(), recent.end());
  EXPECT_EQ(recent, (std::vector<std::string>{"*.wild.example.org", "www.example.org"}));
}

TEST(StrangersFillAskedNames, ANameIsThatOfTheCertificate) {
  const CredentialSet set({testCredentials("ec")});
  EXPECT_EQ(set.nameCovering("www.example.org"), "www.example.org");
  EXPECT_EQ(set.nameCovering("127.0.0.1"), "127.0.0.1");
  EXPECT_EQ(set.nameCovering("a.wild.example.org"), "*.wild.example.org");
  EXPECT_EQ(set.nameCovering("*.wild.example.org"), "*.wild.example.org");
  for (const char* stranger : {"", "a.b.wild.example.org", "wild.example.org", ".wild.example.org",
                               "example.org", "*.example.org"})
    EXPECT_EQ(set.nameCovering(stranger), "") << stranger;
}

}  // namespace
}  // namespace culvert
