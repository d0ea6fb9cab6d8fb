//! An order and its parts, and what follows from them.

use std::time::Duration;

use domain::Time;

use super::world::{World, to_seconds};

/// How far the index behind the search for orders is behind.
pub(super) const INDEX_LAG: Duration = Duration::from_secs(2);

pub(super) struct Order {
    pub(super) id: u64,
    pub(super) number: u64,
    pub(super) placed_at: Time,
    pub(super) updated_at: Time,
    /// Every change, for the index that is behind.
    pub(super) changes: Vec<Time>,
    pub(super) canceled: Option<(Time, String)>,
    pub(super) is_deleted: bool,
    /// Whether the shop takes it for fraud.
    pub(super) is_suspect: bool,
    pub(super) lines: Vec<Line>,
    /// The street, where it is not the one that the buyer gave first.
    pub(super) street: Option<String>,
    pub(super) shipping_minor: i64,
    pub(super) parts: Vec<Part>,
    pub(super) fulfillments: Vec<Fulfillment>,
    pub(super) refunds: Vec<Refund>,
    pub(super) transactions: Vec<Transaction>,
    /// Whether less was taken of what was reserved than the order cost then.
    pub(super) is_part_paid: bool,
}

pub(super) struct Line {
    pub(super) id: u64,
    /// The place of what was sold in [`World::variants`].
    pub(super) variant: usize,
    pub(super) quantity: i64,
    /// Removed or refunded.
    pub(super) removed: i64,
    /// Never to be shipped any more.
    pub(super) unshippable: i64,
}

/// A fulfillment order.
pub(super) struct Part {
    pub(super) id: u64,
    pub(super) status: &'static str,
    pub(super) lines: Vec<PartLine>,
}

pub(super) struct PartLine {
    pub(super) id: u64,
    /// The place of the line in its order.
    pub(super) line: usize,
    pub(super) total: i64,
    pub(super) remaining: i64,
}

pub(super) struct Fulfillment {
    pub(super) id: u64,
    pub(super) created_at: Time,
    pub(super) updated_at: Time,
    pub(super) is_canceled: bool,
    pub(super) tracking: Tracking,
    /// Id, place of the line, units.
    pub(super) lines: Vec<(u64, usize, i64)>,
}

/// Tracking as it was told.
#[derive(Default)]
pub(super) struct Tracking {
    pub(super) company: Option<String>,
    pub(super) numbers: Vec<String>,
    pub(super) urls: Vec<String>,
}

impl Tracking {
    pub(super) fn number(&self) -> Option<&str> {
        self.numbers.first().map(String::as_str)
    }

    /// Numbers with their addresses. A carrier without a number is told as well.
    pub(super) fn parcels(&self) -> Vec<(Option<&str>, Option<&str>)> {
        let told = self.numbers.len().max(self.urls.len());
        let told = told.max(usize::from(self.company.is_some()));
        (0..told)
            .map(|at| {
                let number = self.numbers.get(at).map(String::as_str);
                (number, self.urls.get(at).map(String::as_str))
            })
            .collect()
    }
}

impl Fulfillment {
    pub(super) fn status(&self) -> &'static str {
        if self.is_canceled {
            "CANCELLED"
        } else {
            "SUCCESS"
        }
    }
}

pub(super) struct Refund {
    pub(super) id: u64,
    pub(super) created_at: Time,
    pub(super) note: Option<String>,
    pub(super) lines: Vec<RefundLine>,
    pub(super) minor: i64,
}

pub(super) struct RefundLine {
    pub(super) id: u64,
    pub(super) line: usize,
    pub(super) quantity: i64,
    pub(super) restock_type: String,
}

pub(super) struct Transaction {
    pub(super) id: u64,
    pub(super) kind: &'static str,
    pub(super) minor: i64,
    pub(super) parent: Option<u64>,
    pub(super) created_at: Time,
}

impl Transaction {
    /// Whether money came by it.
    pub(super) fn is_taken(&self) -> bool {
        matches!(self.kind, "SALE" | "CAPTURE")
    }
}

impl Order {
    pub(super) fn gross_minor(&self, world: &World) -> i64 {
        let lines = self.lines.iter();
        lines
            .map(|line| world.variants[line.variant].price.minor() * line.quantity)
            .sum::<i64>()
            + self.shipping_minor
    }

    /// What it costs without what was taken out.
    pub(super) fn current_minor(&self, world: &World) -> i64 {
        let lines = self.lines.iter();
        let removed = lines.map(|line| world.variants[line.variant].price.minor() * line.removed);
        self.gross_minor(world) - removed.sum::<i64>()
    }

    pub(super) fn paid_minor(&self) -> i64 {
        let taken = self.transactions.iter().filter(|made| made.is_taken());
        taken.map(|made| made.minor).sum()
    }

    fn is_reserved(&self) -> bool {
        let mut made = self.transactions.iter();
        made.any(|made| made.kind == "AUTHORIZATION")
    }

    /// What was taken of reserved money.
    pub(super) fn captured_minor(&self) -> i64 {
        let captures = self
            .transactions
            .iter()
            .filter(|made| made.kind == "CAPTURE");
        captures.map(|made| made.minor).sum()
    }

    pub(super) fn refunded_minor(&self) -> i64 {
        self.refunds.iter().map(|refund| refund.minor).sum()
    }

    /// The fulfillments that are not canceled.
    pub(super) fn shipments(&self) -> impl Iterator<Item = &Fulfillment> {
        self.fulfillments.iter().filter(|made| !made.is_canceled)
    }

    pub(super) fn shipped(&self, line: usize) -> i64 {
        let lines = self.shipments().flat_map(|made| &made.lines);
        lines
            .filter(|(_, at, _)| *at == line)
            .map(|(_, _, units)| units)
            .sum()
    }

    pub(super) fn unfulfilled(&self, line: usize) -> i64 {
        let of = &self.lines[line];
        (of.quantity - of.unshippable - self.shipped(line)).max(0)
    }

    pub(super) fn financial_status(&self) -> &'static str {
        let (paid, refunded) = (self.paid_minor(), self.refunded_minor());
        match (paid, refunded) {
            (0, _) if self.canceled.is_some() => "VOIDED",
            (0, _) if self.is_reserved() => "AUTHORIZED",
            (0, _) => "PENDING",
            (_, 0) if self.is_part_paid => "PARTIALLY_PAID",
            (_, 0) => "PAID",
            (paid, refunded) if refunded >= paid => "REFUNDED",
            _ => "PARTIALLY_REFUNDED",
        }
    }

    pub(super) fn fulfillment_status(&self) -> &'static str {
        let open = (0..self.lines.len()).any(|line| self.unfulfilled(line) > 0);
        match (self.shipments().next().is_none(), open) {
            (true, _) if self.canceled.is_some() => "RESTOCKED",
            (true, true) => "UNFULFILLED",
            (true, false) => "RESTOCKED",
            (false, true) => "PARTIALLY_FULFILLED",
            (false, false) => "FULFILLED",
        }
    }

    /// When the index has it changed last, at this time.
    pub(super) fn indexed_at(&self, now: Time) -> Option<Time> {
        let seen = now.minus(INDEX_LAG);
        let changes = self.changes.iter().rev();
        changes
            .copied()
            .find(|change| *change <= seen)
            .map(to_seconds)
    }
}
