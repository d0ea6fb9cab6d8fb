//! What `[[incidents]]` mean: what is done about an incident while nobody has chosen a way out.

use std::collections::BTreeSet;

use domain::{
    AccountId, Currency, Money,
    incident::{WayKind, Why},
    policy::{Rule, Step},
};

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    document::Document,
    meaning::{check_account, inner, keys, read_category, read_sku, tell},
    mistakes,
    places::KeyPath,
    shape::IncidentText,
};

/// What canceling an order costs on an account.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CancelPenalty {
    /// Little: a shop of your own. Close to the promised date, canceling goes before a substitute.
    Low,
    /// Some.
    #[default]
    Medium,
    /// Much: the account is at risk. Even waiting past the promised date goes before canceling.
    High,
}

/// Checks them, and says what they mean.
pub(super) fn rules(
    document: &mut Document,
    texts: Vec<IncidentText>,
    accounts: &BTreeSet<String>,
) -> Vec<Rule> {
    let mut rules: Vec<Rule> = Vec::new();
    for (index, text) in texts.into_iter().enumerate() {
        let path = keys(&format!("incidents/{index}"));
        let name = text.name.clone();
        let name = name.unwrap_or_else(|| format!("number {}", index.saturating_add(1)));
        if name.trim().is_empty() {
            tell(
                document,
                &inner(&path, "name"),
                "a name must not be empty",
                None,
            );
        }
        if rules.iter().any(|other| other.name == name) {
            let problem = format!("there are two rules `{name}`");
            let help = "timelines tell rules by their names: give each its own";
            tell(document, &inner(&path, "name"), &problem, Some(help));
        }
        rules.extend(read_rule(document, &path, name, text, accounts));
    }
    rules
}

fn read_rule(
    document: &mut Document,
    path: &KeyPath,
    name: String,
    text: IncidentText,
    accounts: &BTreeSet<String>,
) -> Option<Rule> {
    if let Some(account) = &text.account {
        check_account(document, &inner(path, "account"), account, accounts);
    }
    if let Some(why) = &text.why
        && !Why::WORDS.contains(&why.as_str())
    {
        let problem = format!("no incident has the explanation `{why}`");
        let help = mistakes::suggestion_or_list(why, &Why::WORDS, "there are");
        tell(document, &inner(path, "why"), &problem, help.as_deref());
    }
    let sku = text
        .sku
        .and_then(|text| read_sku(document, &inner(path, "sku"), &text));
    let category = read_category(document, &inner(path, "category"), text.category);
    let max_value = money(document, &inner(path, "max_value"), text.max_value);
    let then_path = inner(path, "then");
    let mut then = Vec::new();
    for (index, word) in text.then.iter().enumerate() {
        then.extend(step(document, &inner(&then_path, &index.to_string()), word));
    }
    if text.then.is_empty() && !document.is_wrong(&then_path) {
        let help = "write then = [\"take-from\", \"wait\"]";
        tell(
            document,
            &then_path,
            "this rule does nothing: it needs `then`",
            Some(help),
        );
    }
    let waits = text
        .then
        .iter()
        .position(|said| *said == word(WayKind::Wait));
    if let Some(after_it) = waits.map(|at| at + 1).filter(|at| *at < text.then.len()) {
        let path = inner(&then_path, &after_it.to_string());
        let help = "waiting is always possible: write it last";
        tell(
            document,
            &path,
            "what comes after `wait` is never done",
            Some(help),
        );
    }
    let after_path = inner(path, "after");
    if text.after.is_none() && !document.is_wrong(&after_path) {
        let help = "write after = \"30m\", so that a person can choose before";
        tell(
            document,
            &after_path,
            "the rule needs `after`: how long it waits",
            Some(help),
        );
    }
    Some(Rule {
        name,
        account: text.account.map(AccountId::new),
        why: text.why,
        sku,
        category,
        max_value,
        then,
        after: text.after?,
    })
}

/// The word as on the command line.
fn word(kind: WayKind) -> String {
    kind.word().replace('_', "-")
}

fn step(document: &mut Document, path: &KeyPath, text: &str) -> Option<Step> {
    let found = Step::ALL.into_iter().find(|step| word(step.way()) == text);
    if found.is_some() {
        return found;
    }
    let words = Step::ALL.map(|step| word(step.way()));
    let known: Vec<&str> = words.iter().map(String::as_str).collect();
    if WayKind::ALL.into_iter().any(|kind| word(kind) == text) {
        let help = format!("a rule can {}", known.join(", "));
        let problem =
            format!("`{text}` needs a person: an amount, a hand, or a talk with the buyer");
        tell(document, path, &problem, Some(&help));
        return None;
    }
    let help = mistakes::suggestion_or_list(text, &known, "there are");
    tell(
        document,
        path,
        &format!("there is no way `{text}`"),
        help.as_deref(),
    );
    None
}

pub(super) fn money(
    document: &mut Document,
    path: &KeyPath,
    text: Option<String>,
) -> Option<Money> {
    let text = text?;
    let read = text.trim().split_once(' ').and_then(|(amount, currency)| {
        let currency = Currency::new(currency.trim()).ok()?;
        Money::parse(amount, currency).ok()
    });
    if read.is_none_or(|money| money.minor() <= 0) {
        let problem = format!("\"{text}\" is not an amount of money");
        tell(
            document,
            path,
            &problem,
            Some("write it like \"100.00 EUR\""),
        );
        return None;
    }
    read
}
