# Completion of portolan in fish: portolan completion fish > ~/.config/fish/completions/portolan.fish

# A line for each command, flag and argument: the words before it, itself, what its value is, what it is for.
set -g __portolan_table (string split \n -- @TABLE@)

# Prints what there is to choose from; true where it is a file, which fish itself finds.
function __portolan_complete
    # Where the word is: after which commands, at which place, as whose value.
    set -l here ''
    set -l own ''
    set -l value ''
    set -l place 1
    set -l words (commandline -opc)
    set -l word (commandline -ct)
    for before in $words[2..-1]
        if test -n "$value"
            set value ''
        else if string match -q -- '-*' $before
            string match -q -- '*=*' $before
            or set value (__portolan_value $before)
        else if test "$before" = help -a $place = 1
            continue
        else if test "$(__portolan_value $before)" = command
            set here (string trim -- "$here $before")
            set own $here
            set place 1
        else
            set own "$here $before"
            set place (math $place + 1)
        end
    end
    set -l front ''
    if test -z "$value"
        if string match -q -- '-*=*' $word
            set -l parts (string split -m 1 = -- $word)
            set value (__portolan_value $parts[1])
            set front "$parts[1]="
            set word $parts[2]
        else if string match -q -- '-*' $word
            __portolan_rows '(-[^|]*)\|[^|]*'
            return 1
        else if not set value (__portolan_value $place)
            __portolan_rows '([^|]*)\|command'
            return 1
        end
    end

    switch "$value"
        case file
            return 0
        case 'list *'
            # After the last comma.
            set front $front(string replace -r -- '[^,]*$' '' $word)
            printf '%s\n' $front(string split ' ' -- $value)[2..-1]
        case 'words *'
            printf '%s\n' $front(string split ' ' -- $value)[2..-1]
    end
    return 1
end

# Prints the value of a word here; false where there is none.
function __portolan_value -S -a wanted
    for at in "$here" "$own"
        set -l row (string escape --style=regex -- "$at|$wanted|")
        set -l found (string replace -rf -- "^$row([^|]*)\|.*" '$1' $__portolan_table)
        and echo $found[1]
        and return 0
    end
    return 1
end

# Prints the commands or the flags that there are here, each with what it is for.
function __portolan_rows -S -a pattern
    set -l places (string escape --style=regex -- "$here" "$own" | string join '|')
    string replace -rf -- "^(?:$places)\|$pattern\|(.*)" '$1'\t'$2' $__portolan_table
end

complete -c portolan -f -a '(__portolan_complete)'
complete -c portolan -n '__portolan_complete >/dev/null' -F
