//! Text broken into lines of a width.

/// Breaks a text where its lines end and where they grow too wide: after a blank, a hyphen or a slash, and
/// within a word only when the word alone is too wide. `measure` is the width of a character.
pub(super) fn wrap(text: &str, width: f32, measure: impl Fn(char) -> f32) -> Vec<String> {
    let mut lines = Vec::new();
    for line in crate::text::lines(text) {
        wrap_line(&line, width, &measure, &mut lines);
    }
    lines
}

fn wrap_line(text: &str, width: f32, measure: &impl Fn(char) -> f32, lines: &mut Vec<String>) {
    let mut start = 0;
    // Behind the last character after which a line may end.
    let mut break_at = None;
    let mut used = 0.0;
    let mut before = ' ';
    let mut following = text.chars().skip(1);
    for (at, c) in text.char_indices() {
        let next = following.next();
        let own = measure(c);
        // A blank may hang over the edge: nobody sees it. What is left behind a break may still be too wide,
        // when little stood before it.
        while used + own > width && c != ' ' && at > start {
            let end = break_at.take().unwrap_or(at);
            lines.push(text[start..end].trim_end_matches(' ').to_owned());
            start = end;
            used = text[start..at].chars().map(measure).sum();
        }
        used += own;
        // Not within days and numbers: 05/12/2026.
        let is_in_number = before.is_numeric() && next.is_some_and(char::is_numeric);
        let is_inner_hyphen = matches!(c, '-' | '/') && before.is_alphanumeric() && !is_in_number;
        if c == ' ' || is_inner_hyphen || c == '\u{200B}' {
            break_at = Some(at + c.len_utf8());
        }
        before = c;
    }
    lines.push(text[start..].trim_end_matches(' ').to_owned());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lines_end_where_a_reader_expects_it() {
        for (text, width, wanted) in [
            ("", 4.0, vec![""]),
            ("one two", 7.0, vec!["one two"]),
            ("one two", 6.0, vec!["one", "two"]),
            ("one  two", 4.0, vec!["one", "two"]),
            ("abcdefgh", 3.0, vec!["abc", "def", "gh"]),
            ("a abcdefgh", 3.0, vec!["a", "abc", "def", "gh"]),
            ("AB-1234", 4.0, vec!["AB-", "1234"]),
            ("-12 x", 3.0, vec!["-12", "x"]),
            ("of 05/12/2026", 12.0, vec!["of", "05/12/2026"]),
            ("1\u{A0}kg net", 5.0, vec!["1\u{A0}kg", "net"]),
            ("a\nb", 9.0, vec!["a", "b"]),
            ("ab", 0.5, vec!["a", "b"]),
        ] {
            assert_eq!(wrap(text, width, |_| 1.0), wanted, "{text:?} {width}");
        }
    }

    #[test]
    fn what_is_left_behind_a_break_may_be_too_wide_still() {
        let measure = |c| if c == 'M' { 3.0 } else { 1.0 };
        assert_eq!(wrap("a-aaaM", 5.0, measure), ["a-", "aaa", "M"]);
    }

    proptest! {
        #[test]
        fn nothing_but_blanks_is_lost_and_no_line_is_too_wide(text in ".{0,200}", width in 1_u8..40) {
            let width = f32::from(width);
            let lines = wrap(&text, width, |_| 1.0);
            let without_blanks = |text: &str| text.replace(' ', "");
            let whole = crate::text::lines(&text).concat();
            prop_assert_eq!(without_blanks(&lines.concat()), without_blanks(&whole));
            for line in lines {
                prop_assert!(line.chars().count() as f32 <= width, "{}", line);
            }
        }
    }
}
