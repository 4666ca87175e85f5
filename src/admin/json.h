// SPDX-License-Identifier: GPL-3.0-or-later
// JSON documents with keys in the order in which they were added. Thread: any.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace culvert {

using Json = nlohmann::ordered_json;

/// Bytes of a peer that are not UTF-8 become U+FFFD.
inline std::string jsonText(const Json& document) {
  return document.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace culvert
