// SPDX-License-Identifier: GPL-3.0-or-later
// See certificate_watch.h.
#include "certs/certificate_watch.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include "base/file_stamp.h"
#include "certs/backend_builder.h"
#include "event/callback.h"

namespace culvert {
namespace {

// The delay after a change, because a program that writes two files needs a moment for the second
// file.
constexpr Millis kMoment{150};

// The interval of the poll that finds changes that inotify does not report (NFS), and certificates
// that have become valid.
constexpr Millis kSlowPoll{30'000};

// After a check, the watch pauses for this many times the duration of the check. Otherwise a
// program that keeps writing to a directory of thousands of files could keep the control thread
// busy.
constexpr int kRestFactor = 5;

bool isLink(const std::string& path) {
  std::error_code error;
  return std::filesystem::is_symlink(path, error);
}

/// Returns `path` and its subdirectories; an empty list if `path` is a file.
std::vector<std::string> withSubdirectories(const std::string& path) {
  namespace fs = std::filesystem;
  std::vector<std::string> found;
  std::error_code error;
  for (fs::directory_iterator at(path, error), end; !error && at != end; at.increment(error)) {
    std::error_code ignored;
    if (at->is_directory(ignored)) found.push_back(at->path().string());
  }
  if (isDirectory(path)) found.push_back(path);
  return found;
}

}  // namespace

CertificateWatch::CertificateWatch(EventLoop& loop, void* context, Callback onDue)
    : loop_(loop),
      context_(context),
      onDue_(onDue),
      directories_(loop, this, call<&CertificateWatch::onChange>),
      timer_(loop, this, call<&CertificateWatch::onTimer>) {}

Result<void> CertificateWatch::start() {
  timer_.armBy(Clock::now() + kSlowPoll);
  return directories_.open();
}

size_t CertificateWatch::follow(const Config& config, const Runtime& runtime) {
  std::set<std::string> wanted;
  std::set<std::string> walked;  // directories already handled, because most files share a
                                 // directory
  const auto add = [&](const std::string& path) {
    if (path.empty()) return;
    const std::string parent = path.substr(0, path.rfind('/') + 1);
    if (!walked.insert(parent).second && !isLink(path)) return;
    for (std::string& directory : directoriesTowards(path)) wanted.insert(std::move(directory));
  };
  for (const ServiceOptions& service : config.services) {
    for (const SourcedList* files : {&service.clientCa, &service.crl})
      for (const SourcedText& file : *files) add(file.text);
    for (const std::string& path : backendPaths(service)) {
      add(path);
      if (isDirectory(path)) wanted.insert(path);
    }
    if (service.selfSigned) continue;
    for (const SourcedText& cert : service.cert) {
      add(cert.text);
      for (std::string& directory : withSubdirectories(cert.text))
        wanted.insert(std::move(directory));
    }
  }
  for (const RuntimeService& service : runtime.services) {
    for (const auto& unit : service.certificates) {
      add(unit->files.cert);
      add(unit->files.key);
      add(unit->files.passphrase);
    }
  }
  // A missing directory needs no watch of its own, because its parent is watched and reports its
  // creation.
  std::erase_if(wanted, [&wanted](const std::string& path) {
    return !isDirectory(path) && wanted.contains(path.substr(0, path.rfind('/')));
  });
  return directories_.watch({wanted.begin(), wanted.end()});
}

void CertificateWatch::onChange() { lookSoon(); }

void CertificateWatch::lookSoon() {
  timer_.armBy(std::max(Clock::now() + kMoment, lastLook_ + lastTook_ * kRestFactor));
}

void CertificateWatch::onTimer() {
  lastLook_ = Clock::now();
  onDue_(context_);
  lastTook_ = Clock::now() - lastLook_;
  timer_.armBy(Clock::now() + kSlowPoll);
}

}  // namespace culvert
