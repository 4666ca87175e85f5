// SPDX-License-Identifier: GPL-3.0-or-later
// JsonValue is one value of a parsed JSON text. A getter returns an empty value if the member is
// missing or has another type, because a newer daemon may leave members out. Thread: any (frozen).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace culvert {

class JsonValue {
 public:
  enum class Kind : uint8_t { kNull, kBool, kNumber, kText, kList, kObject };
  using Member = std::pair<std::string, JsonValue>;

  JsonValue() = default;

  Kind kind() const { return kind_; }
  bool isNull() const { return kind_ == Kind::kNull; }
  bool isObject() const { return kind_ == Kind::kObject; }
  bool isList() const { return kind_ == Kind::kList; }

  /// The member of this name; null if there is none.
  const JsonValue& operator[](std::string_view name) const;
  bool has(std::string_view name) const { return !(*this)[name].isNull(); }

  /// The text; a number or a Boolean in its JSON form; "" for anything else.
  std::string text() const;
  std::string text(std::string_view name) const { return (*this)[name].text(); }
  std::optional<double> number() const;
  std::optional<double> number(std::string_view name) const { return (*this)[name].number(); }
  /// The number, or 0.
  double count(std::string_view name) const { return number(name).value_or(0); }
  bool flag(std::string_view name) const;

  const std::vector<JsonValue>& items() const { return items_; }
  const std::vector<JsonValue>& items(std::string_view name) const { return (*this)[name].items(); }
  /// The texts of a list, with `between` between them.
  std::string joined(std::string_view name, std::string_view between = ", ") const;
  const std::vector<Member>& members() const { return members_; }

 private:
  friend class JsonBuilder;

  Kind kind_ = Kind::kNull;
  bool truth_ = false;
  double number_ = 0;
  std::string text_;  ///< the text; the digits of an integer
  std::vector<JsonValue> items_;
  std::vector<Member> members_;
};

/// Parses one JSON document. Refuses more than 64 levels, and anything after the document.
Result<JsonValue> parseJson(std::string_view text);

}  // namespace culvert
