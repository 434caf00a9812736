#compdef APPLICATION APPLICATION-cmd
# Completion of APPLICATION in zsh. Put this into a folder of $fpath:
#     APPLICATION completions zsh > "${fpath[1]}/_APPLICATION"
# or into ~/.zshrc, after compinit:  source <(APPLICATION completions zsh)
FUNCTION() {
    local answer line word
    # `whole` are words that end with a space, `begun` those that go on.
    local -a whole begun
    answer=$("${(Q)~words[1]}" __complete zsh "${(j: :)words[1,CURRENT-1]} $PREFIX" 2>/dev/null) || {
        # A value that only a file can be, if anything.
        compset -P '*='
        _files
        return
    }
    for line in "${(@f)answer}"; do
        word=${line%%$'\t'*}
        [[ -n $word ]] || continue
        line="${word//:/\\:}:${line#*$'\t'}"
        if [[ $word == *[=/] ]]; then begun+=("$line"); else whole+=("$line"); fi
    done
    _describe -t words word whole -- begun -S ''
}
if [[ $funcstack[1] == _APPLICATION ]]; then
    FUNCTION "$@"
else
    compdef FUNCTION APPLICATION APPLICATION-cmd
fi
