// SPDX-License-Identifier: GPL-3.0-or-later
// Routes answers the requests of the HTTP doors. Thread: loop (culvert-admin).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "admin/admin_parts.h"
#include "admin/history.h"
#include "admin/problems.h"
#include "admin/tunnel_gather.h"
#include "event/event_loop.h"
#include "event/timer.h"
#include "http/http_server.h"
#include "log/recent_lines.h"

namespace culvert {

class Routes {
 public:
  /// `home` is the post box of the thread.
  Routes(const AdminParts& parts, EventLoop& loop, PostBox& home);

  void handle(std::shared_ptr<HttpExchange> exchange);
  /// What the control thread has published last; not nullptr once the first door is open.
  void setView(std::shared_ptr<const AdminView> view) { view_ = std::move(view); }
  /// Begins to keep what only the admin door shows: samples, warnings and errors.
  void openAdmin();

 private:
  using Exchange = std::shared_ptr<HttpExchange>;
  using Handler = void (Routes::*)(const Exchange&);
  struct Route;
  static const Route kRoutes[];
  struct LiveCheck;

  // routes.cc: the table, and what both doors serve
  bool dispatch(const Exchange& exchange);
  void metrics(const Exchange& exchange);
  void live(const Exchange& exchange);
  void ready(const Exchange& exchange);
  void backends(const Exchange& exchange);
  // routes_reads.cc
  void page(const Exchange& exchange);
  void status(const Exchange& exchange);
  void history(const Exchange& exchange);
  void services(const Exchange& exchange);
  void tunnels(const Exchange& exchange);
  void certificates(const Exchange& exchange);
  void explain(const Exchange& exchange);
  // routes_changes.cc
  void closeOne(const Exchange& exchange);
  void closeMatching(const Exchange& exchange);
  void close(const Exchange& exchange, TunnelQuery query, std::string what, bool one);
  void reload(const Exchange& exchange);
  void drain(const Exchange& exchange);
  void drainService(const Exchange& exchange);
  void logLevel(const Exchange& exchange);

  /// Calls `then` with the answers of all loops, or after a time without them.
  void checkLoops(std::function<void(Verdict)> then);
  void onLoopsLate();
  void onSecond();
  CounterSnapshot counters() const;

  const AdminParts& parts_;
  EventLoop& loop_;
  PostBox& home_;
  std::shared_ptr<const AdminView> view_;
  History history_;
  TunnelRates rates_;
  const RecentLines* recent_ = nullptr;  // once openAdmin() was called
  Timer second_;
  Timer liveTimer_;
  std::vector<std::shared_ptr<LiveCheck>> liveChecks_;  // in progress, the oldest first
};

/// Who asks, for the log: the credentials of a UNIX socket's peer, or the address.
std::string actorOf(const HttpPeer& peer);

HttpReply jsonReply(std::string body, int status = 200);
/// {"error": text}
HttpReply errorReply(int status, std::string_view text);
HttpReply textReply(std::string body, int status = 200);

}  // namespace culvert
