// SPDX-License-Identifier: GPL-3.0-or-later
// What is bound against what the configuration wants: keep, add, drop, and a change that fails
// leaves everything as it was.
#include "server/listener_table.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <set>
#include <string>
#include <vector>

#include "socket_pair.h"
#include "temp_dir.h"

namespace culvert {
namespace {

class ListenerTableTest : public testing::Test {
 protected:
  /// A configuration of services with their listen addresses, and the runtime that goes with it.
  struct Wish {
    std::string service;
    std::vector<std::string> listen;
  };
  static Config configOf(const std::vector<Wish>& wishes) {
    Config config;
    uint32_t line = 1;
    for (const Wish& wish : wishes) {
      ServiceOptions service;
      service.name = wish.service;
      for (const std::string& text : wish.listen)
        service.listen.push_back({text, Origin::file("f.ini", line++)});
      config.services.push_back(std::move(service));
    }
    return config;
  }
  static Runtime runtimeOf(const Config& config) {
    Runtime runtime;
    for (const ServiceOptions& options : config.services) {
      auto profile = std::make_shared<ServiceProfile>();
      profile->name = options.name;
      auto service = std::make_shared<Service>();
      service->profile = profile;
      runtime.services.push_back({std::move(service), {}, {}});
    }
    return runtime;
  }

  ListenerTable::Change prepare(const std::vector<Wish>& wishes) {
    errors_ = Diagnostics();
    return table_.prepare(configOf(wishes), {}, errors_);
  }
  /// As a reload that succeeds; keeps what the acceptor would own.
  ListenerUpdate apply(const std::vector<Wish>& wishes) {
    const Config config = configOf(wishes);
    errors_ = Diagnostics();
    auto change = table_.prepare(config, {}, errors_);
    EXPECT_FALSE(errors_.hasErrors()) << errors_.list().front().text();
    ListenerUpdate update = table_.commit(std::move(change), runtimeOf(config));
    for (const uint32_t id : update.removed) open_.erase(id);
    for (auto& added : update.added) {
      const auto [place, fresh] = open_.emplace(added.id, std::move(added.fd));
      EXPECT_TRUE(fresh) << "a number is never given twice";
      EXPECT_TRUE(place->second);
    }
    return update;
  }
  static bool answers(const std::string& address) {
    const auto spec = parseAddress(address, AddressUse::kBackend);
    if (!spec) return false;
    const ConnectStart start = startConnect(spec->address);
    return start.connected ||
           (start.fd && waitFd(start.fd.get(), POLLOUT) && connectResult(start.fd.get()) == 0);
  }
  std::string address(size_t place) const { return table_.report().at(place).address; }

  ListenerTable table_;
  Diagnostics errors_;
  std::map<uint32_t, UniqueFd> open_;
  TempDir dir_;
};

TEST_F(ListenerTableTest, BindsEverythingInOrder) {
  const ListenerUpdate update =
      apply({{"a", {"127.0.0.1:0", "unix:" + dir_ / "a"}}, {"b", {"127.0.0.1:0"}}});
  EXPECT_EQ(update.added.size(), 3u);
  EXPECT_TRUE(update.changed.empty() && update.removed.empty());
  EXPECT_EQ(update.added[0].entrance->services.front()->profile->name, "a");
  EXPECT_EQ(update.added[2].entrance->services.front()->profile->name, "b");
  const auto report = table_.report();
  ASSERT_EQ(report.size(), 3u);
  EXPECT_EQ(report[0].service, "a");
  EXPECT_EQ(report[1].address, "unix:" + dir_ / "a");
  EXPECT_EQ(report[2].service, "b");
  EXPECT_EQ(report[0].address.rfind("127.0.0.1:", 0), 0u);
  EXPECT_NE(report[0].address, "127.0.0.1:0") << "as bound";
  for (const auto& listener : report) EXPECT_TRUE(answers(listener.address)) << listener.address;
}

TEST_F(ListenerTableTest, KeepsWhatIsUnchanged) {
  apply({{"a", {"127.0.0.1:0"}}, {"b", {"unix:" + dir_ / "b"}}});
  const auto before = table_.report();
  const ListenerUpdate update = apply({{"a", {"127.0.0.1:0"}}, {"b", {"unix:" + dir_ / "b"}}});
  EXPECT_TRUE(update.added.empty() && update.removed.empty());
  EXPECT_EQ(update.changed.size(), 2u) << "each learns its service anew";
  EXPECT_EQ(table_.report()[0].address, before[0].address);
  EXPECT_TRUE(answers(before[0].address));
}

TEST_F(ListenerTableTest, AddsAndDrops) {
  const ListenerUpdate first = apply({{"a", {"127.0.0.1:0"}}, {"b", {"unix:" + dir_ / "b"}}});
  const std::string kept = address(0);
  const ListenerUpdate update = apply({{"c", {"unix:" + dir_ / "c"}}, {"a", {"127.0.0.1:0"}}});
  ASSERT_EQ(update.added.size(), 1u);
  ASSERT_EQ(update.removed.size(), 1u);
  ASSERT_EQ(update.changed.size(), 1u);
  EXPECT_EQ(update.changed[0].id, first.added[0].id);
  EXPECT_EQ(update.removed[0], first.added[1].id);
  EXPECT_EQ(update.added[0].entrance->services.front()->profile->name, "c");
  EXPECT_EQ(address(1), kept);
  EXPECT_EQ(table_.size(), 2u);
}

TEST_F(ListenerTableTest, AListenerMayChangeItsService) {
  apply({{"a", {"unix:" + dir_ / "x"}}});
  const ListenerUpdate update = apply({{"b", {"unix:" + dir_ / "x"}}});
  EXPECT_TRUE(update.added.empty() && update.removed.empty());
  ASSERT_EQ(update.changed.size(), 1u);
  EXPECT_EQ(update.changed[0].entrance->services.front()->profile->name, "b");
  EXPECT_EQ(table_.report()[0].service, "b");
}

TEST_F(ListenerTableTest, SeveralPortsOfTheSystemsChoiceAreSeveral) {
  apply({{"a", {"127.0.0.1:0", "127.0.0.1:0"}}, {"b", {"127.0.0.1:0"}}});
  std::set<std::string> addresses;
  for (const auto& listener : table_.report()) addresses.insert(listener.address);
  EXPECT_EQ(addresses.size(), 3u);
  const ListenerUpdate update =
      apply({{"a", {"127.0.0.1:0", "127.0.0.1:0"}}, {"b", {"127.0.0.1:0"}}});
  EXPECT_TRUE(update.added.empty() && update.removed.empty());
  for (const auto& listener : table_.report()) EXPECT_TRUE(addresses.contains(listener.address));
}

/// Whoever learned the port from the log and writes it down keeps the socket.
TEST_F(ListenerTableTest, APortOfTheSystemsChoiceMayBeWrittenDownLater) {
  apply({{"a", {"127.0.0.1:0"}}});
  const std::string chosen = address(0);
  const ListenerUpdate update = apply({{"a", {chosen}}});
  EXPECT_TRUE(update.added.empty() && update.removed.empty());
  EXPECT_EQ(address(0), chosen);
  const ListenerUpdate again = apply({{"a", {chosen}}});
  EXPECT_TRUE(again.added.empty() && again.removed.empty());
}

TEST_F(ListenerTableTest, AWildcardIsKeptToo) {
  apply({{"a", {"*:0"}}});
  const std::string bound = address(0);
  const ListenerUpdate update = apply({{"a", {"0"}}});
  EXPECT_TRUE(update.added.empty() && update.removed.empty()) << "*:0 and 0 are one address";
  EXPECT_EQ(address(0), bound);
}

TEST_F(ListenerTableTest, ATakenPortIsAnErrorWithItsPlaceAndNothingChanges) {
  apply({{"a", {"127.0.0.1:0"}}});
  const std::string kept = address(0);
  const auto squatter = openListener(SocketAddress::ipv4(INADDR_LOOPBACK, 0));
  ASSERT_TRUE(squatter);
  const std::string taken = boundAddress(squatter->get()).text();

  auto change = prepare({{"a", {"127.0.0.1:0", "unix:" + dir_ / "new", taken}}});
  ASSERT_EQ(errors_.errors(), 1u);
  const Diagnostic& error = errors_.list().front();
  EXPECT_EQ(error.origin.text(), "f.ini:3");
  EXPECT_EQ(error.section, "service a");
  EXPECT_EQ(error.key, "listen");
  EXPECT_NE(error.what.find(taken), std::string::npos) << error.what;

  ListenerTable::discard(std::move(change));
  EXPECT_EQ(table_.size(), 1u);
  EXPECT_EQ(address(0), kept);
  EXPECT_TRUE(answers(kept)) << "the old listener goes on";
  EXPECT_NE(::access((dir_ / "new").c_str(), F_OK), 0) << "what was bound meanwhile leaves no file";
  const ListenerUpdate update = apply({{"a", {"127.0.0.1:0"}}});
  EXPECT_TRUE(update.added.empty() && update.removed.empty());
}

TEST_F(ListenerTableTest, EveryTakenAddressIsReported) {
  const auto squatter = openListener(SocketAddress::ipv4(INADDR_LOOPBACK, 0));
  ASSERT_TRUE(squatter);
  const std::string taken = boundAddress(squatter->get()).text();
  prepare({{"a", {taken}}, {"b", {"unix:" + dir_ / "no" + "/such/directory"}}});
  EXPECT_EQ(errors_.errors(), 2u);
}

TEST_F(ListenerTableTest, AHostNameBindsAndIsKept) {
  const ListenerUpdate first = apply({{"a", {"localhost:0"}}});
  EXPECT_GE(first.added.size(), 1u);
  const ListenerUpdate update = apply({{"a", {"localhost:0"}}});
  EXPECT_TRUE(update.added.empty() && update.removed.empty());
}

/// By another spelling of the address: a reload must refuse it as a start would.
TEST_F(ListenerTableTest, AnAddressCannotBeTakenFromAnotherService) {
  apply({{"a", {"127.0.0.1:0"}}});
  const std::string address = table_.report().front().address;
  apply({{"a", {address}}});
  const std::string alias = "localhost" + address.substr(address.rfind(':'));
  ListenerTable::discard(prepare({{"a", {address}}, {"b", {alias}}}));
  ASSERT_EQ(errors_.errors(), 1u);
  EXPECT_EQ(errors_.list().front().text(), "f.ini:2: error: [service b] listen: cannot listen on " +
                                               address + ": [service a] already listens on it");
}

TEST_F(ListenerTableTest, AnUnknownHostIsAnError) {
  prepare({{"a", {"no-such-host.invalid:0"}}});
  ASSERT_EQ(errors_.errors(), 1u);
  EXPECT_EQ(errors_.list().front().origin.text(), "f.ini:1");
}

TEST_F(ListenerTableTest, SocketFilesGoWithTheirListeners) {
  const std::string a = dir_ / "a";
  const std::string b = dir_ / "b";
  apply({{"s", {"unix:" + a, "unix:" + b}}});
  const ListenerUpdate update = apply({{"s", {"unix:" + b}}});
  ASSERT_EQ(update.removed.size(), 1u);
  EXPECT_EQ(::access(a.c_str(), F_OK), 0) << "it is accepted from until its queue is empty";
  table_.removeDroppedFile(update.removed[0]);
  EXPECT_NE(::access(a.c_str(), F_OK), 0);
  EXPECT_EQ(::access(b.c_str(), F_OK), 0);
  open_.clear();
  table_.removeSocketFiles();
  EXPECT_NE(::access(b.c_str(), F_OK), 0);
}

TEST_F(ListenerTableTest, ServicesOfOneAddressShareItsSocket) {
  const std::string path = "unix:" + dir_ / "shared";
  const ListenerUpdate first = apply({{"a", {path}}, {"b", {path, "127.0.0.1:0"}}, {"c", {path}}});
  ASSERT_EQ(first.added.size(), 2u);
  const auto names = [](const ListenerUpdate::Changed& one) {
    std::vector<std::string> all;
    for (const auto& service : one.entrance->services) all.push_back(service->profile->name);
    return all;
  };
  EXPECT_EQ(first.added[0].entrance->services.size(), 3u);
  EXPECT_NE(first.added[0].entrance->routes, nullptr);
  EXPECT_EQ(first.added[1].entrance->routes, nullptr);
  EXPECT_EQ(table_.report().size(), 4u);
  const ListenerUpdate update = apply({{"b", {path}}, {"c", {path}}});
  EXPECT_TRUE(update.added.empty());
  ASSERT_EQ(update.changed.size(), 1u);
  EXPECT_EQ(names(update.changed[0]), (std::vector<std::string>{"b", "c"}));
  EXPECT_EQ(update.removed.size(), 1u) << "the port that b had alone";
}

TEST_F(ListenerTableTest, AListenerGoesAwayAndComesBack) {
  const std::vector<Wish> wishes = {{"a", {"127.0.0.1:0"}}, {"b", {"unix:" + dir_ / "b"}}};
  const ListenerUpdate first = apply(wishes);
  const std::string port = address(0);
  for (const auto& added : first.added) {
    const ListenerUpdate update = table_.takeAway(added.id);
    EXPECT_EQ(update.removed, std::vector<uint32_t>{added.id});
    open_.erase(added.id);
    table_.removeDroppedFile(added.id);
  }
  EXPECT_NE(::access((dir_ / "b").c_str(), F_OK), 0);
  EXPECT_TRUE(table_.report().empty());
  EXPECT_EQ(table_.size(), 2u);
  // A reload keeps them away.
  const ListenerUpdate reload = apply(wishes);
  EXPECT_TRUE(reload.added.empty() && reload.changed.empty() && reload.removed.empty());
  std::vector<uint32_t> away;
  table_.forEachSeat([&](const ListenerTable::Seat& seat) {
    EXPECT_TRUE(seat.away);
    away.push_back(seat.id);
  });
  const Runtime runtime = runtimeOf(configOf(wishes));
  for (const uint32_t id : away) {
    auto update = table_.bringBack(id, {}, runtime);
    ASSERT_TRUE(update) << update.error().text;
    ASSERT_EQ(update->added.size(), 1u);
    open_.emplace(update->added[0].id, std::move(update->added[0].fd));
  }
  EXPECT_EQ(address(0), port);
  EXPECT_TRUE(answers(port));
  EXPECT_TRUE(answers(address(1)));
}

TEST_F(ListenerTableTest, APortThatIsTakenMeanwhileIsAnError) {
  const ListenerUpdate first = apply({{"a", {"127.0.0.1:0"}}});
  const std::string port = address(0);
  (void)table_.takeAway(first.added[0].id);
  open_.clear();
  auto squatter = openListener(parseAddress(port, AddressUse::kListen)->address);
  ASSERT_TRUE(squatter);
  const Runtime runtime = runtimeOf(configOf({{"a", {"127.0.0.1:0"}}}));
  EXPECT_FALSE(table_.bringBack(first.added[0].id, {}, runtime));
  squatter->reset();
  EXPECT_TRUE(table_.bringBack(first.added[0].id, {}, runtime));
}

TEST_F(ListenerTableTest, NothingIsNothing) {
  const ListenerUpdate update = apply({});
  EXPECT_TRUE(update.added.empty() && update.changed.empty() && update.removed.empty());
  EXPECT_TRUE(table_.report().empty());
}

TEST_F(ListenerTableTest, CheckNotesWhatCannotBeBoundAndBindsNothing) {
  const auto squatter = openListener(SocketAddress::ipv4(INADDR_LOOPBACK, 0));
  ASSERT_TRUE(squatter);
  const std::string taken = boundAddress(squatter->get()).text();
  const std::string path = dir_ / "x";
  Diagnostics notes;
  noteUnbindable(
      configOf({{"a", {taken, "127.0.0.1:0", "unix:" + path, "no-such-host.invalid:1"}}}), notes,
      Severity::kNote);
  ASSERT_EQ(notes.list().size(), 2u);
  EXPECT_FALSE(notes.hasErrors());
  for (const Diagnostic& note : notes.list()) EXPECT_EQ(note.severity, Severity::kNote);
  EXPECT_NE(::access(path.c_str(), F_OK), 0);
}

}  // namespace
}  // namespace culvert
