//! Words for what people say that listings are.

use domain::{Sku, mapping::Named};

/// What was said of a listing or a SKU of a channel, as the begin of a sentence.
pub fn mapped(named: &Named, sku: Option<&Sku>, by: &str) -> String {
    let what = match named {
        Named::Listing(listing) => format!("listing {listing}"),
        Named::ChannelSku(written) => format!("what its channel calls {written}"),
    };
    match sku {
        Some(sku) => format!("{by} said that {what} is {sku}"),
        None => format!("{by} took back which item {what} is"),
    }
}

/// A text as a word of a command: between quotes where a shell would take it apart.
pub fn quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "-_./:@%+=,".contains(c);
    if !text.is_empty() && !text.starts_with('-') && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_of_a_command_is_one_word() {
        for (text, expected) in [
            ("gid://shopify/1", "gid://shopify/1"),
            ("MUG-1", "MUG-1"),
            ("big mug", "'big mug'"),
            ("it's", "'it'\\''s'"),
            ("$(x)", "'$(x)'"),
            ("-x", "'-x'"),
            ("", "''"),
        ] {
            assert_eq!(quoted(text), expected, "{text}");
        }
    }
}
