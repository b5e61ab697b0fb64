#compdef portolan
# Completion of portolan in zsh: source <(portolan completion zsh) after compinit, or a file _portolan in a folder of $fpath.

# A line for each command, flag and argument: the words before it, itself, what its value is, what it is for.
_portolan_table=@TABLE@
typeset -gA _portolan_values=()
_portolan_read() {
  local at word value about
  while IFS='|' read -r at word value about; do
    at+="|$word"
    _portolan_values[$at]=$value
  done <<<"$_portolan_table"
}
_portolan_read

_portolan() {
  # Where the word is: after which commands, at which place, as whose value.
  local here= own= value= place=1 before
  local -a found
  for before in "${(@Q)words[2,CURRENT-1]}"; do
    if [[ -n $value ]]; then
      value=
    elif [[ $before == -* ]]; then
      [[ $before == *=* ]] || _portolan_value $before
    elif [[ $before == help && $place == 1 ]]; then
      continue
    elif _portolan_value $before && [[ $value == command ]]; then
      here="${here:+$here }$before" value= place=1
      own=$here
    else
      own="$here $before" value= place=$((place + 1))
    fi
  done
  if [[ -z $value && $PREFIX == -*=* ]]; then
    _portolan_value ${PREFIX%%=*}
    compset -P 1 '*='
  elif [[ -z $value && $PREFIX != -* ]]; then
    if ! _portolan_value $place; then
      _portolan_rows command
      _describe -t commands command found
      return
    fi
  elif [[ -z $value ]]; then
    _portolan_rows flag
    _describe -o -t options option found
    return
  fi

  case $value in
    file) _files ;;
    words\ *)
      found=(${=value#* })
      compadd -a found
      ;;
    list\ *)
      found=(${=value#* })
      compset -P '*,'
      compadd -S '' -a found
      ;;
    *) return 1 ;;
  esac
}

# Sets $value to that of a word here; false where there is none.
_portolan_value() {
  local at
  value=
  for at in "$here|$1" "$own|$1"; do
    (( ${+_portolan_values[$at]} )) && value=${_portolan_values[$at]} && return 0
  done
  return 1
}

# Sets $found to the commands or the flags that there are here, as _describe takes them.
_portolan_rows() {
  local at word value about
  found=()
  while IFS='|' read -r at word value about; do
    [[ $at == $here || $at == $own ]] || continue
    case $1$word in
      flag-*) found+=("$word:$about") ;;
      command*) [[ $value == command ]] && found+=("$word:$about") ;;
    esac
  done <<<$_portolan_table
}

if [[ $funcstack[1] == _portolan ]]; then
  _portolan "$@"
else
  compdef _portolan portolan
fi
