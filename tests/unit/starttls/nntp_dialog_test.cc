// SPDX-License-Identifier: GPL-3.0-or-later
// Transcripts of STARTTLS in NNTP, in both roles.
#include "starttls/nntp_dialog.h"

#include "support/dialog_script.h"

namespace culvert {
namespace {

TEST(NntpDialog, AsServer) {
  runCases(makeNntpServer,
           {
               {"a backend without STARTTLS: settled at once", R"(
      F< 200 ready
      P> 200 ready
      P< CAPABILITIES
      F> CAPABILITIES
      F< 101 list\r\nVERSION 2\r\nREADER\r\nAUTHINFO USER\r\nSASL PLAIN\r\n.
      P> 101 list
      P> VERSION 2
      P> READER
      P> STARTTLS
      P> .
      P< STARTTLS
      P> 382 Continue with TLS negotiation
      = start-tls
      secure
      = settled)"},
               {"a backend with STARTTLS: its own is taken out, also behind TLS", R"(
      F< 201 ready
      P> 201 ready
      P< capabilities autoupdate
      F> capabilities autoupdate
      F< 101 list\r\nVERSION 2\r\nstarttls\r\n.
      P> 101 list
      P> VERSION 2
      P> STARTTLS
      P> .
      P< starttls
      P> 382 Continue with TLS negotiation
      = start-tls
      secure
      P< MODE READER\r\nSTARTTLS\r\nDATE\r\nCAPABILITIES\r\nGROUP a
      F> MODE READER
      F< 200 ok
      P> 200 ok
      P> 502 TLS is active already
      F> DATE
      F< 111 20260101000000
      P> 111 20260101000000
      F> CAPABILITIES
      F< 101 list\r\nAUTHINFO USER\r\nSTARTTLS\r\n.
      P> 101 list
      P> AUTHINFO USER
      P> .
      F> GROUP a
      = settled)"},
               {"CAPABILITIES is unknown; a login settles", R"(
      F< 200 ready
      P> 200 ready
      P< CAPABILITIES
      F> CAPABILITIES
      F< 500 what
      P> 500 what
      P< STARTTLS
      P> 382 Continue with TLS negotiation
      = start-tls
      secure
      P< AUTHINFO USER a
      F> AUTHINFO USER a
      = settled)"},
               {"refusals; HELP has many lines", R"(
      F< 200 ready
      P> 200 ready
      P< AUTHINFO USER a\r\nMODE STREAM\r\nSTARTTLS x\r\nIHAVE <a>\r\nMODE READER\r\nHELP\r\nDATE\r\nQUIT
      P> 483 Must issue a STARTTLS command first
      P> 483 Must issue a STARTTLS command first
      P> 501 STARTTLS has no arguments
      P> 483 Must issue a STARTTLS command first
      F> MODE READER
      F< 502 no
      P> 502 no
      F> HELP
      F< 100 help\r\nSTARTTLS\r\n200 x\r\n..\r\n.
      P> 100 help
      P> STARTTLS
      P> 200 x
      P> ..
      P> .
      F> DATE
      F< 111 20260101000000
      P> 111 20260101000000
      F> QUIT
      F< 205 bye
      P> 205 bye
      = end)"},
               {"the backend does not want the client", "F< 400 busy\nP> 400 busy\n= end"},
               {"the backend does not want the client ever", "F< 502 no\nP> 502 no\n= end"},
               {"not NNTP", "F< 220 mx\nP> 400 Syntax error\n= fail syntax"},
               {"400 comes unasked", "F< 200 a\nP> 200 a\nF< 400 idle\nP> 400 idle"},
               {"a reply without a command", R"(
      F< 200 a\r\n200 b
      P> 200 a
      P> 400 Syntax error
      = fail syntax)"},
               {"a malformed reply", R"(
      F< 200 a
      P> 200 a
      P< DATE
      F> DATE
      F< 20x
      P> 400 Syntax error
      = fail syntax)"},
           });
}

TEST(NntpDialog, AsClient) {
  runCases(makeNntpClient,
           {
               {"starts TLS, replays the greeting, edits the list", R"(
      P< 201 ready
      P> STARTTLS
      P< 382 go
      = start-tls
      secure
      F> 201 ready
      F< CAPABILITIES
      P> CAPABILITIES
      P< 101 list\r\nSTARTTLS\r\nREADER\r\n.
      F> 101 list
      F> READER
      F> .
      = settled)"},
               {"does not want culvert", "P< 502 no\n= fail refused"},
               {"refuses STARTTLS", "P< 200 a\nP> STARTTLS\nP< 580 no\n= fail refused"},
               {"not NNTP", "P< hello\n= fail syntax"},
           });
}

TEST(NntpDialog, EarlyData) {
  expectEarlyData(makeNntpServer, "F< 200 a\nP> 200 a\n", "STARTTLS\r\n", "DATE\r\n");
  expectEarlyData(makeNntpClient, "P< 200 a\nP> STARTTLS\n", "382 go\r\n", "200 a\r\n");
}

}  // namespace
}  // namespace culvert
