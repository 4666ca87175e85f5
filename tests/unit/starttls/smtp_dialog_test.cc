// SPDX-License-Identifier: GPL-3.0-or-later
// Transcripts of STARTTLS in SMTP and LMTP, in both roles.
#include "starttls/smtp_dialog.h"

#include "support/dialog_script.h"

namespace culvert {
namespace {

std::unique_ptr<Dialog> smtpClient() { return makeSmtpClient("culvert.example"); }
std::unique_ptr<Dialog> lmtpClient() { return makeLmtpClient("culvert.example"); }

TEST(SmtpDialog, AsServer) {
  runCases(makeSmtpServer,
           {
               {"a backend without STARTTLS: settled at once", R"(
      F< 220-mx.example ESMTP\r\n220 ready
      P> 220-mx.example ESMTP
      P> 220 ready
      P< EHLO client.example
      F> EHLO client.example
      F< 250-mx.example\r\n250-PIPELINING\r\n250-AUTH PLAIN LOGIN\r\n250-AUTH=PLAIN\r\n250 8BITMIME
      P> 250-mx.example
      P> 250-PIPELINING
      P> 250-8BITMIME
      P> 250 STARTTLS
      P< STARTTLS
      P> 220 2.0.0 Ready to start TLS
      = start-tls
      secure
      = settled
      P< EHLO client.example
      F> EHLO client.example
      F< 250-mx.example\r\n250 AUTH PLAIN LOGIN
      P> 250-mx.example
      P> 250 AUTH PLAIN LOGIN)"},
               {"a backend with STARTTLS: its own is taken out, also behind TLS", R"(
      F< 220 mx
      P> 220 mx
      P< ehlo c
      F> ehlo c
      F< 250-mx\r\n250-starttls\r\n250 AUTH PLAIN
      P> 250-mx
      P> 250 STARTTLS
      P< starttls
      P> 220 2.0.0 Ready to start TLS
      = start-tls
      secure
      P< NOOP\r\nRSET\r\nSTARTTLS
      F> NOOP
      F> RSET
      F< 250 ok\r\n250 ok
      P> 250 ok
      P> 250 ok
      P> 503 5.5.1 TLS is active already
      P< HELO c
      F> HELO c
      F< 250 mx
      P> 250 mx
      P< EHLO c\r\nMAIL FROM:<a@b>
      F> EHLO c
      F< 250-mx\r\n250-AUTH PLAIN\r\n250 STARTTLS
      P> 250-mx
      P> 250 AUTH PLAIN
      F> MAIL FROM:<a@b>
      = settled)"},
               {"no EHLO before TLS: the list behind TLS is edited; only STARTTLS was offered", R"(
      F< 220 mx
      P> 220 mx
      P< STARTTLS
      P> 220 2.0.0 Ready to start TLS
      = start-tls
      secure
      P< EHLO c
      F> EHLO c
      F< 501 no
      P> 501 no
      P< EHLO d
      F> EHLO d
      F< 250-mx\r\n250 STARTTLS
      P> 250 mx
      = settled)"},
               {"mail behind TLS without EHLO settles", R"(
      F< 220 mx
      P> 220 mx
      P< STARTTLS
      P> 220 2.0.0 Ready to start TLS
      = start-tls
      secure
      P< RSET\r\nMAIL FROM:<a@b>\r\nDATA
      F> RSET
      F> MAIL FROM:<a@b>
      F> DATA
      = settled
      F< 250 ok\nany
      P> 250 ok\nany)"},
               {"a reply that nobody asked for is complete before a list is requested", R"(
      F< 220 mx
      P> 220 mx
      P< STARTTLS
      P> 220 2.0.0 Ready to start TLS
      = start-tls
      F< 250-half
      secure
      P> 250-half
      P< STARTTLS\r\nEHLO c
      F< 250 whole
      P> 250 whole
      P> 503 5.5.1 TLS is active already
      F> EHLO c
      F< 250-mx\r\n250 STARTTLS
      P> 250 mx
      = settled)"},
               {"refusals; commands wait for replies", R"(
      P< EHLO before
      F< 220 mx
      P> 220 mx
      F> EHLO before
      P< MAIL FROM:<a@b>\r\nHELO c\r\nAUTH PLAIN AGEAYg==\r\nLHLO c\r\n\r\nNOOP x\r\nVRFY a\r\nSTARTTLS x\r\nQUIT\r\nHELP
      F< 250 mx
      P> 250-mx
      P> 250 STARTTLS
      P> 530 5.7.0 Must issue a STARTTLS command first
      F> HELO c
      F< 250 mx
      P> 250 mx
      P> 530 5.7.0 Must issue a STARTTLS command first
      P> 530 5.7.0 Must issue a STARTTLS command first
      P> 530 5.7.0 Must issue a STARTTLS command first
      F> NOOP x
      F< 250 ok
      P> 250 ok
      P> 530 5.7.0 Must issue a STARTTLS command first
      P> 501 5.5.4 Syntax error (no parameters allowed)
      F> QUIT
      F< 221 bye
      P> 221 bye
      = end)"},
               {"EHLO is refused; 421 comes unasked; one line; no text", R"(
      F< 220
      P> 220
      P< EHLO
      F> EHLO
      F< 501-bad\r\n501 EHLO
      P> 501-bad
      P> 501 EHLO
      P< EHLO c
      F> EHLO c
      F< 250
      P> 250-
      P> 250 STARTTLS
      P< RSET
      F> RSET
      F< 250 ok
      P> 250 ok
      F< 421 timeout
      P> 421 timeout)"},
               {"the backend does not want the client", R"(
      F< 554 go away
      P> 554 go away
      P< STARTTLS
      P> 454 4.7.0 TLS not available
      P< EHLO c
      F> EHLO c
      F< 503 no
      P> 503 no
      P< QUIT
      F> QUIT
      F< 221 bye
      P> 221 bye
      = end)"},
               {"a bare LF of the client", R"(
      F< 220 mx
      P> 220 mx
      P< NOOP\nRSET
      P> 421 4.7.0 Syntax error
      = fail syntax)"},
               {"a bare CR of the client", R"(
      F< 220 mx
      P> 220 mx
      P< NOOP\rRSET
      P> 421 4.7.0 Syntax error
      = fail syntax)"},
               {"a NUL of the client", R"(
      F< 220 mx
      P> 220 mx
      P< NOOP\x00
      P> 421 4.7.0 Syntax error
      = fail syntax)"},
               {"TLS without STARTTLS", R"(
      F< 220 mx
      P> 220 mx
      P< \x16\x03\x01\
      P> 421 4.7.0 Syntax error
      = fail syntax)"},
               {"a bare LF of the backend", R"(
      F< 220 mx\n\
      P> 421 4.7.0 Syntax error
      = fail syntax)"},
               {"not SMTP", R"(
      F< +OK POP3
      P> 421 4.7.0 Syntax error
      = fail syntax)"},
               {"a reply with two codes: the client gets no line within it", R"(
      F< 220-mx
      P> 220-mx
      F< 250 mx
      = fail syntax)"},
               {"a reply without a command", R"(
      F< 220 mx\r\n250 ok
      P> 220 mx
      P> 421 4.7.0 Syntax error
      = fail syntax)"},
           });
}

TEST(SmtpDialog, AsLmtpServer) {
  runCases(makeLmtpServer, {
                               {"LHLO, not EHLO and HELO", R"(
      F< 220 mx LMTP
      P> 220 mx LMTP
      P< EHLO c\r\nHELO c\r\nLHLO c
      P> 530 5.7.0 Must issue a STARTTLS command first
      P> 530 5.7.0 Must issue a STARTTLS command first
      F> LHLO c
      F< 250-mx\r\n250 STARTTLS
      P> 250-mx
      P> 250 STARTTLS
      P< STARTTLS
      P> 220 2.0.0 Ready to start TLS
      = start-tls
      secure
      P< LHLO c
      F> LHLO c
      F< 250-mx\r\n250-STARTTLS\r\n250 PIPELINING
      P> 250-mx
      P> 250 PIPELINING
      = settled)"},
                           });
}

TEST(SmtpDialog, AsClient) {
  runCases(smtpClient,
           {
               {"starts TLS, replays the greeting, edits the list", R"(
      F< EHLO early
      P< 220-mx.example\r\n220 ready
      P> EHLO culvert.example
      P< 250-mx.example\r\n250-SIZE\r\n250 StartTLS
      P> STARTTLS
      P< 220-go\r\n220 ahead
      = start-tls
      secure
      F> 220-mx.example
      F> 220 ready
      P> EHLO early
      P< 250-mx.example\r\n250-AUTH PLAIN\r\n250 STARTTLS
      F> 250-mx.example
      F> 250 AUTH PLAIN
      = settled)"},
               {"the application greets with HELO", R"(
      P< 220 mx
      P> EHLO culvert.example
      P< 250-mx\r\n250 STARTTLS
      P> STARTTLS
      P< 220
      = start-tls
      secure
      F> 220 mx
      F< HELO app
      P> HELO app
      P< 250 mx
      F> 250 mx
      F< MAIL FROM:<a@b>
      P> MAIL FROM:<a@b>
      = settled)"},
               {"greets with 4xx", "P< 421 busy\n= fail refused"},
               {"greets with 5xx in two lines", "P< 554-go\\r\\n554 away\n= fail refused"},
               {"not SMTP", "P< * OK IMAP\n= fail syntax"},
               {"a bare LF", "P< 220 mx\\n220 x\n= fail syntax"},
               {"does not know EHLO", R"(
      P< 220 mx
      P> EHLO culvert.example
      P< 502 no
      = fail refused)"},
               {"does not offer STARTTLS; a host's name is not an extension", R"(
      P< 220 mx
      P> EHLO culvert.example
      P< 250-STARTTLS\r\n250 SIZE
      = fail refused)"},
               {"refuses STARTTLS", R"(
      P< 220 mx
      P> EHLO culvert.example
      P< 250-mx\r\n250 STARTTLS
      P> STARTTLS
      P< 454 later
      = fail refused)"},
               {"a wrong positive reply", R"(
      P< 220 mx
      P> EHLO culvert.example
      P< 250-mx\r\n250 STARTTLS
      P> STARTTLS
      P< 250 ok
      = fail refused)"},
           });
  runCases(lmtpClient, {
                           {"LHLO", R"(
      P< 220 mx
      P> LHLO culvert.example
      P< 250-mx\r\n250 STARTTLS
      P> STARTTLS
      P< 220 go
      = start-tls
      secure
      F> 220 mx
      F< LHLO app
      P> LHLO app
      P< 250-mx\r\n250 STARTTLS
      F> 250 mx
      = settled)"},
                       });
}

TEST(SmtpDialog, EarlyData) {
  expectEarlyData(makeSmtpServer, "F< 220 mx\nP> 220 mx\n", "STARTTLS\r\n", "RSET\r\n");
  expectEarlyData(makeSmtpServer, "F< 220 mx\nP> 220 mx\n", "STARTTLS\r\n", "x");
  expectEarlyData(smtpClient,
                  "P< 220 mx\nP> EHLO culvert.example\nP< 250-mx\\r\\n250 STARTTLS\nP> STARTTLS\n",
                  "220 go\r\n", "250 mx\r\n");
}

TEST(SmtpDialog, EarlyDataInThePieceBehindTheCommand) {
  DialogOwner owner(makeSmtpServer());
  owner.farSends("220 mx\r\n");
  owner.peerSends("STARTTLS\r\n");
  ASSERT_EQ(stateName(owner), "start-tls");
  DialogOutput out;
  const DialogStep step = owner.dialog().fromPeer(asBytes("RSET\r\n"), out);
  EXPECT_EQ(step.next, DialogStep::Next::kFail);
  EXPECT_EQ(step.fault, DialogFault::kEarlyData);
  EXPECT_EQ(step.consumed, 0U);
  EXPECT_EQ(out.toPeer + out.toFar, "");
}

TEST(SmtpDialog, DetailsQuoteTheBackend) {
  DialogOwner owner(smtpClient());
  owner.peerSends("554 \x01 no\r\n");
  EXPECT_EQ(owner.detail(), "the backend refuses the connection: \"554 ? no\"");
}

}  // namespace
}  // namespace culvert
