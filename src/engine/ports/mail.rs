//! The way out for e-mail: one conversation with the mail server of the admin for each message.
//!
//! It is known at each moment whether the server has the message: before its last byte surely not, and after
//! the server has answered surely yes or no. In between nobody knows, and whoever asked is told so. What a server
//! says may repeat addresses, so they are taken out of its words.

use std::{
    pin::pin,
    time::{Duration, UNIX_EPOCH},
};

use channel::Secret;
use lettre::{
    Address, Message,
    message::{Mailbox, MessageBuilder, MultiPart, SinglePart, header::ContentType},
    transport::smtp::{
        Error,
        authentication::{Credentials, Mechanism},
        client::{AsyncSmtpConnection, TlsParameters},
        commands::{Data, Mail, Rcpt},
        extension::ClientId,
    },
};

use super::Ports;
use crate::gateways::{Answer, messages::Letter};

/// How long the conversation up to the message may take.
const ASK_WITHIN: Duration = Duration::from_secs(30);
/// How long the server may take to answer the message itself: RFC 5321 wants ten minutes, and few need one.
const ANSWER_WITHIN: Duration = Duration::from_secs(120);
/// The longest part of what a server says that is kept.
const WORDS_MAX: usize = 300;

/// How the conversation is kept from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tls {
    /// From its first byte.
    Wrapped,
    /// From the moment that the server is asked to; a server that cannot gets nothing.
    StartTls,
    /// Not at all: a server on this machine.
    None,
}

/// A mail server.
pub struct Smtp {
    server: String,
    port: u16,
    tls: Tls,
    login: Option<(String, Secret)>,
    from: Mailbox,
}

/// Whether a text is an e-mail address, with or without a name before it.
pub fn is_mailbox(text: &str) -> bool {
    text.parse::<Mailbox>().is_ok()
}

impl Smtp {
    /// One at this address, for messages from there. Nothing where that is no address.
    pub fn new(
        (server, port): (String, u16),
        tls: Tls,
        login: Option<(String, Secret)>,
        from: &str,
    ) -> Option<Smtp> {
        drop(rustls::crypto::ring::default_provider().install_default());
        let from = from.parse().ok()?;
        Some(Smtp {
            server,
            port,
            tls,
            login,
            from,
        })
    }

    /// Sends a message, and says what is known of it.
    pub(crate) async fn send(&self, letter: &Letter, ports: &Ports) -> Answer {
        let (message, envelope) = match self.compose(letter, ports) {
            Ok(composed) => composed,
            Err(reason) => return Answer::Refused(reason),
        };
        let asked = within(ports, ASK_WITHIN, self.ask(&envelope)).await;
        let mut connection = match asked {
            None => return Answer::Later("the mail server took too long to answer".to_owned()),
            Some(Err(error)) => return refused(&error),
            Some(Ok(connection)) => connection,
        };
        match within(ports, ANSWER_WITHIN, connection.message(&message)).await {
            None => {
                Answer::Unknown("the mail server did not answer the message in time".to_owned())
            }
            // A server that answered has decided; without a code the conversation broke.
            Some(Err(error)) if error.status().is_some() => refused(&error),
            Some(Err(error)) => Answer::Unknown(words(&error)),
            Some(Ok(_)) => {
                // It has the message; whether it says good-bye does not matter.
                drop(within(ports, ASK_WITHIN, connection.quit()).await);
                Answer::Taken(())
            }
        }
    }

    /// Goes as far as the server asking for the message itself.
    async fn ask(&self, envelope: &Envelope) -> Result<AsyncSmtpConnection, Error> {
        let hello = ClientId::Domain(self.from.email.domain().to_owned());
        let tls = || TlsParameters::new(self.server.clone());
        let wrapped = match self.tls {
            Tls::Wrapped => Some(tls()?),
            Tls::StartTls | Tls::None => None,
        };
        let at = (self.server.as_str(), self.port);
        let mut connection =
            AsyncSmtpConnection::connect_tokio1(at, Some(ASK_WITHIN), &hello, wrapped, None)
                .await?;
        if self.tls == Tls::StartTls {
            connection.starttls(tls()?, &hello).await?;
        }
        if let Some((user, password)) = &self.login {
            let login = Credentials::new(user.clone(), password.expose().to_owned());
            let ways = [Mechanism::Plain, Mechanism::Login];
            connection.auth(&ways, &login).await?;
        }
        let from = Some(envelope.from.clone());
        connection.command(Mail::new(from, Vec::new())).await?;
        for to in &envelope.to {
            connection
                .command(Rcpt::new(to.clone(), Vec::new()))
                .await?;
        }
        connection.command(Data).await?;
        Ok(connection)
    }

    fn compose(&self, letter: &Letter, ports: &Ports) -> Result<(Vec<u8>, Envelope), String> {
        let from: Mailbox = match &letter.from {
            None => self.from.clone(),
            Some(from) => from
                .parse()
                .map_err(|_| "its sender is no e-mail address".to_owned())?,
        };
        let millis = u64::try_from(ports.clock.now().millis()).unwrap_or(0);
        let date = UNIX_EPOCH + Duration::from_millis(millis);
        let id = format!("<{}@{}>", letter.id, from.email.domain());
        let mut builder: MessageBuilder = Message::builder()
            .from(from.clone())
            .subject(letter.subject.clone())
            .date(date)
            .message_id(Some(id));
        let mut to: Vec<Address> = Vec::new();
        for address in &letter.to {
            let mailbox: Mailbox = address
                .parse()
                .map_err(|_| "what stands there as an e-mail address is none".to_owned())?;
            to.push(mailbox.email.clone());
            builder = builder.to(mailbox);
        }
        let composed = match &letter.html {
            None => builder.singlepart(plain(&letter.text)),
            Some(html) => {
                let html = SinglePart::builder()
                    .header(ContentType::TEXT_HTML)
                    .body(html.clone());
                let both = MultiPart::alternative().singlepart(plain(&letter.text));
                builder.multipart(both.singlepart(html))
            }
        };
        let composed = composed.map_err(|error| format!("it cannot be written: {error}"))?;
        let from = from.email;
        Ok((composed.formatted(), Envelope { from, to }))
    }
}

/// Who a message is from and for, as the server is told.
struct Envelope {
    from: Address,
    to: Vec<Address>,
}

fn plain(text: &str) -> SinglePart {
    SinglePart::builder()
        .header(ContentType::TEXT_PLAIN)
        .body(text.to_owned())
}

/// What it brought, unless it took too long.
async fn within<T>(ports: &Ports, time: Duration, what: impl Future<Output = T>) -> Option<T> {
    let until = ports.clock.now().plus(time);
    let mut what = pin!(what);
    tokio::select! {
        biased;
        brought = &mut what => Some(brought),
        () = ports.clock.sleep_until(until) => None,
    }
}

/// A server that says no for good, or that cannot be had just now. Either way it has no message.
fn refused(error: &Error) -> Answer {
    if error.is_permanent() {
        Answer::Refused(format!("the mail server refused it: {}", words(error)))
    } else {
        Answer::Later(words(error))
    }
}

/// The chain of causes, without anybody's address.
fn words(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    without_addresses(&text)
}

fn without_addresses(text: &str) -> String {
    let words = text
        .split_whitespace()
        .map(|word| match word.contains('@') {
            true => "(address)",
            false => word,
        });
    let text = words.collect::<Vec<_>>().join(" ");
    text.chars()
        .filter(|c| !c.is_control())
        .take(WORDS_MAX)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobodys_address_is_in_what_is_kept_of_a_servers_words() {
        assert_eq!(
            without_addresses("550 5.1.1 <ada@example.com>: user\r\nunknown (ada@example.com)"),
            "550 5.1.1 (address) user unknown (address)"
        );
    }

    #[test]
    fn a_mailbox_may_have_a_name() {
        for (text, is) in [
            ("shop@example.com", true),
            ("Tea Shop <shop@example.com>", true),
            ("shop", false),
            ("a@b\r\nBcc: c@d", false),
        ] {
            assert_eq!(is_mailbox(text), is, "{text}");
        }
    }
}
