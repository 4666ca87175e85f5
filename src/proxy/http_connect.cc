// SPDX-License-Identifier: GPL-3.0-or-later
// The dialog with an HTTP proxy: one CONNECT request (RFC 9110 section 9.3.6), and the head of its
// response. The dialog reads byte by byte, so that it never consumes a byte of the backend. Lines
// end with CRLF; RFC 9112 section 2.2 does not require a client to accept anything else.
#include <fmt/format.h>

#include <algorithm>

#include "base/ascii.h"
#include "base/bytes.h"
#include "base/words.h"
#include "proxy/proxy_dialog.h"
#include "proxy/proxy_target.h"

namespace culvert {
namespace {

constexpr std::string_view kConnectVersion = "HTTP/1.";
/// "HTTP/1.1 200"
constexpr size_t kConnectStatusEnd = 12;
constexpr size_t kConnectReason = 100;

/// Appends the base64 of `bytes` (RFC 4648 section 4).
void appendConnectBase64(std::string& out, std::span<const uint8_t> bytes) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (size_t at = 0; at < bytes.size(); at += 3) {
    const size_t count = std::min<size_t>(3, bytes.size() - at);
    uint32_t group = 0;
    for (size_t i = 0; i < 3; ++i) group = group << 8 | (i < count ? bytes[at + i] : 0u);
    for (size_t i = 0; i < 4; ++i) out += i <= count ? kDigits[group >> (18 - 6 * i) & 63] : '=';
  }
}

/// Appends the header that RFC 7617 section 2 describes. `out` has enough capacity, because growing
/// would leave the password in the old block.
void appendConnectLogin(std::string& out, const ProxyCredentials& credentials) {
  std::string login;
  login.reserve(2 * ProxyCredentials::kLongest + 1);
  login.append(credentials.user()).append(":").append(credentials.password());
  out += "Proxy-Authorization: Basic ";
  appendConnectBase64(out, asBytes(login));
  out += "\r\n";
  wipeText(login);
}

class HttpConnect final : public ProxyDialog {
 public:
  HttpConnect(ProxyTarget target, SharedCredentials credentials)
      : target_(std::move(target)), credentials_(std::move(credentials)) {}

  void begin(std::string& toProxy) override {
    const std::string authority = target_.authority();
    toProxy.reserve(toProxy.size() + 2 * authority.size() + 1024);
    toProxy += fmt::format("CONNECT {0} HTTP/1.1\r\nHost: {0}\r\n", authority);
    if (credentials_) appendConnectLogin(toProxy, *credentials_);
    toProxy += "\r\n";
  }

  ProxyStep fromProxy(std::span<const uint8_t> bytes, std::string&) override {
    size_t used = 0;
    while (next_ == Next::kMore && used < bytes.size()) take(static_cast<char>(bytes[used++]));
    return {next_, used, detail_};
  }

  std::string progress() const override {
    return headSize_ == 0 && interim_ == 0 ? "the proxy has not answered CONNECT"
                                           : "the proxy has not completed its answer to CONNECT";
  }

 private:
  using Next = ProxyStep::Next;

  void failed(std::string detail) {
    next_ = Next::kFailed;
    detail_ = std::move(detail);
  }

  void take(char c) {
    if (++headSize_ > kLongestHead)
      return failed(
          fmt::format("the proxy answers with a head of more than {} bytes", kLongestHead));
    if (c == '\0') return failed("the proxy answers with a zero byte in the head");
    if ((c == '\n') != afterReturn_)
      return failed("the proxy answers with a line that does not end with CR LF");
    afterReturn_ = c == '\r';
    if (c == '\n') return takeLine();
    if (c == '\r') return;
    ++lineSize_;
    if (!inStatus_) return;  // culvert needs none of the headers
    status_ += c;
    if (status_.size() <= kConnectVersion.size() && !kConnectVersion.starts_with(status_))
      failed("the proxy does not answer in HTTP/1");
  }

  void takeLine() {
    if (inStatus_) {
      inStatus_ = false;
      readStatus();
    } else if (lineSize_ == 0) {
      takeHead();
    }
    lineSize_ = 0;
  }

  /// Reads `HTTP/1.x NNN[ REASON]` (RFC 9112 section 4). The blank behind the code is mandatory,
  /// but some proxies omit it together with the reason.
  void readStatus() {
    const std::string_view line = status_;
    const bool sound = line.size() >= kConnectStatusEnd && isDigit(line[7]) && line[8] == ' ' &&
                       line[9] >= '1' && line[9] <= '5' && isDigit(line[10]) && isDigit(line[11]) &&
                       (line.size() == kConnectStatusEnd || line[kConnectStatusEnd] == ' ');
    if (!sound)
      return failed(fmt::format("the proxy answers with a malformed status line: {}",
                                printable(line, kConnectReason)));
    code_ = (line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0');
  }

  /// The head is complete. A 2xx response to CONNECT has no body, whatever Content-Length and
  /// Transfer-Encoding say (RFC 9110 section 9.3.6): the tunnel begins behind the head.
  void takeHead() {
    if (code_ >= 200 && code_ < 300) {
      next_ = Next::kDone;
    } else if (code_ == 407) {
      failed(credentials_ ? "the proxy refused the credentials (via-auth-file)"
                          : "the proxy requires credentials (via-auth-file)");
    } else if (code_ >= 200 || code_ == 101) {  // culvert has not asked for an upgrade
      failed(fmt::format("the proxy answered {}", answer()));
    } else if (++interim_ > kMostInterim) {
      failed(fmt::format("the proxy sends more than {} interim responses", kMostInterim));
    } else {
      headSize_ = 0;
      inStatus_ = true;
      status_.clear();
    }
  }

  /// The code and the reason phrase.
  std::string answer() const {
    return printable(std::string_view(status_).substr(9), kConnectReason);
  }

  ProxyTarget target_;
  SharedCredentials credentials_;
  Next next_ = Next::kMore;
  std::string detail_;
  std::string status_;  ///< the status line so far
  size_t headSize_ = 0;
  size_t lineSize_ = 0;
  bool inStatus_ = true;
  bool afterReturn_ = false;
  int code_ = 0;
  unsigned interim_ = 0;
};

}  // namespace

Result<std::unique_ptr<ProxyDialog>> makeHttpConnect(std::string_view host, uint16_t port,
                                                     SharedCredentials credentials) {
  Result<ProxyTarget> target = readProxyTarget(host, port);
  if (!target) return tl::unexpected<Error>(std::move(target.error()));
  return std::make_unique<HttpConnect>(std::move(*target), std::move(credentials));
}

}  // namespace culvert
