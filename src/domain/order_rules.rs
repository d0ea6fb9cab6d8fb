//! Rules that an admin wrote for orders: when something happens to one, and it is such and such, then this.
//!
//! A rule is run in the decision in which its moment comes, so what it does is there as soon as the order is,
//! and no crash lies between. Conditions see the values that [`seen`] lists and nothing else: nothing of
//! people is among them, so what a condition saw may be kept and shown.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
    time::Duration,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{
    Decimal, Money, Time,
    book::Book,
    message::Notice,
    order::{Order, Phase},
    payment::Pays,
    risk::Risk,
    snapshot::PaymentState,
    stock::LocationId,
};

/// The most rules; more are a program.
pub const RULES_MAX: usize = 100;
/// The most runs that an order keeps, one for each rule and moment; the oldest are forgotten.
pub const RUNS_MAX: usize = 200;
/// The most tags of an order.
pub const TAGS_MAX: usize = 50;
/// The longest text that is kept of what a condition saw.
const SAW_LENGTH_MAX: usize = 120;

/// What happens to an order, and rules may wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Moment {
    /// It became known.
    Accepted,
    /// Its channel changed it, or it was entered anew.
    Changed,
    /// It was paid, or the money was reserved.
    Paid,
    /// It can be shipped.
    Ready,
    /// All of it has left.
    Shipped,
}

impl Moment {
    /// All of them, in the order in which they come when one decision brings several.
    pub const ALL: [Moment; 5] = [
        Moment::Accepted,
        Moment::Changed,
        Moment::Paid,
        Moment::Ready,
        Moment::Shipped,
    ];

    /// The word for it, as in the configuration.
    pub fn word(self) -> &'static str {
        match self {
            Moment::Accepted => "order.accepted",
            Moment::Changed => "order.changed",
            Moment::Paid => "order.paid",
            Moment::Ready => "order.ready",
            Moment::Shipped => "order.shipped",
        }
    }

    /// The moment that a word names.
    pub fn from_word(word: &str) -> Option<Moment> {
        Moment::ALL.into_iter().find(|moment| moment.word() == word)
    }

    /// Whether it comes more than once in the life of an order.
    pub fn comes_again(self) -> bool {
        match self {
            Moment::Changed => true,
            Moment::Accepted | Moment::Paid | Moment::Ready | Moment::Shipped => false,
        }
    }
}

/// A rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderRule {
    /// What people call it; no two have the same.
    pub name: String,
    /// When it is run.
    pub on: Moment,
    /// Which orders it is about; all where nothing is said.
    pub when: Option<ConditionRef>,
    /// What it does.
    pub then: Then,
}

/// What a rule does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Then {
    /// Holds the order, for this reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<RuleHold>,
    /// Tags it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tag: Vec<String>,
    /// Has it leave from there, if it can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<LocationId>,
    /// How soon it is served: the higher, the sooner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<i32>,
    /// Sends these messages.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notify: Vec<Notice>,
}

/// A hold that a rule places.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleHold {
    /// In a sentence.
    pub reason: String,
    /// How long after that it is to be settled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settle_within: Option<Duration>,
    /// Whether the order keeps its stock meanwhile.
    pub keeps_claim: bool,
    /// The message that asks for what is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ask: Option<Notice>,
}

/// An admin's own condition. It is pure: the same values give the same answer.
pub trait Condition: Send + Sync {
    /// As it was written.
    fn text(&self) -> &str;
    /// The values that it looks at, by their names, in the order in which it names them.
    fn names(&self) -> &[String];
    /// Whether it is so; or why nobody can say.
    fn holds(&self, seen: &BTreeMap<&'static str, Seen>) -> Result<bool, String>;
}

/// A condition that may be shared; equal when it is written the same.
#[derive(Clone)]
pub struct ConditionRef(pub Arc<dyn Condition>);

impl PartialEq for ConditionRef {
    fn eq(&self, other: &ConditionRef) -> bool {
        self.0.text() == other.0.text()
    }
}

impl Eq for ConditionRef {}

impl fmt::Debug for ConditionRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConditionRef({})", self.0.text())
    }
}

impl Serialize for ConditionRef {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct("ConditionRef", self.0.text())
    }
}

/// A condition that was read back says nothing until whoever can compile it has done so.
impl<'de> Deserialize<'de> for ConditionRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<ConditionRef, D::Error> {
        let text = String::deserialize(deserializer)?;
        Ok(ConditionRef(Arc::new(Uncompiled(text))))
    }
}

/// The text of a condition.
struct Uncompiled(String);

impl Condition for Uncompiled {
    fn text(&self) -> &str {
        &self.0
    }

    fn names(&self) -> &[String] {
        &[]
    }

    fn holds(&self, _: &BTreeMap<&'static str, Seen>) -> Result<bool, String> {
        Err("it was not compiled".to_owned())
    }
}

/// A value that a condition sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// A text; empty where nobody told.
    Text(String),
    /// A number, exactly.
    Number(Decimal),
    /// An amount in the order's currency.
    Amount(Money),
    /// Yes or no.
    Truth(bool),
    /// Several texts.
    Texts(Vec<String>),
    /// Texts by name.
    Words(BTreeMap<String, String>),
}

/// What sort of value stands behind a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// [`Seen::Text`]
    Text,
    /// [`Seen::Number`] or [`Seen::Amount`]
    Number,
    /// [`Seen::Truth`]
    Truth,
    /// [`Seen::Texts`]
    Texts,
    /// [`Seen::Words`]
    Words,
}

/// All names that a condition may use, with what stands behind them and what it is, for people.
pub const NAMES: [(&str, Sort, &str); 25] = [
    (
        "order.total",
        Sort::Number,
        "what the buyer owes or has paid",
    ),
    ("order.tax", Sort::Number, "the tax in it"),
    (
        "order.shipping",
        Sort::Number,
        "what sending it costs the buyer",
    ),
    ("order.discount", Sort::Number, "what was taken off"),
    ("order.refunded", Sort::Number, "what was given back"),
    (
        "order.currency",
        Sort::Text,
        "the currency of these amounts",
    ),
    ("order.account", Sort::Text, "where it was placed"),
    ("order.number", Sort::Text, "the number that buyers know"),
    ("order.payment", Sort::Text, "how it stands with the money"),
    (
        "order.risk",
        Sort::Text,
        "how likely its channel takes it to be fraud",
    ),
    (
        "order.pays",
        Sort::Text,
        "before, on_delivery or on_invoice",
    ),
    ("order.lines", Sort::Number, "how many lines it has"),
    (
        "order.units",
        Sort::Number,
        "how many units the buyer wants in all",
    ),
    (
        "order.skus",
        Sort::Texts,
        "our SKUs in it, else those of the channel",
    ),
    (
        "order.categories",
        Sort::Texts,
        "the categories of its items",
    ),
    ("order.tags", Sort::Texts, "the tags that rules gave it"),
    (
        "order.words",
        Sort::Words,
        "the channel's own words: order.words.status",
    ),
    (
        "order.is_shipped_to",
        Sort::Truth,
        "whether something of it must be sent",
    ),
    (
        "order.is_short",
        Sort::Truth,
        "whether stock is missing for it",
    ),
    ("order.is_held", Sort::Truth, "whether it is on hold"),
    ("order.priority", Sort::Number, "how soon it is served"),
    (
        "order.duplicates",
        Sort::Number,
        "how many orders of shortly before look like it",
    ),
    (
        "ship.country",
        Sort::Text,
        "the country that it goes to, in capitals",
    ),
    (
        "ship.region",
        Sort::Text,
        "state, province or county, as given",
    ),
    (
        "bill.country",
        Sort::Text,
        "the country of the bill, in capitals",
    ),
];

/// What conditions see of an order.
pub fn seen(order: &Order, book: &Book) -> BTreeMap<&'static str, Seen> {
    let text = |text: &str| Seen::Text(text.to_owned());
    let count =
        |count: usize| Seen::Number(Decimal::whole(i64::try_from(count).unwrap_or(i64::MAX)));
    let zero = Money::zero(order.currency);
    let amounts = order.amounts;
    let amount = |pick: fn(&crate::order::Amounts) -> Money| {
        Seen::Amount(amounts.as_ref().map_or(zero, pick))
    };
    let place = order.destination.as_ref();
    let wanted = order
        .lines
        .iter()
        .map(|line| line.counters.wanted().to_decimal(line.scale));
    let units = wanted.fold(Decimal::ZERO, |sum, units| {
        let less = Decimal::ZERO.minus(units);
        less.and_then(|less| sum.minus(less)).unwrap_or(sum)
    });
    let (skus, categories) = things(order, book);
    let must_be_sent = order
        .lines
        .iter()
        .any(|line| line.requires_shipping && line.counters.wanted().is_positive());
    BTreeMap::from([
        ("order.total", Seen::Amount(order.total)),
        ("order.tax", amount(|amounts| amounts.tax)),
        ("order.shipping", amount(|amounts| amounts.shipping)),
        ("order.discount", amount(|amounts| amounts.discount)),
        ("order.refunded", Seen::Amount(order.refunded)),
        ("order.currency", text(order.currency.code())),
        ("order.account", text(order.account.as_str())),
        ("order.number", text(&order.number)),
        ("order.payment", text(payment(&order.payment))),
        (
            "order.risk",
            text(order.risk.as_ref().map_or("", Risk::word)),
        ),
        ("order.pays", text(pays(order.pays))),
        ("order.lines", count(order.lines.len())),
        ("order.units", Seen::Number(units)),
        ("order.skus", Seen::Texts(skus)),
        ("order.categories", Seen::Texts(categories)),
        (
            "order.tags",
            Seen::Texts(order.tags.iter().cloned().collect()),
        ),
        ("order.words", Seen::Words(order.words.clone())),
        ("order.is_shipped_to", Seen::Truth(must_be_sent)),
        ("order.is_short", Seen::Truth(book.is_short(order))),
        (
            "order.is_held",
            Seen::Truth(order.active_holds().next().is_some()),
        ),
        (
            "order.priority",
            Seen::Number(Decimal::whole(i64::from(order.priority))),
        ),
        ("order.duplicates", count(order.alike.len())),
        (
            "ship.country",
            text(place.map_or("", |place| &place.country)),
        ),
        ("ship.region", text(place.map_or("", |place| &place.region))),
        (
            "bill.country",
            text(order.bill_country.as_deref().unwrap_or_default()),
        ),
    ])
}

/// The SKUs and the categories of what was bought.
fn things(order: &Order, book: &Book) -> (Vec<String>, Vec<String>) {
    let skus: BTreeSet<String> = order.lines.iter().filter_map(sku_of).collect();
    let items = order.lines.iter().filter_map(|line| line.item.as_ref());
    let items = items.filter_map(|item| book.items.get(&item.sku));
    let categories: BTreeSet<String> = items.filter_map(|item| item.category.clone()).collect();
    (skus.into_iter().collect(), categories.into_iter().collect())
}

/// The words of `order.payment`.
pub const PAYMENTS: [&str; 8] = [
    "pending",
    "authorized",
    "part_paid",
    "paid",
    "part_refunded",
    "refunded",
    "voided",
    "unmapped",
];
/// The words of `order.pays`.
pub const PAYS: [&str; 3] = ["before", "on_delivery", "on_invoice"];

fn payment(state: &PaymentState) -> &'static str {
    let [
        pending,
        authorized,
        part_paid,
        paid,
        part_refunded,
        refunded,
        voided,
        unmapped,
    ] = PAYMENTS;
    match state {
        PaymentState::Pending => pending,
        PaymentState::Authorized => authorized,
        PaymentState::PartPaid => part_paid,
        PaymentState::Paid => paid,
        PaymentState::PartRefunded => part_refunded,
        PaymentState::Refunded => refunded,
        PaymentState::Voided => voided,
        PaymentState::Unmapped(_) => unmapped,
    }
}

fn pays(pays: Pays) -> &'static str {
    let [before, on_delivery, on_invoice] = PAYS;
    match pays {
        Pays::Before => before,
        Pays::OnDelivery => on_delivery,
        Pays::OnInvoice => on_invoice,
    }
}

fn sku_of(line: &crate::order::Line) -> Option<String> {
    let own = line.item.as_ref().map(|item| item.sku.to_string());
    own.or_else(|| line.channel_sku.clone())
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Seen::Text(text) if text.is_empty() => "nothing".to_owned(),
            Seen::Text(text) => text.clone(),
            Seen::Number(number) => number.to_string(),
            Seen::Amount(amount) => amount.to_string(),
            Seen::Truth(true) => "true".to_owned(),
            Seen::Truth(false) => "false".to_owned(),
            Seen::Texts(texts) if texts.is_empty() => "none".to_owned(),
            Seen::Texts(texts) => texts.join(", "),
            Seen::Words(words) => {
                let words: Vec<String> = words
                    .iter()
                    .map(|(name, word)| format!("{name} {word}"))
                    .collect();
                words.join(", ")
            }
        };
        let short: String = text.chars().take(SAW_LENGTH_MAX).collect();
        f.write_str(&short)
    }
}

/// What came of a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was so, and this was done.
    Matched {
        /// In words, one for each thing.
        did: Vec<String>,
    },
    /// It was not so.
    NotMatched,
    /// Nobody can say, so nothing was done.
    Failed {
        /// Why.
        error: String,
    },
}

/// A run of a rule for an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Which.
    pub rule: String,
    /// When it is run.
    pub on: Moment,
    /// When it was.
    pub at: Time,
    /// What its condition saw: names and values, as it names them.
    pub saw: Vec<(String, String)>,
    /// What came of it.
    pub outcome: Outcome,
}

/// What a rule would say of an order: whether it is so, and what it saw.
pub fn ask(
    rule: &OrderRule,
    values: &BTreeMap<&'static str, Seen>,
) -> (Result<bool, String>, Vec<(String, String)>) {
    let Some(condition) = &rule.when else {
        return (Ok(true), Vec::new());
    };
    let saw = condition
        .0
        .names()
        .iter()
        .map(|name| (name.clone(), value_of(name, values)));
    let saw = saw.collect();
    (condition.0.holds(values), saw)
}

fn value_of(name: &str, values: &BTreeMap<&'static str, Seen>) -> String {
    if let Some(value) = values.get(name) {
        return value.to_string();
    }
    let word = name.rsplit_once('.').and_then(|(outer, word)| {
        let Seen::Words(words) = values.get(outer)? else {
            return None;
        };
        words.get(word)
    });
    Seen::Text(word.cloned().unwrap_or_default()).to_string()
}

/// Where an order stands, as far as moments are told by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    fingerprint: u64,
    is_paid: bool,
    is_ready: bool,
    has_left: bool,
}

impl Standing {
    /// Where it stands now.
    pub fn of(order: &Order, book: &Book) -> Standing {
        let is_paid = match order.payment {
            PaymentState::Authorized | PaymentState::Paid => true,
            PaymentState::Pending
            | PaymentState::PartPaid
            | PaymentState::PartRefunded
            | PaymentState::Refunded
            | PaymentState::Voided
            | PaymentState::Unmapped(_) => false,
        };
        let shipped = order.lines.iter().map(|line| line.counters.shipped_net());
        let to_ship = order.lines.iter().map(|line| line.counters.to_ship());
        let shipped: crate::Quantity = shipped.sum();
        let to_ship: crate::Quantity = to_ship.sum();
        Standing {
            fingerprint: order.fingerprint,
            is_paid: is_paid && !order.is_withdrawn(),
            is_ready: order.phase(book.is_short(order)) == Phase::Ready,
            has_left: shipped.is_positive() && to_ship.is_zero(),
        }
    }

    /// Whether a moment came, between where it stood before and where it does now.
    pub fn has_come(moment: Moment, before: Option<&Standing>, now: &Standing) -> bool {
        let was = |is_so: fn(&Standing) -> bool| before.is_some_and(is_so);
        match moment {
            Moment::Accepted => before.is_none(),
            Moment::Changed => before.is_some_and(|before| before.fingerprint != now.fingerprint),
            Moment::Paid => now.is_paid && !was(|one| one.is_paid),
            Moment::Ready => now.is_ready && !was(|one| one.is_ready),
            Moment::Shipped => now.has_left && !was(|one| one.has_left),
        }
    }
}
