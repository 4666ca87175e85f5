// SPDX-License-Identifier: GPL-3.0-or-later
// A strict reader of the Prometheus text format 0.0.4, for tests. tests/harness/metrics_text.py has
// the same rules for the real daemon. Thread: any.
#pragma once

#include <cstdlib>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>

namespace culvert {

/// Reads one text line by line. problem() is what is wrong with it.
class MetricsReader {
 public:
  explicit MetricsReader(const std::string& text) {
    if (!text.empty() && !text.ends_with('\n')) problem_ = "no newline at the end";
    std::istringstream lines(text);
    for (std::string line; problem_.empty() && std::getline(lines, line);) readLine(line);
    if (problem_.empty()) finishMetric();
  }

  const std::string& problem() const { return problem_; }
  const std::map<std::string, double>& series() const { return series_; }

 private:
  void fail(const std::string& what, std::string_view line) {
    problem_ = what + ": " + std::string(line);
  }

  void readLine(const std::string& line) {
    if (line.starts_with("# HELP ")) return beginMetric(line);
    if (line.starts_with("# TYPE ")) return readType(line);
    readSample(line);
  }

  void beginMetric(const std::string& line) {
    finishMetric();
    const size_t end = line.find(' ', 7);
    metric_ = line.substr(7, end - 7);
    type_.clear();
    if (end == std::string::npos || !isName(metric_)) return fail("bad HELP", line);
    if (!metrics_.insert(metric_).second) fail("second HELP", line);
  }

  void readType(const std::string& line) {
    if (line.substr(7, line.rfind(' ') - 7) != metric_ || !type_.empty())
      return fail("TYPE without its HELP", line);
    type_ = line.substr(line.rfind(' ') + 1);
    if (type_ != "counter" && type_ != "gauge" && type_ != "histogram") fail("bad TYPE", line);
  }

  void readSample(const std::string& line) {
    size_t at = line.find_first_of("{ ");
    if (at == std::string::npos) return fail("no value", line);
    const std::string name = line.substr(0, at);
    std::map<std::string, std::string> labels;
    if (line[at] == '{' && !readLabels(line, at, labels)) return fail("bad labels", line);
    if (at >= line.size() || line[at] != ' ') return fail("no space before the value", line);
    const auto value = numberOf(line.substr(at + 1));
    if (!value) return fail("bad value", line);
    if (type_.empty() || !belongs(name)) return fail("sample outside its metric", line);
    if (!series_.emplace(line.substr(0, at), *value).second) return fail("second sample", line);
    if (type_ == "histogram") noteHistogram(name, labels, *value, line);
  }

  bool belongs(const std::string& name) const {
    if (type_ != "histogram") return name == metric_;
    return name == metric_ + "_bucket" || name == metric_ + "_sum" || name == metric_ + "_count";
  }

  static bool isName(const std::string& name) {
    return !name.empty() &&
           name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == std::string::npos;
  }

  static std::optional<double> numberOf(const std::string& text) {
    if (text.empty() || text.find_first_not_of("0123456789.e+-") != std::string::npos)
      return std::nullopt;
    char* end = nullptr;
    const double value = std::strtod(text.c_str(), &end);
    if (end == nullptr || *end != '\0') return std::nullopt;
    return value;
  }

  /// Reads from the brace at `at`, which then is behind the closing brace.
  static bool readLabels(const std::string& line, size_t& at,
                         std::map<std::string, std::string>& labels) {
    while (line[at] == '{' || line[at] == ',') {
      const size_t equals = line.find("=\"", ++at);
      if (equals == std::string::npos) return false;
      const std::string name = line.substr(at, equals - at);
      at = equals + 2;
      std::string value;
      for (; at < line.size() && line[at] != '"'; ++at) {
        if (line[at] == '\\' &&
            (++at >= line.size() || (line[at] != '\\' && line[at] != '"' && line[at] != 'n')))
          return false;
        value += line[at];
      }
      if (++at >= line.size() || !isName(name) || !labels.emplace(name, value).second) return false;
    }
    return line[at++] == '}';
  }

  void noteHistogram(const std::string& name, const std::map<std::string, std::string>& labels,
                     double value, const std::string& line) {
    if (name.ends_with("_count")) {
      count_ = value;
    } else if (name.ends_with("_sum")) {
      hasSum_ = true;
    } else {
      const auto le = labels.find("le");
      if (le == labels.end()) return fail("no le", line);
      if (value < last_ || infinity_) return fail("buckets are not cumulative", line);
      last_ = value;
      if (le->second == "+Inf") infinity_ = value;
    }
  }

  void finishMetric() {
    if (!metric_.empty() && type_.empty()) fail("HELP without TYPE", metric_);
    if (type_ == "histogram" && (!infinity_ || !count_ || *infinity_ != *count_ || !hasSum_))
      fail("incomplete histogram", metric_);
    infinity_.reset();
    count_.reset();
    hasSum_ = false;
    last_ = 0;
  }

  std::string problem_;
  std::string metric_;
  std::string type_;
  std::set<std::string> metrics_;
  std::map<std::string, double> series_;
  std::optional<double> infinity_, count_;
  bool hasSum_ = false;
  double last_ = 0;
};

/// What is wrong with a text; empty if nothing is.
inline std::string metricsProblem(const std::string& text) { return MetricsReader(text).problem(); }
inline std::map<std::string, double> seriesOf(const std::string& text) {
  return MetricsReader(text).series();
}

}  // namespace culvert
