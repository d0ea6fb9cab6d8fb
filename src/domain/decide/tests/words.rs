//! What words in the tables name.

use crate::{AccountId, ListingId, Sku, book::ListingKey, breaker::Side, signal::Whose};

pub(super) fn sku(text: &str) -> Sku {
    text.parse().expect("a SKU")
}

pub(super) fn number(text: &str) -> i64 {
    text.parse()
        .unwrap_or_else(|_| panic!("`{text}` is a number"))
}

pub(super) fn side_named(word: &str) -> Side {
    let mut known = Side::ALL.into_iter();
    let side = known.find(|side| side.word() == word);
    side.unwrap_or_else(|| panic!("`{word}` is no side"))
}

pub(super) fn whose(word: &str) -> Whose {
    match word {
        "theirs" => Whose::Theirs,
        "ours" => Whose::Ours,
        _ => panic!("`{word}` means nothing"),
    }
}

pub(super) fn listing_key(text: &str) -> ListingKey {
    let (account, name) = text.split_once('.').expect("account.listing");
    (AccountId::new(account), ListingId::new(name))
}
