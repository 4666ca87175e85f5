// SPDX-License-Identifier: GPL-3.0-or-later
// See dialog.h.
#include "starttls/dialog.h"

#include "starttls/ftp_dialog.h"
#include "starttls/imap_dialog.h"
#include "starttls/ldap_dialog.h"
#include "starttls/mysql_dialog.h"
#include "starttls/nntp_dialog.h"
#include "starttls/pgsql_dialog.h"
#include "starttls/pop3_dialog.h"
#include "starttls/sieve_dialog.h"
#include "starttls/smtp_dialog.h"
#include "starttls/xmpp_dialog.h"

namespace culvert {

std::string_view dialogFaultName(DialogFault fault) {
  switch (fault) {
    case DialogFault::kNone:
      return "none";
    case DialogFault::kEarlyData:
      return "early-data";
    case DialogFault::kRefused:
      return "refused";
    case DialogFault::kPlaintext:
      return "plaintext";
    case DialogFault::kSyntax:
      return "syntax";
    case DialogFault::kTooLong:
      return "too-long";
    case DialogFault::kTooMany:
      return "too-many";
  }
  return "unknown";
}

bool serverSpeaksFirst(StartTls protocol) {
  switch (protocol) {
    case StartTls::kOff:
    case StartTls::kLdap:
    case StartTls::kXmpp:
    case StartTls::kPgsql:
      return false;
    default:
      return true;
  }
}

std::unique_ptr<Dialog> makeServerDialog(StartTls protocol, const DialogFacts&) {
  switch (protocol) {
    case StartTls::kSmtp:
      return makeSmtpServer();
    case StartTls::kLmtp:
      return makeLmtpServer();
    case StartTls::kImap:
      return makeImapServer();
    case StartTls::kPop3:
      return makePop3Server();
    case StartTls::kSieve:
      return makeSieveServer();
    case StartTls::kFtp:
      return makeFtpServer();
    case StartTls::kNntp:
      return makeNntpServer();
    case StartTls::kLdap:
      return makeLdapServer();
    case StartTls::kXmpp:
      return makeXmppServer();
    case StartTls::kPgsql:
      return makePgsqlServer();
    case StartTls::kMysql:
      return makeMysqlServer();
    case StartTls::kOff:
      break;
  }
  return nullptr;
}

std::unique_ptr<Dialog> makeClientDialog(StartTls protocol, const DialogFacts& facts) {
  switch (protocol) {
    case StartTls::kSmtp:
      return makeSmtpClient(facts.hostName);
    case StartTls::kLmtp:
      return makeLmtpClient(facts.hostName);
    case StartTls::kImap:
      return makeImapClient();
    case StartTls::kPop3:
      return makePop3Client();
    case StartTls::kSieve:
      return makeSieveClient();
    case StartTls::kFtp:
      return makeFtpClient();
    case StartTls::kNntp:
      return makeNntpClient();
    case StartTls::kLdap:
      return makeLdapClient();
    case StartTls::kXmpp:
      return makeXmppClient();
    case StartTls::kPgsql:
      return makePgsqlClient();
    case StartTls::kMysql:
      return makeMysqlClient();
    case StartTls::kOff:
      break;
  }
  return nullptr;
}

}  // namespace culvert
