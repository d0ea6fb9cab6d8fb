//! Which rate makes a tax, where the amounts say it.

use super::Taxed;
use crate::{Decimal, Quantity};

/// From here on a minor unit moves a rate by so little that an exact one is no chance.
const NET_TELLING: i128 = 1_000;
/// No tax on a sale is more than this, in percent.
const RATE_MAX: i128 = 100;
/// Rates are told to a thousandth of a percent.
const RATE_SCALE: u8 = 3;

/// The rate at which this is taxed. Of the rates that a seller charges it is the only one that makes the tax but
/// for `times` roundings; where the seller names none, one that makes it exactly.
pub(super) fn rate_of(taxed: Taxed, rates: &[Decimal], times: i128) -> Option<Decimal> {
    if taxed.net == 0 {
        return None;
    }
    if taxed.tax == 0 {
        return Some(Decimal::ZERO);
    }
    if rates.is_empty() {
        return exact(taxed);
    }
    let mut made = rates.iter().filter(|rate| makes(taxed, **rate, times));
    let first = made.next()?;
    made.all(|rate| rate == first).then_some(*first)
}

/// Whether a rate makes the tax but for so many roundings of up to one minor unit each.
pub(super) fn makes(taxed: Taxed, rate: Decimal, times: i128) -> bool {
    let (digits, scale) = rate.parts();
    let Some(one) = 10_i128.checked_pow(u32::from(scale).saturating_add(2)) else {
        return false;
    };
    let made = taxed.net.checked_mul(i128::from(digits));
    let (Some(made), Some(said)) = (made, taxed.tax.checked_mul(one)) else {
        return false;
    };
    made.abs_diff(said) <= one.unsigned_abs().saturating_mul(times.unsigned_abs())
}

fn exact(taxed: Taxed) -> Option<Decimal> {
    let Taxed { net, tax } = taxed;
    let one = 10_i128.pow(u32::from(RATE_SCALE));
    let parts = tax.checked_mul(one * 100)?;
    let is_telling = net >= NET_TELLING && tax > 0 && parts % net == 0;
    let rate = parts.checked_div(net)?;
    if !is_telling || rate > RATE_MAX * one {
        return None;
    }
    let rate = Quantity::new(i64::try_from(rate).ok()?).ok()?;
    Some(rate.to_decimal(RATE_SCALE))
}
