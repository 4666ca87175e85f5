// SPDX-License-Identifier: GPL-3.0-or-later
// Transcripts of STARTTLS in ManageSieve, in both roles.
#include "starttls/sieve_dialog.h"

#include "support/dialog_script.h"

namespace culvert {
namespace {

TEST(SieveDialog, AsServer) {
  runCases(
      makeSieveServer,
      {
          {"a backend without STARTTLS: settled at once", R"(
      F< "IMPLEMENTATION" "x {3}"\r\n"SASL" "PLAIN"\r\n"SIEVE"  "fileinto" \r\nOK "ready"
      P> "IMPLEMENTATION" "x {3}"
      P> "SIEVE"  "fileinto"\x20
      P> "SASL" ""
      P> "STARTTLS"
      P> OK "ready"
      P< capability
      P> "IMPLEMENTATION" "x {3}"
      P> "SIEVE"  "fileinto"\x20
      P> "SASL" ""
      P> "STARTTLS"
      P> OK "ready"
      P< starttls
      P> OK "Begin TLS negotiation now"
      = start-tls
      secure
      P> "IMPLEMENTATION" "x {3}"
      P> "SASL" "PLAIN"
      P> "SIEVE"  "fileinto"\x20
      P> OK "ready"
      = settled)"},
          {"a backend with STARTTLS; literals in the list", R"(
      F< {4}\r\nSASL {5+}\r\nPLAIN\r\n{8}\r\nstarttls\r\n"A\\"B" {4}\r\n\r\nOK\r\nOK
      P> "A\\"B" {4}
      P> \r\nOK
      P> "SASL" ""
      P> "STARTTLS"
      P> OK
      P< STARTTLS
      P> OK "Begin TLS negotiation now"
      = start-tls
      secure
      P> {4}
      P> SASL {5+}
      P> PLAIN
      P> "A\\"B" {4}
      P> \r\nOK
      P> OK
      P< NOOP\r\nSTARTTLS\r\nCAPABILITY\r\nCAPABILITY\r\nAUTHENTICATE "PLAIN" {3+}\r\nabc
      F> NOOP
      F< OK
      P> OK
      P> NO "TLS is active already"
      F> CAPABILITY
      F< "SASL" "PLAIN"\r\n"STARTTLS"\r\nOK
      P> "SASL" "PLAIN"
      P> OK
      F> CAPABILITY
      F< NO "x"
      P> NO "x"
      F> AUTHENTICATE "PLAIN" {3+}
      F> abc
      = settled)"},
          {"refusals; a literal is not a command", R"(
      F< OK
      P> "SASL" ""
      P> "STARTTLS"
      P> OK
      P< AUTHENTICATE "PLAIN" {10+}\r\nSTARTTLS\r\n\r\nSTARTTLS x\r\nCAPABILITY x\r\nLISTSCRIPTS\r\n\r\nNOOP x\r\nNOOP "a" "b"\r\nNOOP "a\r\nNOOP {a}\r\nLOGOUT x
      P> NO (ENCRYPT-NEEDED) "Must issue a STARTTLS command first"
      P> NO "This command has no arguments"
      P> NO "This command has no arguments"
      P> NO (ENCRYPT-NEEDED) "Must issue a STARTTLS command first"
      P> NO (ENCRYPT-NEEDED) "Must issue a STARTTLS command first"
      P> NO "NOOP has at most one argument, a string"
      P> NO "NOOP has at most one argument, a string"
      P> NO "NOOP has at most one argument, a string"
      P> NO "NOOP has at most one argument, a string"
      P> NO "This command has no arguments"
      P< NOOP {2+}\r\n\x00\n\r\nLOGOUT\r\nSTARTTLS
      F> NOOP {2+}
      F> \x00\n
      F< OK (TAG {2}\r\n\x00\n) "done"
      P> OK (TAG {2}
      P> \x00\n) "done"
      F> LOGOUT
      F< OK
      P> OK
      = end)"},
          {"a literal that RFC 5804 does not allow", R"(
      F< OK
      P> "SASL" ""
      P> "STARTTLS"
      P> OK
      P< NOOP {2}
      P> BYE "Syntax error"
      = fail syntax)"},
          {"a literal that is too long", R"(
      F< OK
      P> "SASL" ""
      P> "STARTTLS"
      P> OK
      P< PUTSCRIPT "a" {16384+}
      P> BYE "Line too long"
      = fail too-long)"},
          {"the backend does not want the client", "F< BYE \"busy\"\nP> BYE \"busy\"\n= end"},
          {"the backend does not want the client, in a list", "F< \"A\"\\r\\nNO\nP> NO\n= end"},
          {"not ManageSieve", "F< 220 mx\nP> BYE \"Syntax error\"\n= fail syntax"},
          {"a malformed capability", "F< \"A\" x\nP> BYE \"Syntax error\"\n= fail syntax"},
          {"a malformed string", "F< \"A\\\\\nP> BYE \"Syntax error\"\n= fail syntax"},
          {"a third string", "F< \"A\" \"B\" \"C\"\nP> BYE \"Syntax error\"\n= fail syntax"},
          {"a reply without a command", R"(
      F< OK\r\nOK
      P> "SASL" ""
      P> "STARTTLS"
      P> OK
      P> BYE "Syntax error"
      = fail syntax)"},
          {"BYE comes unasked", R"(
      F< OK\r\nBYE "idle"
      P> "SASL" ""
      P> "STARTTLS"
      P> OK
      P> BYE "idle"
      = end)"},
          {"a list without a command", R"(
      F< OK
      P> "SASL" ""
      P> "STARTTLS"
      P> OK
      P< NOOP
      F> NOOP
      F< "A"
      P> BYE "Syntax error"
      = fail syntax)"},
      });
}

TEST(SieveDialog, AsClient) {
  runCases(
      makeSieveClient,
      {
          {"starts TLS; the backend's second list is the greeting", R"(
      P< "SASL" ""\r\n{8}\r\nSTARTTLS\r\nOK
      P> STARTTLS
      P< OK "go"
      = start-tls
      secure
      = settled
      P< "SASL" "PLAIN"\r\nOK
      F> "SASL" "PLAIN"
      F> OK)"},
          {"does not offer STARTTLS; a value is not a name",
           "P< \"A\" \"STARTTLS\"\\r\\nOK\n= fail refused"},
          {"does not want culvert", "P< BYE\n= fail refused"},
          {"refuses STARTTLS", "P< \"STARTTLS\"\\r\\nOK\nP> STARTTLS\nP< NO \"x\"\n= fail refused"},
          {"answers something else",
           "P< \"STARTTLS\"\\r\\nOK\nP> STARTTLS\nP< \"A\"\n= fail syntax"},
          {"not ManageSieve", "P< +OK\n= fail syntax"},
      });
}

TEST(SieveDialog, EarlyData) {
  expectEarlyData(makeSieveServer, "F< OK\nP> \"SASL\" \"\"\nP> \"STARTTLS\"\nP> OK\n",
                  "STARTTLS\r\n", "NOOP\r\n");
  expectEarlyData(makeSieveClient, "P< \"STARTTLS\"\\r\\nOK\nP> STARTTLS\n", "OK\r\n",
                  "\"SASL\" \"EXTERNAL\"\r\n");
}

}  // namespace
}  // namespace culvert
