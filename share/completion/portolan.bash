# Completion of portolan in bash: source <(portolan completion bash)

# A line for each command, flag and argument: the words before it, itself, what its value is, what it is for.
_portolan_table=@TABLE@
declare -gA _portolan_values=()
_portolan_read() {
  local at word value about
  while IFS='|' read -r at word value about; do
    at+="|$word"
    _portolan_values[$at]=$value
  done <<<"$_portolan_table"
}
_portolan_read

_portolan() {
  local IFS=$' \t\n'
  local rest=${COMP_LINE:0:COMP_POINT} words=() piece i
  # bash parts words also at = and : (COMP_WORDBREAKS); put together again, they are what portolan will be given.
  for ((i = 0; i <= COMP_CWORD; i++)); do
    [[ $i == 0 || $rest == [[:space:]]* ]] && words+=("")
    rest=${rest#"${rest%%[![:space:]]*}"}
    piece=${COMP_WORDS[i]}
    ((i == COMP_CWORD)) && piece=$rest
    rest=${rest#"$piece"}
    words[${#words[@]} - 1]+=$piece
  done
  # readline replaces the last piece only.
  [[ $piece == [=:] ]] && piece=
  local word=${words[${#words[@]} - 1]}
  local replaced=$word
  local kept=${replaced%"$piece"}
  unset "words[${#words[@]} - 1]"

  # Where the word is: after which commands, at which place, as whose value.
  local here= own= value= place=1 before
  for before in "${words[@]:1}"; do
    if [[ -n $value ]]; then
      value=
    elif [[ $before == -* ]]; then
      [[ $before == *=* ]] || _portolan_value "$before"
    elif [[ $before == help && $place == 1 ]]; then
      continue
    elif _portolan_value "$before" && [[ $value == command ]]; then
      here="${here:+$here }$before" value= place=1
      own=$here
    else
      own="$here $before" value= place=$((place + 1))
    fi
  done
  if [[ -z $value && $word == -*=* ]]; then
    _portolan_value "${word%%=*}"
    word=${word#*=}
  elif [[ -z $value && $word != -* ]]; then
    _portolan_value "$place" || value="words $(_portolan_words command)"
  elif [[ -z $value ]]; then
    value="words $(_portolan_words flag)"
  fi

  COMPREPLY=()
  local list=
  case $value in
    file)
      compopt -o filenames 2>/dev/null
      mapfile -t COMPREPLY < <(compgen -f -- "$word")
      # readline itself knows quotes.
      ((${#COMPREPLY[@]} > 0)) || compopt -o default 2>/dev/null
      ;;
    list\ *)
      compopt -o nospace 2>/dev/null
      [[ $word == *,* ]] && list=${word%,*},
      ;;&
    words\ * | list\ *)
      mapfile -t COMPREPLY < <(compgen -P "$list" -W "${value#* }" -- "${word#"$list"}")
      ;;
  esac
  # What precedes the value, and is not replaced, must not stand twice.
  local before_value=${replaced%"$word"}
  for i in "${!COMPREPLY[@]}"; do
    piece=$before_value${COMPREPLY[i]}
    COMPREPLY[i]=${piece#"$kept"}
  done
}

# Sets $value to that of a word here; false where there is none.
_portolan_value() {
  local at
  value=
  for at in "$here|$1" "$own|$1"; do
    [[ -n ${_portolan_values[$at]+known} ]] && value=${_portolan_values[$at]} && return 0
  done
  return 1
}

# Prints the commands or the flags that there are here.
_portolan_words() {
  local at word value about
  while IFS='|' read -r at word value about; do
    [[ $at == "$here" || $at == "$own" ]] || continue
    case $1$word in
      flag-*) printf '%s ' "$word" ;;
      command*) [[ $value == command ]] && printf '%s ' "$word" ;;
    esac
  done <<<"$_portolan_table"
}

complete -F _portolan portolan
