// SPDX-License-Identifier: GPL-3.0-or-later
// CtlAsk sends requests to the admin endpoint and sorts the answers: JSON, a refusal in words, or
// something that culvertctl does not understand. Thread: main.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ctl/command_line.h"
#include "ctl/ctl_exit.h"
#include "ctl/http_client.h"
#include "ctl/json_value.h"

namespace culvert {

struct JsonAnswer {
  std::string body;  ///< as the daemon sent it, ending in a newline
  JsonValue value;
};

class CtlAsk {
 public:
  using Query = std::vector<std::pair<std::string, std::string>>;

  CtlAsk(const AdminAddress& address, std::optional<Millis> timeout, int cancelFd = -1)
      : client_(address, cancelFd), timeout_(timeout) {}

  /// Sends a request whose answer is JSON. The statuses in `also` are no refusal either.
  CtlResult<JsonAnswer> get(const std::string& path, Query query,
                            std::initializer_list<int> also = {}) const;
  CtlResult<JsonAnswer> post(const std::string& path, Query query,
                             std::initializer_list<int> also = {}) const;

  CtlResult<CtlAnswer> send(const CtlRequest& request) const;

  /// The failure for an answer with another status: the daemon's words with kCtlWrong, or
  /// kCtlAnswer if it has none.
  tl::unexpected<CtlFailure> refusal(const std::string& path, const CtlAnswer& answer) const;
  tl::unexpected<CtlFailure> misunderstood(const std::string& path, std::string_view why) const;

  /// True if the last refusal was 404.
  static bool isMissing(const CtlFailure& failure) { return failure.status == 404; }

 private:
  CtlResult<JsonAnswer> json(const CtlRequest& request, std::initializer_list<int> also) const;

  HttpClient client_;
  std::optional<Millis> timeout_;
};

/// `close`: by id or by filter. `drain`: a service or all, with --wait.
CtlResult<CtlExit> runClose(const CtlLine& line, const CtlAsk& ask);
CtlResult<CtlExit> runDrain(const CtlLine& line, const CtlAsk& ask);

}  // namespace culvert
