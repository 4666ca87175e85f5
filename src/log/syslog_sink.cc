// SPDX-License-Identifier: GPL-3.0-or-later
// The only file that calls syslog(3). The facility, the mask and the ident apply to the whole
// process. So activate() sets them, and the sink stores no copy. Thread: one at a time.
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>

#include <algorithm>
#include <cerrno>

#include "base/unique_fd.h"
#include "log/log_sink.h"

namespace culvert {

namespace {

// The numbers of the syslog facilities, in the order of kSyslogFacilityNames.
constexpr std::array<int, kSyslogFacilityNames.size()> kFacilityNumbers = {
    LOG_DAEMON, LOG_AUTH,   LOG_AUTHPRIV, LOG_USER,   LOG_LOCAL0, LOG_LOCAL1,
    LOG_LOCAL2, LOG_LOCAL3, LOG_LOCAL4,   LOG_LOCAL5, LOG_LOCAL6, LOG_LOCAL7};

class SyslogSink final : public LogSink {
 public:
  SyslogSink(int facility, LogLevel level) : facility_(facility), level_(level) {}

  void activate() override {
    ::openlog("culvert", LOG_PID | LOG_NDELAY, facility_);
    setLevel(level_);
  }

  void setLevel(LogLevel level) override {
    level_ = level;
    ::setlogmask(LOG_UPTO(static_cast<int>(level)));
  }

  Outcome write(std::span<const LogRecord> records, Millis) override {
    // syslog() does not report errors. It blocks while the syslog daemon does not read its socket,
    // so after start() only the thread culvert-log calls it.
    for (const LogRecord& record : records) {
      ::syslog(static_cast<int>(record.level), "%s", record.body.c_str());
    }
    return {records.size(), 0};
  }

 private:
  int facility_;
  LogLevel level_;
};

}  // namespace

Result<void> checkSyslog() {
  sockaddr_un where{};
  where.sun_family = AF_UNIX;
  std::string_view(_PATH_LOG).copy(where.sun_path, sizeof where.sun_path - 1);
  int error = 0;
  for (int kind : {SOCK_DGRAM, SOCK_STREAM}) {  // the order in which the C library tries them
    const UniqueFd fd(::socket(AF_UNIX, kind | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd) return failErrno("cannot check for a syslog daemon", errno);
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&where), sizeof where) == 0)
      return {};
    error = errno;
    if (error == EAGAIN) return {};  // a daemon exists, but is busy
    if (error != EPROTOTYPE) break;
  }
  return fail("no syslog daemon accepts lines at " _PATH_LOG " (" + errnoText(error) + ")", error);
}

Result<std::unique_ptr<LogSink>> openSyslogSink(const LogOptions& options) {
  const auto name =
      std::find(kSyslogFacilityNames.begin(), kSyslogFacilityNames.end(), options.facility);
  if (name == kSyslogFacilityNames.end()) {
    return fail(fmt::format("\"{}\" is not a syslog facility", options.facility));
  }
  const auto place = static_cast<size_t>(name - kSyslogFacilityNames.begin());
  return std::unique_ptr<LogSink>(
      std::make_unique<SyslogSink>(kFacilityNumbers[place], options.level));
}

}  // namespace culvert
