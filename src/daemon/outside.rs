//! The way out of the daemon: one HTTP client, paced for each account, and a vault for each.

use std::{path::PathBuf, sync::Arc};

use channel::{Descriptor, HttpPort, Port};
use domain::AccountId;
use engine::{
    Outside,
    ports::{
        Ports,
        http::{Egress, Outbound},
        quota::Paced,
    },
};

use crate::vault::FileVault;

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
