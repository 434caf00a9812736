# Completion of APPLICATION in fish. Put this into a file of its name:
#     APPLICATION completions fish > ~/.config/fish/completions/APPLICATION.fish
function FUNCTION
    set -l words (commandline -opc)
    set -l application (string replace -r '^~/' "$HOME/" -- $words[1])
    if set -l answer ($application __complete fish (commandline -cp | string collect) 2>/dev/null)
        string join \n -- $answer
    else
        # A value that only a file can be, if anything.
        set -l word (commandline -ct)
        set -l name (string match -r '^[^=]*=' -- $word)
        set -l files (__fish_complete_path (string replace -r '^[^=]*=' '' -- $word))
        string join \n -- $name$files
    end
end
complete -c APPLICATION -f -a '(FUNCTION)'
complete -c APPLICATION-cmd -f -a '(FUNCTION)'
