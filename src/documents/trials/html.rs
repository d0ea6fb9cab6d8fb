//! What the page says, and that nothing in it is run or fetched.

use proptest::prelude::*;

use super::{any_text, filled};
use crate::{labels::Label, samples, *};

fn page(document: &Document) -> String {
    to_html(document)
        .expect("the document is right")
        .replace('\u{A0}', " ")
}

#[test]
fn each_kind_says_what_it_is_for() {
    let kinds = samples::all();
    for (document, parts) in kinds.iter().zip([
        vec!["<h1>Auftragsbestätigung</h1>", "<dd>1001</dd>", "1.234,56 €"],
        vec![
            "<title>Rechnung RE-2026-0042</title>",
            "<dt>Leistungsdatum</dt><dd>04.12.2026</dd>",
            "Große Schüssel „Señorita“, handbemalt, 38 cm",
            "<td class=\"number\">3,34 kg</td>",
            "<td class=\"number\">-150,00 €</td>",
            "Darin enthaltene Umsatzsteuer</th><td class=\"number\">193,03 €",
            "Offener Betrag</th><td class=\"number\">234,56 €",
            "<td class=\"item\">USt. 19 %</td>",
            "28801 Alcalá de Henares (Madrid)<br>Spanien",
            "USt-IdNr.: DE000000000",
            "Müller &amp; Söhne Keramik GmbH",
        ],
        vec![
            "<h1>Rechnungskorrektur</h1>",
            "<dt>Zu Rechnung</dt><dd>RE-2026-0041 vom 01.12.2026</dd>",
            "Noch zu erstatten</th><td class=\"number\">10,00 €",
        ],
        vec!["<h1>Lieferschein</h1>", "JJD000390000000002", "4,25 kg", "3,34 kg"],
        vec![
            "<th scope=\"rowgroup\" colspan=\"4\">Bestellung 1001 · Shopify · Versand bis 07.12.2026 · \
             Als Geschenk einpacken</th>",
            "<td>B-02-1</td>",
            "<span class=\"box\">",
        ],
        vec!["<th scope=\"col\">Bestellung</th>", "<td>1002</td>"],
    ]) {
        let page = page(document);
        for part in parts {
            assert!(page.contains(part), "{document:?} lacks {part}\n{page}");
        }
    }
}

#[test]
fn a_pick_list_along_the_shelves_is_sorted_by_location() {
    let page = page(&samples::pick_list(Sequence::ByLocation));
    let places = [
        "Becher",
        "<td>1001</td><td class=\"number\">3,34 kg",
        "0,5 kg",
        "B-02-1",
    ];
    let found = places.map(|part| page.find(part).unwrap_or_else(|| panic!("{part}\n{page}")));
    assert!(found.is_sorted(), "{found:?}");
}

#[test]
fn what_lies_in_a_parcel_or_is_fetched_has_no_prices() {
    for document in samples::all() {
        let has_prices = document.body.statement().is_some();
        assert_eq!(page(&document).contains('€'), has_prices, "{document:?}");
    }
}

#[test]
fn what_was_paid_in_excess_is_told_as_such() {
    let mut statement = samples::statement();
    statement.paid = samples::euros(123_556);
    let page = page(&samples::document(Body::Invoice(statement)));
    assert!(
        page.contains("Zu viel gezahlt</th><td class=\"number\">1,00 €"),
        "{page}"
    );
}

#[test]
fn every_label_is_in_the_language_of_the_document() {
    for language in Language::ALL {
        for mut document in samples::all() {
            document.language = language;
            let page = page(&document);
            assert!(page.contains(&format!("<html lang=\"{}\">", language.code())));
            for other in Language::ALL {
                for label in Label::ALL {
                    let text = label.text(other);
                    let is_own = Label::ALL.iter().any(|own| own.text(language) == text);
                    let element = format!(">{text}<");
                    assert!(
                        is_own || !page.contains(&element),
                        "{document:?} {language:?} {text}"
                    );
                }
            }
        }
    }
}

#[test]
fn nothing_is_run_or_fetched_and_headings_say_what_they_head() {
    for mut document in samples::all() {
        document.paper = Paper::Letter;
        let page = page(&document);
        for part in [
            "<script", "http:", "https:", "src=", "href=", "@import", "url(", "<img",
        ] {
            assert!(!page.contains(part), "{document:?} has {part}");
        }
        assert!(page.contains("@page{size:letter"));
        assert!(
            page.matches("<th scope=\"col\"").count() >= 3,
            "{document:?}"
        );
        let headings = page.matches("<th").count() - page.matches("<thead").count();
        assert_eq!(page.matches("<th scope=").count(), headings, "{document:?}");
    }
}

#[test]
fn markup_in_a_title_is_text() {
    let mut statement = samples::statement();
    statement.lines[0].title = "<script>alert('x')</script>&amp;\u{202E}".to_owned();
    let page = page(&samples::document(Body::Invoice(statement)));
    assert!(!page.contains("<script"), "{page}");
    assert!(page.contains("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;amp;\u{FFFD}"));
}

/// A text of a page as a reader sees it.
fn unescaped(text: &str) -> String {
    let text = text.replace("&lt;", "<").replace("&gt;", ">");
    text.replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&amp;", "&")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_text_stays_text(text in any_text()) {
        // A letter, so that no place is left out for being empty.
        let text = format!("x{text}");
        for (document, plain) in filled(&text).iter().zip(filled("x")) {
            let (page, plain) = (page(document), page(&plain));
            for mark in ['<', '>', '"', '\''] {
                let count = page.matches(mark).count();
                prop_assert_eq!(count, plain.matches(mark).count(), "{:?}", mark);
            }
            let shown = crate::text::lines(&text).join("\n").replace('\u{A0}', " ");
            let places = unescaped(&page).matches(&shown).count();
            prop_assert!(places > 10, "{} places", places);
        }
    }
}
