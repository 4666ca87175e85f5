// SPDX-License-Identifier: GPL-3.0-or-later
// The configuration reader against any bytes: it never crashes or hangs, every error names a line
// of the file, and a configuration that is sound comes back the same from its own dump. The input
// is the file; what stands behind a line `%env` is environment variables, behind `%set` texts of
// --set, one a line.
// modules: config
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "config/config_dump.h"
#include "config/config_source.h"
#include "tests/unit/config/load_helper.h"

namespace culvert {
namespace {

void require(bool condition, const char* what, const std::string& detail) {
  if (condition) return;
  std::fprintf(stderr, "%s\n%s\n", what, detail.c_str());
  std::abort();
}

Result<void> acceptMost(std::string_view item) {
  return item.find('!') == std::string_view::npos ? Result<void>{} : fail("not this one");
}

Validators validators() {
  Validators all;
  all.listenAddress = all.backendAddress = all.cipher = all.ciphersuite = all.group = &acceptMost;
  return all;
}

/// Takes the lines behind `mark` off the end of `text`.
std::vector<std::string> takeLines(std::string_view& text, std::string_view mark) {
  std::vector<std::string> all;
  const size_t at = text.find(mark);
  if (at == std::string_view::npos) return all;
  std::string_view rest = text.substr(at + mark.size());
  text = text.substr(0, at);
  while (!rest.empty()) {
    const size_t end = rest.find('\n');
    all.emplace_back(rest.substr(0, end));
    if (end == std::string_view::npos) break;
    rest.remove_prefix(end + 1);
  }
  return all;
}

void checkDiagnostics(const LoadOutcome& outcome, size_t lines) {
  for (const Diagnostic& one : outcome.diagnostics.list()) {
    const std::string text = one.text();
    require(one.origin.kind != Origin::Kind::kDefault, "an error without a place", text);
    const bool inFile = one.origin.kind == Origin::Kind::kFile;
    const bool sane = !inFile || (one.origin.line >= 1 && one.origin.line <= lines);
    require(sane, "an error with an impossible line", text);
    const auto isControl = [](char c) { return static_cast<unsigned char>(c) < 0x20; };
    require(std::ranges::none_of(text, isControl), "a control character in", text);
  }
}

void checkRoundTrip(Config config) {
  config.global.include.clear();  // in a dump it is only a comment
  const std::string dump = dumpConfig(config);
  const LoadOutcome again = ConfigSource("dump", {}).loadText(dump, validators());
  require(again.ok(), "the dump is no sound configuration", dump);
  require(testing_config::sameOptions(again.config.global, config.global),
          "[global] changes through", dump);
  require(again.config.services.size() == config.services.size(), "services get lost through",
          dump);
  for (size_t i = 0; i < config.services.size(); ++i)
    require(testing_config::sameOptions(again.config.services[i], config.services[i]),
            "a service changes through", dump);
}

/// The same text as an included file.
void checkIncluded(std::string_view text, size_t lines) {
  LoadOutcome outcome;
  const RawDocument document = parseIni(text, "i.ini", outcome.diagnostics, 1);
  for (const RawSection& section : document.sections) {
    require(section.kind != SectionKind::kGlobal, "[global] in an included file", section.label());
    require(section.origin.document == 1, "a section without its file", section.label());
    for (const RawEntry& entry : section.entries)
      require(entry.key != "include" && entry.origin.document == 1, "a wrong entry", entry.key);
  }
  checkDiagnostics(outcome, lines);
}

}  // namespace
}  // namespace culvert

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace culvert;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  Overrides overrides;
  overrides.sets = takeLines(text, "\n%set\n");
  overrides.environment = takeLines(text, "\n%env\n");
  size_t lines = 1;
  for (char c : text) lines += c == '\n';
  const LoadOutcome outcome = ConfigSource("f.ini", overrides).loadText(text, validators());
  checkDiagnostics(outcome, lines);
  if (outcome.ok()) checkRoundTrip(outcome.config);
  checkIncluded(text, lines);
  return 0;
}
