//! Every word of the dashboard, in each language that it speaks.
//!
//! A catalog is a struct of texts, one for each language, so a page that asks for a text that is not there,
//! or a text that lacks a language, does not compile. What the engine says in sentences (what to do next, why a
//! number is what it is, refusals) is English everywhere, as in the API. Names of channels, items and people
//! are nobody's to translate.

mod common;
mod counts;
mod desk;
mod insight;
mod lists;
mod orders;
mod settings;
mod sheet;
mod shops;
mod states;
mod stock;

pub(crate) use common::Common;
pub(crate) use counts::Counts;
pub(crate) use desk::Desk;
pub(crate) use insight::Insight;
pub(crate) use lists::Lists;
pub(crate) use orders::Orders;
pub(crate) use settings::Settings;
pub(crate) use sheet::Sheet;
pub(crate) use shops::Shops;
pub(crate) use states::States;
pub(crate) use stock::Stock;

/// Makes a catalog: a struct with a text for each key, and one value of it for each language.
macro_rules! catalog {
    ($(#[$doc:meta])* $name:ident { $($key:ident: $en:literal, $de:literal, $es:literal;)* }) => {
        $(#[$doc])*
        pub(crate) struct $name {
            $(pub(crate) $key: &'static str,)*
        }

        impl $name {
            /// In each language, in the order of [`super::Language::ALL`].
            pub(crate) const IN: [$name; 3] = [
                $name { $($key: $en,)* },
                $name { $($key: $de,)* },
                $name { $($key: $es,)* },
            ];

            /// All of it, for the tests.
            #[cfg(test)]
            pub(crate) const TEXTS: &'static [(&'static str, [&'static str; 3])] =
                &[$((stringify!($key), [$en, $de, $es]),)*];
        }
    };
}
use catalog;

/// A language that the dashboard speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    English,
    German,
    Spanish,
}

impl Language {
    /// All of them.
    pub(crate) const ALL: [Language; 3] = [Language::English, Language::German, Language::Spanish];

    /// Its tag, as browsers write it.
    pub(crate) fn tag(self) -> &'static str {
        match self {
            Language::English => "en",
            Language::German => "de",
            Language::Spanish => "es",
        }
    }

    /// What it calls itself.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Language::English => "English",
            Language::German => "Deutsch",
            Language::Spanish => "Español",
        }
    }

    pub(crate) fn from_tag(tag: &str) -> Option<Language> {
        Language::ALL.into_iter().find(|one| one.tag() == tag)
    }

    /// The first that somebody reads, by what their browser says.
    pub(crate) fn accepted(header: &str) -> Language {
        let mut wanted: Vec<(f32, Language)> = header
            .split(',')
            .filter_map(|part| {
                let mut parts = part.trim().split(';');
                let tag = parts.next()?.split('-').next()?.trim().to_ascii_lowercase();
                let weight = parts.find_map(|one| one.trim().strip_prefix("q=")?.parse().ok());
                Some((weight.unwrap_or(1.0), Language::from_tag(&tag)?))
            })
            .collect();
        wanted.sort_by(|a, b| b.0.total_cmp(&a.0));
        wanted.first().map_or(Language::English, |(_, one)| *one)
    }

    pub(crate) fn words(self) -> Words {
        let at = self as usize;
        Words {
            common: &Common::IN[at],
            counts: &Counts::IN[at],
            desk: &Desk::IN[at],
            insight: &Insight::IN[at],
            lists: &Lists::IN[at],
            orders: &Orders::IN[at],
            settings: &Settings::IN[at],
            sheet: &Sheet::IN[at],
            shops: &Shops::IN[at],
            states: &States::IN[at],
            stock: &Stock::IN[at],
        }
    }
}

/// All texts in one language.
#[derive(Clone, Copy)]
pub(crate) struct Words {
    pub(crate) common: &'static Common,
    pub(crate) counts: &'static Counts,
    pub(crate) desk: &'static Desk,
    pub(crate) insight: &'static Insight,
    pub(crate) lists: &'static Lists,
    pub(crate) orders: &'static Orders,
    pub(crate) settings: &'static Settings,
    pub(crate) sheet: &'static Sheet,
    pub(crate) shops: &'static Shops,
    pub(crate) states: &'static States,
    pub(crate) stock: &'static Stock,
}

/// Puts values where a text has their names in braces.
pub(crate) fn fill(text: &str, values: &[(&str, &str)]) -> String {
    values.iter().fold(text.to_owned(), |text, (name, value)| {
        text.replace(&format!("{{{name}}}"), value)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<&str> {
        let mut names: Vec<&str> = text
            .split('{')
            .skip(1)
            .filter_map(|rest| rest.split('}').next())
            .collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn every_text_says_something_in_every_language_with_the_same_values() {
        let all = [
            Common::TEXTS,
            Counts::TEXTS,
            Desk::TEXTS,
            Insight::TEXTS,
            Lists::TEXTS,
            Orders::TEXTS,
            Settings::TEXTS,
            Sheet::TEXTS,
            Shops::TEXTS,
            States::TEXTS,
            Stock::TEXTS,
        ]
        .concat();
        assert!(all.len() > 100);
        for (key, texts) in all {
            let [english, ..] = texts;
            for text in texts {
                assert!(!text.trim().is_empty(), "{key}");
                assert_eq!(names(text), names(english), "{key}: {text}");
                assert!(!text.contains("  "), "{key}: {text}");
            }
        }
    }

    #[test]
    fn the_language_is_the_first_that_the_browser_wants_and_we_speak() {
        for (header, language) in [
            ("", Language::English),
            ("de", Language::German),
            ("fr, es;q=0.8, en;q=0.5", Language::Spanish),
            ("en;q=0.4, de-AT;q=0.9", Language::German),
            ("fr, it", Language::English),
            (";;;,q=", Language::English),
        ] {
            assert_eq!(Language::accepted(header), language, "{header}");
        }
        assert_eq!(fill("{n} of {m}", &[("n", "2"), ("m", "3")]), "2 of 3");
    }
}
