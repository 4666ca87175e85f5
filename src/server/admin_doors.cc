// SPDX-License-Identifier: GPL-3.0-or-later
// See admin_doors.h.
#include "server/admin_doors.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

namespace culvert {

AdminDoors::Change AdminDoors::prepare(const GlobalOptions& global, const ListenOptions& options,
                                       Diagnostics& diagnostics) const {
  Change change;
  for (DoorAddress& wanted : doorAddresses(global, diagnostics)) {
    const auto known = std::ranges::find(
        open_, wanted.key, [](const Open& open) -> const std::string& { return open.address.key; });
    if (known != open_.end()) {
      change.entries.push_back({std::move(wanted), known->bound, {}});
      continue;
    }
    const char* key = wanted.admin ? "admin" : "metrics";
    auto fd = wanted.bind(options);
    if (!fd) {
      diagnostics.error(global.originOf(key), sectionLabel(global), key, fd.error().text);
      continue;
    }
    std::string bound = listenerText(fd->get());
    change.entries.push_back({std::move(wanted), std::move(bound), std::move(*fd)});
  }
  return change;
}

void AdminDoors::discard(Change change) {
  for (Change::Entry& entry : change.entries) {
    if (!entry.fd.valid()) continue;
    entry.fd.reset();
    if (!entry.wanted.isTcp()) removeUnixSocket(entry.wanted.address);
  }
}

void AdminDoors::commit(Change change, Logger& logger) {
  const auto say = [&logger](const char* what, const DoorAddress& door, const std::string& bound) {
    logger.log(LogLine(LogLevel::kNotice, what)
                   .add("door", door.admin ? "admin" : "metrics")
                   .add("address", bound));
  };
  std::vector<Open> now;
  for (Change::Entry& entry : change.entries) {
    if (entry.wanted.admin) logger.keepRecent();  // so that the page has the warnings of the start
    if (entry.fd.valid()) {
      say("http listening", entry.wanted, entry.bound);
      if (entry.wanted.admin && entry.wanted.isTcp())
        logger.log(LogLine(LogLevel::kWarning,
                           "admin is on TCP: each local user has full control of culvert; "
                           "unix:/path restricts it to a group")
                       .add("address", entry.bound));
    }
    const SocketFile file = entry.fd.valid() ? fileOf(entry.wanted) : SocketFile{};
    now.push_back({std::move(entry.wanted), std::move(entry.bound), std::move(entry.fd), file});
  }
  for (Open& old : open_) {
    const auto kept =
        std::ranges::find(now, old.address.key,
                          [](const Open& open) -> const std::string& { return open.address.key; });
    if (kept != now.end()) {
      kept->waiting = std::move(old.waiting);
      kept->file = old.file;
      continue;
    }
    say("http no longer listening", old.address, old.bound);
    closed_.push_back(old.address.key);
    removeFile(old);
  }
  open_ = std::move(now);
  if (const auto done = handOver(); !done)
    logger.log(
        LogLine(LogLevel::kErr, "the admin thread does not start").add("error", done.error().text));
}

Result<void> AdminDoors::setThread(std::function<std::unique_ptr<AdminThread>()> make) {
  make_ = std::move(make);
  return handOver();
}

/// Gives the thread its new sockets, and starts it before the first one.
Result<void> AdminDoors::handOver() {
  if (!make_ || (thread_ == nullptr && open_.empty())) return {};
  if (thread_ == nullptr) {
    auto thread = make_();
    if (auto started = thread->start(); !started) return started;
    thread_ = std::move(thread);
  }
  std::vector<AdminDoor> added;
  for (Open& open : open_)
    if (open.waiting.valid())
      added.push_back({open.address.key, std::move(open.waiting), open.address.admin, open.bound});
  thread_->setDoors(std::move(added), std::exchange(closed_, {}));
  return {};
}

void AdminDoors::stop() {
  if (thread_ != nullptr) thread_->stop();
  for (const Open& open : open_) removeFile(open);
  open_.clear();
}

AdminDoors::SocketFile AdminDoors::fileOf(const DoorAddress& address) {
  struct stat info {};
  if (address.isTcp() || ::lstat(std::string(address.address.path()).c_str(), &info) != 0 ||
      !S_ISSOCK(info.st_mode))
    return {};
  return {info.st_dev, info.st_ino};
}

/// Removes the file at once, although the thread still has the socket. So a reload can bind the path
/// again before the thread has closed the socket.
void AdminDoors::removeFile(const Open& open) {
  if (open.file.number != 0 && fileOf(open.address) == open.file)
    ::unlink(std::string(open.address.address.path()).c_str());
}

}  // namespace culvert
