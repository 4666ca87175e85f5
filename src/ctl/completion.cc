// SPDX-License-Identifier: GPL-3.0-or-later
// Makes the bash completion (etc/culvertctl.bash) from commands.def.
#include <fmt/format.h>

#include "ctl/command_table.h"

namespace culvert {

namespace {

constexpr std::string_view kHead = R"BASH(# SPDX-License-Identifier: GPL-3.0-or-later
# bash completion of culvertctl. Made by `culvertctl --generate completion`.

# The names of the services, if the daemon answers; --admin on the command line counts.
_culvertctl_services() {
  local i admin=()
  for ((i = 1; i + 1 < COMP_CWORD; i++)); do
    [ "${COMP_WORDS[i]}" != --admin ] || admin=(--admin "$(_culvertctl_address "$((i + 1))")")
  done
  "${COMP_WORDS[0]}" "${admin[@]}" --timeout 1s services --names 2>/dev/null
}

# bash splits words at colons, so an address such as unix:/path is several words.
_culvertctl_address() {
  local i=$1 text=${COMP_WORDS[$1]}
  while [ "${COMP_WORDS[i + 1]}" = : ]; do
    text+=:${COMP_WORDS[i + 2]}
    i=$((i + 2))
  done
  [ "${COMP_WORDS[i + 1]}" != = ] || text=${COMP_WORDS[i + 2]}
  printf '%s' "$text"
}

_culvertctl() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} command='' i words=''
  # For bash, --option=value is three words.
  [ "$previous" != = ] || previous=${COMP_WORDS[COMP_CWORD - 2]}
  [ "$current" != = ] || { current='' && previous=${COMP_WORDS[COMP_CWORD - 1]}; }
  for ((i = 1; i < COMP_CWORD; i++)); do
    case ${COMP_WORDS[i]} in
)BASH";

constexpr std::string_view kTail = R"BASH(  # shellcheck disable=SC2207  # words are wanted
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}

complete -F _culvertctl culvertctl
)BASH";

std::string valueWords(std::string_view values) {
  if (values == "service") return "$(_culvertctl_services)";
  return fmt::format("{}", fmt::join(splitWords(values, '|'), " "));
}

std::string patterns(const CtlOptionInfo& option) {
  return fmt::format("{}", fmt::join(option.nameList(), " | "));
}

/// The options that take a value: the word behind them is not the command.
std::string skipped() {
  std::string out;
  for (const CtlOptionInfo& option : ctlOptions())
    if (option.isGlobal() && !option.isFlag()) {
      if (!out.empty()) out += " | ";
      out += patterns(option);
    }
  return out;
}

/// The cases `COMMAND:OPTION` that complete the value of an option.
std::string valueCases() {
  std::string out;
  for (const CtlOptionInfo& option : ctlOptions()) {
    if (option.isFlag()) continue;
    std::string cases;
    for (std::string_view command : splitWords(option.commands, ' '))
      for (std::string_view name : option.nameList())
        cases += fmt::format("{}{}:{}", cases.empty() ? "" : " | ", command, name);
    if (option.isGlobal()) cases = fmt::format("*:{}", option.longName());
    out += fmt::format("    {}) words=\"{}\" ;;\n", cases, valueWords(option.values));
  }
  return out;
}

std::string commandCases() {
  std::string out;
  for (const CommandInfo& command : ctlCommands()) {
    std::string options, arguments = valueWords(command.values);
    for (const CtlOptionInfo& option : ctlOptions())
      if (!option.isGlobal() && option.belongsTo(command.name))
        options += fmt::format("{}{}", options.empty() ? "" : " ", option.longName());
    if (options.empty() && arguments.empty()) continue;
    out += fmt::format("        {})\n", command.name);
    if (!options.empty()) out += fmt::format("          options+=\" {}\"\n", options);
    if (!arguments.empty()) out += fmt::format("          arguments=\"{}\"\n", arguments);
    out += "          ;;\n";
  }
  return out;
}

}  // namespace

std::string bashCompletion() {
  std::string names, global;
  for (const CommandInfo& command : ctlCommands())
    names += fmt::format("{}{}", names.empty() ? "" : " ", command.name);
  for (const CtlOptionInfo& option : ctlOptions())
    if (option.isGlobal())
      global += fmt::format("{}{}", global.empty() ? "" : " ", option.longName());
  std::string out(kHead);
  out += fmt::format("      {}) i=$((i + 1)) ;;\n", skipped());
  out += "      : | =) i=$((i + 1)) ;;\n      -*) ;;\n";
  out += "      *) [ -n \"$command\" ] || command=${COMP_WORDS[i]} ;;\n    esac\n  done\n";
  out += "  case $command:$previous in\n" + valueCases();
  out += "    *)\n";
  out += fmt::format("      local options=\"{}\" arguments=''\n", global);
  out += "      case $command in\n";
  out += fmt::format("        '') arguments=\"{}\" ;;\n", names);
  out += commandCases();
  out += "      esac\n";
  out += "      words=$arguments\n      [[ $current != -* ]] || words=$options\n      ;;\n  esac\n";
  return out += kTail;
}

}  // namespace culvert
