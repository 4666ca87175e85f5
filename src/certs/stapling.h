// SPDX-License-Identifier: GPL-3.0-or-later
// What the services want of OCSP stapling, certificate by certificate: which are fetched for, which
// have a response in a file, and what an operator ought to know of each. StapleFiles reads the
// files `CERT.ocsp`, at the start, after reloads and when they change. Thread: control.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/file_stamp.h"
#include "certs/ocsp_fetcher.h"
#include "service/runtime.h"

namespace culvert {

/// One certificate of one service. Those that cannot have an OCSP response (self-signed) and those
/// of services without stapling that do not demand it are not among them.
struct StapleWish {
  std::string service;
  std::shared_ptr<const Credentials> credentials;
  StapleMode mode = StapleMode::kOff;
  std::string responder;  ///< the option's, else the certificate's; empty: none

  bool wantsFetch() const {
    return mode == StapleMode::kFetch ||
           (mode == StapleMode::kAuto && credentials->leaf().mustStaple);
  }
};
std::vector<StapleWish> stapleWishes(const Runtime& runtime);

/// The certificates that are fetched for; the same certificate in several services once.
std::vector<OcspTask> ocspTasks(const std::vector<StapleWish>& wishes);

/// Something to tell of one certificate.
struct StapleNote {
  enum class Kind : uint8_t { kRead, kRefused, kRevoked, kExpired, kMissing };
  Kind kind;
  std::string service;
  std::string text;  ///< begins with the file's name
};

/// Certificates that demand stapling and will not get it, and what is fetched for in vain: with
/// what is in the files now.
std::vector<StapleNote> stapleShortcomings(const std::vector<StapleWish>& wishes, int64_t now);

class StapleFiles {
 public:
  /// From now on these; files that are new, have changed or were refused are read.
  std::vector<StapleNote> follow(const std::vector<StapleWish>& wishes, int64_t now);
  /// Looks at the next few files, again from the first on when the last was seen.
  std::vector<StapleNote> recheckSome(int64_t now);
  bool empty() const { return entries_.empty(); }
  /// Whether the last call came to the end.
  bool roundDone() const { return next_ == 0; }

 private:
  struct Entry {
    std::string service;
    std::shared_ptr<const Credentials> credentials;
    std::string path;
    FileStamp stamp;
    bool refused = false;                // then it is read again each time: the reason may pass
    std::vector<std::string> told = {};  // why, of this stamp
    bool expiryTold = false;
  };

  static void read(Entry& entry, int64_t now, std::vector<StapleNote>& notes);
  static void check(Entry& entry, int64_t now, std::vector<StapleNote>& notes);

  std::vector<Entry> entries_;
  size_t next_ = 0;
};

}  // namespace culvert
