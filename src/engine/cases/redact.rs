//! Names and numbers of people are replaced by names that say nothing.
//!
//! What replaces a text is a number in the order of all texts of its kind. It is made from nothing of
//! the text, so nobody can turn it back, and it sorts like the text, so that a decision that goes by the
//! order of ids goes the same way. Which number a text got is known only while a case is made.

use std::collections::{BTreeMap, BTreeSet};

use domain::Sku;

use super::node::{Kind, Node};

/// What else is to be taken out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hide {
    /// SKUs.
    pub skus: bool,
    /// The admin's words for accounts.
    pub accounts: bool,
}

/// Collects the texts of a case.
pub(crate) struct Collector {
    hide: Hide,
    texts: BTreeMap<Kind, BTreeSet<String>>,
    /// Words of the rules, in small letters: categories, regions and countries are kept where buyers and
    /// channels write the same, because rules compare them.
    words: BTreeSet<String>,
}

/// Says what replaces each text.
pub(crate) struct Replacer {
    hide: Hide,
    names: BTreeMap<Kind, BTreeMap<String, String>>,
    words: BTreeSet<String>,
}

fn plain(word: &str) -> String {
    word.trim().to_lowercase()
}

impl Collector {
    pub(crate) fn new(hide: Hide, words: impl IntoIterator<Item = String>) -> Collector {
        let words = words.into_iter().map(|word| plain(&word));
        Collector {
            hide,
            texts: BTreeMap::new(),
            words: words.filter(|word| !word.is_empty()).collect(),
        }
    }

    pub(crate) fn see(&mut self, node: &Node) {
        node.each(&mut |kind, text| self.see_text(kind, text));
    }

    pub(crate) fn see_text(&mut self, kind: Kind, text: &str) {
        self.texts.entry(kind).or_default().insert(text.to_owned());
    }

    pub(crate) fn replacer(self) -> Replacer {
        let mut names: BTreeMap<Kind, BTreeMap<String, String>> = BTreeMap::new();
        for (kind, texts) in self.texts {
            let word = match kind {
                Kind::Plain => continue,
                Kind::Account => "account",
                Kind::Sku => "sku",
                Kind::External => "id",
                Kind::Listing => "listing",
                Kind::Free => "text",
            };
            let numbered = texts.into_iter().enumerate();
            let numbered = numbered.map(|(at, text)| (text, format!("{word}-{:06}", at + 1)));
            names.insert(kind, numbered.collect());
        }
        Replacer {
            hide: self.hide,
            names,
            words: self.words,
        }
    }
}

impl Replacer {
    /// What stands for a text.
    pub(crate) fn say(&self, kind: Kind, text: &str) -> String {
        let kept = match kind {
            Kind::Plain => true,
            Kind::Account => !self.hide.accounts,
            Kind::Sku => !self.hide.skus,
            Kind::External | Kind::Listing => text.is_empty(),
            Kind::Free => text.is_empty() || self.words.contains(&plain(text)),
        };
        if kept {
            return text.to_owned();
        }
        if let (Kind::Free, Some(sku)) = (kind, self.sku(text)) {
            return sku;
        }
        let name = self.names.get(&kind).and_then(|names| names.get(text));
        // Nothing that was not seen is ever let through.
        name.cloned().unwrap_or_else(|| "unseen".to_owned())
    }

    /// A free text that is an item's SKU, as channels write it.
    fn sku(&self, text: &str) -> Option<String> {
        let sku = Sku::new(text).ok()?;
        let named = self.names.get(&Kind::Sku)?.get(sku.as_str())?;
        let shown = if self.hide.skus { named } else { sku.as_str() };
        Some(shown.to_owned())
    }
}
