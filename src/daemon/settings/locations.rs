//! What `[[locations]]` means: where stock can lie, and which accounts each location serves.
//!
//! Locations that contradict each other or name what is not there are told at their place; what was
//! already told to be wrong is left alone.

use std::collections::BTreeSet;

use domain::{
    AccountId, allocation,
    locations::{AREAS_MAX, Kind, LOCATIONS_MAX, Location, Locations, Ships},
    stock::LocationId,
};

use super::{
    document::Document,
    meaning::{check_account, inner, keys, tell},
    mistakes::Severity,
    places::{KeyPath, Part},
    shape::{Allocation, AllocationWhen, LocationKind, LocationText, Preference, ShipsText},
};

/// The longest id of a location.
const ID_LENGTH_MAX: usize = 40;

/// Checks `[[locations]]`, and says what they mean.
pub(super) fn locations(
    document: &mut Document,
    texts: Vec<LocationText>,
    accounts: &BTreeSet<String>,
) -> Vec<Location> {
    let mut read: Vec<(KeyPath, Location)> = Vec::new();
    for (index, text) in texts.into_iter().enumerate() {
        let path = keys(&format!("locations/{index}"));
        if index >= LOCATIONS_MAX {
            let problem = format!("there are more than {LOCATIONS_MAX} locations");
            tell(document, &path, &problem, None);
            break;
        }
        let Some(location) = read_one(document, &path, text, accounts) else {
            continue;
        };
        check_twins(document, &read, &path, &location);
        read.push((path, location));
    }
    let locations: Vec<Location> = read.iter().map(|(_, one)| one.clone()).collect();
    check_together(document, &read, &locations, accounts);
    locations
}

impl Preference {
    fn criterion(self) -> allocation::Criterion {
        match self {
            Preference::StoresLast => allocation::Criterion::StoresLast,
            Preference::FewestSplits => allocation::Criterion::FewestSplits,
            Preference::SameCountry => allocation::Criterion::SameCountry,
            Preference::Nearest => allocation::Criterion::Nearest,
            Preference::Priority => allocation::Criterion::Priority,
        }
    }
}

impl Allocation {
    /// What it means.
    pub fn rules(&self) -> allocation::Rules {
        let prefer = self.prefer.iter().copied();
        allocation::Rules {
            when: match self.when {
                AllocationWhen::Ready => allocation::When::Ready,
                AllocationWhen::ByHand => allocation::When::ByHand,
            },
            prefer: prefer.map(Preference::criterion).collect(),
        }
    }
}

/// Nothing counts twice.
pub(super) fn check_allocation(document: &mut Document, allocation: &Allocation) {
    for (index, preference) in allocation.prefer.iter().enumerate() {
        let first = allocation.prefer.iter().position(|one| one == preference);
        if first != Some(index) {
            let word = preference.criterion().word();
            let path = keys(&format!("allocation/prefer/{index}"));
            let problem = format!("\"{word}\" stands there already, and the first one counts");
            tell(document, &path, &problem, Some("leave this one out"));
        }
    }
}

fn read_one(
    document: &mut Document,
    path: &KeyPath,
    text: LocationText,
    accounts: &BTreeSet<String>,
) -> Option<Location> {
    let kind = match text.kind {
        LocationKind::Warehouse => Kind::Warehouse,
        LocationKind::Store => Kind::Store,
        LocationKind::Channel => Kind::Channel,
    };
    let id = read_id(document, &inner(path, "id"), text.id);
    let mut named = |key: &str, names: Vec<String>| -> BTreeSet<AccountId> {
        for (index, account) in names.iter().enumerate() {
            let at = inner(&inner(path, key), &index.to_string());
            check_account(document, &at, account, accounts);
        }
        names.into_iter().map(AccountId::new).collect()
    };
    let serves = text.serves.map(|names| named("serves", names));
    let mut home_of = named("home_of", text.home_of);
    check_serving(
        document,
        path,
        (kind, text.ships),
        serves.as_ref(),
        &home_of,
    );
    if kind == Kind::Channel {
        home_of.extend(serves.iter().flatten().cloned());
    }
    let country = text.country.and_then(|country| {
        let is_code = country.len() == 2 && country.bytes().all(|b| b.is_ascii_alphabetic());
        if !is_code {
            let problem =
                format!("\"{country}\" is not a country; write two letters such as \"DE\"");
            tell(document, &inner(path, "country"), &problem, None);
        }
        is_code.then(|| country.to_ascii_uppercase())
    });
    for (index, near) in text.near.iter().enumerate() {
        let code = near.split('-').next().unwrap_or_default();
        if code.len() != 2 || !code.bytes().all(|b| b.is_ascii_alphabetic()) {
            let problem =
                format!("\"{near}\" is not near: write a country such as \"AT\", or \"DE-Bayern\"");
            tell(
                document,
                &inner(&inner(path, "near"), &index.to_string()),
                &problem,
                None,
            );
        }
    }
    let id = id?;
    Some(Location {
        name: if text.name.is_empty() {
            id.to_string()
        } else {
            text.name
        },
        id,
        kind,
        country,
        region: text.region.filter(|region| !region.trim().is_empty()),
        near: text.near,
        priority: text.priority,
        serves,
        ships: match (kind, text.ships) {
            (Kind::Channel, _) => Ships::No,
            (_, None | Some(ShipsText::Yes)) => Ships::Yes,
            (_, Some(ShipsText::No)) => Ships::No,
            (_, Some(ShipsText::Last)) => Ships::Last,
        },
        home_of,
    })
}

fn read_id(document: &mut Document, path: &KeyPath, id: Option<String>) -> Option<LocationId> {
    let Some(id) = id else {
        if !document.is_wrong(path) {
            tell(
                document,
                path,
                "a location needs an `id`",
                Some("id = \"berlin\""),
            );
        }
        return None;
    };
    let is_word = (1..=ID_LENGTH_MAX).contains(&id.len())
        && id
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if !is_word {
        let problem = format!(
            "\"{id}\" cannot be the id of a location; write small letters, digits and `-`, at most \
             {ID_LENGTH_MAX}"
        );
        tell(document, path, &problem, None);
        return None;
    }
    Some(LocationId::new(id))
}

/// What it serves, what ships from it and whose home it is go together.
fn check_serving(
    document: &mut Document,
    path: &KeyPath,
    (kind, ships): (Kind, Option<ShipsText>),
    serves: Option<&BTreeSet<AccountId>>,
    home_of: &BTreeSet<AccountId>,
) {
    let serves_path = inner(path, "serves");
    let is_wrong = document.is_wrong(&serves_path);
    if kind == Kind::Channel && serves.is_none() && !is_wrong {
        let help = "serves = [\"amazon-eu\"]: the accounts of the channel that runs it";
        let problem = "a location that a channel runs serves only that channel's accounts";
        tell(document, path, problem, Some(help));
    }
    if serves.is_some_and(BTreeSet::is_empty) && !is_wrong {
        let help =
            "leave `serves` out where it serves all; with ships = \"no\" nothing is sent from it";
        tell(
            document,
            &serves_path,
            "a location that serves nobody sells nothing",
            Some(help),
        );
    }
    if kind == Kind::Channel && matches!(ships, Some(ShipsText::Yes | ShipsText::Last)) {
        let help = "leave `ships` out: the channel ships from it itself, and nobody else does";
        tell(
            document,
            &inner(path, "ships"),
            "we never ship from what a channel runs",
            Some(help),
        );
    }
    let unserved = serves.and_then(|serves| home_of.iter().find(|id| !serves.contains(*id)));
    if let Some(account) = unserved {
        let problem = format!("it is the home of `{account}`, and does not serve it");
        let help = format!("add \"{account}\" to `serves`");
        tell(document, &inner(path, "home_of"), &problem, Some(&help));
    }
}

/// No two have one id, or are the home of one account.
fn check_twins(
    document: &mut Document,
    read: &[(KeyPath, Location)],
    path: &KeyPath,
    location: &Location,
) {
    if let Some((first, _)) = read.iter().find(|(_, other)| other.id == location.id) {
        let line = document.line_of(&inner(first, "id")).unwrap_or(1);
        let help = format!("the other one is on line {line}");
        let problem = format!("there are two locations `{}`", location.id);
        tell(document, &inner(path, "id"), &problem, Some(&help));
    }
    for account in &location.home_of {
        let other = read
            .iter()
            .find(|(_, other)| other.home_of.contains(account));
        if let Some((_, other)) = other {
            let problem = format!("`{}` is the home of `{account}` already", other.id);
            tell(document, &inner(path, "home_of"), &problem, None);
        }
    }
}

/// Some of them are ours, accounts are not served from too many different areas, and from some.
fn check_together(
    document: &mut Document,
    read: &[(KeyPath, Location)],
    locations: &[Location],
    accounts: &BTreeSet<String>,
) {
    let Some((first, _)) = read.first() else {
        return;
    };
    if locations.iter().all(|one| one.kind == Kind::Channel) {
        let help =
            "declare one of your own too: the first of them is where stock lies when nobody says";
        tell(
            document,
            first,
            "all locations are run by channels",
            Some(help),
        );
    }
    let ids: Vec<AccountId> = accounts.iter().map(AccountId::new).collect();
    let all = Locations::new(locations.to_vec());
    if all.count_areas(ids.iter()) > AREAS_MAX {
        let problem =
            format!("accounts are served from more than {AREAS_MAX} different groups of locations");
        let help = "let more accounts share the same locations in `serves`";
        tell(document, first, &problem, Some(help));
    }
    for account in &ids {
        if !locations.iter().any(|one| one.serves(account)) {
            let problem = format!("no location serves `{account}`: it is offered nothing");
            let help = format!("add \"{account}\" to the `serves` of a location");
            document.tell(Severity::Warning, first, Part::Value, problem, Some(help));
        }
    }
}
