// SPDX-License-Identifier: GPL-3.0-or-later
// The dialog with a SOCKS5 proxy (RFC 1928): the methods, the login with user and password
// (RFC 1929) if the proxy wants it, and the request CONNECT. Each reply has a known length, so the
// dialog reads byte by byte and never consumes a byte of the backend.
#include <fmt/format.h>

#include <initializer_list>
#include <iterator>

#include "base/big_endian.h"
#include "base/bytes.h"
#include "proxy/proxy_dialog.h"
#include "proxy/proxy_target.h"

namespace culvert {
namespace {

constexpr uint8_t kSocksVersion = 5;
constexpr uint8_t kSocksLoginVersion = 1;
constexpr uint8_t kSocksConnect = 1;

enum SocksMethod : uint8_t { kSocksNoLogin = 0, kSocksPassword = 2, kSocksNoMethod = 0xff };
enum SocksAddress : uint8_t { kSocksIpv4 = 1, kSocksName = 3, kSocksIpv6 = 4 };

/// The words of RFC 1928 section 6.
std::string socksReplyWords(uint8_t code) {
  constexpr std::string_view kWords[] = {"general failure",
                                         "its rules do not allow the connection",
                                         "network unreachable",
                                         "host unreachable",
                                         "connection refused",
                                         "TTL expired",
                                         "it does not support CONNECT",
                                         "it does not support this type of address"};
  if (code >= 1 && code <= std::size(kWords))
    return fmt::format("the proxy reports: {} (reply {})", kWords[code - 1], code);
  return fmt::format("the proxy reports an unassigned reply ({})", code);
}

/// Says what a proxy speaks whose first byte is not that of SOCKS5.
std::string socksVersionFault(uint8_t byte) {
  std::string_view hint;
  if (byte == 'H') hint = "; an HTTP proxy has an http:// address";
  if (byte == 0) hint = "; culvert does not support SOCKS4";
  return fmt::format("the proxy does not answer in SOCKS5{}", hint);
}

class Socks5 final : public ProxyDialog {
 public:
  Socks5(ProxyTarget target, SharedCredentials credentials)
      : target_(std::move(target)), credentials_(std::move(credentials)) {}

  void begin(std::string& toProxy) override {
    if (credentials_)
      append(toProxy, {kSocksVersion, 2, kSocksNoLogin, kSocksPassword});
    else
      append(toProxy, {kSocksVersion, 1, kSocksNoLogin});
  }

  ProxyStep fromProxy(std::span<const uint8_t> bytes, std::string& toProxy) override {
    size_t used = 0;
    while (next_ == Next::kMore && used < bytes.size()) take(bytes[used++], toProxy);
    return {next_, used, detail_};
  }

  std::string progress() const override {
    switch (part_) {
      case Part::kMethod:
        return "the proxy has not answered the list of SOCKS5 methods";
      case Part::kLogin:
        return "the proxy has not answered the login";
      default:
        return "the proxy has not answered the SOCKS5 request";
    }
  }

 private:
  using Next = ProxyStep::Next;
  /// What the proxy sends next. A reply is a head of four bytes and the address of its socket.
  enum class Part : uint8_t { kMethod, kLogin, kReply, kNameSize, kAddress };

  static void append(std::string& out, std::initializer_list<uint8_t> bytes) {
    for (const uint8_t byte : bytes) out += static_cast<char>(byte);
  }

  void failed(std::string detail) {
    next_ = Next::kFailed;
    detail_ = std::move(detail);
  }

  void startPart(Part part) {
    part_ = part;
    at_ = 0;
  }

  void take(uint8_t byte, std::string& toProxy) {
    const size_t at = at_++;
    switch (part_) {
      case Part::kMethod:
        return at == 0 ? checkVersion(byte) : takeMethod(byte, toProxy);
      case Part::kLogin:
        return takeLogin(at, byte, toProxy);
      case Part::kReply:
        return takeReply(at, byte);
      case Part::kNameSize:
        return expectAddress(byte);
      case Part::kAddress:
        if (at_ == addressSize_) next_ = Next::kDone;
        return;
    }
  }

  void checkVersion(uint8_t byte) {
    if (byte != kSocksVersion) failed(socksVersionFault(byte));
  }

  void takeMethod(uint8_t method, std::string& toProxy) {
    if (method == kSocksNoLogin) return sendRequest(toProxy);
    if (method == kSocksPassword && credentials_) return sendLogin(toProxy);
    if (method != kSocksNoMethod)
      return failed(fmt::format("the proxy chose a method that was not offered ({})", method));
    failed(credentials_ ? "the proxy accepts neither a user with password nor a connection without"
                        : "the proxy requires credentials (via-auth-file)");
  }

  void sendLogin(std::string& toProxy) {
    const std::string_view user = credentials_->user(), password = credentials_->password();
    toProxy.reserve(toProxy.size() + 1024);  // growing later would leave the password in memory
    append(toProxy, {kSocksLoginVersion, static_cast<uint8_t>(user.size())});
    toProxy += user;
    append(toProxy, {static_cast<uint8_t>(password.size())});
    toProxy += password;
    startPart(Part::kLogin);
  }

  void takeLogin(size_t at, uint8_t byte, std::string& toProxy) {
    if (at == 0) {
      if (byte != kSocksLoginVersion) failed("the proxy answers the login with a malformed reply");
      return;
    }
    if (byte != 0) return failed("the proxy refused the credentials (via-auth-file)");
    sendRequest(toProxy);
  }

  void sendRequest(std::string& toProxy) {
    append(toProxy, {kSocksVersion, kSocksConnect, 0});
    switch (target_.kind) {
      case ProxyTarget::Kind::kName:
        append(toProxy, {kSocksName, static_cast<uint8_t>(target_.host.size())});
        toProxy += target_.host;
        break;
      case ProxyTarget::Kind::kIpv4:
        append(toProxy, {kSocksIpv4});
        toProxy += target_.address;
        break;
      case ProxyTarget::Kind::kIpv6:
        append(toProxy, {kSocksIpv6});
        toProxy += target_.address;
        break;
    }
    toProxy += asText(u16Bytes(target_.port));
    startPart(Part::kReply);
  }

  /// A refusal is final with its code: some proxies close without the rest of the reply. The third
  /// byte is reserved, and culvert ignores it.
  void takeReply(size_t at, uint8_t byte) {
    if (at == 0) return checkVersion(byte);
    if (at == 1 && byte != 0) return failed(socksReplyWords(byte));
    if (at != 3) return;
    if (byte == kSocksIpv4) return expectAddress(4);
    if (byte == kSocksIpv6) return expectAddress(16);
    if (byte == kSocksName) return startPart(Part::kNameSize);
    failed(fmt::format("the proxy answers with an unknown type of address ({})", byte));
  }

  /// culvert ignores the address itself, and the port behind it.
  void expectAddress(size_t size) {
    addressSize_ = size + 2;
    startPart(Part::kAddress);
  }

  ProxyTarget target_;
  SharedCredentials credentials_;
  Next next_ = Next::kMore;
  std::string detail_;
  Part part_ = Part::kMethod;
  size_t at_ = 0;  ///< bytes of this part so far
  size_t addressSize_ = 0;
};

}  // namespace

Result<std::unique_ptr<ProxyDialog>> makeSocks5(std::string_view host, uint16_t port,
                                                SharedCredentials credentials) {
  Result<ProxyTarget> target = readProxyTarget(host, port);
  if (!target) return tl::unexpected<Error>(std::move(target.error()));
  return std::make_unique<Socks5>(std::move(*target), std::move(credentials));
}

}  // namespace culvert
