// SPDX-License-Identifier: GPL-3.0-or-later
// See client_auth_builder.h.
#include "certs/client_auth_builder.h"

#include <ctime>
#include <iterator>
#include <utility>

namespace culvert {

PeerAuthSource peerAuthSource(const ServiceOptions& o) {
  PeerAuthSource source;
  source.mode = o.verifyClient;
  source.depth = static_cast<unsigned>(o.verifyDepth);
  for (const SourcedText& path : o.clientCa) source.caFiles.push_back(path.text);
  for (const SourcedText& path : o.crl) source.crlFiles.push_back(path.text);
  const std::pair<PeerRule, const SourcedList*> rules[] = {
      {PeerRule::kCn, &o.allowCn},   {PeerRule::kOu, &o.allowOu}, {PeerRule::kDns, &o.allowDns},
      {PeerRule::kUri, &o.allowUri}, {PeerRule::kIp, &o.allowIp}, {PeerRule::kSpki, &o.allowSpki}};
  for (const auto& [kind, list] : rules)
    for (const SourcedText& item : *list) source.rules.push_back({kind, item.text});
  return source;
}

std::shared_ptr<const PeerAuth> buildPeerAuth(const ServiceOptions& options,
                                              const std::shared_ptr<const PeerAuth>& before,
                                              Diagnostics& diagnostics) {
  if (options.tls != ClientTls::kOn || options.verifyClient == VerifyClient::kOff) return nullptr;
  if (const auto possible = peerAuthPossible(); !possible) {
    diagnostics.error(options.originOf("verify-client"), sectionLabel(options), "verify-client",
                      possible.error().text);
    return nullptr;
  }
  const PeerAuthLoaded loaded = loadPeerAuth(peerAuthSource(options), std::time(nullptr), before);
  const auto tell = [&](Severity severity, const PeerAuthRemark& remark) {
    const SourcedList& files = remark.ofCrl ? options.crl : options.clientCa;
    diagnostics.add(severity, files[remark.index].origin, sectionLabel(options),
                    remark.ofCrl ? "crl" : "client-ca", remark.text);
  };
  for (const auto& remark : loaded.errors) tell(Severity::kError, remark);
  for (const auto& remark : loaded.warnings) tell(Severity::kWarning, remark);
  if (loaded.auth != nullptr && loaded.auth->pinsOnly)
    diagnostics.add(Severity::kNote, options.originOf("allow-spki"), sectionLabel(options),
                    "allow-spki",
                    "without client-ca only the client's key counts: its chain, dates and names "
                    "are not verified");
  return loaded.auth;
}

std::vector<FileStamp> clientFileStamps(const ServiceOptions& options) {
  std::vector<FileStamp> stamps;
  for (const SourcedList* files : {&options.clientCa, &options.crl})
    for (const SourcedText& file : *files) stamps.push_back(stampOf(file.text));
  return stamps;
}

Result<void> checkPeerRule(std::string_view key, std::string_view item) {
  if (key == "backend-spki") return PeerRules().add(PeerRule::kSpki, item);
  for (size_t kind = 0; kind < std::size(kPeerRuleKeys); ++kind)
    if (kPeerRuleKeys[kind] == key) return PeerRules().add(static_cast<PeerRule>(kind), item);
  return {};
}

}  // namespace culvert
