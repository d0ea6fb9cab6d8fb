//! What the settings mean together: references that lead somewhere, rules that say something,
//! listeners that are not open to the world.
//!
//! It runs after every value was read, and leaves alone what was already told to be wrong.

use std::collections::{BTreeMap, BTreeSet};

use channel::Secret;
use domain::{Money, Sku};

use super::{
    document::Document,
    incidents::money,
    mistakes::{self, Severity},
    places::{KeyPath, Part},
    shape::{Item, ItemKind, ItemText, Main},
    values::Units,
};

/// The shortest admin token: 32 characters of base64 are 192 bits.
const TOKEN_LENGTH_MIN: usize = 32;
/// The longest body of a hook that the store takes, with its frame.
const BODY_BYTES_MAX: u64 = 8 << 20;
/// The most decimals of an item.
const SCALE_MAX: u8 = 6;

/// Checks the parts that stand for themselves: listeners, limits, the token, the address.
pub(super) fn check_plain(document: &mut Document, main: &Main, schedule: super::ScheduleCheck) {
    check_listeners(document, main);
    if let Some(url) = &main.public_url {
        check_url(document, url);
    }
    if !(1024..=BODY_BYTES_MAX).contains(&main.limits.body_bytes) {
        refuse(
            document,
            "limits/body_bytes",
            "a hook's body is 1KiB to 8MiB long",
        );
    }
    if main.limits.connections == 0 {
        refuse(
            document,
            "limits/connections",
            "without a connection nothing is received",
        );
    }
    if main.breaker.listings == 0 {
        refuse(
            document,
            "breaker/listings",
            "at 0 listings it would trip at once; the least is 1",
        );
    }
    if main.admin.token.as_ref().is_some_and(is_short) {
        let problem = format!("an admin token has at least {TOKEN_LENGTH_MIN} characters");
        let help = "make one: head -c 32 /dev/urandom | base64";
        tell(document, &keys("admin/token"), &problem, Some(help));
    }
    if main.store.dir.as_os_str().is_empty() {
        refuse(document, "store/dir", "the store needs a folder");
    }
    if let Err(problem) = schedule(&main.schedule.reconcile) {
        let help = "seconds, minutes, hours, days, months, weekdays: \"0 */15 * * * *\"";
        tell(document, &keys("schedule/reconcile"), &problem, Some(help));
    }
    check_backup(document, main, schedule);
    for (path, problem) in main.privacy.mistakes() {
        refuse(document, path, problem);
    }
}

fn check_backup(document: &mut Document, main: &Main, schedule: super::ScheduleCheck) {
    if let Err(problem) = schedule(&main.backup.at) {
        let help = "minutes, hours, days, months, weekdays, in UTC: \"0 3 * * *\"";
        tell(document, &keys("backup/at"), &problem, Some(help));
    }
    if main.backup.keep == 0 {
        let problem = "without one that is kept there is no backup; the least is 1";
        refuse(document, "backup/keep", problem);
    }
    let Some(dir) = &main.backup.dir else { return };
    if !dir.is_absolute() {
        refuse(document, "backup/dir", "write the whole path, from `/` on");
    } else if dir.starts_with(main.store.dir.join("store")) {
        let problem = "this folder belongs to the store alone; a copy inside it goes where it goes";
        refuse(document, "backup/dir", problem);
    }
}

fn is_short(token: &Secret) -> bool {
    token.expose().chars().count() < TOKEN_LENGTH_MIN
}

fn check_listeners(document: &mut Document, main: &Main) {
    if !main.listen.admin.ip().is_loopback() {
        let problem = "the admin listener is without TLS and must stay on this machine";
        let help = "listen on 127.0.0.1, and put a reverse proxy with TLS before it";
        tell(document, &keys("listen/admin"), problem, Some(help));
    }
    let (public, admin) = (main.listen.public, main.listen.admin);
    if public == admin && public.port() != 0 {
        refuse(
            document,
            "listen/admin",
            "both listeners have the same address",
        );
    }
}

fn check_url(document: &mut Document, url: &str) {
    let parsed: Option<http::Uri> = url.parse().ok();
    let is_good = parsed.is_some_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.host().is_some_and(|host| !host.is_empty())
            && uri.query().is_none()
    });
    if !is_good {
        let problem = "expected the address of a server such as \"https://shop.example.com\"";
        refuse(document, "public_url", problem);
    } else if url.ends_with('/') {
        refuse(document, "public_url", "leave out the slash at the end");
    }
}

/// Checks `[[items]]`, and says what they mean.
pub(super) fn items(document: &mut Document, texts: Vec<ItemText>) -> Vec<Item> {
    let mut items: Vec<(KeyPath, Item)> = Vec::new();
    for (index, text) in texts.into_iter().enumerate() {
        let path = keys(&format!("items/{index}"));
        let Some(item) = read_item(document, &path, text) else {
            continue;
        };
        match items.iter().find(|(_, other)| other.sku == item.sku) {
            Some((first, _)) => {
                let problem = format!("there are two items `{}`", item.sku);
                let line = document.line_of(&inner(first, "sku")).unwrap_or(1);
                let help = format!("the other one is on line {line}");
                tell(document, &inner(&path, "sku"), &problem, Some(&help));
            }
            None => items.push((path, item)),
        }
    }
    check_kits(document, &items);
    items.into_iter().map(|(_, item)| item).collect()
}

fn read_item(document: &mut Document, path: &KeyPath, text: ItemText) -> Option<Item> {
    let sku_path = inner(path, "sku");
    let sku = match text.sku {
        Some(sku) => read_sku(document, &sku_path, &sku),
        None if document.is_wrong(&sku_path) => None,
        None => {
            tell(document, &sku_path, "an item needs a `sku`", None);
            None
        }
    };
    if text.scale > SCALE_MAX {
        let problem = format!("an item has at most {SCALE_MAX} decimals");
        tell(document, &inner(path, "scale"), &problem, None);
    }
    let components_path = inner(path, "components");
    if text.kind == ItemKind::Kit
        && text.components.is_empty()
        && !document.is_wrong(&components_path)
    {
        let help = "components = { \"MUG-1\" = 2, \"BOX\" = 1 }";
        tell(
            document,
            &inner(path, "kind"),
            "a kit needs components",
            Some(help),
        );
    }
    if text.kind != ItemKind::Kit && !text.components.is_empty() {
        tell(
            document,
            &components_path,
            "only a kit has components",
            Some("write kind = \"kit\", or leave the components out"),
        );
    }
    let mut components = BTreeMap::new();
    for (name, Units(number)) in text.components {
        let component_path = inner(&components_path, &name);
        let component = read_sku(document, &component_path, &name);
        if number.parts().0 == 0 {
            tell(
                document,
                &component_path,
                "a kit holds more than none of it",
                None,
            );
        }
        components.extend(component.map(|component| (component, number)));
    }
    let category = read_category(document, &inner(path, "category"), text.category);
    let prices = read_prices(document, &inner(path, "prices"), text.prices);
    let sku = sku?;
    Some(Item {
        title: if text.title.is_empty() {
            sku.to_string()
        } else {
            text.title
        },
        sku,
        category,
        barcode: text.barcode.filter(|code| !code.trim().is_empty()),
        prices,
        kind: text.kind,
        scale: text.scale,
        components,
    })
}

/// One price for each currency.
fn read_prices(document: &mut Document, path: &KeyPath, texts: Vec<String>) -> Vec<Money> {
    let mut prices: Vec<Money> = Vec::new();
    for (index, text) in texts.into_iter().enumerate() {
        let place = inner(path, &index.to_string());
        let Some(price) = money(document, &place, Some(text)) else {
            continue;
        };
        let currency = price.currency();
        if prices.iter().any(|other| other.currency() == currency) {
            let problem = format!("there is a price in {currency} already");
            tell(document, &place, &problem, Some("leave one of them out"));
        } else {
            prices.push(price);
        }
    }
    prices
}

/// Kits hold goods and services, in quantities that these can have.
fn check_kits(document: &mut Document, items: &[(KeyPath, Item)]) {
    for (place, item) in items {
        for (sku, number) in &item.components {
            let path = inner(&inner(place, "components"), sku.as_str());
            let component = items.iter().map(|(_, other)| other).find(|i| i.sku == *sku);
            let is_kit = component.is_some_and(|other| other.kind == ItemKind::Kit);
            let scale = component.map_or(0, |other| other.scale);
            if is_kit || *sku == item.sku {
                let problem = format!("`{sku}` is a kit itself, and a kit holds no kits");
                tell(
                    document,
                    &path,
                    &problem,
                    Some("list what is in it instead"),
                );
            } else if let Err(error) = number.to_quantity(scale) {
                tell(document, &path, &error.to_string(), None);
            }
        }
    }
}

pub(super) fn read_sku(document: &mut Document, path: &KeyPath, text: &str) -> Option<Sku> {
    Sku::new(text)
        .map_err(|error| tell(document, path, &error.to_string(), None))
        .ok()
}

/// A category: some text without blanks around it.
pub(super) fn read_category(
    document: &mut Document,
    path: &KeyPath,
    text: Option<String>,
) -> Option<String> {
    let category = text?.trim().to_owned();
    if category.is_empty() {
        tell(document, path, "a category must not be empty", None);
        return None;
    }
    Some(category)
}

pub(super) fn check_account(
    document: &mut Document,
    path: &KeyPath,
    account: &str,
    accounts: &BTreeSet<String>,
) -> bool {
    if accounts.contains(account) {
        return true;
    }
    let known: Vec<&str> = accounts.iter().map(String::as_str).collect();
    let help = mistakes::suggestion_or_list(account, &known, "there are")
        .unwrap_or_else(|| "there are no accounts: each has a file in accounts.d".to_owned());
    tell(
        document,
        path,
        &format!("there is no account `{account}`"),
        Some(&help),
    );
    false
}

pub(super) fn keys(path: &str) -> KeyPath {
    path.split('/').map(str::to_owned).collect()
}

pub(super) fn inner(path: &[String], key: &str) -> KeyPath {
    let mut path = path.to_vec();
    path.push(key.to_owned());
    path
}

fn refuse(document: &mut Document, path: &str, problem: &str) {
    tell(document, &keys(path), problem, None);
}

pub(super) fn tell(document: &mut Document, path: &KeyPath, problem: &str, help: Option<&str>) {
    document.tell(
        Severity::Error,
        path,
        Part::Value,
        problem.to_owned(),
        help.map(str::to_owned),
    );
}
