//! Listings that are no item that others know, with what may be meant; nobody but a person matches.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    AccountId, ListingId, Sku,
    adoption::{Likeness, Traits},
    offer::Listing,
};
use serde::Serialize;

use super::Listed;
use crate::views::words;

/// The word for an item that no other account lists.
const ALONE: &str = "alone";
/// How many items that are on one account alone are compared with those of the others.
const ALONE_MAX: usize = 300;
/// How many suggestions one has.
const SUGGESTIONS_MAX: usize = 3;
/// With how many items each is compared.
const COMPARED_MAX: usize = 10_000;

/// A listing that matches nothing, or not well.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Where.
    pub account: AccountId,
    /// Which listing.
    pub listing: ListingId,
    /// Its SKU as the channel wrote it.
    pub channel_sku: Option<String>,
    /// What buyers see.
    pub title: String,
    /// What is wrong, in a word.
    pub code: &'static str,
    /// The same in a sentence.
    pub text: String,
    /// What to do.
    pub mend: String,
    /// What may be meant, the likeliest first.
    pub suggestions: Vec<Suggestion>,
}

/// An item that may be meant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Suggestion {
    /// Which.
    pub sku: Sku,
    /// What it is called.
    pub title: String,
    /// Why, as a phrase.
    pub because: String,
}

/// What is wrong with what is listed, without suggestions.
pub(super) fn problems(listed: &[Listed], services: &BTreeSet<Sku>) -> Vec<Problem> {
    let mut times: BTreeMap<(&AccountId, &Sku), usize> = BTreeMap::new();
    let mut places: BTreeMap<&Sku, BTreeSet<&AccountId>> = BTreeMap::new();
    for Listed { listing, .. } in listed {
        if let Some(sku) = &listing.sku {
            *times.entry((&listing.account, sku)).or_default() += 1;
            places.entry(sku).or_default().insert(&listing.account);
        }
    }
    let accounts: BTreeSet<&AccountId> = listed.iter().map(|one| &one.listing.account).collect();
    let mut problems = Vec::new();
    for Listed { listing, .. } in listed {
        let account = &listing.account;
        let then = format!("then `oneshelf accounts poll {account}`");
        let mut add = |code, text: String, mend: String| {
            problems.push(Problem {
                account: account.clone(),
                listing: listing.listing.clone(),
                channel_sku: listing.channel_sku.clone(),
                title: listing.title.clone(),
                code,
                text,
                mend,
                suggestions: Vec::new(),
            });
        };
        let Some(sku) = &listing.sku else {
            let (code, text) = nameless(listing);
            let name = words::quoted(listing.listing.as_str());
            let map = format!("`oneshelf listings map {account} {name} SKU`");
            let mend =
                format!("give it a SKU in the shop, {then}, or say which item it is with {map}");
            add(code, text.to_owned(), mend);
            continue;
        };
        if !listing.tracked && !services.contains(sku) {
            let text = "the shop keeps no count for it".to_owned();
            add(
                "untracked",
                text,
                format!("switch stock tracking on there, {then}"),
            );
        }
        if times.get(&(account, sku)).is_some_and(|times| *times > 1) {
            let text = format!(
                "{sku} is listed more than once there, and each shows all that can be sold"
            );
            add(
                "twice",
                text,
                format!("give one of them another SKU in the shop, {then}, or leave it so"),
            );
        }
        let is_alone = places.get(sku).is_some_and(|places| places.len() == 1);
        if is_alone && accounts.len() > 1 {
            let text = format!("{sku} is listed on no other account");
            add(
                ALONE,
                text,
                format!("if another SKU is meant, correct it in the shop, {then}"),
            );
        }
    }
    // What is matched by nothing comes before what may well be meant so.
    let rank = |problem: &Problem| match problem.code {
        "no_sku" | "bad_sku" => 0,
        "twice" => 1,
        "untracked" => 2,
        _ => 3,
    };
    problems.sort_by_key(rank);
    problems
}

/// Why a listing is no item.
fn nameless(listing: &Listing) -> (&'static str, &'static str) {
    match listing.channel_sku.as_deref().map(str::trim) {
        None | Some("") => ("no_sku", "it has no SKU"),
        Some(_) => ("bad_sku", "its SKU cannot be used"),
    }
}

/// Adds what may be meant. That an item is on no other account is only told where another may be meant.
pub(super) fn suggest(listed: &[Listed], problems: &mut Vec<Problem>) {
    let alone = |problem: &Problem| problem.code == ALONE;
    let first = problems.iter().position(alone).unwrap_or(problems.len());
    problems.truncate(first.saturating_add(ALONE_MAX));
    let mut items: BTreeMap<&Sku, (Traits, &str, BTreeSet<&AccountId>)> = BTreeMap::new();
    for Listed { listing, .. } in listed {
        let Some(sku) = &listing.sku else { continue };
        let traits = || {
            Traits::new(
                Some(sku.as_str()),
                &listing.title,
                listing.barcode.as_deref(),
            )
        };
        let fresh = || (traits(), listing.title.as_str(), BTreeSet::new());
        let known = items.entry(sku).or_insert_with(fresh);
        known.2.insert(&listing.account);
        if items.len() >= COMPARED_MAX {
            break;
        }
    }
    let barcodes: BTreeMap<(&AccountId, &ListingId), Option<&str>> = listed
        .iter()
        .map(|one| &one.listing)
        .map(|one| ((&one.account, &one.listing), one.barcode.as_deref()))
        .collect();
    for problem in problems.iter_mut() {
        if !["no_sku", "bad_sku", ALONE].contains(&problem.code) {
            continue;
        }
        let at = (&problem.account, &problem.listing);
        let barcode = barcodes.get(&at).copied().flatten();
        let own = problem.channel_sku.as_deref();
        let traits = Traits::new(own, &problem.title, barcode);
        let mut alike: Vec<(Likeness, &Sku, &str)> = items
            .iter()
            // What is listed there already is meant by that listing.
            .filter(|(_, (_, _, places))| !places.contains(&problem.account))
            .filter_map(|(sku, (other, title, _))| Some((traits.likeness(other)?, *sku, *title)))
            .collect();
        alike.sort_by(|one, other| other.0.cmp(&one.0).then(one.1.cmp(other.1)));
        alike.truncate(SUGGESTIONS_MAX);
        let suggestion = |(likeness, sku, title): (Likeness, &Sku, &str)| Suggestion {
            sku: sku.clone(),
            title: title.to_owned(),
            because: because(likeness),
        };
        problem.suggestions = alike.into_iter().map(suggestion).collect();
    }
    problems.retain(|problem| !alone(problem) || !problem.suggestions.is_empty());
}

pub(in crate::views) fn because(likeness: Likeness) -> String {
    match likeness {
        Likeness::Barcode => "same barcode".to_owned(),
        Likeness::SameSku => "same SKU but for signs and large letters".to_owned(),
        Likeness::Sku(percent) => format!("SKU alike, {percent} %"),
        Likeness::Title(percent) => format!("title alike, {percent} %"),
    }
}
