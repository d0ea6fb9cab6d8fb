//! The way out to real channels.
//!
//! One client for all connectors: TLS by rustls, no proxy from the environment, no redirects to other
//! hosts, limits on time and size, and no connection to private addresses unless the admin allows it
//! (a channel's answer must not make us talk to our own network).

use std::{net::SocketAddr, sync::Arc, time::Duration};

use async_trait::async_trait;
use channel::{
    HttpPort,
    http::{Request, Response, SendError},
};
use domain::Time;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::Ports;

/// The largest answer that is read.
const ANSWER_LENGTH_MAX: usize = 16 * 1024 * 1024;

/// Where calls may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Egress {
    /// Only https, and only to public addresses.
    Public,
    /// Also plain http and private addresses: for sandboxes and shops in the own network.
    Anywhere,
}

/// The real way out.
pub struct Outbound {
    client: reqwest::Client,
    egress: Egress,
    ports: Ports,
}

impl Outbound {
    /// Makes the client. Fails when TLS cannot be set up.
    pub fn new(ports: Ports, egress: Egress) -> Result<Outbound, String> {
        // Fails when it was installed before, which is as good.
        drop(rustls::crypto::ring::default_provider().install_default());
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("Oneshelf/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(Duration::from_secs(5))
            .read_timeout(Duration::from_secs(10))
            .timeout(Duration::from_secs(30))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy();
        if egress == Egress::Public {
            builder = builder.https_only(true).dns_resolver(Arc::new(PublicOnly));
        }
        let client = builder.build().map_err(|error| error.to_string())?;
        Ok(Outbound {
            client,
            egress,
            ports,
        })
    }

    fn refuse_literal_address(&self, request: &Request) -> Result<(), SendError> {
        let host = request.uri().host().unwrap_or_default();
        let address = host.trim_matches(['[', ']']).parse();
        match (self.egress, address) {
            (Egress::Public, Ok(address)) if !is_public(address) => Err(SendError::NotSent(
                format!("{host} is a private address, and private addresses are not allowed"),
            )),
            (Egress::Public | Egress::Anywhere, _) => Ok(()),
        }
    }
}

#[async_trait]
impl HttpPort for Outbound {
    async fn send(&self, request: Request) -> Result<Response, SendError> {
        self.refuse_literal_address(&request)?;
        let request = reqwest::Request::try_from(request)
            .map_err(|error| SendError::NotSent(error.without_url().to_string()))?;
        let sent = self.client.execute(request).await;
        let mut answer = sent.map_err(|error| {
            let is_unsent = error.is_connect() || error.is_builder();
            let text = describe(error);
            if is_unsent {
                SendError::NotSent(text)
            } else {
                SendError::NoAnswer(text)
            }
        })?;
        let mut response = http::Response::builder().status(answer.status());
        if let Some(headers) = response.headers_mut() {
            headers.clone_from(answer.headers());
        }
        let mut body = Vec::new();
        while let Some(chunk) = answer
            .chunk()
            .await
            .map_err(|error| SendError::NoAnswer(describe(error)))?
        {
            if body.len() + chunk.len() > ANSWER_LENGTH_MAX {
                return Err(SendError::NoAnswer("the answer is too long".to_owned()));
            }
            body.extend_from_slice(&chunk);
        }
        response
            .body(body)
            .map_err(|error| SendError::NoAnswer(error.to_string()))
    }

    fn now(&self) -> Time {
        self.ports.clock.now()
    }

    fn nonce(&self) -> String {
        let seed = u128::from_be_bytes(self.ports.entropy.seed());
        format!("{seed:032x}")
    }
}

/// The chain of causes, without the address: it may carry credentials in its query.
fn describe(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// Resolves names to public addresses only, at the moment of connecting, so that a name cannot point
/// elsewhere between check and use.
struct PublicOnly;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let public: Vec<SocketAddr> = found.filter(|at| is_public(at.ip())).collect();
            if public.is_empty() {
                return Err("the name has no public address".into());
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}

/// Whether an address is reached over the internet. Ranges from the IANA special-purpose registries.
fn is_public(address: std::net::IpAddr) -> bool {
    match address {
        std::net::IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            let is_shared = a == 100 && (64..128).contains(&b);
            let is_benchmark = a == 198 && (b == 18 || b == 19);
            !(v4.is_private()
                || v4.is_loopback()
                || v4.is_link_local()
                || v4.is_unspecified()
                || v4.is_broadcast()
                || v4.is_multicast()
                || v4.is_documentation()
                || is_shared
                || is_benchmark
                || a == 0
                || a >= 240)
        }
        std::net::IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => is_public(v4.into()),
            None => {
                let first = v6.segments()[0];
                let is_global_unicast = (0x2000..0x4000).contains(&first);
                let is_6to4_or_documentation =
                    first == 0x2002 || (first == 0x2001 && v6.segments()[1] == 0x0db8);
                is_global_unicast && !is_6to4_or_documentation
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_addresses_are_public() {
        for (text, expected) in [
            ("8.8.8.8", true),
            ("127.0.0.1", false),
            ("10.1.2.3", false),
            ("172.16.0.1", false),
            ("192.168.1.1", false),
            ("169.254.169.254", false),
            ("100.64.0.1", false),
            ("0.0.0.0", false),
            ("::1", false),
            ("fe80::1", false),
            ("fd00::1", false),
            ("::ffff:127.0.0.1", false),
            ("2606:4700:4700::1111", true),
        ] {
            let address = text.parse().expect("an address");
            assert_eq!(is_public(address), expected, "{text}");
        }
    }
}
