// SPDX-License-Identifier: GPL-3.0-or-later
// Determines for each certificate whether culvert fetches an OCSP response, whether a file contains
// a response, and which problems to log. StapleFiles reads the files `CERT.ocsp`: at the start,
// after reloads and when they change. Thread: control.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/file_stamp.h"
#include "certs/ocsp_fetcher.h"
#include "service/runtime.h"

namespace culvert {

/// One certificate of one service. stapleWishes() omits self-signed certificates, because they
/// cannot have an OCSP response. It includes a certificate of a service without stapling only if
/// the certificate demands stapling (must-staple).
struct StapleWish {
  std::string service;
  std::shared_ptr<const Credentials> credentials;
  StapleMode mode = StapleMode::kOff;
  std::string responder;  ///< URL from the option, else from the certificate; empty if neither
                          ///< names a responder

  bool wantsFetch() const {
    return mode == StapleMode::kFetch ||
           (mode == StapleMode::kAuto && credentials->leaf().mustStaple);
  }
};
std::vector<StapleWish> stapleWishes(const Runtime& runtime);

/// The certificates for which to fetch responses; a certificate of several services appears once.
std::vector<OcspTask> ocspTasks(const std::vector<StapleWish>& wishes);

/// An event of one certificate that is worth a log line.
struct StapleNote {
  enum class Kind : uint8_t { kRead, kRefused, kRevoked, kExpired, kMissing };
  Kind kind;
  std::string service;
  std::string text;  ///< begins with the file name
};

/// Returns a note for each must-staple certificate without a response, and for each certificate for
/// which culvert cannot fetch a response. Uses the current contents of the files.
std::vector<StapleNote> stapleShortcomings(const std::vector<StapleWish>& wishes, int64_t now);

class StapleFiles {
 public:
  /// Replaces the certificates. Reads response files that are new, have changed or were refused.
  std::vector<StapleNote> follow(const std::vector<StapleWish>& wishes, int64_t now);
  /// Checks the next few files; after the last file, it starts again from the first.
  std::vector<StapleNote> recheckSome(int64_t now);
  bool empty() const { return entries_.empty(); }
  /// True if the last call of recheckSome() reached the last file.
  bool roundDone() const { return next_ == 0; }

 private:
  struct Entry {
    std::string service;
    std::shared_ptr<const Credentials> credentials;
    std::string path;
    FileStamp stamp;
    bool refused = false;                // the file was refused and is read again at each check,
                                         // because the reason may be temporary
    std::vector<std::string> told = {};  // the reasons already logged for this stamp
    bool expiryTold = false;
  };

  static void read(Entry& entry, int64_t now, std::vector<StapleNote>& notes);
  static void check(Entry& entry, int64_t now, std::vector<StapleNote>& notes);

  std::vector<Entry> entries_;
  size_t next_ = 0;
};

}  // namespace culvert
