// SPDX-License-Identifier: GPL-3.0-or-later
// See certificate_files.h.
#include "tls/credentials/certificate_files.h"

#include <cerrno>
#include <filesystem>
#include <set>

namespace culvert {

namespace fs = std::filesystem;

namespace {

using Names = std::set<std::string>;

Result<Names> namesIn(const std::string& directory) {
  Names names;
  std::error_code error;
  for (fs::directory_iterator at(directory, error), end; !error && at != end; at.increment(error)) {
    std::string name = at->path().filename().string();
    if (!name.starts_with('.')) names.insert(std::move(name));
  }
  if (error) return failErrno(directory + ": cannot read the directory", error.value());
  return names;
}

std::string below(const std::string& directory, const std::string& name) {
  return directory + (directory.ends_with('/') ? "" : "/") + name;
}

bool isCertificateName(const std::string& name) {
  for (const char* ending : {".pem", ".crt", ".cer"})
    if (name.size() > 4 && name.ends_with(ending)) return true;
  return false;
}

/// Pairs of file names, certificate and key, that other programs always use.
constexpr std::pair<const char*, const char*> kKnownPairs[] = {{"fullchain.pem", "privkey.pem"},
                                                               {"tls.crt", "tls.key"}};

bool addKnownPair(const std::string& directory, const Names& names, const std::string& passphrase,
                  std::vector<CertificateFiles>& found) {
  for (const auto& [cert, key] : kKnownPairs) {
    if (!names.contains(cert) || !names.contains(key)) continue;
    found.push_back({below(directory, cert), below(directory, key), passphrase});
    return true;
  }
  return false;
}

}  // namespace

bool isDirectory(const std::string& path) {
  std::error_code error;
  return fs::is_directory(path, error);
}

Result<std::vector<CertificateFiles>> listCertificates(const std::string& directory,
                                                       const std::string& passphrase) {
  const auto names = namesIn(directory);
  if (!names) return tl::unexpected(names.error());
  std::vector<CertificateFiles> found;
  if (addKnownPair(directory, *names, passphrase, found)) return found;
  for (const std::string& name : *names) {
    const std::string path = below(directory, name);
    if (isCertificateName(name) && !isDirectory(path)) {
      const std::string key = name.substr(0, name.size() - 4) + ".key";
      found.push_back({path, names->contains(key) ? below(directory, key) : "", passphrase});
    } else if (isDirectory(path)) {
      // Skip a directory that culvert cannot read, because such a directory is not meant for
      // culvert.
      if (const auto inside = namesIn(path)) addKnownPair(path, *inside, passphrase, found);
    }
  }
  return found;
}

}  // namespace culvert
