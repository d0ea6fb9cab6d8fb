//! The way out of the daemon: one HTTP client, paced for each account, and a vault for each; and what goes to others
//! than channels.

use std::{path::PathBuf, sync::Arc};

use anyhow::Context;
use channel::{Descriptor, HttpPort, Port};
use domain::AccountId;
use engine::{
    Outside,
    gateways::{Gateways, Webhook, labels::LabelProvider},
    ports::{
        Ports,
        http::{Egress, Outbound},
        mail::Smtp,
        quota::Paced,
    },
};

use crate::{settings::Settings, vault::FileVault};

/// Real ports.
pub(crate) struct RealOutside {
    client: Arc<dyn HttpPort>,
    ports: Ports,
    vault_dir: PathBuf,
}

impl RealOutside {
    /// Sets the client up.
    pub(crate) fn new(
        ports: Ports,
        egress: Egress,
        vault_dir: PathBuf,
    ) -> Result<RealOutside, String> {
        let client = Arc::new(Outbound::new(ports.clone(), egress)?);
        Ok(RealOutside {
            client,
            ports,
            vault_dir,
        })
    }

    /// The client without pacing, for what is not a channel.
    pub(crate) fn client(&self) -> Arc<dyn HttpPort> {
        Arc::clone(&self.client)
    }
}

/// What is told or asked something and is no channel. The admin named these addresses, so they may be in the own
/// network.
pub(crate) fn gateways(settings: &Settings, ports: &Ports) -> anyhow::Result<Gateways> {
    let mail = settings.notify.mail.as_ref().map(|mail| {
        let smtp = Smtp::new(mail.at.clone(), mail.tls, mail.login.clone(), &mail.from);
        smtp.map(Arc::new)
            .context("notify.mail.from is no e-mail address")
    });
    let webhook = settings.notify.webhook.as_ref().map(|(url, secret)| {
        let http = Outbound::new(ports.clone(), Egress::Anywhere).map_err(anyhow::Error::msg)?;
        Webhook::new(url.clone(), secret.expose(), Arc::new(http))
            .map(Arc::new)
            .context("notify.webhook cannot be used")
    });
    let labels = settings.label_providers.iter().map(|seller| {
        let http = Outbound::new(ports.clone(), Egress::Anywhere).map_err(anyhow::Error::msg)?;
        let at = (seller.url.clone(), seller.token.clone());
        let (name, service) = (seller.name.clone(), seller.service.clone());
        let provider = LabelProvider::new(name.clone(), at, service, Arc::new(http));
        Ok((name, Arc::new(provider)))
    });
    Ok(Gateways {
        messages: settings.messages.all.clone(),
        mail: mail.transpose()?,
        webhook: webhook.transpose()?,
        labels: labels.collect::<anyhow::Result<_>>()?,
        pay_links: settings
            .accounts
            .iter()
            .filter_map(|(id, account)| Some((id.clone(), account.pay_link.clone()?)))
            .collect(),
    })
}

impl Outside for RealOutside {
    fn port(&self, account: &AccountId, descriptor: &'static Descriptor) -> Port {
        let clock = Arc::clone(&self.ports.clock);
        let http = Paced::new(Arc::clone(&self.client), clock, descriptor.quota);
        Port {
            http: Arc::new(http),
            vault: Arc::new(FileVault::new(&self.vault_dir, account, &self.ports)),
        }
    }
}
