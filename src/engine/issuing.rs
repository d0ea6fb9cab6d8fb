//! Who issues documents for the orders of an account, and what a wish for one becomes.
//!
//! What a seller says of itself, how it numbers, and which day it is there go into the command, so that the
//! decision needs nothing but its arguments. It gives no number itself.

use std::{collections::BTreeMap, time::Duration};

use documents::{Language, Paper};
use domain::{
    AccountId, Day, Decimal, Money, Time,
    decide::Refusal,
    ids::{IntentId, OrderId, SellerId},
    issuing::{Days, DocumentRefusal, Kind, Letterhead, NewDocument, NumberFormat},
    order::Order,
    signal::Command,
};
use jiff::tz::TimeZone;

use crate::{Engine, decider::DecideError, rows, views::read};

/// Countries whose buyers read German.
const GERMAN: &[&str] = &["AT", "CH", "DE", "LI", "LU"];
/// Countries whose buyers read Spanish.
const SPANISH: &[&str] = &[
    "AR", "BO", "CL", "CO", "CR", "CU", "DO", "EC", "ES", "GT", "HN", "MX", "NI", "PA", "PE", "PY",
    "SV", "UY", "VE",
];

/// Everybody who issues documents, and for which accounts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sellers {
    /// By their ids.
    pub all: BTreeMap<SellerId, Seller>,
    /// Who issues those of an account.
    pub of: BTreeMap<AccountId, SellerId>,
    /// The language of an account's documents, where the admin says it.
    pub languages: BTreeMap<AccountId, Language>,
}

/// Who issues documents.
#[derive(Clone, Debug, PartialEq)]
pub struct Seller {
    /// The admin's word for it.
    pub id: SellerId,
    /// What it says of itself; the language is that where no other is better.
    pub letterhead: Letterhead,
    /// Where its days begin and end.
    pub zone: TimeZone,
    /// In how many days what is not paid is due.
    pub due_days: Option<u16>,
    /// The rates of tax that it charges, in percent.
    pub rates: Vec<Decimal>,
    /// How the numbers of its invoices look.
    pub invoice: NumberFormat,
    /// The least number of an invoice.
    pub invoice_from: u64,
    /// How the numbers of its credit notes look.
    pub credit_note: NumberFormat,
    /// The least number of a credit note.
    pub credit_note_from: u64,
}

/// A document that somebody wishes.
#[derive(Clone, Debug, PartialEq)]
pub struct Wish {
    /// What.
    pub kind: Kind,
    /// How much a credit note is of; all that is left where nothing is said.
    pub amount: Option<Money>,
    /// Of which lines of the order it is: number and units.
    pub lines: Vec<(u32, Decimal)>,
    /// The refund that it tells of.
    pub refund: Option<IntentId>,
    /// Why, on a credit note.
    pub reason: String,
    /// In which language; that of the order where nothing is said.
    pub language: Option<Language>,
    /// Who asks for it.
    pub by: String,
}

impl Seller {
    /// Which day it is there.
    pub fn day(&self, at: Time) -> Day {
        let at = jiff::Timestamp::from_millisecond(at.millis());
        let at = at.expect("a Time is clamped to the years that can be written");
        Day::new(self.zone.to_datetime(at).date())
    }

    /// The days of an order as the seller sees them.
    pub(crate) fn days(&self, order: &Order, on: Day) -> Days {
        let has_all_left = !order
            .lines
            .iter()
            .any(|line| line.counters.to_ship().is_positive());
        let left = order.shipments.iter().map(|one| one.shipped_at).max();
        let due = self.due_days.and_then(|days| {
            let span = Duration::from_secs(u64::from(days) * 24 * 3600);
            on.date().checked_add(span).ok()
        });
        Days {
            ordered: Some(self.day(order.placed_at)),
            supplied: left.filter(|_| has_all_left).map(|left| self.day(left)),
            due: due.map(Day::new),
        }
    }
}

impl Sellers {
    /// Who issues the documents of an account.
    pub fn of(&self, account: &AccountId) -> Option<&Seller> {
        self.all.get(self.of.get(account)?)
    }

    /// What stands on documents of an order: in the language that is asked for, or that of the account, or that of
    /// the country that it goes to, or the seller's own.
    pub(crate) fn letterhead(
        &self,
        seller: &Seller,
        order: &Order,
        asked: Option<Language>,
    ) -> Letterhead {
        let of_account = || self.languages.get(&order.account).copied();
        let of_country = || {
            let country = order.destination.as_ref()?.country.as_str();
            if GERMAN.contains(&country) {
                return Some(Language::De);
            }
            SPANISH.contains(&country).then_some(Language::Es)
        };
        let language = asked.or_else(of_account).or_else(of_country);
        let mut letterhead = seller.letterhead.clone();
        if let Some(language) = language {
            letterhead.language = language.code().to_owned();
        }
        letterhead
    }
}

/// The word of a size of paper.
pub fn paper_word(paper: Paper) -> &'static str {
    match paper {
        Paper::A4 => "a4",
        Paper::Letter => "letter",
    }
}

impl Engine {
    /// Who issues the documents of an account, or that nobody does.
    pub(crate) fn seller_of(&self, account: &AccountId) -> Result<&Seller, DecideError> {
        let nobody = || Refusal::Document(DocumentRefusal::NoSeller(account.clone()));
        Ok(self.sellers.of(account).ok_or_else(nobody)?)
    }

    /// What is to be decided so that a document is issued.
    pub async fn to_issue(&self, order: OrderId, wish: Wish) -> Result<Command, DecideError> {
        let found: Option<Order> = read(self, rows::ORDERS, &[&order.to_string()]).await?;
        let found = found.ok_or(Refusal::NoOrder(order))?;
        let seller = self.seller_of(&found.account)?;
        let on = seller.day(self.ports.clock.now());
        let (format, from) = match wish.kind {
            Kind::Invoice => (&seller.invoice, seller.invoice_from),
            Kind::CreditNote => (&seller.credit_note, seller.credit_note_from),
        };
        let letterhead = self.sellers.letterhead(seller, &found, wish.language);
        let asked = NewDocument {
            kind: wish.kind,
            on,
            seller: seller.id.clone(),
            format: format.clone(),
            from,
            letterhead,
            days: seller.days(&found, on),
            rates: seller.rates.clone(),
            amount: wish.amount,
            lines: wish.lines,
            refund: wish.refund,
            reason: wish.reason,
            by: wish.by,
        };
        let asked = Box::new(asked);
        Ok(Command::Issue { order, asked })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_is_that_of_the_seller() {
        let seller = |zone: &str| Seller {
            id: SellerId::new("main"),
            letterhead: Letterhead::default(),
            zone: TimeZone::get(zone).expect("a zone"),
            due_days: None,
            rates: Vec::new(),
            invoice: "RE-{number}".parse().expect("a format"),
            invoice_from: 1,
            credit_note: "GS-{number}".parse().expect("a format"),
            credit_note_from: 1,
        };
        let at: Time = "2026-12-31T23:30:00Z".parse().expect("a time");
        for (zone, day) in [
            ("UTC", "2026-12-31"),
            ("Europe/Berlin", "2027-01-01"),
            ("America/New_York", "2026-12-31"),
        ] {
            assert_eq!(seller(zone).day(at).to_string(), day, "{zone}");
        }
    }
}
