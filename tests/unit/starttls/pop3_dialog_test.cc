// SPDX-License-Identifier: GPL-3.0-or-later
// Transcripts of STLS in POP3, in both roles.
#include "starttls/pop3_dialog.h"

#include "support/dialog_script.h"

namespace culvert {
namespace {

TEST(Pop3Dialog, AsServer) {
  runCases(makePop3Server,
           {
               {"a backend without STLS: settled at once", R"(
      F< +OK ready <1.2@host>
      P> +OK ready <1.2@host>
      P< CAPA
      F> CAPA
      F< +OK list\r\nTOP\r\nUSER\r\nSASL PLAIN LOGIN\r\nUIDL\r\n.
      P> +OK list
      P> TOP
      P> UIDL
      P> STLS
      P> .
      P< stls
      P> +OK Begin TLS negotiation
      = start-tls
      secure
      = settled
      P< CAPA
      F> CAPA
      F< +OK\r\nUSER\r\n.
      P> +OK
      P> USER
      P> .)"},
               {"a backend with STLS: its own is taken out, also behind TLS", R"(
      F< +OK
      P> +OK
      P< capa
      F> capa
      F< +OK\r\nstls\r\nuser\r\n.
      P> +OK
      P> STLS
      P> .
      P< STLS
      P> +OK Begin TLS negotiation
      = start-tls
      secure
      P< NOOP\r\nSTLS\r\nCAPA\r\nUSER a
      F> NOOP
      F< -ERR no
      P> -ERR no
      P> -ERR TLS is active already
      F> CAPA
      F< +OK\r\nUSER\r\nSTLS\r\nSASL PLAIN\r\n.
      P> +OK
      P> USER
      P> SASL PLAIN
      P> .
      F> USER a
      = settled)"},
               {"the backend does not know CAPA", R"(
      F< +OK
      P> +OK
      P< CAPA
      F> CAPA
      F< -ERR what
      P> -ERR what
      P< STLS
      P> +OK Begin TLS negotiation
      = start-tls
      secure
      P< CAPA
      F> CAPA
      F< -ERR what
      P> -ERR what
      P< APOP a b
      F> APOP a b
      = settled)"},
               {"refusals; commands wait for replies", R"(
      F< +OK
      P> +OK
      P< USER a\r\nPASS b\r\nAPOP a b\r\nAUTH PLAIN\r\nSTLS x\r\nCAPA x\r\n\r\nNOOP\r\nQUIT\r\nSTLS
      P> -ERR Must issue a STLS command first
      P> -ERR Must issue a STLS command first
      P> -ERR Must issue a STLS command first
      P> -ERR Must issue a STLS command first
      P> -ERR This command has no arguments
      P> -ERR This command has no arguments
      P> -ERR Must issue a STLS command first
      F> NOOP
      F< +OK
      P> +OK
      F> QUIT
      F< +OK bye
      P> +OK bye
      = end)"},
               {"the backend does not want the client", "F< -ERR busy\nP> -ERR busy\n= end"},
               {"the backend closes the connection unasked", R"(
      F< +OK
      P> +OK
      F< -ERR idle
      P> -ERR idle)"},
               {"a reply without a command", R"(
      F< +OK\r\n+OK
      P> +OK
      P> -ERR Syntax error
      = fail syntax)"},
               {"not POP3", "F< 220 mx\nP> -ERR Syntax error\n= fail syntax"},
               {"not POP3, either", "F< +OKAY\nP> -ERR Syntax error\n= fail syntax"},
               {"a bare LF", "F< +OK\nP> +OK\nP< NOOP\\nSTLS\nP> -ERR Syntax error\n= fail syntax"},
           });
}

TEST(Pop3Dialog, AsClient) {
  runCases(makePop3Client,
           {
               {"starts TLS, replays the greeting, edits the list", R"(
      P< +OK ready <1@h>
      P> STLS
      P< +OK go
      = start-tls
      secure
      F> +OK ready <1@h>
      F< CAPA
      P> CAPA
      P< +OK\r\nSTLS\r\nUSER\r\n.
      F> +OK
      F> USER
      F> .
      = settled)"},
               {"the application logs in at once", R"(
      P< +OK
      P> STLS
      P< +OK
      = start-tls
      secure
      F> +OK
      F< USER a
      P> USER a
      = settled)"},
               {"does not want culvert", "P< -ERR busy\n= fail refused"},
               {"refuses STLS", "P< +OK\nP> STLS\nP< -ERR no\n= fail refused"},
               {"not POP3", "P< 220 mx\n= fail syntax"},
               {"not POP3 behind the greeting", "P< +OK\nP> STLS\nP< OK\n= fail syntax"},
           });
}

TEST(Pop3Dialog, EarlyData) {
  expectEarlyData(makePop3Server, "F< +OK\nP> +OK\n", "STLS\r\n", "USER a\r\n");
  expectEarlyData(makePop3Client, "P< +OK\nP> STLS\n", "+OK\r\n", "+OK\r\n");
}

}  // namespace
}  // namespace culvert
