// SPDX-License-Identifier: GPL-3.0-or-later
// See client_auth_builder.h.
#include "certs/client_auth_builder.h"

#include <ctime>
#include <iterator>
#include <utility>

namespace culvert {

ClientAuthSource clientAuthSource(const ServiceOptions& o) {
  ClientAuthSource source;
  source.mode =
      o.verifyClient == ClientVerify::kRequired ? VerifyClient::kRequired : VerifyClient::kOptional;
  source.depth = static_cast<unsigned>(o.verifyDepth);
  for (const SourcedText& path : o.clientCa) source.caFiles.push_back(path.text);
  for (const SourcedText& path : o.crl) source.crlFiles.push_back(path.text);
  const std::pair<ClientRule, const SourcedList*> rules[] = {
      {ClientRule::kCn, &o.allowCn},   {ClientRule::kOu, &o.allowOu},
      {ClientRule::kDns, &o.allowDns}, {ClientRule::kUri, &o.allowUri},
      {ClientRule::kIp, &o.allowIp},   {ClientRule::kSpki, &o.allowSpki}};
  for (const auto& [kind, list] : rules)
    for (const SourcedText& item : *list) source.rules.push_back({kind, item.text});
  return source;
}

std::shared_ptr<const ClientAuth> buildClientAuth(const ServiceOptions& options,
                                                  const std::shared_ptr<const ClientAuth>& before,
                                                  Diagnostics& diagnostics) {
  if (options.verifyClient == ClientVerify::kOff) return nullptr;
  if (const auto possible = clientAuthPossible(); !possible) {
    diagnostics.error(options.originOf("verify-client"), sectionLabel(options), "verify-client",
                      possible.error().text);
    return nullptr;
  }
  const ClientAuthLoaded loaded =
      loadClientAuth(clientAuthSource(options), std::time(nullptr), before);
  const auto tell = [&](Severity severity, const ClientAuthRemark& remark) {
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

Result<void> checkClientRule(std::string_view key, std::string_view item) {
  for (size_t kind = 0; kind < std::size(kClientRuleKeys); ++kind)
    if (kClientRuleKeys[kind] == key) return ClientRules().add(static_cast<ClientRule>(kind), item);
  return {};
}

}  // namespace culvert
