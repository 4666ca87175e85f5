# SPDX-License-Identifier: GPL-3.0-or-later
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
      --admin | --timeout) i=$((i + 1)) ;;
      : | =) i=$((i + 1)) ;;
      -*) ;;
      *) [ -n "$command" ] || command=${COMP_WORDS[i]} ;;
    esac
  done
  case $command:$previous in
    *:--admin) words="" ;;
    *:--timeout) words="" ;;
    tunnels:--service | top:--service | close:--service) words="$(_culvertctl_services)" ;;
    tunnels:--client | top:--client | close:--client) words="" ;;
    tunnels:--backend | top:--backend | close:--backend) words="" ;;
    tunnels:--sni | top:--sni | close:--sni) words="" ;;
    tunnels:--state | top:--state | close:--state) words="handshake connect backend-handshake dialog relay closing closed" ;;
    tunnels:--min-age | top:--min-age | close:--min-age) words="" ;;
    tunnels:--blocked | top:--blocked | close:--blocked) words="any client backend" ;;
    tunnels:--blocked-for | top:--blocked-for | close:--blocked-for) words="" ;;
    tunnels:--id) words="" ;;
    tunnels:--sort) words="id age bytes blocked idle" ;;
    top:--sort) words="rate bytes age blocked" ;;
    tunnels:--limit | top:--limit | services:--limit) words="" ;;
    tunnels:--after | services:--after) words="" ;;
    top:--interval) words="" ;;
    reload:--or-signal) words="" ;;
    log-level:--for) words="" ;;
    explain:--client) words="" ;;
    explain:--sni) words="" ;;
    explain:--alpn) words="" ;;
    explain:--port) words="" ;;
    explain:--transport) words="tls raw" ;;
    *)
      local options="--admin --json --timeout --help --version" arguments=''
      case $command in
        '') arguments="status services tunnels top certs backends explain metrics live ready close drain reload log-level" ;;
        services)
          options+=" --limit --after --names"
          arguments="$(_culvertctl_services)"
          ;;
        tunnels)
          options+=" --service --client --backend --sni --state --min-age --blocked --blocked-for --id --sort --limit --after --tcp"
          ;;
        top)
          options+=" --service --client --backend --sni --state --min-age --blocked --blocked-for --sort --limit --once --interval"
          ;;
        backends)
          arguments="$(_culvertctl_services)"
          ;;
        explain)
          options+=" --client --sni --alpn --port --transport"
          ;;
        close)
          options+=" --service --client --backend --sni --state --min-age --blocked --blocked-for --all --yes"
          ;;
        drain)
          options+=" --yes --wait"
          arguments="$(_culvertctl_services)"
          ;;
        reload)
          options+=" --or-signal"
          ;;
        log-level)
          options+=" --for"
          arguments="emerg alert crit err warning notice info debug default"
          ;;
      esac
      words=$arguments
      [[ $current != -* ]] || words=$options
      ;;
  esac
  # shellcheck disable=SC2207  # words are wanted
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}

complete -F _culvertctl culvertctl
