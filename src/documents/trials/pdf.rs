//! What can be read from the file, by a program that is not ours.

use proptest::prelude::*;

use super::{any_text, filled};
use crate::{samples, *};

/// The text of each page.
fn pages(document: &Document) -> Vec<String> {
    let bytes = to_pdf(document).expect("the document is right");
    read(&bytes)
}

fn read(bytes: &[u8]) -> Vec<String> {
    let file = lopdf::Document::load_mem(bytes).expect("it is a PDF");
    let numbers: Vec<u32> = file.get_pages().into_keys().collect();
    let text = |number| file.extract_text(&[number]).expect("its text can be read");
    numbers.into_iter().map(text).collect()
}

/// All text without what only parts it.
fn dense(pages: &[String]) -> String {
    pages
        .concat()
        .chars()
        .filter(|c| !c.is_whitespace())
        .collect()
}

#[test]
fn number_totals_and_titles_can_be_read_from_the_file() {
    for (document, parts) in samples::all().iter().zip([
        vec![
            "Auftragsbestätigung",
            "1.234,56€",
            "Señorita“,handbemalt,38cm",
        ],
        vec![
            "Rechnung",
            "GroßeSchüssel„Señorita“,handbemalt,38cm",
            "Gesamtbetrag1.234,56€",
            "OffenerBetrag234,56€",
            "Glasur<weiß>,lose",
            "3,34kg",
            "Seite1von1",
            "CerámicaNúñezS.L.",
        ],
        vec!["RE-2026-0041vom01.12.2026", "Nochzuerstatten10,00€"],
        vec!["Lieferschein", "JJD000390000000002", "4,25kg"],
        vec!["Pickliste", "Bestellung1002·eBay", "A-01-4"],
        vec!["Pickliste", "1002", "0,5kg"],
    ]) {
        let text = dense(&pages(document));
        assert!(text.contains("RE-2026-0042"), "{text}");
        for part in parts {
            assert!(text.contains(part), "{document:?} lacks {part}\n{text}");
        }
        let has_prices = document.body.statement().is_some();
        assert_eq!(text.contains('€'), has_prices, "{document:?}");
    }
}

#[test]
fn two_hundred_lines_go_over_pages_with_the_heading_on_each() {
    let pages = pages(&samples::long_invoice(200));
    assert!(pages.len() > 3, "{} pages", pages.len());
    let mut next = 1;
    for (page, number) in pages.iter().zip(1..) {
        let text = dense(std::slice::from_ref(page));
        assert!(
            text.contains(&format!("Seite{number}von{}", pages.len())),
            "{text}"
        );
        let has_lines = text.contains("ArtikelNummer");
        assert_eq!(text.contains("Einzelpreis"), has_lines, "{text}");
        while text.contains(&format!("SKU-{next:05}")) {
            next += 1;
        }
        // The next line is not on this page, so all before it came in order.
        assert_eq!(text.matches("SKU-").count() > 0, has_lines);
    }
    assert_eq!(next, 201, "a line is missing or stands twice");
    let skus: usize = pages.iter().map(|page| page.matches("SKU-").count()).sum();
    assert_eq!(skus, 200);
    let last = dense(&pages[pages.len() - 1..]);
    assert!(last.contains("Gesamtbetrag200,00€"), "{last}");
}

#[test]
fn what_the_font_lacks_is_still_copied_as_it_was() {
    let mut statement = samples::statement();
    statement.lines[0].title = "茶碗 😀 Cafe\u{301}".to_owned();
    let text = dense(&pages(&samples::document(Body::Invoice(statement))));
    assert!(text.contains("茶碗😀Café"), "{text}");
}

#[test]
fn a_text_longer_than_a_page_goes_on_on_the_next() {
    let long: String = (0..4000).map(|word| format!("w{word} ")).collect();
    let mut statement = samples::statement();
    statement.lines[0].title = long.clone();
    statement.terms = long.clone();
    let mut document = samples::document(Body::Invoice(statement));
    document.seller.register = long.clone();
    let pages = pages(&document);
    assert!(pages.len() > 10, "{} pages", pages.len());
    let text = dense(&pages);
    for word in [0, 1999, 3999] {
        let found = text.matches(&format!("w{word}w")).count();
        let found = found + usize::from(word == 3999) * text.matches("w3999").count();
        assert!(found >= 3, "w{word} is there {found} times");
    }
}

#[test]
fn the_file_carries_parts_of_its_fonts_and_says_what_it_is() {
    let bytes = to_pdf(&samples::invoice()).expect("it is right");
    assert!(bytes.len() < 60_000, "{} bytes", bytes.len());
    let file = lopdf::Document::load_mem(&bytes).expect("it is a PDF");
    let names = |key: &[u8]| {
        let dictionaries = file
            .objects
            .values()
            .filter_map(|object| object.as_dict().ok());
        dictionaries
            .filter(|dictionary| dictionary.has(key))
            .count()
    };
    assert_eq!(names(b"FontFile2"), 2, "both weights are embedded");
    assert_eq!(names(b"ToUnicode"), 2, "both can be read");
    let info = file
        .trailer
        .get(b"Info")
        .and_then(|info| info.as_reference());
    let info = info
        .and_then(|info| file.get_dictionary(info))
        .expect("it has properties");
    let date = info
        .get(b"CreationDate")
        .and_then(|date| date.as_str())
        .expect("a date");
    assert_eq!(date, b"D:20261205");
    let root = file.catalog().expect("it has a root");
    let language = root
        .get(b"Lang")
        .and_then(|language| language.as_str())
        .expect("a language");
    assert_eq!(language, b"de");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_text_gives_a_file_that_can_be_read(text in any_text()) {
        for document in filled(&text) {
            let bytes = to_pdf(&document).expect("the document is right");
            let file = lopdf::Document::load_mem(&bytes).expect("it is a PDF");
            prop_assert!(!file.get_pages().is_empty());
        }
    }
}
