//! Texts of a policy in Markdown, so that they stay on their line and end nothing but themselves.

use std::fmt::{self, Write};

/// A place that links lead to, whatever the renderer makes of headings.
pub(super) struct Anchor<'a>(pub(super) &'a str);

/// A text of the policy in a line of Markdown: one line, nothing of it HTML. Emphasis, code and links may be meant.
pub(super) struct Plain<'a>(pub(super) &'a str);

/// The same as a sentence, which ends whether or not its writer ended it.
pub(super) struct Sentence<'a>(pub(super) &'a str);

/// A name as code on one line; the backquotes around it are more than any in it.
pub(super) struct Code<'a>(pub(super) &'a str);

impl fmt::Display for Anchor<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "<a id=\"{}\"></a>", self.0)
    }
}

impl fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        on_one_line(self.0).try_for_each(|character| match character {
            '<' => f.write_str("&lt;"),
            other => f.write_char(other),
        })
    }
}

impl fmt::Display for Sentence<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.trim_end();
        let end = if text.ends_with(['.', '!', '?']) { "" } else { "." };
        write!(f, "{}{end}", Plain(text))
    }
}

impl fmt::Display for Code<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let longest = self.0.split(|character| character != '`').map(str::len).max().unwrap_or_default();
        let fence = "`".repeat(longest.saturating_add(1));
        let space = if longest > 0 { " " } else { "" };
        write!(f, "{fence}{space}")?;
        on_one_line(self.0).try_for_each(|character| f.write_char(character))?;
        write!(f, "{space}{fence}")
    }
}

fn on_one_line(text: &str) -> impl Iterator<Item = char> {
    text.chars().map(|character| if character.is_control() { ' ' } else { character })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_ends_its_line_its_code_or_the_page() {
        assert_eq!(Plain("a\r\n# b <script>").to_string(), "a  # b &lt;script>");
        assert_eq!(Code("/plain").to_string(), "`/plain`");
        assert_eq!(Code("`a` ``b``\n").to_string(), "``` `a` ``b``  ```");
    }

    #[test]
    fn a_sentence_ends_once() {
        for (text, sentence) in [("one", "one."), ("one. ", "one."), ("one?", "one?"), ("", ".")] {
            assert_eq!(Sentence(text).to_string(), sentence);
        }
    }
}
