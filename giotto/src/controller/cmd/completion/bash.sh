# Completion of APPLICATION in bash 4.4 or later. Put this into a file of its name:
#     APPLICATION completions bash > ~/.local/share/bash-completion/completions/APPLICATION
# or, without the package bash-completion, into ~/.bashrc:  source <(APPLICATION completions bash)
FUNCTION() {
    local words application=$1
    [[ $application == "~/"* ]] && application=$HOME${application:1}
    # The application sees the whole word at the cursor and bash's part of it ($2): bash splits words at = and :.
    if words=$("$application" __complete bash "${COMP_LINE:0:COMP_POINT}" "$2" 2>/dev/null); then
        mapfile -t COMPREPLY <<<"$words"
        [[ $words ]] || COMPREPLY=()
        # The rest of the word follows without a space.
        [[ $words == *[=/] ]] && compopt -o nospace
    else
        # A value that only a file can be, if anything.
        COMPREPLY=()
        compopt -o default
    fi
}
complete -F FUNCTION APPLICATION APPLICATION-cmd
