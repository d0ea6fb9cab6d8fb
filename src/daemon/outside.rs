//! The way out of the daemon: one HTTP client, paced for each account, and a vault for each; and what goes to others
//! than channels.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use anyhow::Context;
use channel::{Descriptor, HttpPort, Port, Quota};
use domain::AccountId;
use engine::{
    Outside,
    gateways::{Gateways, Webhook, labels::LabelProvider},
    ports::{
        Ports,
        allowance::Meter,
        http::{Egress, Outbound},
        mail::Smtp,
        quota::Paced,
    },
};

use crate::{
    settings::{Account, Settings},
    vault::FileVault,
};

/// Real ports.
pub(crate) struct RealOutside {
    client: Arc<dyn HttpPort>,
    ports: Ports,
    vault_dir: PathBuf,
    /// How many calls a second these accounts take, where somebody knows better than their channel.
    calls_per_second: BTreeMap<AccountId, u32>,
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
            calls_per_second: BTreeMap::new(),
        })
    }

    /// The same, with so many calls a second for some accounts.
    pub(crate) fn with_calls_per_second(
        self,
        accounts: &BTreeMap<AccountId, Account>,
    ) -> RealOutside {
        let known = accounts.values().filter_map(|account| {
            let calls = account.calls_per_second?;
            Some((account.id.clone(), calls))
        });
        RealOutside {
            calls_per_second: known.collect(),
            ..self
        }
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

impl RealOutside {
    /// How fast an account may be asked.
    fn quota(&self, account: &AccountId, descriptor: &Descriptor) -> Quota {
        match self.calls_per_second.get(account) {
            Some(calls) => descriptor.quota.with_per_second(*calls),
            None => descriptor.quota,
        }
    }
}

impl Outside for RealOutside {
    fn port(
        &self,
        account: &AccountId,
        descriptor: &'static Descriptor,
        meter: &Arc<Meter>,
    ) -> Port {
        let clock = Arc::clone(&self.ports.clock);
        let quota = self.quota(account, descriptor);
        let http = Paced::new(Arc::clone(&self.client), clock, quota, Arc::clone(meter));
        Port {
            http: Arc::new(http),
            vault: Arc::new(FileVault::new(&self.vault_dir, account, &self.ports)),
        }
    }
}

#[cfg(test)]
mod tests {
    use engine::ports::system;

    use super::*;
    use crate::{run::load, settings::Environment};

    #[test]
    fn an_account_is_asked_as_fast_as_its_admin_says() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| {
            std::fs::write(folder.path().join(name), text).expect("it is written");
        };
        std::fs::create_dir(folder.path().join("accounts.d")).expect("a folder");
        write("oneshelf.toml", "");
        for (id, more) in [
            ("usual", ""),
            ("strong", "calls_per_second = 40\n"),
            ("weak", "calls_per_second = 1\n"),
        ] {
            let text = format!("{more}kind = \"manual\"\n[settings]\n");
            write(&format!("accounts.d/{id}.toml"), &text);
        }
        let settings = load(folder.path(), &Environment::default());
        let settings = settings.unwrap_or_else(|error| panic!("{}", error.render()));
        let vault = folder.path().join("secrets");
        let outside = RealOutside::new(system::ports(), Egress::Public, vault).expect("a client");
        let outside = outside.with_calls_per_second(&settings.accounts);
        let woocommerce = connectors::CONNECTORS
            .iter()
            .find(|one| one.descriptor().id == "woocommerce");
        let descriptor = woocommerce.expect("it is one of ours").descriptor();
        let asked = ["usual", "strong", "weak"].map(|id| {
            let quota = outside.quota(&AccountId::new(id), descriptor);
            (quota.per_second, quota.burst)
        });
        assert_eq!(asked, [(10, 20), (40, 80), (1, 2)]);
    }
}
