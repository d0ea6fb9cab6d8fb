//! Who bought, and where it goes: the part of an order that can be erased.
//!
//! It is kept apart from the order, so that it can be sealed under a key of its own and forgotten while
//! the order, its money and its stock stay as they were. What a decision needs of it is a
//! [`Destination`], which is in the order.

use serde::{Deserialize, Serialize};

use crate::{
    Time,
    notes::Note,
    snapshot::{Address, Buyer, OrderSnapshot},
};

/// What an order says of people. Personal data: it is never logged.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Who bought.
    pub buyer: Buyer,
    /// Where it goes.
    pub ship_to: Option<Address>,
    /// Where the bill goes.
    pub bill_to: Option<Address>,
    /// What the buyer wrote.
    pub note: String,
    /// What staff wrote beside it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Note>,
    /// What its channel changed of the rest, the oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub edits: Vec<PersonEdit>,
}

/// What a channel changed of what an order says of people. Personal data: it is never logged.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonEdit {
    /// When it became known here.
    pub at: Time,
    /// Of what.
    pub part: PersonPart,
    /// What it was.
    pub from: String,
    /// What it is.
    pub to: String,
}

/// A part of what an order says of people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PersonPart {
    /// Who bought.
    Buyer,
    /// Where it goes.
    ShipTo,
    /// Where the bill goes.
    BillTo,
    /// What the buyer wrote.
    Note,
}

impl std::fmt::Debug for PersonEdit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PersonEdit({:?}, …)", self.part)
    }
}

impl PersonEdit {
    /// The most that are kept of an order: they stand in one row.
    pub const KEPT_MAX: usize = 50;

    /// What is another in the second than in the first.
    pub fn between(was: &Person, is: &Person, at: Time) -> Vec<PersonEdit> {
        let address = |one: &Option<Address>| one.as_ref().map(Address::line).unwrap_or_default();
        let pairs = [
            (PersonPart::Buyer, was.buyer.line(), is.buyer.line()),
            (
                PersonPart::ShipTo,
                address(&was.ship_to),
                address(&is.ship_to),
            ),
            (
                PersonPart::BillTo,
                address(&was.bill_to),
                address(&is.bill_to),
            ),
            (PersonPart::Note, was.note.clone(), is.note.clone()),
        ];
        let differs = pairs.into_iter().filter(|(_, from, to)| from != to);
        let edit = |(part, from, to)| PersonEdit { at, part, from, to };
        differs.map(edit).collect()
    }
}

impl std::fmt::Debug for Person {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Person(…)")
    }
}

/// A country and a region: what choosing a location rests on, of many people the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Destination {
    /// ISO 3166 alpha-2, in capitals.
    pub country: String,
    /// State, province or county as given; may be empty.
    pub region: String,
}

/// That the personal data of an order are to be erased, and whether they are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erasure {
    /// Since when.
    pub asked_at: Time,
    /// Who asked, or `oneshelf` when their time was over.
    pub by: String,
    /// When it was done. Until then the order is open and needs them.
    pub done_at: Option<Time>,
}

/// What a person can be found by, as it is compared: without what people write differently.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Contact {
    /// An e-mail address.
    Email(String),
    /// The last digits of a phone number.
    Phone(String),
    /// What a channel calls them.
    Handle(String),
}

/// How many last digits of a phone number are compared: with more, one number with and without its
/// country would be two.
const PHONE_DIGITS: usize = 9;
/// Fewer digits are no phone number.
const PHONE_DIGITS_MIN: usize = 6;

impl Contact {
    /// What was typed: an e-mail address if it has an `@`, else a phone number. Nothing where it is neither.
    pub fn parse(text: &str) -> Option<Contact> {
        let text = text.trim();
        if text.contains('@') {
            return Some(Contact::Email(text.to_lowercase()));
        }
        let digits: Vec<char> = text.chars().filter(char::is_ascii_digit).collect();
        let last = digits.len().saturating_sub(PHONE_DIGITS);
        (digits.len() >= PHONE_DIGITS_MIN)
            .then(|| Contact::Phone(digits.iter().skip(last).collect()))
    }

    /// As one text, which says which of the two it is.
    pub fn text(&self) -> String {
        match self {
            Contact::Email(address) => format!("email:{address}"),
            Contact::Phone(digits) => format!("phone:{digits}"),
            Contact::Handle(handle) => format!("handle:{handle}"),
        }
    }
}

impl Person {
    /// What a view of an order says of people; nothing where it says nothing.
    pub fn of(snapshot: &OrderSnapshot) -> Option<Person> {
        let person = Person {
            buyer: snapshot.buyer.clone(),
            ship_to: snapshot.ship_to.clone(),
            bill_to: snapshot.bill_to.clone(),
            note: snapshot.note.clone(),
            notes: Vec::new(),
            edits: Vec::new(),
        };
        (person != Person::default()).then_some(person)
    }

    /// All that this person can be found by, each once.
    pub fn contacts(&self) -> Vec<Contact> {
        let addresses = [&self.ship_to, &self.bill_to].into_iter().flatten();
        let phones = addresses.map(|address| &address.phone);
        let texts = [&self.buyer.email, &self.buyer.phone].into_iter();
        let mut contacts: Vec<Contact> = texts
            .chain(phones)
            .filter_map(|text| Contact::parse(text))
            .collect();
        if !self.buyer.handle.is_empty() {
            contacts.push(Contact::Handle(self.buyer.handle.clone()));
        }
        contacts.sort();
        contacts.dedup();
        contacts
    }
}

impl Destination {
    /// Where an address is; nothing where it names no country.
    pub fn of(address: &Address) -> Option<Destination> {
        let country = address.country.trim().to_ascii_uppercase();
        (!country.is_empty()).then(|| Destination {
            country,
            region: address.region.trim().to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_contact_is_found_however_it_is_written() {
        let text = |text: &str| Contact::parse(text).map(|contact| contact.text());
        let email = Some("email:ada@example.com".to_owned());
        assert_eq!(text(" ADA@example.com"), email);
        let phone = Some("phone:301234567".to_owned());
        for written in ["+49 30 1234567", "0049 30/1234567", "030 123 45 67"] {
            assert_eq!(text(written), phone, "{written}");
        }
        assert_eq!(text("12345"), None);
        assert_eq!(text("n/a"), None);
    }

    #[test]
    fn each_contact_counts_once() {
        let address = |phone: &str| {
            Some(Address {
                phone: phone.to_owned(),
                ..Address::default()
            })
        };
        let person = Person {
            buyer: Buyer {
                email: "a@b.c".to_owned(),
                phone: "030 1234567".to_owned(),
                handle: "ada77".to_owned(),
                ..Buyer::default()
            },
            ship_to: address("+49301234567"),
            bill_to: address(""),
            note: String::new(),
            notes: Vec::new(),
            edits: Vec::new(),
        };
        let texts: Vec<String> = person.contacts().iter().map(Contact::text).collect();
        assert_eq!(texts, ["email:a@b.c", "phone:301234567", "handle:ada77"]);
    }
}
