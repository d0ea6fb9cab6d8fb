//! What `backorder` and `preorder` mean: how many may be sold before they are there, and by when they are.

use domain::{Decimal, Time};

use super::{
    document::Document,
    meaning::{inner, tell},
    offers,
    places::KeyPath,
    shape::{Backorder, BackorderText, Item, ItemKind, Offer, Preorder, PreorderText},
    values::{Day, Units},
};

const BACKORDER: &str = "write { max = 20, ships_within = \"14d\" }";
const PREORDER: &str = "write { max = 100, available_on = \"2027-01-15\" }";

/// Checks what is said of owing, for an item where a rule names one, and takes it into an offer.
pub(super) fn owing(
    document: &mut Document,
    path: &KeyPath,
    (backorder, preorder): (Option<BackorderText>, Option<PreorderText>),
    item: Option<&Item>,
    offer: &mut Offer,
) {
    let scale = item.map(|item| item.scale);
    let key = match (&backorder, &preorder) {
        (Some(_), _) => Some("backorder"),
        (None, Some(_)) => Some("preorder"),
        (None, None) => None,
    };
    if let Some(key) = key {
        check_sense(document, &inner(path, key), item, offer);
    }
    offer.backorder = backorder.and_then(|said| read_backorder(document, path, &said, scale));
    offer.preorder = preorder.and_then(|said| read_preorder(document, path, &said, scale));
}

/// Only goods are owed, and none that are not ordered again.
fn check_sense(document: &mut Document, path: &KeyPath, item: Option<&Item>, offer: &Offer) {
    match item.map(|item| (item.kind, &item.sku)) {
        Some((ItemKind::Kit, sku)) => tell(
            document,
            path,
            &format!("`{sku}` is a kit, and kits are not owed: its components are"),
            Some(
                "say it in a rule for each component; the kit is owed as often as all of them may be",
            ),
        ),
        Some((ItemKind::Service, sku)) => tell(
            document,
            path,
            &format!("`{sku}` is a service: it is always there"),
            Some("leave it out"),
        ),
        Some((ItemKind::Good, _)) | None => {}
    }
    let ends = matches!(&offer.end_when, Some(Some(_)));
    if ends {
        tell(
            document,
            path,
            "what ends by `end_when` does not come again, so it cannot be owed",
            Some("leave out one of them"),
        );
    }
}

fn read_backorder(
    document: &mut Document,
    path: &[String],
    said: &BackorderText,
    scale: Option<u8>,
) -> Option<Backorder> {
    let path = inner(path, "backorder");
    let max = most(document, &path, said.max, scale, BACKORDER)?;
    match said.ships_within {
        Some(ships_within) => Some(Backorder { max, ships_within }),
        None if is_none(max) => Some(Backorder {
            max,
            ships_within: std::time::Duration::ZERO,
        }),
        None => {
            missing(
                document,
                &path,
                "ships_within",
                "how soon it ships",
                BACKORDER,
            );
            None
        }
    }
}

fn read_preorder(
    document: &mut Document,
    path: &[String],
    said: &PreorderText,
    scale: Option<u8>,
) -> Option<Preorder> {
    let path = inner(path, "preorder");
    let max = most(document, &path, said.max, scale, PREORDER)?;
    match said.available_on {
        Some(Day(available_on)) => Some(Preorder { max, available_on }),
        None if is_none(max) => Some(Preorder {
            max,
            available_on: Time::EPOCH,
        }),
        None => {
            missing(
                document,
                &path,
                "available_on",
                "on which day it is there",
                PREORDER,
            );
            None
        }
    }
}

fn is_none(max: Decimal) -> bool {
    max.parts().0 == 0
}

fn most(
    document: &mut Document,
    path: &[String],
    said: Option<Units>,
    scale: Option<u8>,
    help: &str,
) -> Option<Decimal> {
    if said.is_none() {
        missing(document, path, "max", "how many may be owed at most", help);
    }
    offers::units(document, &inner(path, "max"), said, scale)
}

/// Tells of a key that is missing, unless it is there and wrong.
fn missing(document: &mut Document, path: &[String], key: &str, what: &str, help: &str) {
    if document.is_wrong(&inner(path, key)) || document.is_wrong(path) {
        return;
    }
    let name = path.last().map_or("", String::as_str);
    let problem = format!("{name} needs `{key}`: {what}");
    tell(document, &path.to_vec(), &problem, Some(help));
}
