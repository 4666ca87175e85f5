// SPDX-License-Identifier: GPL-3.0-or-later
// HttpClient sends one request on one connection to the admin endpoint and waits for the answer.
// Thread: any (no shared state).
#pragma once

#include "base/clock.h"
#include "ctl/admin_address.h"
#include "ctl/ctl_exit.h"
#include "ctl/http_answer.h"

namespace culvert {

class HttpClient {
 public:
  /// `cancelFd`, if valid, makes a call fail as soon as the descriptor is readable.
  explicit HttpClient(AdminAddress address, int cancelFd = -1)
      : address_(std::move(address)), cancelFd_(cancelFd) {}

  /// Sends the request. Fails with kCtlUnreachable if there is no connection or no answer within
  /// `timeout`, and with kCtlAnswer if the answer is not HTTP or not whole.
  CtlResult<CtlAnswer> call(const CtlRequest& request, Millis timeout) const;

  const AdminAddress& address() const { return address_; }

 private:
  AdminAddress address_;
  int cancelFd_;
};

/// Says that the address cannot be reached, why, and what to do. `sysErrno` may be 0.
std::string unreachableWords(const AdminAddress& address, std::string_view why, int sysErrno);

}  // namespace culvert
