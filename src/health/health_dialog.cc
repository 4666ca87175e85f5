// SPDX-License-Identifier: GPL-3.0-or-later
// See health_dialog.h.
#include "health/health_dialog.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/ascii.h"
#include "base/bytes.h"
#include "base/words.h"

namespace culvert {
namespace {

using VerdictState = HealthVerdict::State;

/// How much of an answer a log line quotes.
constexpr size_t kMostQuoted = 80;

HealthVerdict good(std::string_view words) {
  return {VerdictState::kOk, printable(words, kMostQuoted)};
}
HealthVerdict bad(std::string words) { return {VerdictState::kFailed, std::move(words)}; }
HealthVerdict unexpected(std::string_view answer, std::string_view expected) {
  return bad(
      fmt::format("answered \"{}\" instead of {}", printable(answer, kMostQuoted), expected));
}

/// Removes the first line and its end (LF, with or without CR) from `text` and returns the line. If
/// no line is whole, returns false.
bool cutLine(std::string_view& text, std::string_view& line) {
  const size_t end = text.find('\n');
  if (end == std::string_view::npos) return false;
  line = text.substr(0, end);
  if (line.ends_with('\r')) line.remove_suffix(1);
  text.remove_prefix(end + 1);
  return true;
}

/// True if `text` can still become something that begins with `whole`.
bool isPrefixOf(std::string_view text, std::string_view whole) {
  return whole.starts_with(text.substr(0, whole.size()));
}

/// health-send and health-expect.
class BytesDialog final : public HealthDialog {
 public:
  explicit BytesDialog(const HealthOptions& options)
      : send_(options.send), expect_(options.expect) {}

  void begin(std::string& out) override { out += send_; }

 private:
  HealthVerdict judge(std::string_view answer, std::string&) override {
    const std::string_view start = answer.substr(0, expect_.size());
    if (!isPrefixOf(start, expect_))
      return unexpected(answer, fmt::format("\"{}\"", printable(expect_, kMostQuoted)));
    return start.size() < expect_.size() ? HealthVerdict{} : good(answer);
  }
  std::string awaited() const override {
    return expect_.empty() ? "an answer" : fmt::format("\"{}\"", printable(expect_, kMostQuoted));
  }

  const std::string send_;
  const std::string expect_;
};

/// A request of HTTP/1.1. The status line decides.
class HttpDialog final : public HealthDialog {
 public:
  HttpDialog(const HealthOptions& options, const std::string& host)
      : path_(options.send.empty() ? "/" : options.send), status_(options.expect), host_(host) {}

  void begin(std::string& out) override {
    out += fmt::format(
        "GET {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: culvert\r\nAccept: */*\r\nConnection: "
        "close\r\n\r\n",
        path_, host_);
  }

 private:
  HealthVerdict judge(std::string_view answer, std::string&) override {
    constexpr std::string_view kVersion = "HTTP/1.";
    for (;;) {
      if (!isPrefixOf(answer, kVersion)) return unexpected(answer, awaited());
      std::string_view line;
      if (!cutLine(answer, line)) return {};
      // HTTP/1.x NNN, then a blank or the end.
      const bool sound = line.size() >= 12 && isDigit(line[7]) && line[8] == ' ' &&
                         std::all_of(line.begin() + 9, line.begin() + 12, isDigit) &&
                         (line.size() == 12 || line[12] == ' ');
      if (!sound) return unexpected(line, awaited());
      const std::string_view status = line.substr(9, 3);
      // An interim response (RFC 9110 15.2): the final one follows its head.
      if (status[0] != '1' || status == "101") return judgeStatus(status, line);
      while (!line.empty())
        if (!cutLine(answer, line)) return {};
    }
  }
  HealthVerdict judgeStatus(std::string_view status, std::string_view line) const {
    const bool wanted = status_.empty() ? status[0] == '2' || status[0] == '3' : status == status_;
    if (wanted) return good(line);
    return unexpected(line, "status " + (status_.empty() ? "200 to 399" : status_));
  }
  std::string awaited() const override { return "an HTTP status line"; }

  const std::string path_;
  const std::string status_;
  const std::string host_;
};

/// PING. A server that wants a password works, so -NOAUTH is good too.
class RedisDialog final : public HealthDialog {
 public:
  void begin(std::string& out) override { out += "*1\r\n$4\r\nPING\r\n"; }

 private:
  HealthVerdict judge(std::string_view answer, std::string&) override {
    if (answer.empty()) return {};
    if (answer[0] != '+' && answer[0] != '-') return unexpected(answer, awaited());
    std::string_view line;
    if (!cutLine(answer, line)) return {};
    if (line == "+PONG" || line == "-NOAUTH" || line.starts_with("-NOAUTH ")) return good(line);
    return unexpected(line, awaited());
  }
  std::string awaited() const override { return "+PONG"; }
};

/// SSLRequest. A server that works answers S (TLS), N (no TLS) or E (an error message).
class PgsqlDialog final : public HealthDialog {
 public:
  void begin(std::string& out) override {
    constexpr std::string_view kSslRequest("\0\0\0\x08\x04\xd2\x16\x2f", 8);
    out += kSslRequest;
  }

 private:
  HealthVerdict judge(std::string_view answer, std::string&) override {
    if (answer.empty()) return {};
    switch (answer[0]) {
      case 'S':
        return good("S: the server has TLS");
      case 'N':
        return good("N: the server has no TLS");
      case 'E':
        return good("E: the server refuses the request, but it answers");
      default:
        return unexpected(answer, "S, N or E");
    }
  }
  std::string awaited() const override { return "the answer to SSLRequest"; }
};

/// The greeting, which may have several lines (RFC 5321 4.2). Then culvert says QUIT.
class SmtpDialog final : public HealthDialog {
 public:
  void begin(std::string&) override {}

 private:
  HealthVerdict judge(std::string_view answer, std::string& out) override {
    if (!isPrefixOf(answer, "220")) return refusal(answer);
    std::string_view line;
    while (cutLine(answer, line)) {
      if (!line.starts_with("220") || (line.size() > 3 && line[3] != ' ' && line[3] != '-'))
        return unexpected(line, awaited());
      if (line.size() > 3 && line[3] == '-') continue;
      out += "QUIT\r\n";
      return good(line);
    }
    return {};
  }
  /// Waits for the whole line, so that the log can quote it.
  HealthVerdict refusal(std::string_view answer) const {
    std::string_view line;
    if (!cutLine(answer, line)) return {};
    return unexpected(line, awaited());
  }
  std::string awaited() const override { return "a greeting with 220"; }
};

}  // namespace

HealthVerdict HealthDialog::feed(std::span<const uint8_t> bytes, std::string& out) {
  const size_t room = kMostInput - answer_.size();
  answer_ += asText(bytes.first(std::min(bytes.size(), room)));
  HealthVerdict verdict = answer_.empty() ? HealthVerdict{} : judge(answer_, out);
  if (verdict.done() || answer_.size() < kMostInput) return verdict;
  return bad(fmt::format("sent {} bytes without {}", kMostInput, awaited()));
}

HealthVerdict HealthDialog::finish() const {
  if (answer_.empty()) return bad("closed the connection without an answer");
  return bad(fmt::format("closed the connection after \"{}\"", printable(answer_, kMostQuoted)));
}

std::string HealthDialog::progress() const {
  std::string words = fmt::format("waiting for {}", awaited());
  if (!answer_.empty()) words += fmt::format(", got \"{}\"", printable(answer_, kMostQuoted));
  return words;
}

std::unique_ptr<HealthDialog> makeHealthDialog(const HealthOptions& options,
                                               const std::string& host) {
  switch (options.kind) {
    case HealthCheck::kOff:
    case HealthCheck::kTcp:
    case HealthCheck::kTls:
      break;
    case HealthCheck::kSend:
      return std::make_unique<BytesDialog>(options);
    case HealthCheck::kHttp:
      return std::make_unique<HttpDialog>(options, host);
    case HealthCheck::kRedis:
      return std::make_unique<RedisDialog>();
    case HealthCheck::kPgsql:
      return std::make_unique<PgsqlDialog>();
    case HealthCheck::kSmtp:
      return std::make_unique<SmtpDialog>();
  }
  return nullptr;
}

}  // namespace culvert
