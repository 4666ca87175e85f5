// SPDX-License-Identifier: GPL-3.0-or-later
// Transcripts of STARTTLS in IMAP, in both roles.
#include "starttls/imap_dialog.h"

#include "support/dialog_script.h"

namespace culvert {
namespace {

TEST(ImapDialog, AsServer) {
  runCases(makeImapServer,
           {
               {"a backend without STARTTLS: settled at once", R"(
      F< * OK [CAPABILITY IMAP4rev1 SASL-IR LITERAL+ ID AUTH=PLAIN] ready [x]
      P> * OK [CAPABILITY IMAP4rev1 ID STARTTLS LOGINDISABLED] ready [x]
      P< a1 CAPABILITY
      F> a1 CAPABILITY
      F< * CAPABILITY IMAP4rev1 auth=plain\r\na1 OK done
      P> * CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED
      P> a1 OK done
      P< a2 starttls
      P> a2 OK Begin TLS negotiation now
      = start-tls
      secure
      = settled
      P< a3 CAPABILITY
      F> a3 CAPABILITY)"},
               {"a backend with STARTTLS: its own is taken out, also behind TLS", R"(
      F< * OK [CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED]
      P> * OK [CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED]
      P< a STARTTLS
      P> a OK Begin TLS negotiation now
      = start-tls
      secure
      P< b NOOP\r\nc STARTTLS\r\nd CAPABILITY\r\ne LOGIN a b
      F> b NOOP
      F< b OK
      P> b OK
      P> c BAD TLS is active already
      F> d CAPABILITY
      F< * CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN\r\nd OK [CAPABILITY STARTTLS X]
      P> * CAPABILITY IMAP4rev1 AUTH=PLAIN
      P> d OK [CAPABILITY X]
      F> e LOGIN a b
      = settled)"},
               {"a greeting without a list; an untagged list comes late", R"(
      F< * OK ready
      P> * OK ready
      P< a STARTTLS
      P> a OK Begin TLS negotiation now
      = start-tls
      secure
      F< * BAD [CAPABILITY]\r\n* OK x
      P> * BAD [CAPABILITY]
      P> * OK x
      = settled)"},
               {"a login settles; so does a literal", R"(
      F< * OK ready
      P> * OK ready
      P< a STARTTLS
      P> a OK Begin TLS negotiation now
      = start-tls
      secure
      P< a ID ("a" {3}
      F> a ID ("a" {3}
      = settled
      F< + go
      P> + go
      P< \x00\x0aa)
      F> \x00\x0aa))"},
               {"refusals", R"(
      F< * OK ready
      P> * OK ready
      P< a LOGIN u p\r\nb AUTHENTICATE PLAIN\r\nc SELECT x\r\n+ NOOP\r\n\r\nx*y NOOP\r\nd STARTTLS x\r\ne CAPABILITY x\r\nf LOGIN {3}\r\ng
      P> a NO [PRIVACYREQUIRED] Must issue a STARTTLS command first
      P> b NO [PRIVACYREQUIRED] Must issue a STARTTLS command first
      P> c NO [PRIVACYREQUIRED] Must issue a STARTTLS command first
      P> * BAD Invalid tag
      P> * BAD Invalid tag
      P> * BAD Invalid tag
      P> d BAD This command has no arguments
      P> e BAD This command has no arguments
      P> f BAD Literals are not allowed before TLS
      P> g NO [PRIVACYREQUIRED] Must issue a STARTTLS command first
      P< h LOGIN {3+}\r\na STARTTLS
      P> h BAD Literals are not allowed before TLS
      P> * BYE Syntax error
      = fail syntax)"},
               {"ID, with a literal in the reply; LOGOUT", R"(
      F< * OK ready
      P> * OK ready
      P< a ID NIL\r\nb NOOP\r\nc LOGOUT\r\nd STARTTLS
      F> a ID NIL
      F< * ID ("name" {16}\r\na OK\r\n* BYE x\r\n "v" {0+}\r\n)\r\na OK done {5}
      P> * ID ("name" {16}
      P> a OK\r\n* BYE x\r\n "v" {0+}
      P> )
      P> a OK done {5}
      F> b NOOP
      F< * OK {5}\r\nb OK
      P> * OK {5}
      P> b OK
      F> c LOGOUT
      F< * BYE bye\r\nc OK
      P> * BYE bye
      P> c OK
      = end)"},
               {"PREAUTH", R"(
      F< * PREAUTH ready
      P> * BYE TLS is not possible
      = fail refused)"},
               {"BYE", "F< * BYE busy\nP> * BYE busy\n= end"},
               {"not IMAP", "F< 220 mx\nP> * BYE Syntax error\n= fail syntax"},
               {"BYE comes unasked", "F< * OK\nP> * OK\nF< * BYE idle\nP> * BYE idle"},
               {"a reply without a command", R"(
      F< * OK\r\na OK
      P> * OK
      P> * BYE Syntax error
      = fail syntax)"},
               {"a reply to another command", R"(
      F< * OK
      P> * OK
      P< a NOOP
      F> a NOOP
      F< b OK
      P> * BYE Syntax error
      = fail syntax)"},
               {"a request to continue", R"(
      F< * OK
      P> * OK
      P< a NOOP
      F> a NOOP
      F< + go
      P> * BYE Syntax error
      = fail syntax)"},
               {"a literal that is too long", R"(
      F< * OK
      P> * OK
      F< * X {99999999999999999999999}
      P> * BYE Line too long
      = fail too-long)"},
           });
}

TEST(ImapDialog, AsClient) {
  runCases(makeImapClient,
           {
               {"the greeting has a list", R"(
      P< * OK [CAPABILITY IMAP4rev1 starttls LOGINDISABLED] ready
      P> C1 STARTTLS
      P< * NO x\r\nC1 OK go
      = start-tls
      secure
      F> * OK ready
      = settled
      F< a CAPABILITY
      P> a CAPABILITY)"},
               {"the greeting has only a list", R"(
      P< * OK [CAPABILITY STARTTLS]
      P> C1 STARTTLS
      P< c1 OK
      = fail syntax)"},
               {"the greeting has no list", R"(
      P< * OK ready
      P> C0 CAPABILITY
      P< * CAPABILITY IMAP4rev1 STARTTLS\r\nC0 OK
      P> C1 STARTTLS
      P< C1 OK
      = start-tls
      secure
      F> * OK ready
      = settled)"},
               {"the list comes as a code of an untagged reply", R"(
      P< * OK [ALERT] ready
      P> C0 CAPABILITY
      P< * OK [CAPABILITY STARTTLS]\r\nC0 OK
      P> C1 STARTTLS
      P< C1 OK
      = start-tls
      secure
      F> * OK [ALERT] ready
      = settled)"},
               {"a greeting that needs text", R"(
      P< * OK [CAPABILITY STARTTLS]
      P> C1 STARTTLS
      P< C1 OK
      = start-tls
      secure
      F> * OK ready
      = settled)"},
               {"STARTTLS is not in the greeting's list",
                "P< * OK [CAPABILITY IMAP4rev1] x\n= fail refused"},
               {"STARTTLS is not in the list", R"(
      P< * OK
      P> C0 CAPABILITY
      P< * CAPABILITY IMAP4rev1\r\nC0 OK
      = fail refused)"},
               {"CAPABILITY fails", "P< * OK\nP> C0 CAPABILITY\nP< C0 BAD\n= fail refused"},
               {"STARTTLS fails", R"(
      P< * OK [CAPABILITY STARTTLS] x
      P> C1 STARTTLS
      P< C1 NO x
      = fail refused)"},
               {"BYE within", "P< * OK\nP> C0 CAPABILITY\nP< * BYE\n= fail refused"},
               {"PREAUTH", "P< * PREAUTH [CAPABILITY STARTTLS] x\n= fail refused"},
               {"BYE", "P< * BYE busy\n= fail refused"},
               {"not IMAP", "P< +OK\n= fail syntax"},
           });
}

TEST(ImapDialog, EarlyData) {
  expectEarlyData(makeImapServer, "F< * OK\nP> * OK\n", "a STARTTLS\r\n", "a NOOP\r\n");
  expectEarlyData(makeImapClient, "P< * OK [CAPABILITY STARTTLS]\nP> C1 STARTTLS\n", "C1 OK\r\n",
                  "* BYE\r\n");
}

}  // namespace
}  // namespace culvert
