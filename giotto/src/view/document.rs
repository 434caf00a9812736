//! What encloses a page of HTML that giotto writes itself: the default view of a program, and the default page of an error.
//!
//! Step 6 of an invocation, and the last one.

/// The document of this title up to its content. It fits a small screen and a dark one. `style` is an element, or empty.
pub(crate) fn open(title: &str, style: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title}</title>\n{style}</head>\n<body>\n<main>\n"
    )
}

/// What follows the content.
pub(crate) const CLOSE: &str = "</main>\n</body>\n</html>\n";
