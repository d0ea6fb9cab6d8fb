//! An order: its truth, how it settles, and the shape in which eBay shows it.

use std::time::Duration;

use domain::{Currency, ExternalId, Money, Sku, Time};
use serde_json::{Value, json};

use crate::{
    TrueOrder, TrueShipment,
    ebay::{SETTLES, api::amount, stamp},
};

/// How long the seller has to ship.
const HANDLING: Duration = Duration::from_secs(2 * 86_400);

/// An order.
pub(super) struct Order {
    pub(super) id: String,
    pub(super) legacy_id: String,
    pub(super) record: u32,
    pub(super) buyer: u32,
    pub(super) currency: Currency,
    pub(super) delivery_minor: i64,
    pub(super) placed: Time,
    pub(super) modified: Time,
    pub(super) paid: Option<Time>,
    pub(super) cancel: Cancel,
    pub(super) lines: Vec<Line>,
    pub(super) parcels: Vec<Parcel>,
    pub(super) refunds: Vec<Refund>,
}

/// A line of an order.
pub(super) struct Line {
    pub(super) id: String,
    pub(super) sku: Sku,
    pub(super) title: String,
    pub(super) listing: String,
    pub(super) variation: Option<String>,
    pub(super) units: u32,
    pub(super) unit_minor: i64,
}

/// A shipping fulfillment.
pub(super) struct Parcel {
    pub(super) id: String,
    pub(super) carrier: Option<String>,
    pub(super) tracking: Option<String>,
    pub(super) shipped: String,
    pub(super) lines: Vec<(String, u32)>,
}

/// Money on its way back, or back.
pub(super) struct Refund {
    pub(super) id: String,
    pub(super) minor: i64,
    /// The line that it is for; none for the whole order.
    pub(super) line: Option<String>,
    pub(super) issued: Time,
    pub(super) settled: bool,
}

/// Whether an order is being canceled.
pub(super) enum Cancel {
    No,
    /// Accepted, and done a moment after `at`.
    Going(CancelRequest),
    Done(CancelRequest),
}

/// Who canceled, why and when.
#[derive(Clone)]
pub(super) struct CancelRequest {
    pub(super) id: String,
    pub(super) by: &'static str,
    pub(super) reason: String,
    pub(super) at: Time,
}

impl Order {
    fn money(&self, minor: i64) -> Money {
        Money::from_minor(minor, self.currency).expect("prices of a shop are within bounds")
    }

    pub(super) fn total_minor(&self) -> i64 {
        let goods: i64 = self.lines.iter().map(Line::minor).sum();
        goods + self.delivery_minor
    }

    pub(super) fn refunded_minor(&self) -> i64 {
        self.refunds.iter().map(|refund| refund.minor).sum()
    }

    fn settled_minor(&self) -> i64 {
        let settled = self.refunds.iter().filter(|refund| refund.settled);
        settled.map(|refund| refund.minor).sum()
    }

    pub(super) fn is_refund_pending(&self) -> bool {
        self.refunds.iter().any(|refund| !refund.settled)
    }

    pub(super) fn is_canceled(&self) -> bool {
        match self.cancel {
            Cancel::No => false,
            Cancel::Going(_) | Cancel::Done(_) => true,
        }
    }

    /// How much of a line is in parcels.
    pub(super) fn shipped(&self, line: &str) -> u32 {
        let packed = self.parcels.iter().flat_map(|parcel| &parcel.lines);
        packed
            .filter(|(id, _)| id == line)
            .map(|(_, units)| units)
            .sum()
    }

    pub(super) fn is_shipped_in_part(&self) -> bool {
        !self.parcels.is_empty()
    }

    /// What remains of each line.
    pub(super) fn unshipped(&self) -> Vec<(String, u32)> {
        let rest = |line: &Line| line.units.saturating_sub(self.shipped(&line.id));
        self.lines
            .iter()
            .map(|line| (line.id.clone(), rest(line)))
            .filter(|(_, units)| *units > 0)
            .collect()
    }

    /// Lets refunds and cancellations end whose time has come; what goes back on sale is returned.
    pub(super) fn settle(&mut self, now: Time) -> Vec<(String, u32)> {
        for refund in &mut self.refunds {
            let due = refund.issued.plus(SETTLES);
            if !refund.settled && due <= now {
                refund.settled = true;
                self.modified = self.modified.max(due);
            }
        }
        let request = match &self.cancel {
            Cancel::Going(request) if request.at.plus(SETTLES) <= now => request.clone(),
            Cancel::No | Cancel::Going(_) | Cancel::Done(_) => return Vec::new(),
        };
        let due = request.at.plus(SETTLES);
        let rest = self.total_minor() - self.refunded_minor();
        if self.paid.is_some() && rest > 0 {
            self.refunds.push(Refund {
                id: format!("5{}", request.id),
                minor: rest,
                line: None,
                issued: request.at,
                settled: true,
            });
        }
        self.modified = self.modified.max(due);
        self.cancel = Cancel::Done(request);
        let lines = self.lines.iter();
        lines
            .map(|line| (line.sku.to_string(), line.units))
            .collect()
    }

    pub(super) fn truth(&self) -> TrueOrder {
        let sku = |id: &str| {
            let line = self.lines.iter().find(|line| line.id == id);
            line.map(|line| line.sku.clone())
        };
        TrueOrder {
            external_id: ExternalId::new(self.id.clone()),
            placed_at: self.placed,
            lines: self
                .lines
                .iter()
                .map(|line| (line.sku.clone(), line.units))
                .collect(),
            is_canceled: self.is_canceled(),
            is_deleted: false,
            shipments: self
                .parcels
                .iter()
                .map(|parcel| TrueShipment {
                    carrier: parcel.carrier.clone().unwrap_or_default(),
                    tracking_number: parcel.tracking.clone().unwrap_or_default(),
                    lines: parcel
                        .lines
                        .iter()
                        .filter_map(|(id, units)| Some((sku(id)?, *units)))
                        .collect(),
                })
                .collect(),
            refunded_minor: self.refunded_minor(),
            captured_minor: 0,
            given_up: Vec::new(),
            street: self.street(),
        }
    }

    fn fulfillment_status(&self) -> &'static str {
        if self.parcels.is_empty() {
            "NOT_STARTED"
        } else if self.unshipped().is_empty() {
            "FULFILLED"
        } else {
            "IN_PROGRESS"
        }
    }

    pub(super) fn payment_status(&self) -> &'static str {
        match (self.paid, self.settled_minor()) {
            (None, _) => "PENDING",
            (Some(_), 0) => "PAID",
            (Some(_), settled) if settled >= self.total_minor() => "FULLY_REFUNDED",
            (Some(_), _) => "PARTIALLY_REFUNDED",
        }
    }

    /// The status by which lists are filtered.
    pub(super) fn has_fulfillment_status(&self, wanted: &[&str]) -> bool {
        wanted.contains(&self.fulfillment_status())
    }

    /// The order as eBay shows it. Only the single order tells of requests to cancel it.
    pub(super) fn to_json(&self, api_url: &str, is_single: bool) -> Value {
        let address = format!("{api_url}/sell/fulfillment/v1/order/{}", self.id);
        let parcels = self.parcels.iter();
        let hrefs: Vec<String> = parcels
            .map(|parcel| format!("{address}/shipping_fulfillment/{}", parcel.id))
            .collect();
        let goods = self.money(self.total_minor() - self.delivery_minor);
        json!({
            "orderId": self.id,
            "legacyOrderId": self.legacy_id,
            "salesRecordReference": self.record.to_string(),
            "creationDate": stamp(self.placed),
            "lastModifiedDate": stamp(self.modified),
            "orderFulfillmentStatus": self.fulfillment_status(),
            "orderPaymentStatus": self.payment_status(),
            "sellerId": "twin_seller",
            "buyer": { "username": format!("buyer{}", self.buyer), "taxAddress": { "countryCode": "US" } },
            "cancelStatus": self.cancel_status(is_single),
            "fulfillmentHrefs": hrefs,
            "fulfillmentStartInstructions": [self.instruction()],
            "pricingSummary": {
                "priceSubtotal": amount(goods),
                "deliveryCost": amount(self.money(self.delivery_minor)),
                "total": amount(self.money(self.total_minor())),
            },
            "paymentSummary": self.payment_summary(),
            "lineItems": self.lines.iter().map(|line| self.line(line)).collect::<Vec<_>>(),
            "totalMarketplaceFee": amount(self.money(0)),
        })
    }

    fn cancel_status(&self, is_single: bool) -> Value {
        let (state, request, done) = match &self.cancel {
            Cancel::No => return json!({ "cancelState": "NONE_REQUESTED", "cancelRequests": [] }),
            Cancel::Going(request) => ("IN_PROGRESS", request, None),
            Cancel::Done(request) => ("CANCELED", request, Some(request.at.plus(SETTLES))),
        };
        let mut status = json!({ "cancelState": state, "cancelRequests": [] });
        if let Some(done) = done {
            status["cancelledDate"] = json!(stamp(done));
        }
        if is_single {
            let mut told = json!({
                "cancelRequestId": request.id,
                "cancelInitiator": request.by,
                "cancelReason": request.reason,
                "cancelRequestedDate": stamp(request.at),
                "cancelRequestState": if done.is_some() { "COMPLETED" } else { "REQUESTED" },
            });
            if let Some(done) = done {
                told["cancelCompletedDate"] = json!(stamp(done));
            }
            status["cancelRequests"] = json!([told]);
        }
        status
    }

    fn street(&self) -> String {
        format!("{} Main Street", self.buyer)
    }

    fn instruction(&self) -> Value {
        json!({
            "fulfillmentInstructionsType": "SHIP_TO",
            "shippingStep": {
                "shipTo": {
                    "fullName": format!("Buyer {}", self.buyer),
                    "email": format!("buyer{}@example.com", self.buyer),
                    "primaryPhone": { "phoneNumber": "5550100" },
                    "contactAddress": {
                        "addressLine1": self.street(),
                        "city": "Springfield",
                        "stateOrProvince": "IL",
                        "postalCode": "62701",
                        "countryCode": "US",
                    },
                },
                "shippingCarrierCode": "USPS",
                "shippingServiceCode": "USPSPriority",
            },
        })
    }

    fn payment_summary(&self) -> Value {
        let total = amount(self.money(self.total_minor()));
        let mut payment = json!({ "paymentMethod": "EBAY", "amount": total });
        match self.paid {
            Some(at) => {
                payment["paymentStatus"] = json!("PAID");
                payment["paymentDate"] = json!(stamp(at));
            }
            None => payment["paymentStatus"] = json!("PENDING"),
        }
        let of_order = self.refunds.iter().filter(|refund| refund.line.is_none());
        json!({
            "totalDueSeller": amount(self.money(self.total_minor() - self.refunded_minor())),
            "payments": [payment],
            "refunds": of_order.map(|refund| self.refund(refund)).collect::<Vec<_>>(),
        })
    }

    fn refund(&self, refund: &Refund) -> Value {
        let mut told = json!({
            "refundId": refund.id,
            "amount": amount(self.money(refund.minor)),
            "refundStatus": if refund.settled { "REFUNDED" } else { "PENDING" },
        });
        if refund.settled {
            told["refundDate"] = json!(stamp(refund.issued.plus(SETTLES)));
        }
        told
    }

    fn line(&self, line: &Line) -> Value {
        let cost = amount(self.money(line.minor()));
        let shipped = self.shipped(&line.id);
        let status = match shipped {
            0 => "NOT_STARTED",
            units if units >= line.units => "FULFILLED",
            _ => "IN_PROGRESS",
        };
        let refunds: Vec<Value> = self
            .refunds
            .iter()
            .filter(|refund| refund.line.as_deref() == Some(line.id.as_str()))
            .map(|refund| {
                let mut told = self.refund(refund);
                // Refunds of lines come without a status.
                if let Some(fields) = told.as_object_mut() {
                    fields.remove("refundStatus");
                }
                told
            })
            .collect();
        let mut told = json!({
            "lineItemId": line.id,
            "legacyItemId": line.listing,
            "sku": line.sku.as_str(),
            "title": line.title,
            "quantity": line.units,
            "lineItemCost": cost,
            "total": cost,
            "soldFormat": "FIXED_PRICE",
            "listingMarketplaceId": "EBAY_US",
            "purchaseMarketplaceId": "EBAY_US",
            "deliveryCost": { "shippingCost": amount(self.money(0)) },
            "appliedPromotions": [],
            "taxes": [],
            "refunds": refunds,
            "lineItemFulfillmentStatus": status,
            "lineItemFulfillmentInstructions": {
                "shipByDate": stamp(self.placed.plus(HANDLING)),
                "guaranteedDelivery": false,
            },
        });
        if let Some(variation) = &line.variation {
            told["legacyVariationId"] = json!(variation);
        }
        told
    }
}

impl Line {
    pub(super) fn minor(&self) -> i64 {
        self.unit_minor * i64::from(self.units)
    }
}

impl Parcel {
    /// The parcel as eBay shows it.
    pub(super) fn to_json(&self) -> Value {
        let lines = self.lines.iter();
        let lines: Vec<Value> = lines
            .map(|(id, units)| json!({ "lineItemId": id, "quantity": units }))
            .collect();
        let mut told = json!({
            "fulfillmentId": self.id,
            "shippedDate": self.shipped,
            "lineItems": lines,
        });
        if let (Some(carrier), Some(tracking)) = (&self.carrier, &self.tracking) {
            told["shippingCarrierCode"] = json!(carrier);
            told["shipmentTrackingNumber"] = json!(tracking);
        }
        told
    }
}
