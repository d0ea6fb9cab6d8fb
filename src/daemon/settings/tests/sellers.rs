//! `[[sellers]]`: what is told of mistakes in it, and what it means.

use domain::{AccountId, ids::SellerId};

use super::*;

#[test]
fn sellers_that_cannot_issue_are_told_at_their_place() {
    check_main(&[
        (
            "[[sellers]]\nname = \" \"\ncountry = \"Germany\"\n",
            &[
                "oneshelf.toml:1:1: a seller needs an `id` (id = \"main\")",
                "oneshelf.toml:2:8: a seller needs a `name`, as the register has it (name = \"Example Ltd\")",
                "oneshelf.toml:3:11: \"Germany\" is not a country; write two letters such as \"DE\"",
            ],
        ),
        (
            "[[sellers]]\nid = \"a\"\nname = \"A\"\ntime_zone = \"Europe/Berln\"\ndue_days = 999\n\
             tax_rates = [\"19\", \"19%\"]\ninvoice = \"RE-{year}{number}\"\ncredit_note = \"G {number}\"\n\
             invoice_from = 0\nbank = { iban = \"DE89370400440532013001\" }\n",
            &[
                "oneshelf.toml:4:13: there is no time zone \"Europe/Berln\" (write one such as \"Europe/Berlin\")",
                "oneshelf.toml:5:12: the most days are 365",
                "oneshelf.toml:6:20: \"19%\" is no rate of tax (write a percentage from 0 to 100, such as \"19\" \
                 or \"8.875\")",
                "oneshelf.toml:7:11: a letter or a sign must stand before `{number}`, and no digit or `{year}`: two \
                 numbers could look the same otherwise (invoice = \"RE-{year}-{number:05}\")",
                "oneshelf.toml:8:15: only letters from A to Z, digits, `-`, `_`, `.`, `/` and `{year}` can stand in \
                 it (credit_note = \"RE-{year}-{number:05}\")",
                "oneshelf.toml:9:16: a series begins at 1 to 999999999",
                "oneshelf.toml:10:17: \"DE89370400440532013001\" is no IBAN: its check digits do not fit (money that \
                 is sent to a wrong one is hard to find: look at it again)",
            ],
        ),
        (
            "[[sellers]]\nid = \"a\"\nname = \"A\"\n[[sellers]]\nid = \"a\"\nname = \"A\"\n",
            &[
                "oneshelf.toml:4:1: numbers of `INV-{year}-{number:05}` of another seller begin in the same way (let \
                 each begin with letters of its own, such as \"CN-{year}-{number:05}\")",
                "oneshelf.toml:4:1: numbers of `CN-{year}-{number:05}` of another seller begin in the same way (let \
                 each begin with letters of its own, such as \"CN-{year}-{number:05}\")",
                "oneshelf.toml:4:1: `a` sells on all accounts already (accounts = [\"eu-shop\"]: the accounts that \
                 this one sells on)",
                "oneshelf.toml:5:6: there are two sellers `a`",
            ],
        ),
        (
            "[[sellers]]\nid = \"a\"\nname = \"A\"\nlanguage = \"fr\"\nlanguages = { nope = \"de\" }\n\
             accounts = [\"nobody\"]\n",
            &[
                "oneshelf.toml:4:12: \"fr\" is not one of en, de, es",
                "oneshelf.toml:5:22: there is no account `nope` (there are no accounts: each has a file in \
                 accounts.d)",
                "oneshelf.toml:6:13: there is no account `nobody` (there are no accounts: each has a file in \
                 accounts.d)",
            ],
        ),
    ]);
}

#[test]
fn a_seller_sells_where_it_says_or_where_nobody_else_does() {
    let account =
        "kind = \"corner\"\n[settings]\nurl = \"https://a.example\"\nkey = { env = \"KEY\" }\n";
    let main = "[[sellers]]\nid = \"main\"\nname = \"A\"\ninvoice = \"RE-{number}\"\n\
                languages = { till = \"de\" }\ntime_zone = \"Europe/Berlin\"\ntax_rates = [\"19\"]\n\
                [[sellers]]\nid = \"us\"\nname = \"B\"\ncredit_note = \"C-{number}\"\npaper = \"letter\"\n\
                accounts = [\"us-shop\"]\n";
    let files = [
        ("oneshelf.toml", main),
        ("accounts.d/till.toml", account),
        ("accounts.d/us-shop.toml", account),
    ];
    let (_folder, loaded) = load_files(&files, &[("KEY", "key-from-outside")]);
    let settings = loaded.unwrap_or_else(|error| panic!("{}", error.render()));
    let of = |account: &str| {
        let seller = settings.sellers.of(&AccountId::new(account));
        seller.map(|seller| (seller.id.as_str(), seller.invoice.to_string()))
    };
    assert_eq!(of("till"), Some(("main", "RE-{number}".to_owned())));
    assert_eq!(
        of("us-shop"),
        Some(("us", "INV-{year}-{number:05}".to_owned()))
    );
    assert_eq!(of("gone"), None);
    let us = &settings.sellers.all[&SellerId::new("us")];
    assert_eq!(us.letterhead.paper, "letter");
    assert_eq!(us.letterhead.language, "en");
}
