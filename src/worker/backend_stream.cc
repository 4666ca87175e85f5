// SPDX-License-Identifier: GPL-3.0-or-later
// See backend_stream.h.
#include "worker/backend_stream.h"

#include <unistd.h>

#include <array>
#include <utility>

#include "net/plain_stream.h"

namespace culvert {
namespace {

std::unique_ptr<ProxyDialog> proxyDialogFor(const Service& service) {
  if (!service.via) return nullptr;
  const ViaProxy& via = *service.via;
  auto made = via.scheme == ProxyScheme::kHttp
                  ? makeHttpConnect(via.host, via.port, via.credentials)
                  : makeSocks5(via.host, via.port, via.credentials);
  return made ? std::move(*made) : nullptr;  // the configuration was checked
}

}  // namespace

DialogFacts ownFacts() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0 || name[0] == '\0') return {"localhost"};
  return {name.data()};
}

std::optional<BackendPeer> backendPeerOf(const Service& service, const SocketAddress& address,
                                         const std::string& host, const std::string* agreed) {
  if (!service.backendTls) return std::nullopt;
  const BackendTls& tls = *service.backendTls;
  const std::string& target = service.via ? service.via->host : host;
  BackendPeer peer{.tls = service.backendTls,
                   .host = tls.name.empty() ? target : tls.name,
                   .address = address.text(),
                   .alpn = tls.settings->alpn};
  if (peer.alpn.empty() && agreed != nullptr) peer.alpn = {*agreed};
  return peer;
}

BackendStream makeBackendStream(TlsWorker& worker, UniqueFd fd, const Service& service,
                                std::optional<BackendPeer> peer, std::string preface) {
  BackendStream made;
  if (service.via || service.backendStartTls != StartTls::kOff) {
    OpeningParts parts{.proxy = proxyDialogFor(service),
                       .preface = std::move(preface),
                       .dialog = makeClientDialog(service.backendStartTls, ownFacts()),
                       .server = {},
                       .client = std::move(peer),
                       .isBackend = true};
    auto stream = std::make_unique<OpeningStream>(worker, std::move(fd), std::move(parts));
    made.opening = stream.get();
    made.stream = std::move(stream);
  } else if (peer) {
    auto stream = std::make_unique<TlsStream>(worker, std::move(fd), std::move(*peer), preface);
    made.tls = stream.get();
    made.stream = std::move(stream);
  } else {
    made.stream = std::make_unique<PlainStream>(worker.loop, std::move(fd), std::move(preface));
  }
  return made;
}

}  // namespace culvert
