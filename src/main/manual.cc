// SPDX-License-Identifier: GPL-3.0-or-later
// The manual pages: the words that no table holds stand here, the lists come from the tables.
#include <fmt/format.h>

#include "config/option_docs.h"
#include "main/help.h"
#include "stats/counters.h"

namespace culvert {

namespace {

constexpr std::string_view kLicence = R"(.\" SPDX-License-Identifier: GPL-3.0-or-later
)";

constexpr std::string_view kCulvertTop = R"(.\" Made by `culvert --generate man`.
.TH CULVERT 8 "" "culvert" "System Administration"
.SH NAME
culvert \- TLS on one side, plain TCP on the other
.SH SYNOPSIS
.B culvert \-c
.I FILE
.RB [ \-\-daemon ]
.br
.B culvert \-\-listen
.I ADDR
.B \-\-backend
.I ADDR
.RB ( \-\-cert
.I FILE
.B \-\-key
.I FILE
|
.BR \-\-self\-signed )
.br
.B culvert \-\-check\c
.RB [ =strict ]
.B \-c
.I FILE
.br
.B culvert \-\-dump\-config \-c
.I FILE
.SH DESCRIPTION
culvert accepts TLS connections and passes their bytes to a plain TCP service, whose bytes go back over TLS. So a
service without TLS gets it without a change.
One daemon serves any number of services, each with its own addresses, certificates and limits; they are described in
.BR culvert.ini (5).
.PP
Ends are passed on as what they are: a clean end as a clean end, in each direction by itself (half\-close), an abort as
an abort. What was accepted from one side is delivered to the other before.
.PP
culvert runs in the foreground and logs to standard error, unless told otherwise.
When everything is bound it logs (at level notice) one line for each listener,
.IR "listening service=NAME address=ADDR:PORT" ,
then
.IR ready ;
.B \-\-ready\-fd
has the same lines for programs.
Relative paths are relative to the directory that culvert is started in.
.SH OPTIONS
)";

constexpr std::string_view kCulvertMiddle = R"(.SH CONFIGURATION
From the weakest source to the strongest: the file, the environment,
.BR \-\-set ,
the named options.
An override replaces a list; repeats within one source append.
What is said of a service itself is stronger than what is said of
.B defaults
in any source.
.PP
Errors and warnings are one line each,
.IR "FILE:LINE: error: [section] key: what is wrong" ,
with
.I env:NAME
or
.I \-\-set#N
in the place of FILE:LINE where no file is meant. All of them are printed, not the first one only, and nothing is bound or
changed.
.SH ENVIRONMENT
.TP
.B CULVERT_CONFIG
the configuration file, where
.B \-c
is not given
.TP
.BI CULVERT_GLOBAL_ KEY
a key of [global], in capitals, with _ for \-: CULVERT_GLOBAL_LOG_LEVEL=debug
.TP
.BI CULVERT_DEFAULTS_ KEY
a key of [defaults]
.TP
.BI CULVERT_TUNNEL_ KEY
a key of [service main]: CULVERT_TUNNEL_LISTEN=8443
.PP
Ignored are CULVERT_ADMIN, and what Kubernetes sets for a Service called culvert or culvert\-x: CULVERT_SERVICE,
CULVERT_PORT and names that begin with one of them and _; for any X, CULVERT_X_SERVICE_HOST, CULVERT_X_SERVICE_PORT and
CULVERT_X_PORT, the last two also with _ and more behind them. A name of an option is never ignored. If something is
missing in the configuration, warnings name the ignored variables that Kubernetes did not set. Any other name that
begins with CULVERT_ is an error.
.SH SIGNALS
.TP
.B TERM, INT
Stop accepting and let the tunnels end, for
.B drain\-timeout
at most. A second one ends at once.
.TP
.B HUP
Read the whole configuration and all certificates again. It is done altogether or not at all, and the log says which; a
key that needs a restart makes it fail by name. To listen on all addresses of a port instead of one
(127.0.0.1:443 to *:443), or the other way round, takes a restart too: the old listener still holds the port. Living
tunnels keep the configuration they were born with. Ignored, with a line in the log,
while culvert is stopping. Without a file the certificates are read again.
.TP
.B USR1
Open log files again, after they have been renamed.
.TP
.B USR2
Write the state to the log.
.SH EXIT STATUS
The code is that of the first phase that failed, in the order 2, 3, 4, 5; all errors of that phase are printed.
)";

constexpr std::string_view kCulvertEnd = R"(.SH EXAMPLES
TLS in front of a redis on the same machine, to try it out:
.PP
.EX
    culvert \-\-listen 6380 \-\-backend 127.0.0.1:6379 \-\-self\-signed
    redis\-cli \-\-tls \-\-insecure \-p 6380 ping
.EE
.PP
Reload only what holds:
.PP
.EX
    culvert \-\-check \-c /etc/culvert/culvert.ini && pkill \-HUP \-F /run/culvert.pid
.EE
.SH SEE ALSO
.BR culvert.ini (5)
)";

constexpr std::string_view kIniTop = R"(.\" Made by `culvert --generate man-ini`.
.TH CULVERT.INI 5 "" "culvert" "File Formats"
.SH NAME
culvert.ini \- configuration of culvert
.SH DESCRIPTION
The file has sections, and in them one
.I "key = value"
a line.
.TP
.B [global]
options of the whole process; a second one goes on with the first
.TP
.B [defaults]
options of a service, for every service that comes later in the file
.TP
.BI "[service " NAME ]
one service: where it accepts TLS, where the plain bytes go. NAME has up to 63 letters, digits, dots, hyphens and
underscores, and begins with a letter or digit.
.PP
Sections and keys start in the first column; no value goes on in a second line. A line whose first character is
.B ;
or
.B #
is a comment; so is what follows a
.B ;
that stands behind a blank.
A line has at most 16384 bytes. A key that takes one value stands once in a section.
.SH VALUES
.TP
address
.IR PORT ,
.RI *: PORT
(IPv4 and IPv6 in one socket),
.IR HOST : PORT ,
.RI [ V6 ]: PORT
([::] is IPv6 only),
.RI unix: /path .
.TP
duration
a number with
.B ms, s, m, h
or
.BR d ;
compounds from the greatest unit down,
.BR 1h30m .
No bare number but 0.
.TP
size
a number of bytes, or with
.B k, m
or
.B g
of 1024.
.TP
switch
.B on
or
.BR off ;
wherever one of these words is allowed,
.B yes
and
.B true
stand for on,
.B no
and
.B false
for off.
.TP
no limit
.B 0
or
.BR off .
.TP
list
items separated by commas, or the key repeated; paths only by repeating. A service's list replaces that of
.BR [defaults] .
For an option that may be without a value,
.I "key ="
takes back what
.B [defaults]
says.
)";

constexpr std::string_view kIniEnd = R"(.SH EXAMPLE
.EX
    [service redis]
    listen = 6380
    backend = 127.0.0.1:6379
    cert = /etc/culvert/redis.crt
    key = /etc/culvert/redis.key
.EE
.SH SEE ALSO
.BR culvert (8)
)";

std::string counterManual() {
  std::string out = ".SH COUNTERS\nOf the line\n.I counters\nthat USR2 asks for.\n";
  for (size_t i = 0; i < kCounterCount; ++i) {
    const CounterInfo& info = counterInfo(static_cast<Counter>(i));
    const bool isMax = info.kind == CounterKind::kGaugeMax;
    out += fmt::format(".TP\n.B {}\n{}{}.\n", info.name, roffText(info.brief),
                       isMax ? ", the largest so far" : "");
    if (!info.detail.empty()) out += roffText(info.detail) + "\n";
  }
  return out +
         ".TP\n.BI closed_by_cause. CAUSE\n"
         "tunnels that ended for this cause; those that never occurred are left out\n";
}

}  // namespace

std::string manCulvert() {
  std::string out = std::string(kLicence) + std::string(kCulvertTop);
  for (const CliOptionWords& option : cliOptions()) {
    if (option.group.empty()) continue;
    out += fmt::format(".TP\n.B {}\n{}\n", roffText(option.names), roffText(option.brief));
    if (!option.detail.empty()) out += fmt::format(".br\n{}\n", roffText(option.detail));
  }
  out += kCulvertMiddle;
#define EXIT_CODE(name, number, words) \
  out += fmt::format(".TP\n.B {}\n{}\n", number, roffText(words));
#include "server/exit_code.def"
#undef EXIT_CODE
  out += counterManual();
  return out += kCulvertEnd;
}

std::string manIni() {
  return std::string(kLicence) + std::string(kIniTop) + manOptions(&builtInWords) +
         std::string(kIniEnd);
}

}  // namespace culvert
