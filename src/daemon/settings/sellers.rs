//! `[[sellers]]`: who issues documents, what stands on them, and how they are numbered.
//!
//! What would make two documents with one number, or one that the law does not take, is told at its place.

use std::collections::{BTreeMap, BTreeSet};

use documents::{Language, Paper};
use domain::{
    AccountId, Decimal,
    ids::SellerId,
    issuing::{Bank, Letterhead, NumberFormat},
};
use engine::issuing::{Seller, Sellers, paper_word};
use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    document::Document,
    meaning::{check_account, inner, keys, tell},
    places::KeyPath,
};

/// The longest id of a seller.
const ID_LENGTH_MAX: usize = 40;
/// The longest text: it is kept with each document.
const TEXT_LENGTH_MAX: usize = 1000;
/// The most days until something is due.
const DUE_DAYS_MAX: u16 = 365;
/// The most decimals of a rate of tax.
const RATE_SCALE_MAX: u8 = 4;

/// `[[sellers]]`, as it is written.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default)]
pub(super) struct SellerText {
    /// A word of your own for it.
    id: Option<String>,
    /// The firm or person, as the register has it.
    name: Option<String>,
    /// Street and town, a line each.
    address: Vec<String>,
    /// Two letters, such as `DE`.
    country: Option<String>,
    /// Numbers by which tax offices know it; without a `name` it is the VAT ID.
    tax_ids: Vec<TaxIdText>,
    /// The register and the number in it.
    register: String,
    /// Where money is to be sent.
    bank: BankText,
    /// An e-mail address.
    email: String,
    /// A telephone number.
    phone: String,
    /// What stands at the foot of each document.
    footer: String,
    /// The terms of payment.
    terms: String,
    /// What the law wants to be said of tax, such as why there is none.
    tax_note: String,
    /// What documents are printed on.
    paper: PaperText,
    /// The language of documents where no other is better: orders to a country where one of them is spoken have it.
    language: LanguageText,
    /// The language of all documents of an account, by its id.
    languages: BTreeMap<String, LanguageText>,
    /// Where its days begin and end, such as `Europe/Berlin`.
    time_zone: String,
    /// In how many days what is not paid is due. Unset: nothing is said.
    due_days: Option<u16>,
    /// The rates of tax that it charges, in percent, as texts. Rates are printed only where the amounts say which.
    tax_rates: Vec<String>,
    /// How the numbers of its invoices look.
    invoice: String,
    /// The least number of an invoice: for who comes from elsewhere in the middle of a year.
    invoice_from: u64,
    /// How the numbers of its credit notes look.
    credit_note: String,
    /// The least number of a credit note.
    credit_note_from: u64,
    /// The accounts that it sells on. Unset: all that no other seller names.
    accounts: Option<Vec<String>>,
}

/// A number by which a tax office knows a seller, as it is written.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
struct TaxIdText {
    /// What it is called there.
    name: String,
    /// The number.
    number: String,
}

/// An account at a bank, as it is written.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
struct BankText {
    /// The bank.
    name: String,
    /// Whose account it is.
    holder: String,
    /// The IBAN.
    iban: String,
    /// The BIC.
    bic: String,
}

/// A size of paper.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum PaperText {
    /// 210 by 297 millimeters.
    #[default]
    A4,
    /// 8.5 by 11 inches.
    Letter,
}

/// A language of documents.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum LanguageText {
    /// English.
    #[default]
    En,
    /// German.
    De,
    /// Spanish.
    Es,
}

impl LanguageText {
    fn language(self) -> Language {
        match self {
            LanguageText::En => Language::En,
            LanguageText::De => Language::De,
            LanguageText::Es => Language::Es,
        }
    }
}

impl Default for SellerText {
    fn default() -> SellerText {
        SellerText {
            id: None,
            name: None,
            address: Vec::new(),
            country: None,
            tax_ids: Vec::new(),
            register: String::new(),
            bank: BankText::default(),
            email: String::new(),
            phone: String::new(),
            footer: String::new(),
            terms: String::new(),
            tax_note: String::new(),
            paper: PaperText::A4,
            language: LanguageText::En,
            languages: BTreeMap::new(),
            time_zone: "UTC".to_owned(),
            due_days: None,
            tax_rates: Vec::new(),
            invoice: "INV-{year}-{number:05}".to_owned(),
            invoice_from: 1,
            credit_note: "CN-{year}-{number:05}".to_owned(),
            credit_note_from: 1,
            accounts: None,
        }
    }
}

/// Checks `[[sellers]]`, and says what they mean.
pub(super) fn sellers(
    document: &mut Document,
    texts: Vec<SellerText>,
    accounts: &BTreeSet<String>,
) -> Sellers {
    let mut sellers = Sellers::default();
    let mut formats: Vec<(NumberFormat, usize)> = Vec::new();
    let mut of_all: Option<(SellerId, usize)> = None;
    for (index, text) in texts.into_iter().enumerate() {
        let path = keys(&format!("sellers/{index}"));
        let (named, languages) = (text.accounts.clone(), text.languages.clone());
        let Some(seller) = read_one(document, &path, text) else {
            continue;
        };
        if sellers.all.contains_key(&seller.id) {
            let problem = format!("there are two sellers `{}`", seller.id);
            tell(document, &inner(&path, "id"), &problem, None);
        }
        for (key, format) in [
            ("invoice", &seller.invoice),
            ("credit_note", &seller.credit_note),
        ] {
            check_twin(document, &inner(&path, key), format, index, &mut formats);
        }
        for (account, language) in languages {
            let path = inner(&inner(&path, "languages"), &account);
            check_account(document, &path, &account, accounts);
            let account = AccountId::new(account);
            sellers.languages.insert(account, language.language());
        }
        match named {
            Some(named) => {
                take_accounts(document, &path, &seller.id, named, accounts, &mut sellers)
            }
            None => match &of_all {
                Some((first, _)) => {
                    let problem = format!("`{first}` sells on all accounts already");
                    let help = "accounts = [\"eu-shop\"]: the accounts that this one sells on";
                    tell(document, &path, &problem, Some(help));
                }
                None => of_all = Some((seller.id.clone(), index)),
            },
        }
        sellers.all.insert(seller.id.clone(), seller);
    }
    if let Some((id, _)) = of_all {
        for account in accounts {
            let account = AccountId::new(account.clone());
            sellers.of.entry(account).or_insert_with(|| id.clone());
        }
    }
    sellers
}

fn take_accounts(
    document: &mut Document,
    path: &KeyPath,
    seller: &SellerId,
    named: Vec<String>,
    accounts: &BTreeSet<String>,
    sellers: &mut Sellers,
) {
    for (at, account) in named.into_iter().enumerate() {
        let path = inner(&inner(path, "accounts"), &at.to_string());
        check_account(document, &path, &account, accounts);
        let account = AccountId::new(account);
        match sellers.of.get(&account) {
            Some(other) => {
                let problem = format!("`{other}` sells on `{account}` already");
                tell(document, &path, &problem, Some("leave one of them out"));
            }
            None => drop(sellers.of.insert(account, seller.clone())),
        }
    }
}

/// Two formats that begin alike would give one number to two documents.
fn check_twin(
    document: &mut Document,
    path: &KeyPath,
    format: &NumberFormat,
    index: usize,
    formats: &mut Vec<(NumberFormat, usize)>,
) {
    let twin = formats
        .iter()
        .find(|(other, _)| other.prefix() == format.prefix());
    if let Some((other, of)) = twin {
        let whose = if *of == index { "this" } else { "another" };
        let problem = format!("numbers of `{other}` of {whose} seller begin in the same way");
        let help = "let each begin with letters of its own, such as \"CN-{year}-{number:05}\"";
        tell(document, path, &problem, Some(help));
    }
    formats.push((format.clone(), index));
}

fn read_one(document: &mut Document, path: &KeyPath, text: SellerText) -> Option<Seller> {
    let name = text.name.as_deref().unwrap_or_default().trim().to_owned();
    let name_path = inner(path, "name");
    if name.is_empty() && !document.is_wrong(&name_path) {
        let problem = "a seller needs a `name`, as the register has it";
        let at = text.name.as_ref().map_or(path, |_| &name_path);
        tell(document, at, problem, Some("name = \"Example Ltd\""));
    }
    let id = read_id(document, path, text.id.as_deref());
    let country = text.country.clone().unwrap_or_default();
    let is_code = country.len() == 2 && country.bytes().all(|b| b.is_ascii_alphabetic());
    if !country.is_empty() && !is_code {
        let problem = format!("\"{country}\" is not a country; write two letters such as \"DE\"");
        tell(document, &inner(path, "country"), &problem, None);
    }
    check_texts(document, path, &text);
    let zone = TimeZone::get(&text.time_zone).ok();
    if zone.is_none() {
        let problem = format!("there is no time zone \"{}\"", text.time_zone);
        let help = "write one such as \"Europe/Berlin\"";
        tell(document, &inner(path, "time_zone"), &problem, Some(help));
    }
    if text.due_days.is_some_and(|days| days > DUE_DAYS_MAX) {
        let problem = format!("the most days are {DUE_DAYS_MAX}");
        tell(document, &inner(path, "due_days"), &problem, None);
    }
    let rates = read_rates(document, &inner(path, "tax_rates"), &text.tax_rates);
    let invoice = read_format(document, path, "invoice", &text.invoice);
    let credit_note = read_format(document, path, "credit_note", &text.credit_note);
    for (key, from) in [
        ("invoice_from", text.invoice_from),
        ("credit_note_from", text.credit_note_from),
    ] {
        if from == 0 || from > 999_999_999 {
            let problem = "a series begins at 1 to 999999999";
            tell(document, &inner(path, key), problem, None);
        }
    }
    Some(Seller {
        id: id?,
        zone: zone?,
        due_days: text.due_days,
        rates,
        invoice: invoice?,
        invoice_from: text.invoice_from,
        credit_note: credit_note?,
        credit_note_from: text.credit_note_from,
        letterhead: letterhead(text, name, country),
    })
}

fn letterhead(text: SellerText, name: String, country: String) -> Letterhead {
    let paper = match text.paper {
        PaperText::A4 => Paper::A4,
        PaperText::Letter => Paper::Letter,
    };
    let tax_ids = text.tax_ids.into_iter();
    Letterhead {
        name,
        address: text.address,
        country: country.to_ascii_uppercase(),
        tax_ids: tax_ids.map(|id| (id.name, id.number)).collect(),
        register: text.register,
        bank: Bank {
            name: text.bank.name,
            holder: text.bank.holder,
            iban: text.bank.iban,
            bic: text.bank.bic,
        },
        email: text.email,
        phone: text.phone,
        footer: text.footer,
        terms: text.terms,
        tax_note: text.tax_note,
        paper: paper_word(paper).to_owned(),
        language: text.language.language().code().to_owned(),
    }
}

fn read_id(document: &mut Document, path: &KeyPath, id: Option<&str>) -> Option<SellerId> {
    let Some(id) = id else {
        if !document.is_wrong(&inner(path, "id")) {
            tell(
                document,
                path,
                "a seller needs an `id`",
                Some("id = \"main\""),
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
            "\"{id}\" cannot be the id of a seller; write small letters, digits and `-`, at most {ID_LENGTH_MAX}"
        );
        tell(document, &inner(path, "id"), &problem, None);
        return None;
    }
    Some(SellerId::new(id))
}

fn check_texts(document: &mut Document, path: &KeyPath, text: &SellerText) {
    for (key, text) in [
        ("name", text.name.as_deref().unwrap_or_default()),
        ("register", &text.register),
        ("email", &text.email),
        ("phone", &text.phone),
        ("footer", &text.footer),
        ("terms", &text.terms),
        ("tax_note", &text.tax_note),
    ] {
        if text.chars().count() > TEXT_LENGTH_MAX {
            let problem = format!("it has more than {TEXT_LENGTH_MAX} characters");
            tell(document, &inner(path, key), &problem, None);
        }
    }
    let iban = &text.bank.iban;
    if !iban.is_empty() && !is_iban(iban) {
        let problem = format!("\"{iban}\" is no IBAN: its check digits do not fit");
        let help = "money that is sent to a wrong one is hard to find: look at it again";
        tell(
            document,
            &inner(&inner(path, "bank"), "iban"),
            &problem,
            Some(help),
        );
    }
    for (at, id) in text.tax_ids.iter().enumerate() {
        if id.number.trim().is_empty() {
            let path = inner(&inner(path, "tax_ids"), &at.to_string());
            tell(document, &path, "it needs a `number`", None);
        }
    }
}

/// ISO 13616: with its first four signs at the end and letters as 10 to 35, it leaves 1 of 97.
fn is_iban(text: &str) -> bool {
    let plain: Vec<u8> = text.bytes().filter(|byte| *byte != b' ').collect();
    if !(15..=34).contains(&plain.len()) {
        return false;
    }
    let (head, rest) = plain.split_at(4);
    let rest = rest.iter().chain(head).try_fold(0_u32, |sum, byte| {
        let digit = char::from(*byte).to_digit(36)?;
        let factor = if digit < 10 { 10 } else { 100 };
        Some((sum * factor + digit) % 97)
    });
    rest == Some(1)
}

fn read_rates(document: &mut Document, path: &KeyPath, texts: &[String]) -> Vec<Decimal> {
    let mut rates = Vec::new();
    for (at, text) in texts.iter().enumerate() {
        let rate = text.parse::<Decimal>().ok().filter(|rate| {
            let (digits, scale) = rate.parts();
            let most = 100 * 10_i64.pow(u32::from(scale.min(RATE_SCALE_MAX)));
            scale <= RATE_SCALE_MAX && (0..=most).contains(&digits)
        });
        match rate {
            Some(rate) => rates.push(rate),
            None => {
                let problem = format!("\"{text}\" is no rate of tax");
                let help = "write a percentage from 0 to 100, such as \"19\" or \"8.875\"";
                tell(
                    document,
                    &inner(path, &at.to_string()),
                    &problem,
                    Some(help),
                );
            }
        }
    }
    rates
}

fn read_format(
    document: &mut Document,
    path: &KeyPath,
    key: &str,
    text: &str,
) -> Option<NumberFormat> {
    let read = text.parse::<NumberFormat>();
    read.map_err(|error| {
        let help = format!("{key} = \"RE-{{year}}-{{number:05}}\"");
        tell(document, &inner(path, key), &error.to_string(), Some(&help));
    })
    .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_iban_is_found() {
        for (text, is_good) in [
            ("DE89 3704 0044 0532 0130 00", true),
            ("DE89370400440532013000", true),
            ("ES9121000418450200051332", true),
            ("DE89370400440532013001", false),
            ("DE98370400440532013000", false),
            ("DE89", false),
            ("DE89-3704-0044-0532-0130-00", false),
            ("ÄÖ89370400440532013000", false),
        ] {
            assert_eq!(is_iban(text), is_good, "{text}");
        }
    }
}
