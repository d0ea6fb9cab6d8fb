//! Taking reserved money on the channel, once.

use channel::{Ack, CapturePush};
use domain::{Money, intent::Intent};

use crate::{Engine, account::Account, reading::poll::PollError};

impl Engine {
    /// Money that was taken is looked for before every try: the process may have died, or the store had no room,
    /// before the answer to an earlier one was kept. Nothing, where the channel's API cannot take any.
    pub(crate) async fn capture(
        &self,
        account: &Account,
        intent: &Intent,
        amount: Money,
    ) -> Result<Option<Ack>, PollError> {
        let Some(payments) = account.channel.capture_payments() else {
            return Ok(None);
        };
        let push = CapturePush {
            order: intent.external_id.clone(),
            amount,
            key: intent.id.uuid().to_string(),
        };
        let found = payments.find(&push).await;
        self.note_call(account, &found);
        if let Some(ack) = found? {
            return Ok(Some(ack));
        }
        let ack = payments.capture(&push).await;
        self.note_call(account, &ack);
        Ok(Some(ack?))
    }
}
