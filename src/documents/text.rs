//! Text from outside, made fit to be shown.
//!
//! Both forms take their text through here, so both show the same. Nothing is dropped: what cannot be shown
//! becomes [`REPLACEMENT`].

/// What is shown for a character that cannot be.
pub(crate) const REPLACEMENT: char = '\u{FFFD}';

/// The lines of a text, with characters that only control something replaced.
pub(crate) fn lines(text: &str) -> Vec<String> {
    let text = text.replace("\r\n", "\n");
    let is_end = |c: char| matches!(c, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}');
    text.split(is_end)
        .map(|line| line.chars().map(shown).collect())
        .collect()
}

/// The text on one line.
pub(crate) fn one_line(text: &str) -> String {
    lines(text).join(" ")
}

/// Whether there is nothing to be read.
pub(crate) fn is_blank(text: &str) -> bool {
    text.trim().is_empty()
}

/// What stands for a character. Those that turn the direction of what follows could make an amount read
/// otherwise than it is.
fn shown(c: char) -> char {
    match c {
        '\t' => ' ',
        '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => REPLACEMENT,
        '\u{FDD0}'..='\u{FDEF}' => REPLACEMENT,
        c if c.is_control() || (c as u32) & 0xFFFE == 0xFFFE => REPLACEMENT,
        c => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_controls_is_replaced_and_lines_are_kept() {
        for (text, wanted) in [
            ("a\r\nb\rc\nd", vec!["a", "b", "c", "d"]),
            ("a\tb\0c\u{7}", vec!["a b\u{FFFD}c\u{FFFD}"]),
            ("\u{202E}99.1", vec!["\u{FFFD}99.1"]),
            ("\u{FFFE}\u{1FFFF}", vec!["\u{FFFD}\u{FFFD}"]),
            ("ü ñ € 日", vec!["ü ñ € 日"]),
            ("", vec![""]),
        ] {
            assert_eq!(lines(text), wanted, "{text:?}");
        }
    }
}
