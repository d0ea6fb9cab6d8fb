//! What a seed must have come across to be worth anything: a rehearsal in which little happens proves
//! little, and must not pass for one.

use crate::{
    plan::{Scale, Weather},
    run::Report,
};

/// Accounts that the evening of a whole seed has at least.
const ACCOUNTS_MIN: usize = 3;
/// Channels that they are on.
const CHANNELS_MIN: usize = 2;
/// Kinds of faults that happen in it.
const FAULTS_MIN: usize = 5;

/// What a report lacks of what its scale promises, in sentences.
pub fn lacks(report: &Report, scale: &Scale) -> Vec<String> {
    let mut lacks = Vec::new();
    let mut need = |has: u64, least: u64, what: &str| {
        if has < least {
            lacks.push(format!("{has} {what}, not {least}"));
        }
    };
    let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    need(report.orders, scale.orders_min, "orders");
    need(report.crashes.into(), scale.crashes.min(1).into(), "deaths");
    if scale.is_spread {
        let channels = match scale.channels.len() {
            0 => CHANNELS_MIN,
            some => some.min(CHANNELS_MIN),
        };
        let accounts = count(ACCOUNTS_MIN.min(scale.shops));
        need(count(report.accounts), accounts, "accounts");
        let channels = count(channels.min(scale.shops));
        need(count(report.channels), channels, "channels");
        if scale.weather != Weather::Calm && scale.without.is_empty() {
            let kinds = count(report.coverage.faults.len());
            need(kinds, count(FAULTS_MIN), "kinds of faults");
        }
    }
    lacks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_evening_is_worth_what_its_scale_promises() {
        let scale = Scale::whole(Weather::Lively);
        let mut report = Report {
            orders: 200,
            accounts: 3,
            channels: 2,
            crashes: 1,
            ..Report::default()
        };
        for fault in sandbox::faults::Fault::ALL.iter().take(FAULTS_MIN) {
            report.coverage.faults.insert(fault.word(), 1);
        }
        assert_eq!(lacks(&report, &scale), Vec::<String>::new());
        (report.orders, report.crashes, report.channels) = (199, 0, 1);
        report.coverage.faults.pop_first();
        let all = [
            "199 orders, not 200",
            "0 deaths, not 1",
            "1 channels, not 2",
            "4 kinds of faults, not 5",
        ];
        assert_eq!(lacks(&report, &scale), all);
        let calm = Scale::small(Weather::Calm);
        assert_eq!(lacks(&Report::default(), &calm), Vec::<String>::new());
    }
}
