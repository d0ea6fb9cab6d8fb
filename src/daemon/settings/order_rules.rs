//! What `[[rules]]` mean: what is done with orders that are such and such.
//!
//! A condition is compiled and tried here, so that a slip in it is told at its place before any order comes.

use std::{collections::BTreeSet, ops::Range, time::Duration};

use domain::{
    locations::{Kind, Location},
    message::{Notice, Way},
    order_rules::{
        ConditionRef, Moment, OrderRule, PAYMENTS, PAYS, RULES_MAX, RuleHold, TAGS_MAX, Then,
    },
    postal::is_country,
    risk::RISKS,
    stock::LocationId,
};
use engine::ports::condition::{Compared, compile, known_names};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    document::Document,
    meaning::{inner, keys, tell},
    messages::Messages,
    mistakes,
    places::KeyPath,
    values::{self, DurationText},
};

/// The longest name, tag or reason.
const TEXT_LENGTH_MAX: usize = 200;

/// `[[rules]]`, as it is written.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub(super) struct OrderRuleText {
    /// What timelines call it.
    pub(super) name: Option<String>,
    /// When it is run: `order.accepted`, `order.changed`, `order.paid`, `order.ready` or `order.shipped`.
    pub(super) on: Option<String>,
    /// Which orders it is about: `order.total > 500 and ship.country != bill.country`. All where nothing is said.
    pub(super) when: Option<String>,
    /// What is done then.
    pub(super) then: ThenText,
}

/// `then` of a rule, as it is written.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub(super) struct ThenText {
    /// Hold the order, for this reason.
    pub(super) hold: Option<String>,
    /// By when the hold is to be settled, from then on.
    #[serde(deserialize_with = "values::some_duration")]
    #[schemars(with = "Option<DurationText>")]
    pub(super) hold_for: Option<Duration>,
    /// Whether its stock may go to others while it is held.
    pub(super) give_up_stock: Option<bool>,
    /// Words to find it by.
    pub(super) tag: Vec<String>,
    /// The location that it leaves from, if all of it can.
    pub(super) route: Option<String>,
    /// How soon it is served: the higher, the sooner. 0 where nothing is said.
    pub(super) priority: Option<i32>,
    /// The message that asks for what is missing of an order that it holds.
    pub(super) ask: Option<String>,
    /// The messages that are sent.
    pub(super) notify: Vec<String>,
}

/// Checks them, and says what they mean.
pub(super) fn rules(
    document: &mut Document,
    texts: Vec<OrderRuleText>,
    accounts: &BTreeSet<String>,
    places: &[Place],
    messages: Option<&Messages>,
) -> Vec<OrderRule> {
    let tags: BTreeSet<String> = texts
        .iter()
        .flat_map(|text| text.then.tag.iter().cloned())
        .collect();
    let known = Known {
        accounts,
        places,
        tags: &tags,
        messages,
    };
    if texts.len() > RULES_MAX {
        let problem = format!(
            "there are {} rules, and {RULES_MAX} is the limit",
            texts.len()
        );
        tell(
            document,
            &keys(&format!("rules/{RULES_MAX}")),
            &problem,
            None,
        );
    }
    let mut names: BTreeSet<String> = BTreeSet::new();
    let mut rules = Vec::new();
    for (index, text) in texts.into_iter().enumerate() {
        let path = keys(&format!("rules/{index}"));
        let name = read_name(document, &path, text.name.clone());
        if name
            .as_ref()
            .is_some_and(|name| !names.insert(name.clone()))
        {
            let problem = format!("there are two rules `{}`", name.clone().unwrap_or_default());
            let help = "timelines tell rules by their names: give each its own";
            tell(document, &inner(&path, "name"), &problem, Some(help));
        }
        let rule = read_rule(document, &path, text, known);
        if let (Some(name), Some(rule)) = (name, rule) {
            rules.push(OrderRule { name, ..rule });
        }
    }
    rules
}

/// A location that a rule may name.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// The admin's word for it.
    pub(crate) id: LocationId,
    /// Whether a channel runs it.
    pub(crate) is_channel: bool,
}

impl Place {
    /// A location that is declared.
    pub(super) fn of(location: &Location) -> Place {
        Place {
            id: location.id.clone(),
            is_channel: location.kind == Kind::Channel,
        }
    }
}

/// What a rule may name.
#[derive(Clone, Copy)]
struct Known<'k> {
    accounts: &'k BTreeSet<String>,
    places: &'k [Place],
    tags: &'k BTreeSet<String>,
    /// None where the rules are only tried out.
    messages: Option<&'k Messages>,
}

fn read_name(document: &mut Document, path: &KeyPath, name: Option<String>) -> Option<String> {
    let path = inner(path, "name");
    match name {
        Some(name) => read_text(document, &path, &name, "a name"),
        None if document.is_wrong(&path) => None,
        None => {
            let help =
                "write name = \"expensive abroad\": timelines and `oneshelf rules` call it so";
            tell(document, &path, "a rule needs a `name`", Some(help));
            None
        }
    }
}

/// A text that people read: something, and not a page.
fn read_text(document: &mut Document, path: &KeyPath, text: &str, what: &str) -> Option<String> {
    let text = text.trim();
    let problem = if text.is_empty() {
        format!("{what} must not be empty")
    } else if text.chars().count() > TEXT_LENGTH_MAX || text.chars().any(char::is_control) {
        format!("{what} has one line of at most {TEXT_LENGTH_MAX} characters")
    } else {
        return Some(text.to_owned());
    };
    tell(document, path, &problem, None);
    None
}

fn read_rule(
    document: &mut Document,
    path: &KeyPath,
    text: OrderRuleText,
    known: Known<'_>,
) -> Option<OrderRule> {
    let on = read_moment(document, &inner(path, "on"), text.on.as_deref());
    let when_path = inner(path, "when");
    let when = match text.when {
        None if document.is_wrong(&when_path) => return None,
        None => None,
        Some(text) => Some(condition(document, &when_path, &text, known)?),
    };
    let then = read_then(document, &inner(path, "then"), text.then, known)?;
    Some(OrderRule {
        name: String::new(),
        on: on?,
        when,
        then,
    })
}

fn read_moment(document: &mut Document, path: &KeyPath, word: Option<&str>) -> Option<Moment> {
    let words = Moment::ALL.map(Moment::word);
    let Some(word) = word else {
        if !document.is_wrong(path) {
            let help = format!("there are: {}", words.join(", "));
            tell(
                document,
                path,
                "a rule needs `on`: when it is run",
                Some(&help),
            );
        }
        return None;
    };
    let found = Moment::from_word(word);
    if found.is_none() {
        let problem = format!("no rule is run on `{word}`");
        let help = mistakes::suggestion_or_list(word, &words, "there are");
        tell(document, path, &problem, help.as_deref());
    }
    found
}

/// Reads a condition, and tells what is wrong in it at its place in the text.
fn condition(
    document: &mut Document,
    path: &KeyPath,
    text: &str,
    known: Known<'_>,
) -> Option<ConditionRef> {
    let read = match compile(text) {
        Ok(read) => read,
        Err(error) => {
            let help = match &error.unknown {
                Some(name) => mistakes::suggestion_or_list(name, &known_names(), "there are"),
                None => None,
            };
            document.tell_within(path, error.at, error.problem, help);
            return None;
        }
    };
    for compared in &read.compared {
        if let Some((problem, help)) = unheard_of(compared, known) {
            let at: Range<usize> = compared.at.clone();
            document.tell_within(path, Some(at), problem, help);
        }
    }
    Some(read.condition)
}

/// What is wrong with a text that stands beside a name, where all that there can be are known.
fn unheard_of(compared: &Compared, known: Known<'_>) -> Option<(String, Option<String>)> {
    let text = compared.text.as_str();
    let among = |words: &[&str], what: &str, where_from: &str| {
        if words.contains(&text) {
            return None;
        }
        let help = mistakes::suggestion_or_list(text, words, "there are");
        let help = help.unwrap_or_else(|| where_from.to_owned());
        Some((format!("there is no {what} `{text}`"), Some(help)))
    };
    let listed = |words: &BTreeSet<String>, what: &str, where_from: &str| {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        among(&words, what, where_from)
    };
    match compared.name.as_str() {
        "order.account" => listed(
            known.accounts,
            "account",
            "each account has a file in accounts.d",
        ),
        "order.tags" => listed(
            known.tags,
            "tag",
            "no rule gives any: write tag = [\"…\"] in a `then`",
        ),
        "order.payment" => among(&PAYMENTS, "state of the money", ""),
        "order.risk" if !text.is_empty() => among(&RISKS, "risk", ""),
        "order.pays" => among(&PAYS, "way to pay", ""),
        "ship.country" | "bill.country" if !text.is_empty() && !is_country(text) => {
            let help = "two capitals of ISO 3166, such as \"DE\" or \"GB\"".to_owned();
            Some((format!("there is no country `{text}`"), Some(help)))
        }
        _ => None,
    }
}

fn read_then(
    document: &mut Document,
    path: &KeyPath,
    text: ThenText,
    known: Known<'_>,
) -> Option<Then> {
    let does_nothing = text.hold.is_none()
        && text.tag.is_empty()
        && text.route.is_none()
        && text.priority.is_none()
        && text.notify.is_empty();
    if does_nothing && !document.is_wrong(path) {
        let help =
            "write then = { hold = \"look at it\" }, or tag = [\"…\"], route = \"…\", priority = 5";
        tell(
            document,
            path,
            "this rule does nothing: it needs `then`",
            Some(help),
        );
        return None;
    }
    let hold = read_hold(document, path, &text, known)?;
    let tag_path = inner(path, "tag");
    if text.tag.len() > TAGS_MAX {
        tell(
            document,
            &tag_path,
            &format!("an order has at most {TAGS_MAX} tags"),
            None,
        );
    }
    let mut tag = Vec::new();
    for (index, word) in text.tag.iter().enumerate() {
        tag.extend(read_text(
            document,
            &inner(&tag_path, &index.to_string()),
            word,
            "a tag",
        ));
    }
    let route_path = inner(path, "route");
    let route = match text.route {
        None => None,
        Some(location) => Some(route(document, &route_path, &location, known)?),
    };
    let notify_path = inner(path, "notify");
    let mut notify = Vec::new();
    for (index, name) in text.notify.iter().enumerate() {
        let path = inner(&notify_path, &index.to_string());
        notify.extend(notice(document, &path, name, known));
    }
    Some(Then {
        hold,
        tag,
        route,
        priority: text.priority,
        notify,
    })
}

/// What is said of a hold; nothing at all where that is wrong.
fn read_hold(
    document: &mut Document,
    path: &KeyPath,
    text: &ThenText,
    known: Known<'_>,
) -> Option<Option<RuleHold>> {
    for (key, is_said) in [
        ("hold_for", text.hold_for.is_some()),
        ("give_up_stock", text.give_up_stock.is_some()),
        ("ask", text.ask.is_some()),
    ] {
        if is_said && text.hold.is_none() && !document.is_wrong(&inner(path, "hold")) {
            let problem = format!("`{key}` is about a hold, and this rule holds nothing");
            tell(
                document,
                &inner(path, key),
                &problem,
                Some("write hold = \"the reason\" beside it"),
            );
        }
    }
    let hold_path = inner(path, "hold");
    match &text.hold {
        None => Some(None),
        Some(reason) => Some(Some(RuleHold {
            reason: read_text(document, &hold_path, reason, "the reason of a hold")?,
            settle_within: text.hold_for,
            keeps_claim: !text.give_up_stock.unwrap_or_default(),
            ask: match &text.ask {
                None => None,
                Some(name) => Some(notice(document, &inner(path, "ask"), name, known)?),
            },
        })),
    }
}

/// A message that is configured.
fn notice(document: &mut Document, path: &KeyPath, name: &str, known: Known<'_>) -> Option<Notice> {
    let Some(messages) = known.messages else {
        return Some(Notice {
            message: name.to_owned(),
            way: Way::Mail,
        });
    };
    if let Some(message) = messages.all.get(name) {
        return Some(message.notice());
    }
    let names: Vec<&str> = messages.all.keys().map(String::as_str).collect();
    let help = mistakes::suggestion_or_list(name, &names, "there are");
    let help = help.unwrap_or_else(|| "declare it in [[messages]]".to_owned());
    let problem = format!("there is no message `{name}`");
    tell(document, path, &problem, Some(&help));
    None
}

/// A location that orders can leave from.
fn route(
    document: &mut Document,
    path: &KeyPath,
    word: &str,
    known: Known<'_>,
) -> Option<LocationId> {
    let ids: Vec<&str> = known.places.iter().map(|one| one.id.as_str()).collect();
    let Some(found) = known.places.iter().find(|one| one.id.as_str() == word) else {
        let help = mistakes::suggestion_or_list(word, &ids, "there are");
        let help = help.unwrap_or_else(|| "declare it in [[locations]]".to_owned());
        tell(
            document,
            path,
            &format!("there is no location `{word}`"),
            Some(&help),
        );
        return None;
    };
    if found.is_channel {
        let help = "name a location of your own";
        let problem = format!("`{word}` is run by a channel: nothing is shipped from it by us");
        tell(document, path, &problem, Some(help));
        return None;
    }
    Some(found.id.clone())
}
