//! Rules to try on the demo: a file with `[stock]`, `[[items]]`, `[[locations]]`, `[allocation]`, `[breaker]`,
//! `[[incidents]]`, `[[rules]]`, `[verify]` and `[[sellers]]` as in `oneshelf.toml`.

use std::{collections::BTreeSet, path::Path};

use engine::Config;

use super::shops;
use crate::{
    run,
    settings::{self, LoadError, Settings},
};

/// Reads the file; what is wrong in it is told with its place.
pub(super) fn read(file: &Path) -> Result<Settings, LoadError> {
    let accounts: BTreeSet<String> = shops::PLACES
        .iter()
        .map(|place| place.account.to_owned())
        .collect();
    settings::load_stock(file, &accounts, run::known())
}

/// Puts what the file says into force. Its items go before those of the demo.
pub(super) fn apply(settings: &Settings, config: &mut Config) {
    let said = run::config(settings);
    config.policy.rules = said.policy.rules;
    config.policy.incidents = said.policy.incidents;
    config.policy.home = said.policy.home;
    config.policy.locations = said.policy.locations;
    config.policy.allocation = said.policy.allocation;
    config.policy.breaker = said.policy.breaker;
    config.policy.verify = said.policy.verify;
    config.policy.order_rules = said.policy.order_rules;
    config.sellers = said.sellers;
    for account in &mut config.accounts {
        account.unpaid_for = settings.stock.unpaid_for.or(account.unpaid_for);
    }
    config.opening = said.opening.or_else(|| config.opening.take());
    let is_said = |item: &domain::item::Item| said.items.iter().any(|own| own.sku == item.sku);
    config.items.retain(|item| !is_said(item));
    config.items.extend(said.items);
}
