//! Where marks stand on their pages, whatever the text.

use proptest::prelude::*;
use unicode_normalization::UnicodeNormalization as _;

use super::{font, *};
use crate::{
    Body, Document, samples, sheet,
    trials::{any_text, filled},
};

/// The texts of a document in the order in which they are drawn, and where one leaves its page.
fn drawn(document: &Document) -> (String, Option<String>) {
    let sheet = sheet::lay_out(document);
    let frame = Frame::of(sheet.paper);
    let (pages, fonts) = pages(&sheet);
    let mut all = String::new();
    let mut outside = None;
    for mark in pages.iter().flatten() {
        if let Mark::Text {
            x,
            y,
            size,
            is_bold,
            codes,
            ..
        } = mark
        {
            let (text, width) = fonts.of(*is_bold).read(codes);
            let is_inside = *x >= Frame::SIDE - 0.1
                && x + width * size <= frame.width - Frame::SIDE + 0.1
                && *y >= Frame::TOP
                && *y <= frame.height - Frame::BOTTOM + 0.1;
            if !is_inside {
                outside = Some(format!("{text} at {x}, {y}"));
            }
            all.push_str(&text);
        }
    }
    (all, outside)
}

/// What is to be seen of a text, in its order.
fn seen(text: &str, fonts: &font::Fonts) -> String {
    let is_seen = |c: &char| *c != ' ' && fonts.regular.glyph(*c).is_some();
    text.chars().filter(is_seen).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn no_text_leaves_its_page(text in any_text()) {
        for document in filled(&text) {
            let (_, outside) = drawn(&document);
            prop_assert_eq!(outside, None);
        }
    }

    #[test]
    fn no_character_of_a_title_vanishes(text in any_text()) {
        let mut statement = samples::statement();
        statement.lines[0].title = format!("x{text}");
        let (all, _) = drawn(&samples::document(Body::Invoice(statement)));
        let fonts = font::Fonts::new();
        let whole: String = format!("x{text}").nfc().collect();
        let wanted = seen(&crate::text::lines(&whole).concat(), &fonts);
        let all = seen(&all, &fonts);
        prop_assert!(all.contains(&wanted), "{:?} is not in {:?}", wanted, all);
    }
}

#[test]
fn a_page_takes_text_up_to_its_foot_and_not_beyond() {
    for lines in [1, 12, 13, 14, 15, 16, 17, 200] {
        let (all, outside) = drawn(&samples::long_invoice(lines));
        assert_eq!(outside, None, "{lines} lines");
        assert!(all.contains(&format!("SKU-{lines:05}")));
    }
}
