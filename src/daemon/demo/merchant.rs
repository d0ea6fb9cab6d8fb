//! The merchant of the demo, who ships what is ready, some orders in two parcels.

use std::time::Duration;

use domain::{
    Decimal, Time,
    order::{Order, Phase},
    signal::{Command, Signal},
};
use engine::{decider::DecideError, rows};
use store::Range;

use super::Demo;

/// How often the merchant goes to the packing table.
const EVERY: Duration = Duration::from_millis(1500);
/// How many orders are shipped at a time.
const AT_ONCE: usize = 3;
/// How old an order is before it is shipped, so that buyers can change their mind.
const REST: Duration = Duration::from_secs(4);

pub(super) struct Merchant {
    next_at: Time,
    parcels: u64,
    seed: u64,
}

impl Merchant {
    pub(super) fn new(seed: u64) -> Merchant {
        Merchant {
            next_at: Time::EPOCH,
            parcels: 0,
            seed,
        }
    }

    /// Ships a few orders when it is time.
    pub(super) async fn work(&mut self, demo: &Demo, now: Time) -> anyhow::Result<()> {
        if now < self.next_at {
            return Ok(());
        }
        self.next_at = now.plus(EVERY);
        for phase in [Phase::PartShipped, Phase::Ready] {
            let range = Range {
                prefix: rows::prefix(&[phase.word()]),
                after: None,
            };
            let ready = demo
                .engine
                .store
                .scan(rows::ORDERS_BY_PHASE, range, AT_ONCE)
                .await?;
            for (key, _) in ready {
                let id = rows::last_part(&key);
                let Some(row) = demo
                    .engine
                    .store
                    .get(rows::ORDERS, &rows::key(&[&id]))
                    .await?
                else {
                    continue;
                };
                let order: Order = rows::decode(rows::ORDERS, &row.value)?;
                if now.since(order.accepted_at) >= REST {
                    self.ship(demo, &order, phase == Phase::Ready).await?;
                }
            }
        }
        Ok(())
    }

    async fn ship(&mut self, demo: &Demo, order: &Order, is_first: bool) -> anyhow::Result<()> {
        self.parcels += 1;
        let mut lines = Vec::new();
        // Every fourth order leaves in two parcels: first one unit of its first open line.
        if is_first && self.parcels.is_multiple_of(4) {
            let open = order
                .lines
                .iter()
                .find(|line| line.counters.to_ship().is_positive());
            lines.extend(open.map(|line| (line.number, Decimal::whole(1))));
        }
        let command = Command::Ship {
            order: order.id,
            lines,
            carrier: Some("DHL".to_owned()),
            tracking_number: Some(format!(
                "0034043{:06}{:07}",
                self.seed % 1_000_000,
                self.parcels
            )),
            tracking_url: None,
            location: None,
        };
        match demo.engine.decide(Signal::Command(command)).await {
            Ok(_) => Ok(()),
            // Canceled or sold short meanwhile: the next round sees it.
            Err(DecideError::Refused(refusal)) => {
                tracing::debug!(order = %order.id, %refusal, "Not shipped.");
                Ok(())
            }
            Err(DecideError::Store(error)) => Err(error.into()),
        }
    }
}
