// SPDX-License-Identifier: GPL-3.0-or-later
// See listener_table.h.
#include "server/listener_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <unordered_map>
#include <unordered_set>

#include "net/socket_ops.h"

namespace culvert {
namespace {

/// One socket that the configuration requires.
struct Wanted {
  std::string key;
  AddressKind kind;
  SocketAddress address;  // not used for a wildcard
  uint16_t port;
  std::string text;  // the canonical text of the configuration
  std::string service;
  Origin origin;

  Result<UniqueFd> bind(const ListenOptions& options) const {
    return kind == AddressKind::kWildcard ? openWildcardListener(port, options)
                                          : openListener(address, options);
  }
};

void addWanted(const ServiceOptions& service, const SourcedText& item, const AddressSpec& spec,
               size_t place, std::vector<Wanted>& wanted, Diagnostics& diagnostics) {
  const auto add = [&](const SocketAddress& address) {
    std::string key = spec.kind == AddressKind::kWildcard ? spec.text() : address.text();
    // Several listeners with port 0 are different listeners, although their addresses are equal.
    if (spec.kind != AddressKind::kUnix && spec.port == 0)
      key += fmt::format(" {}#{}", service.name, place);
    wanted.push_back({key, spec.kind, address, spec.port, spec.text(), service.name, item.origin});
  };
  if (spec.kind != AddressKind::kHostName) return add(spec.address);
  const auto resolved = resolveHost(spec.host, spec.port);
  if (!resolved) {
    diagnostics.error(item.origin, sectionLabel(service), "listen", resolved.error().text);
    return;
  }
  for (const SocketAddress& address : *resolved) add(address);
}

std::vector<Wanted> wantedListeners(const Config& config, Diagnostics& diagnostics) {
  std::vector<Wanted> wanted;
  for (const ServiceOptions& service : config.services) {
    for (size_t place = 0; place < service.listen.size(); ++place) {
      const SourcedText& item = service.listen[place];
      const auto spec = parseAddress(item.text, AddressUse::kListen);
      if (spec) addWanted(service, item, *spec, place, wanted, diagnostics);
    }
  }
  return wanted;
}

/// True if the two addresses differ and one of them is a wildcard that includes the other address.
bool overlap(const std::string& a, const std::string& b) {
  if (a == b) return false;
  const auto one = parseAddress(a, AddressUse::kListen);
  const auto other = parseAddress(b, AddressUse::kListen);
  if (!one || !other || one->port != other->port || one->port == 0) return false;
  const auto includes = [](const AddressSpec& all, const AddressSpec& single) {
    if (all.kind == AddressKind::kWildcard) return true;
    return all.kind == AddressKind::kLiteral && all.address.isAnyAddress() &&
           all.address.family() == single.address.family();
  };
  return includes(*one, *other) || includes(*other, *one);
}

}  // namespace

/// Finds a listener by its key or by its bound address. The bound address matters if the system
/// chose the port earlier and the configuration names that port now.
const ListenerTable::Bound* ListenerTable::find(const std::string& key) const {
  const auto found = std::find_if(bound_.begin(), bound_.end(),
                                  [&](const Bound& b) { return b.key == key || b.address == key; });
  return found == bound_.end() ? nullptr : &*found;
}

ListenerTable::Change ListenerTable::prepare(const Config& config, const ListenOptions& options,
                                             Diagnostics& diagnostics) const {
  Change change;
  const std::vector<Wanted> all = wantedListeners(config, diagnostics);
  std::vector<std::string> keys;
  for (const Wanted& wanted : all) keys.push_back(wanted.key);
  std::unordered_map<std::string_view, std::pair<const Wanted*, size_t>> shared;  // by key
  for (const Wanted& wanted : all) {
    // Services that name the same address share one socket. The configuration was checked.
    if (const auto same = shared.find(wanted.key);
        same != shared.end() && same->second.first->text == wanted.text) {
      change.entries[same->second.second].services.push_back(wanted.service);
      continue;
    }
    if (const Bound* bound = find(wanted.key)) {
      const auto taken = std::find_if(change.entries.begin(), change.entries.end(),
                                      [&](const auto& entry) { return entry.id == bound->id; });
      if (taken != change.entries.end()) {
        diagnostics.error(wanted.origin, "service " + wanted.service, "listen",
                          fmt::format("cannot listen on {}: [service {}] already listens on it",
                                      bound->address, taken->services.front()));
        continue;
      }
      shared.try_emplace(wanted.key, &wanted, change.entries.size());
      change.entries.push_back({wanted.key,
                                {wanted.service},
                                bound->address,
                                bound->unixPath,
                                bound->id,
                                bound->away,
                                {}});
      continue;
    }
    auto fd = wanted.bind(options);
    if (!fd) {
      std::string why = fd.error().text;
      if (fd.error().sysErrno == EADDRINUSE) why += whoHolds(wanted.key, keys);
      diagnostics.error(wanted.origin, "service " + wanted.service, "listen", std::move(why));
      continue;
    }
    const std::string address = listenerText(fd->get());
    const SocketAddress unixPath =
        wanted.kind == AddressKind::kUnix ? wanted.address : SocketAddress();
    shared.try_emplace(wanted.key, &wanted, change.entries.size());
    change.entries.push_back(
        {wanted.key, {wanted.service}, address, unixPath, 0, false, std::move(*fd)});
  }
  return change;
}

/// If culvert itself uses `address`, returns a text that says how; else an empty text. If the
/// configuration names two overlapping addresses, the text does not suggest a restart.
std::string ListenerTable::whoHolds(const std::string& address,
                                    const std::vector<std::string>& wanted) const {
  for (const std::string& other : wanted) {
    if (overlap(other, address))
      return fmt::format(": this file also listens on {}, and one address includes the other",
                         other);
  }
  for (const Bound& bound : bound_) {
    if (overlap(bound.address, address))
      return fmt::format(
          ": culvert itself listens on {} for [service {}]; this change needs a restart",
          bound.address, bound.services.front());
  }
  return {};
}

void ListenerTable::discard(Change change) {
  for (Change::Entry& entry : change.entries) {
    if (entry.id != 0) continue;
    entry.fd.reset();
    if (entry.unixPath.isSet()) removeUnixSocket(entry.unixPath);
  }
}

ListenerUpdate ListenerTable::commit(Change change, const Runtime& runtime) {
  ListenerUpdate update;
  std::vector<Bound> now;
  const RuntimeIndex index(runtime);
  for (Change::Entry& entry : change.entries) {
    auto entrance = entranceOf(entry.services, index);
    if (entry.id == 0) {
      entry.id = nextId_++;
      update.added.push_back({entry.id, std::move(entry.fd), std::move(entrance)});
    } else if (!entry.away) {
      update.changed.push_back({entry.id, std::move(entrance)});
    }
    now.push_back({entry.key, std::move(entry.services), entry.address, entry.unixPath, entry.id,
                   entry.away});
  }
  for (const Bound& old : bound_) {
    const bool kept =
        std::any_of(now.begin(), now.end(), [&](const Bound& b) { return b.id == old.id; });
    if (kept || old.away) continue;
    update.removed.push_back(old.id);
    if (old.unixPath.isSet()) dropped_.push_back(old);
  }
  bound_ = std::move(now);
  return update;
}

ListenerUpdate ListenerTable::renew(const Runtime& runtime) const {
  ListenerUpdate update;
  const RuntimeIndex index(runtime);
  for (const Bound& b : bound_)
    if (!b.away) update.changed.push_back({b.id, entranceOf(b.services, index)});
  return update;
}

std::shared_ptr<const Entrance> ListenerTable::entranceOf(const std::vector<std::string>& services,
                                                          const RuntimeIndex& runtime) {
  Entrance::Services found;
  for (const std::string& name : services) found.push_back(runtime.find(name)->service);
  return makeEntrance(std::move(found));
}

ListenerTable::Bound& ListenerTable::byId(uint32_t id) {
  return *std::ranges::find(bound_, id, &Bound::id);
}

ListenerUpdate ListenerTable::takeAway(uint32_t id) {
  Bound& bound = byId(id);
  bound.away = true;
  if (bound.unixPath.isSet()) dropped_.push_back(bound);
  ListenerUpdate update;
  update.removed.push_back(id);
  return update;
}

Result<ListenerUpdate> ListenerTable::bringBack(uint32_t id, const ListenOptions& options,
                                                const Runtime& runtime) {
  Bound& bound = byId(id);
  const auto spec = parseAddress(bound.address, AddressUse::kListen);
  if (!spec) return tl::unexpected(spec.error());
  auto fd = spec->kind == AddressKind::kWildcard ? openWildcardListener(spec->port, options)
                                                 : openListener(spec->address, options);
  if (!fd) return tl::unexpected(fd.error());
  bound.away = false;
  bound.id = nextId_++;
  ListenerUpdate update;
  update.added.push_back(
      {bound.id, std::move(*fd), entranceOf(bound.services, RuntimeIndex(runtime))});
  return update;
}

ListenerTable::Dropped ListenerTable::dropService(const std::string& name, const Runtime& runtime) {
  Dropped result;
  const RuntimeIndex index(runtime);
  for (Bound& b : bound_) {
    if (std::erase(b.services, name) == 0) continue;
    if (!b.services.empty()) {
      result.shared.push_back(b.address);
      if (!b.away) result.update.changed.push_back({b.id, entranceOf(b.services, index)});
      continue;
    }
    result.closed.push_back(b.address);
    if (b.away) continue;
    result.update.removed.push_back(b.id);
    if (b.unixPath.isSet()) dropped_.push_back(b);
  }
  std::erase_if(bound_, [](const Bound& b) { return b.services.empty(); });
  return result;
}

std::vector<BoundListener> ListenerTable::report() const {
  std::vector<BoundListener> lines;
  for (const Bound& b : bound_)
    if (!b.away)
      for (const std::string& service : b.services) lines.push_back({service, b.address});
  return lines;
}

void ListenerTable::removeSocketFiles() {
  for (const Bound& old : std::exchange(dropped_, {})) removeFileOf(old);
  for (const Bound& b : bound_) {
    if (b.unixPath.isSet() && !b.away) removeUnixSocket(b.unixPath);
  }
}

void ListenerTable::removeDroppedFile(uint32_t id) {
  std::erase_if(dropped_, [&](const Bound& old) {
    if (old.id != id) return false;
    removeFileOf(old);
    return true;
  });
}

/// Removes the file of a UNIX socket, unless a later reload has bound the path again.
void ListenerTable::removeFileOf(const Bound& old) const {
  const bool again = std::any_of(bound_.begin(), bound_.end(),
                                 [&](const Bound& b) { return b.key == old.key && !b.away; });
  if (!again) removeUnixSocket(old.unixPath);
}

void noteUnbindable(const Config& config, Diagnostics& diagnostics, Severity severity) {
  Diagnostics unresolved;
  std::vector<UniqueFd> held;  // kept open, so that overlapping addresses of the configuration fail
  std::unordered_set<std::string> seen;
  for (const Wanted& wanted : wantedListeners(config, unresolved)) {
    if (!seen.insert(wanted.key).second) continue;  // services that share the address
    Severity weight = severity;
    Error why;
    if (wanted.kind == AddressKind::kUnix) {  // not bound, because binding would replace a stale
                                              // socket file
      const auto could = checkUnixListener(wanted.address);
      if (could) continue;
      why = could.error();
    } else {
      auto fd = wanted.bind({});
      if (fd) {
        held.push_back(std::move(*fd));
        continue;
      }
      why = fd.error();
      held.clear();
      if (wanted.bind({})) {  // no other process has the address
        weight = Severity::kError;
        why.text += ": another address of this file includes it";
      }
    }
    diagnostics.add(weight, wanted.origin, "service " + wanted.service, "listen", why.text);
  }
  for (const Diagnostic& d : unresolved.list())
    diagnostics.add(severity, d.origin, d.section, d.key, d.what);
}

}  // namespace culvert
