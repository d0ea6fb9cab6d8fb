//! `[notify]` and `[[messages]]`: what is told to whom, and through what it goes.
//!
//! Each template is filled with sample values here, so that a slip in it is told at its place before any order
//! comes.

use std::{collections::BTreeMap, time::Duration};

use channel::Secret;
use domain::message::Notice;
use engine::{
    gateways::{
        is_webhook_secret,
        messages::{Message, To, try_template},
    },
    ports::mail::{Tls, is_mailbox},
};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    document::Document,
    meaning::{inner, keys, tell},
    mistakes,
    places::KeyPath,
    secrets::Need,
    values::{self, DurationText},
};

/// The most messages.
const MESSAGES_MAX: usize = 100;
/// The longest name and the longest subject.
const LINE_MAX: usize = 200;
/// The longest template: a page, not a book.
const TEMPLATE_MAX: usize = 64 * 1024;
/// The most people of the house that one message goes to.
const ADDRESSES_MAX: usize = 20;
/// How long something is news, when nothing is said.
const NEWS: Duration = Duration::from_secs(2 * 24 * 3600);
/// Whoever bought.
const BUYER: &str = "buyer";
/// A program.
const WEBHOOK: &str = "webhook";

/// `[notify]`, as it is written.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub(super) struct NotifyText {
    /// The mail server that takes e-mail.
    mail: Option<MailText>,
    /// The program that is told by HTTP, signed as Standard Webhooks has it.
    webhook: Option<WebhookText>,
}

/// `[notify.mail]`, as it is written.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
struct MailText {
    /// Its name: `smtp.example.com`.
    server: String,
    /// Its port; by how it is kept from others when nothing is said: 465, 587 or 25.
    port: Option<u16>,
    /// How the conversation is kept from others.
    tls: TlsText,
    /// Who we are there. Without it nobody is asked.
    user: Option<String>,
    /// And how we prove it.
    password: Option<Secret>,
    /// From whom messages are: `Tea Shop <shop@example.com>`.
    from: String,
}

/// How a conversation is kept from others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum TlsText {
    /// Encrypted as soon as the server was asked to; a server that cannot gets nothing.
    #[default]
    Starttls,
    /// Encrypted from the first byte.
    Wrapped,
    /// In clear: only for a server on this machine.
    None,
}

/// `[notify.webhook]`, as it is written.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
struct WebhookText {
    /// Where it listens: `https://erp.example.com/oneshelf`.
    url: String,
    /// What it is signed with: `whsec_` and base64 of 24 to 64 bytes.
    secret: Option<Secret>,
}

/// `[[messages]]`, as it is written.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub(super) struct MessageText {
    /// What rules and people call it.
    name: String,
    /// Who gets it: `buyer`, `webhook`, or e-mail addresses of the house.
    to: Vec<String>,
    /// From whom it is, if not from whom all are.
    from: Option<String>,
    /// Its subject, as a template.
    subject: String,
    /// Its text, as a template.
    text: String,
    /// The same as HTML, as a template.
    html: Option<String>,
    /// So long after it was wanted it is news; later it is not sent any more.
    #[serde(deserialize_with = "values::some_duration")]
    #[schemars(with = "Option<DurationText>")]
    within: Option<Duration>,
    /// `address`: it is sent by itself when an order is held because it cannot be sent where it goes.
    asks_for: Option<AsksFor>,
}

/// What a message asks for by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum AsksFor {
    /// An address that the order can be sent to.
    Address,
}

/// Through what messages go.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Notify {
    /// What takes e-mail.
    pub mail: Option<MailServer>,
    /// What is told by HTTP: its address and what it is signed with.
    pub webhook: Option<(String, Secret)>,
}

/// A mail server.
#[derive(Debug, Clone, PartialEq)]
pub struct MailServer {
    /// Its name and port.
    pub at: (String, u16),
    /// How the conversation is kept from others.
    pub tls: Tls,
    /// Who we are there.
    pub login: Option<(String, Secret)>,
    /// From whom messages are.
    pub from: String,
}

/// What can be told.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Messages {
    /// By name.
    pub all: BTreeMap<String, Message>,
    /// What asks for an address that an order can be sent to.
    pub asks_for_address: Option<Notice>,
}

/// Checks `[notify]`, and says what it means.
pub(super) fn notify(document: &mut Document, text: NotifyText, need: Need) -> Notify {
    let mail = text.mail.and_then(|text| read_mail(document, text));
    let webhook = text
        .webhook
        .and_then(|text| read_webhook(document, text, need));
    Notify { mail, webhook }
}

fn read_mail(document: &mut Document, text: MailText) -> Option<MailServer> {
    let path = keys("notify/mail");
    let server = text.server.trim().to_owned();
    let mut is_good = true;
    if server.is_empty() && !document.is_wrong(&inner(&path, "server")) {
        let help = "server = \"smtp.example.com\"";
        tell(
            document,
            &path,
            "a mail server needs a `server`",
            Some(help),
        );
        is_good = false;
    }
    if !is_mailbox(&text.from) && !document.is_wrong(&inner(&path, "from")) {
        let at = if text.from.is_empty() {
            path.clone()
        } else {
            inner(&path, "from")
        };
        let help = "from = \"Tea Shop <shop@example.com>\"";
        tell(
            document,
            &at,
            "`from` is the e-mail address that messages come from",
            Some(help),
        );
        is_good = false;
    }
    let is_here = ["localhost", "127.0.0.1", "::1"].contains(&server.as_str());
    if text.tls == TlsText::None && !is_here && !server.is_empty() {
        let help = "tls = \"starttls\" or \"wrapped\"";
        let problem = "addresses and messages would go through the network in clear";
        tell(document, &inner(&path, "tls"), problem, Some(help));
        is_good = false;
    }
    let login = match (text.user, text.password) {
        (Some(user), Some(password)) => Some((user, password)),
        (None, None) => None,
        (user, _) => {
            let missing = if user.is_some() { "password" } else { "user" };
            if !document.is_wrong(&inner(&path, missing)) {
                let problem = format!("`user` and `password` go together: `{missing}` is missing");
                tell(document, &path, &problem, None);
            }
            is_good = false;
            None
        }
    };
    let (tls, port) = match text.tls {
        TlsText::Starttls => (Tls::StartTls, 587),
        TlsText::Wrapped => (Tls::Wrapped, 465),
        TlsText::None => (Tls::None, 25),
    };
    is_good.then(|| MailServer {
        at: (server, text.port.unwrap_or(port)),
        tls,
        login,
        from: text.from,
    })
}

fn read_webhook(
    document: &mut Document,
    text: WebhookText,
    need: Need,
) -> Option<(String, Secret)> {
    let path = keys("notify/webhook");
    let is_good = is_safe_address(&text.url);
    if !is_good && !document.is_wrong(&inner(&path, "url")) {
        let at = if text.url.is_empty() {
            path.clone()
        } else {
            inner(&path, "url")
        };
        let help = "url = \"https://erp.example.com/oneshelf\"; http only to this machine";
        tell(
            document,
            &at,
            "a webhook needs an address with https",
            Some(help),
        );
    }
    let secret_path = inner(&path, "secret");
    let secret = match text.secret {
        // What stands in for a secret is none.
        Some(secret) if need == Need::None || is_webhook_secret(secret.expose()) => Some(secret),
        Some(_) => {
            let help = "make one: echo whsec_$(openssl rand -base64 32)";
            let problem = "the secret is `whsec_` and base64 of 24 to 64 bytes";
            tell(document, &secret_path, problem, Some(help));
            None
        }
        None if document.is_wrong(&secret_path) => None,
        None => {
            let help = "secret = { file = \"/etc/oneshelf/credentials/webhook\" }";
            tell(
                document,
                &path,
                "a webhook needs a `secret` to be signed with",
                Some(help),
            );
            None
        }
    };
    secret.filter(|_| is_good).map(|secret| (text.url, secret))
}

/// Whether what is told there is read by nobody on the way: https, or a program on this machine.
pub(super) fn is_safe_address(url: &str) -> bool {
    let uri: Option<http::Uri> = url.parse().ok();
    let Some((uri, host)) = uri.and_then(|uri| Some((uri.clone(), uri.host()?.to_owned()))) else {
        return false;
    };
    let is_here = ["localhost", "127.0.0.1", "[::1]"].contains(&host.as_str());
    match uri.scheme_str() {
        Some("https") => !host.is_empty(),
        Some("http") => is_here,
        Some(_) | None => false,
    }
}

/// Checks `[[messages]]`, and says what they mean.
pub(super) fn messages(
    document: &mut Document,
    texts: Vec<MessageText>,
    notify: &Notify,
) -> Messages {
    let mut messages = Messages::default();
    if texts.len() > MESSAGES_MAX {
        let problem = format!(
            "there are {} messages, and {MESSAGES_MAX} is the limit",
            texts.len()
        );
        tell(
            document,
            &keys(&format!("messages/{MESSAGES_MAX}")),
            &problem,
            None,
        );
    }
    for (index, text) in texts.into_iter().enumerate() {
        let path = keys(&format!("messages/{index}"));
        let asks_for = text.asks_for;
        let Some(message) = read_message(document, &path, text, notify) else {
            continue;
        };
        if asks_for == Some(AsksFor::Address) {
            if messages.asks_for_address.is_some() {
                let problem = "another message asks for the address already";
                tell(document, &inner(&path, "asks_for"), problem, None);
            }
            messages.asks_for_address = Some(message.notice());
        }
        if messages.all.contains_key(&message.name) {
            let problem = format!("there are two messages `{}`", message.name);
            tell(document, &inner(&path, "name"), &problem, None);
        }
        messages.all.insert(message.name.clone(), message);
    }
    messages
}

fn read_message(
    document: &mut Document,
    path: &KeyPath,
    text: MessageText,
    notify: &Notify,
) -> Option<Message> {
    let name = text.name.trim().to_owned();
    let is_line = |text: &str| text.chars().count() <= LINE_MAX && !text.contains(char::is_control);
    if (name.is_empty() || !is_line(&name)) && !document.is_wrong(&inner(path, "name")) {
        let at = if name.is_empty() {
            path.clone()
        } else {
            inner(path, "name")
        };
        let help = "name = \"shipped\": rules name it so";
        tell(
            document,
            &at,
            "a message needs a `name` of one line",
            Some(help),
        );
        return None;
    }
    let to = read_to(document, &inner(path, "to"), path, &text.to)?;
    let needs = match to {
        To::Webhook => notify.webhook.is_none().then_some("webhook"),
        To::Buyer | To::Addresses(_) => notify.mail.is_none().then_some("mail"),
    };
    if let Some(missing) = needs.filter(|key| !document.is_wrong(&keys(&format!("notify/{key}")))) {
        let problem = format!("nothing is configured that sends it: [notify.{missing}] is missing");
        tell(document, &inner(path, "to"), &problem, None);
    }
    if let Some(from) = text.from.as_deref().filter(|from| !is_mailbox(from)) {
        let problem = format!("`{from}` is no e-mail address");
        tell(document, &inner(path, "from"), &problem, None);
    }
    if text.subject.is_empty() && to != To::Webhook && !document.is_wrong(&inner(path, "subject")) {
        tell(document, path, "an e-mail needs a `subject`", None);
    }
    if text.text.is_empty() && !document.is_wrong(&inner(path, "text")) {
        tell(document, path, "a message needs a `text`", None);
    }
    let html = text.html.as_deref().map(|html| ("html", html, true));
    let plain = [
        ("subject", text.subject.as_str(), false),
        ("text", &text.text, false),
    ];
    for (key, template, is_html) in plain.into_iter().chain(html) {
        check_template(document, &inner(path, key), template, is_html);
    }
    Some(Message {
        name,
        to,
        from: text.from,
        subject: text.subject,
        text: text.text,
        html: text.html,
        within: text.within.unwrap_or(NEWS),
    })
}

fn read_to(document: &mut Document, path: &KeyPath, above: &KeyPath, to: &[String]) -> Option<To> {
    let words: Vec<&str> = to.iter().map(String::as_str).collect();
    let help = "to = [\"buyer\"], [\"webhook\"] or [\"desk@example.com\"]";
    match words.as_slice() {
        [BUYER] => return Some(To::Buyer),
        [WEBHOOK] => return Some(To::Webhook),
        [] => {
            if !document.is_wrong(path) {
                tell(
                    document,
                    above,
                    "a message needs `to`: who gets it",
                    Some(help),
                );
            }
            return None;
        }
        words if words.len() > ADDRESSES_MAX => {
            let problem = format!("a message goes to {ADDRESSES_MAX} addresses at most");
            tell(document, path, &problem, None);
            return None;
        }
        _ => {}
    }
    let wrong = words.iter().position(|word| !is_mailbox(word));
    if let Some(at) = wrong {
        let word = words.get(at).copied().unwrap_or_default();
        let is_alone = word == BUYER || word == WEBHOOK;
        let problem = match is_alone {
            true => format!("`{word}` stands alone: write a message of its own for the others"),
            false => format!("`{word}` is no e-mail address"),
        };
        let near = mistakes::suggestion_or_list(word, &[BUYER, WEBHOOK], "or one of");
        let near = near.filter(|_| !is_alone);
        tell(
            document,
            &inner(path, &at.to_string()),
            &problem,
            near.as_deref().or(Some(help)),
        );
        return None;
    }
    Some(To::Addresses(to.to_vec()))
}

fn check_template(document: &mut Document, path: &KeyPath, template: &str, is_html: bool) {
    if template.len() > TEMPLATE_MAX {
        let problem = format!("a template has at most {TEMPLATE_MAX} bytes");
        tell(document, path, &problem, None);
    } else if let Err(problem) = try_template(template, is_html) {
        let help = "docs/operating/messages.md lists what a template may name";
        let problem = format!("it cannot be filled: {problem}");
        tell(document, path, &problem, Some(help));
    }
}
