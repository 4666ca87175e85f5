// SPDX-License-Identifier: GPL-3.0-or-later
// See backend_builder.h.
#include "certs/backend_builder.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <filesystem>

#include "config/policy.h"
#include "tls/credentials/credentials.h"
#include "tls/library/key_log.h"

namespace culvert {
namespace {

constexpr std::string_view kSystem = "system";

// Where the distributions keep the bundle: Debian and Alpine, Fedora, openSUSE, FreeBSD.
constexpr const char* kBundles[] = {
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
};

Result<std::string> systemBundle() {
  for (const char* path : kBundles)
    if (stampOf(path).exists()) return std::string(path);
  return fail(
      fmt::format("the system has no CA bundle (looked for {} and others): install "
                  "ca-certificates, or name the CAs with backend-ca",
                  kBundles[0]));
}

bool usesSystem(const ServiceOptions& options) {
  return options.backendCa.empty() && options.backendSpki.empty();
}

/// Lists the certificate files of a directory, sorted.
std::vector<std::string> filesOf(const std::string& directory) {
  namespace fs = std::filesystem;
  std::vector<std::string> files;
  std::error_code error;
  for (fs::directory_iterator at(directory, error), end; !error && at != end; at.increment(error)) {
    const std::string extension = at->path().extension();
    if (extension == ".pem" || extension == ".crt") files.push_back(at->path().string());
  }
  std::ranges::sort(files);
  return files;
}

/// The version numbers of a policy, which the option table has checked.
uint16_t versionOf(std::string_view text) { return text == "1.3" ? kTls13 : kTls12; }

}  // namespace

Result<std::vector<std::string>> backendCaFiles(const ServiceOptions& options) {
  std::vector<std::string> files;
  const auto addSystem = [&]() -> Result<void> {
    auto bundle = systemBundle();
    if (!bundle) return tl::unexpected(bundle.error());
    files.push_back(std::move(*bundle));
    return {};
  };
  if (usesSystem(options)) {
    if (auto added = addSystem(); !added) return tl::unexpected(added.error());
  }
  for (const SourcedText& item : options.backendCa) {
    if (item.text == kSystem) {
      if (auto added = addSystem(); !added) return tl::unexpected(added.error());
    } else if (isDirectory(item.text)) {
      const auto listed = filesOf(item.text);
      if (listed.empty()) return fail(item.text + ": the directory has no file *.pem or *.crt");
      files.insert(files.end(), listed.begin(), listed.end());
    } else {
      files.push_back(item.text);
    }
  }
  return files;
}

std::vector<FileStamp> backendFileStamps(const ServiceOptions& options) {
  std::vector<FileStamp> stamps;
  if (!options.backendTls) return stamps;
  if (options.backendVerify) {
    if (const auto files = backendCaFiles(options))
      for (const std::string& file : *files) stamps.push_back(stampOf(file));
    for (const SourcedText& file : options.backendCrl) stamps.push_back(stampOf(file.text));
  }
  for (const std::string* file : {&options.backendCert, &options.backendKey})
    if (!file->empty()) stamps.push_back(stampOf(*file));
  return stamps;
}

std::vector<std::string> backendPaths(const ServiceOptions& options) {
  std::vector<std::string> paths;
  if (!options.backendTls) return paths;
  if (const auto files = backendCaFiles(options); files && options.backendVerify)
    paths.insert(paths.end(), files->begin(), files->end());
  for (const SourcedList* list : {&options.backendCa, &options.backendCrl})
    for (const SourcedText& item : *list)
      if (item.text != kSystem) paths.push_back(item.text);
  for (const std::string* file : {&options.backendCert, &options.backendKey})
    if (!file->empty()) paths.push_back(*file);
  return paths;
}

std::shared_ptr<const BackendTls> BackendBuilder::build(
    const ServiceOptions& options, const std::shared_ptr<const BackendTls>& before) {
  if (!options.backendTls) return nullptr;
  const size_t errors = diagnostics_.errors();
  auto made = std::make_shared<BackendTls>();
  made->settings = settings(options, before.get());
  made->name = options.backendName;
  for (const SourcedText& pin : options.backendSpki)
    (void)made->pins.add(PeerRule::kSpki, pin.text);  // checked when the file was read
  made->credentials = ownCertificate(options, before.get());
  if (diagnostics_.errors() != errors) return nullptr;
  return before != nullptr && *before == *made ? before : made;
}

std::shared_ptr<const TlsSettings> BackendBuilder::settings(const ServiceOptions& options,
                                                            const BackendTls* before) {
  auto made = std::make_shared<TlsSettings>();
  made->service = options.name;
  if (const PolicyInfo* policy = findPolicy(options.backendPolicy)) {
    made->minVersion = versionOf(policy->minVersion);
    made->maxVersion = versionOf(policy->maxVersion);
  }
  for (const SourcedText& protocol : options.backendAlpn) made->alpn.push_back(protocol.text);
  made->peerAuth = trust(options, before);
  if (!options.keylogFile.empty()) {
    const auto& old = before != nullptr ? before->settings->keyLog : nullptr;
    made->keyLog = old != nullptr && old->path() == options.keylogFile
                       ? old
                       : std::make_shared<KeyLog>(options.keylogFile);
  }
  if (before != nullptr && *before->settings == *made) return before->settings;
  return made;
}

std::shared_ptr<const PeerAuth> BackendBuilder::trust(const ServiceOptions& options,
                                                      const BackendTls* before) {
  if (!options.backendVerify) return nullptr;
  if (const auto possible = peerAuthPossible(); !possible) {
    error(options, "backend-tls", possible.error().text);
    return nullptr;
  }
  auto files = backendCaFiles(options);
  if (!files) {
    error(options, options.backendCa.empty() ? "backend-tls" : "backend-ca", files.error().text);
    return nullptr;
  }
  PeerAuthSource source{.purpose = PeerPurpose::kServers,
                        .systemBundle = usesSystem(options),
                        .mode = VerifyClient::kRequired,
                        .depth = static_cast<unsigned>(options.backendVerifyDepth),
                        .caFiles = std::move(*files),
                        .crlFiles = {},
                        .rules = {}};
  std::string id = fmt::format("{}", source.depth);
  for (const std::string& file : source.caFiles) id += "\n" + file;
  for (const SourcedText& file : options.backendCrl) {
    source.crlFiles.push_back(file.text);
    id += "\ncrl " + file.text;
  }
  if (const auto known = trusts_.find(id); known != trusts_.end()) return known->second;
  const PeerAuthLoaded loaded = loadPeerAuth(
      source, std::time(nullptr), before != nullptr ? before->settings->peerAuth : nullptr);
  const auto tell = [&](Severity severity, const PeerAuthRemark& remark) {
    const std::string_view key = remark.ofCrl ? "backend-crl" : "backend-ca";
    diagnostics_.add(severity, options.originOf(key), sectionLabel(options), std::string(key),
                     remark.text);
  };
  for (const auto& remark : loaded.errors) tell(Severity::kError, remark);
  for (const auto& remark : loaded.warnings) tell(Severity::kWarning, remark);
  if (loaded.auth != nullptr && loaded.auth->pinsOnly)
    diagnostics_.add(Severity::kNote, options.originOf("backend-spki"), sectionLabel(options),
                     "backend-spki",
                     "without backend-ca only the backend's key counts: its chain, dates and names "
                     "are not verified");
  trusts_.emplace(std::move(id), loaded.auth);
  return loaded.auth;
}

/// Loads backend-cert. If the file has not changed, returns the object in use.
std::shared_ptr<const Credentials> BackendBuilder::ownCertificate(const ServiceOptions& options,
                                                                  const BackendTls* before) {
  if (options.backendCert.empty()) {
    if (!options.backendKey.empty())
      error(options, "backend-key", "needs backend-cert, the certificate of this key");
    return nullptr;
  }
  auto loaded = Credentials::loadFiles({options.backendCert, options.backendKey, {}});
  if (!loaded) {
    error(options, "backend-cert", loaded.error().text());
    return nullptr;
  }
  const Credentials* old =
      before != nullptr && before->credentials != nullptr ? before->credentials.get() : nullptr;
  if (old != nullptr && old->contentHash() == (*loaded)->contentHash()) return before->credentials;
  const int64_t now = std::time(nullptr);
  if ((*loaded)->validity(now) == Validity::kValid) return *loaded;
  const std::string text = fmt::format("{}: {}", options.backendCert, (*loaded)->validityText(now));
  if (old != nullptr && old->validity(now) == Validity::kValid) {
    error(options, "backend-cert", text + "; the one in use is valid");
    return nullptr;
  }
  diagnostics_.warning(options.originOf("backend-cert"), sectionLabel(options), "backend-cert",
                       text + ": backends refuse it");
  return *loaded;
}

void BackendBuilder::error(const ServiceOptions& options, std::string_view key, std::string text) {
  diagnostics_.error(options.originOf(key), sectionLabel(options), std::string(key),
                     std::move(text));
}

}  // namespace culvert
