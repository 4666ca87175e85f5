// SPDX-License-Identifier: GPL-3.0-or-later
// Transcripts of AUTH TLS in FTP, in both roles.
#include "starttls/ftp_dialog.h"

#include "support/dialog_script.h"

namespace culvert {
namespace {

constexpr std::string_view kStart = R"(
  F< 220 ftp
  P> 220 ftp
  P< AUTH TLS
  P> 234 Ready to start TLS
  = start-tls
  secure
)";

TEST(FtpDialog, AsServer) {
  runCases(makeFtpServer,
           {
               {"a session with features", R"(
      F< 120 soon\r\n220-ftp\r\n 220 x\r\n221 y\r\n220 ready
      P> 120 soon
      P> 220-ftp
      P>  220 x
      P> 221 y
      P> 220 ready
      P< FEAT
      F> FEAT
      F< 211-Features\r\n MDTM\r\n AUTH TLS\r\n PBSZ\r\n PROT\r\n CCC\r\n UTF8\r\n211 End
      P> 211-Features
      P>  MDTM
      P>  UTF8
      P>  AUTH TLS
      P>  PBSZ
      P>  PROT
      P> 211 End
      P< auth tls
      P> 234 Ready to start TLS
      = start-tls
      secure
      P< USER a\r\nPBSZ 0\r\nPASS b
      F> USER a
      F< 331 password
      P> 331 password
      P> 200 PBSZ=0
      F> PASS b
      F< 230 in
      P> 230 in
      P< PROT P\r\nPROT C\r\nTYPE I\r\nPASV\r\nCCC
      P> 536 Data connections can only be in the clear
      P> 200 Data connections are in the clear
      F> TYPE I
      F> PASV
      F> CCC
      = settled)"},
               {"other features", R"(
      F< 220 ftp
      P> 220 ftp
      P< FEAT\r\nFEAT\r\nFEAT
      F> FEAT
      F< 211 none
      P> 211-Features:
      P>  AUTH TLS
      P>  PBSZ
      P>  PROT
      P> 211 End
      F> FEAT
      F< 211-a\r\n211-AUTH SSL\r\n211-SIZE\r\n211 b
      P> 211-a
      P> 211-SIZE
      P>  AUTH TLS
      P>  PBSZ
      P>  PROT
      P> 211 b
      F> FEAT
      F< 500 what
      P> 500 what)"},
               {"refusals; commands wait for replies", R"(
      F< 220 ftp
      P> 220 ftp
      P< USER a\r\nAUTH\r\nAUTH GSSAPI\r\nAUTH TLS-P\r\nPBSZ 0\r\nPROT P\r\nCCC\r\nHOST x\r\nREIN\r\n\xff\xf4\xff\xf2ABOR\r\nHELP \xff
      P> 530 Must issue AUTH TLS first
      P> 501 AUTH needs a mechanism
      P> 504 Unknown mechanism
      P> 504 Unknown mechanism
      P> 503 Must issue AUTH TLS first
      P> 503 Must issue AUTH TLS first
      P> 533 Command protection is required
      P> 530 Must issue AUTH TLS first
      P> 530 Must issue AUTH TLS first
      P> 530 Must issue AUTH TLS first
      P> 501 Telnet commands are not allowed in this command
      P< NOOP\r\nSYST\r\nHELP\r\n\xff\xfd\x01QUIT\r\nAUTH TLS
      F> NOOP
      F< 200 ok
      P> 200 ok
      F> SYST
      F< 215 UNIX
      P> 215 UNIX
      F> HELP
      F< 214-a\r\nb\r\n214 c
      P> 214-a
      P> b
      P> 214 c
      F> \xff\xfd\x01QUIT
      F< 221 bye
      P> 221 bye
      = end)"},
               {"the backend does not want the client", "F< 421 busy\nP> 421 busy\n= end"},
               {"the backend does not want the client ever",
                "F< 530-no\\r\\n530 no\nP> 530-no\nP> 530 no\n= end"},
               {"421 comes unasked", "F< 220 a\nP> 220 a\nF< 421 idle\nP> 421 idle"},
               {"not FTP", "F< hello\nP> 421 Syntax error\n= fail syntax"},
               {"a reply without a command", R"(
      F< 220 a\r\n200 b
      P> 220 a
      P> 421 Syntax error
      = fail syntax)"},
           });
}

TEST(FtpDialog, AsServerBehindTls) {
  const auto behindTls = [](std::string_view rest) { return std::string(kStart).append(rest); };
  const std::string own = behindTls(R"(
    P< PROT C\r\nPBSZ x\r\nPBSZ\r\nPBSZ 4096\r\nPROT X\r\nPROT S\r\nPROT e\r\nCCC\r\nAUTH TLS\r\nREIN\r\nC\xff\xf1CC
    P> 503 Must issue PBSZ first
    P> 501 PBSZ needs a number
    P> 501 PBSZ needs a number
    P> 200 PBSZ=0
    P> 504 Unknown protection level
    P> 536 Data connections can only be in the clear
    P> 536 Data connections can only be in the clear
    P> 533 Command protection is required
    P> 503 TLS is active already
    P> 502 REIN is not available
    P> 500 Telnet commands are not allowed within a command
    P< \xff\xf4CCC
    P> 533 Command protection is required
    P< \xff\xf4ABOR
    F> \xff\xf4ABOR
    F< 226 ok
    P> 226 ok
    P< EPSV
    F> EPSV
    = settled)");
  const std::string transfer = behindTls(R"(
    P< PASV\r\nRETR a\r\nPBSZ 0
    F> PASV
    F> RETR a
    F< 227 (1,2)
    P> 227 (1,2)
    F< 150 go
    P> 150 go
    F< 226 done
    P> 226 done
    P> 200 PBSZ=0)");
  const std::string features = behindTls(R"(
    P< FEAT\r\nUSER a
    F> FEAT
    F< 211-a\r\n AUTH TLS\r\n211 End
    P> 211-a
    P>  AUTH TLS
    P>  PBSZ
    P>  PROT
    P> 211 End
    F> USER a)");
  runCases(makeFtpServer, {{"culvert's own commands", own.c_str()},
                           {"a transfer without PROT", transfer.c_str()},
                           {"features", features.c_str()}});
}

TEST(FtpDialog, SettlesAfterManyCommands) {
  std::string script(kStart);
  for (unsigned i = 0; i + 1 < Dialog::kMostCommands; ++i) script += "P< NOOP\nF> NOOP\n";
  script += "P< NOOP\nF> NOOP\n= settled\n";
  runCases(makeFtpServer, {{"64 commands", script.c_str()}});
}

TEST(FtpDialog, AsClient) {
  runCases(makeFtpClient,
           {
               {"starts TLS and replays the greeting", R"(
      P< 120 soon\r\n220-a\r\nb\r\n220 c
      P> AUTH TLS
      P< 234-a\r\n234 go
      = start-tls
      secure
      F> 220-a
      F> b
      F> 220 c
      = settled
      F< USER a
      P> USER a)"},
               {"does not want culvert", "P< 421 busy\n= fail refused"},
               {"refuses AUTH TLS", "P< 220 a\nP> AUTH TLS\nP< 504 no\n= fail refused"},
               {"wants more data", "P< 220 a\nP> AUTH TLS\nP< 334 x\n= fail refused"},
               {"not FTP", "P< hello\n= fail syntax"},
           });
}

TEST(FtpDialog, EarlyData) {
  expectEarlyData(makeFtpServer, "F< 220 a\nP> 220 a\n", "AUTH TLS\r\n", "USER a\r\n");
  expectEarlyData(makeFtpServer, "F< 220 a\nP> 220 a\n", "AUTH SSL\r\n", "\n");
  expectEarlyData(makeFtpServer, "F< 220 a\nP> 220 a\n", "AUTH TLS-C\r\n", "\n");
  expectEarlyData(makeFtpClient, "P< 220 a\nP> AUTH TLS\n", "234 a\r\n", "x");
}

}  // namespace
}  // namespace culvert
