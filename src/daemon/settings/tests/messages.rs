//! What is told of `[notify]` and `[[messages]]`, with the exact place, and what they mean.

use domain::message::Way;

use super::*;

const MAIL: &str =
    "[notify.mail]\nserver = \"localhost\"\ntls = \"none\"\nfrom = \"shop@example.com\"\n";

#[test]
fn a_slip_in_what_sends_is_told_at_its_place() {
    check_main(&[
        (
            "[notify.mail]\nserver = \"smtp.example.com\"\ntls = \"none\"\nuser = \"me\"\nfrom = \"shop\"\n",
            &[
                "oneshelf.toml:1:1: `user` and `password` go together: `password` is missing",
                "oneshelf.toml:3:7: addresses and messages would go through the network in clear (tls = \"starttls\" \
                 or \"wrapped\")",
                "oneshelf.toml:5:8: `from` is the e-mail address that messages come from (from = \"Tea Shop \
                 <shop@example.com>\")",
            ],
        ),
        (
            "[notify.webhook]\nurl = \"http://erp.example.com\"\n",
            &[
                "oneshelf.toml:1:1: a webhook needs a `secret` to be signed with (secret = { file = \
                 \"/etc/oneshelf/credentials/webhook\" })",
                "oneshelf.toml:2:7: a webhook needs an address with https (url = \
                 \"https://erp.example.com/oneshelf\"; http only to this machine)",
            ],
        ),
    ]);
}

#[test]
fn a_slip_in_a_message_is_told_at_its_place() {
    let text = format!(
        "{MAIL}[[messages]]\nname = \"a\"\nto = [\"buyr\"]\nsubject = \"s\"\ntext = \"t\"\n\
         [[messages]]\nname = \"b\"\nto = [\"webhook\"]\ntext = \"{{{{ order.numer }}}}\"\n\
         [[rules]]\nname = \"r\"\non = \"order.paid\"\nthen = {{ notify = [\"bb\"], ask = \"b\" }}\n"
    );
    check_main(&[(
        &text,
        &[
            "oneshelf.toml:7:7: `buyr` is no e-mail address (did you mean `buyer`?)",
            "oneshelf.toml:12:6: nothing is configured that sends it: [notify.webhook] is missing",
            "oneshelf.toml:13:8: it cannot be filled: `order.numer` is undefined \
             (docs/operating/messages.md lists what a template may name)",
            "oneshelf.toml:17:20: there is no message `bb` (did you mean `b`?)",
            "oneshelf.toml:17:33: `ask` is about a hold, and this rule holds nothing (write hold = \"the reason\" \
             beside it)",
        ],
    )]);
}

#[test]
fn what_is_said_well_is_taken() {
    let text = format!(
        "{MAIL}[[messages]]\nname = \"where\"\nto = [\"buyer\"]\nsubject = \"s\"\ntext = \"t\"\nasks_for = \"address\"\n\
         [[rules]]\nname = \"r\"\non = \"order.paid\"\nthen = {{ hold = \"h\", ask = \"where\", notify = [\"where\"] }}\n"
    );
    let (_folder, loaded) = load_files(&[("oneshelf.toml", &text)], &[]);
    let settings = loaded.expect("it is good");
    let asks = settings.messages.asks_for_address.expect("it asks");
    assert_eq!((asks.message.as_str(), asks.way), ("where", Way::Mail));
    let then = &settings.rules[0].then;
    assert_eq!(then.notify, std::slice::from_ref(&asks));
    assert_eq!(
        then.hold.as_ref().and_then(|hold| hold.ask.clone()),
        Some(asks)
    );
    let mail = settings.notify.mail.expect("a mail server");
    assert_eq!(mail.at, ("localhost".to_owned(), 25));
}

#[test]
fn a_slip_in_where_orders_are_paid_is_told_at_its_place() {
    for (kind, link, said) in [
        (
            "manual",
            "https://pay.example.com/{numbr}",
            "there is no `{numbr}`",
        ),
        (
            "manual",
            "http://pay.example.com/{number}",
            "an address with https",
        ),
        (
            "shopify",
            "https://pay.example.com/{number}",
            "paid on its channel",
        ),
    ] {
        let text = format!("kind = \"{kind}\"\npay_link = \"{link}\"\n[settings]\n");
        let known = Known {
            connectors: connectors::CONNECTORS,
            ..KNOWN
        };
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir(folder.path().join("accounts.d")).expect("a folder");
        fs::write(folder.path().join("oneshelf.toml"), "").expect("written");
        fs::write(folder.path().join("accounts.d/eu-shop.toml"), text).expect("written");
        let error = load(folder.path(), &Environment::new(), known).expect_err(link);
        assert!(error.render().contains(said), "{link}: {}", error.render());
    }
}
