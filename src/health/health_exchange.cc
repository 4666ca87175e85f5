// SPDX-License-Identifier: GPL-3.0-or-later
// See health_exchange.h.
#include "health/health_exchange.h"

#include <fmt/format.h>

#include <new>
#include <utility>

#include "base/bytes.h"
#include "net/proxy_protocol.h"
#include "worker/backend_stream.h"

namespace culvert {
namespace {

// More than the longest health-send, or the longest path with its request.
constexpr size_t kMostSaid = 16 * 1024;

HealthVerdict failedExchange(std::string words) {
  return {HealthVerdict::State::kFailed, std::move(words)};
}

/// The value of the Host header. The port is left out if it is the usual one.
std::string hostHeader(const Service& service, const SocketAddress& address,
                       const std::string& host) {
  const BackendTls* tls = service.backendTls.get();
  std::string name = service.via ? service.via->host : host;
  if (tls != nullptr && !tls->name.empty()) name = tls->name;
  if (name.empty()) return "localhost";  // a UNIX socket
  const uint16_t port = service.via ? service.via->port : address.port();
  if (name.find(':') != std::string::npos) name = "[" + name + "]";
  const uint16_t usual = tls != nullptr ? 443 : 80;
  return port == usual || port == 0 ? name : fmt::format("{}:{}", name, port);
}

}  // namespace

std::string ownProxyHeader(const Service& service) {
  switch (service.profile->proxy) {
    case ProxyVersion::kV1:
      return proxyLocalV1();
    case ProxyVersion::kV2:
      return proxyLocalV2();
    case ProxyVersion::kOff:
      break;
  }
  return {};
}

std::unique_ptr<HealthDialog> healthDialogOf(const Service& service, const SocketAddress& address,
                                             const std::string& host) {
  // The opening of this STARTTLS is the SSLRequest already.
  if (service.health.kind == HealthCheck::kPgsql && service.backendStartTls == StartTls::kPgsql)
    return nullptr;
  return makeHealthDialog(service.health, hostHeader(service, address, host));
}

std::optional<BackendPeer> checkedPeer(const Service& service, const SocketAddress& address,
                                       const std::string& host) {
  auto peer = backendPeerOf(service, address, host, nullptr);
  if (peer && service.health.kind == HealthCheck::kHttp && !peer->alpn.empty())
    peer->alpn = {"http/1.1"};
  return peer;
}

std::string failureWords(const ByteStream& stream) {
  const auto failure = stream.failure();
  if (!failure) return "out of memory";
  return failure->detail.empty() ? failure->text() : failure->detail + " (" + failure->text() + ")";
}

HealthExchange::HealthExchange(BufferPool& pool, std::unique_ptr<HealthDialog> dialog)
    : dialog_(std::move(dialog)), in_(pool, 2 * ByteStream::kReadUnit), out_(pool, kMostSaid) {}

void HealthExchange::say(std::string& text) {
  if (!text.empty() && !out_.append(asBytes(text))) throw std::bad_alloc();
  text.clear();
}

HealthVerdict HealthExchange::step(ByteStream& stream) {
  std::string text;
  if (!std::exchange(begun_, true)) dialog_->begin(text);
  for (;;) {
    say(text);
    // A reset is reported by read(), behind the bytes that came before it.
    if (stream.write(out_).status == IoStatus::kFailed) return failedExchange(failureWords(stream));
    const IoResult got = stream.read(in_, ByteStream::kReadUnit);
    if (in_.outOfMemory()) throw std::bad_alloc();
    HealthVerdict verdict;
    while (!in_.empty()) {
      const std::span<const uint8_t> bytes = in_.readable();
      if (!verdict.done()) verdict = dialog_->feed(bytes, text);
      in_.consume(bytes.size());
    }
    say(text);
    if (verdict.done()) return verdict;
    switch (got.status) {
      case IoStatus::kOk:
        break;
      case IoStatus::kBlocked:
        return {};
      case IoStatus::kEof:
      case IoStatus::kTruncated:
        return dialog_->finish();
      case IoStatus::kReset:
        return failedExchange("reset the connection");
      case IoStatus::kFailed:
        return failedExchange(failureWords(stream));
    }
  }
}

void HealthExchange::flush(ByteStream& stream) {
  if (!out_.empty() && stream.write(out_).status != IoStatus::kBlocked) out_.clear();
}

}  // namespace culvert
