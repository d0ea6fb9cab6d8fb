//! How the number of an item came to be, in plain sentences, and what each channel was told.
//!
//! It reads what the ledger, the claims and the offers say, and computes nothing that they do not.

use domain::{
    AccountId, Quantity, Sku,
    book::Drift,
    buffer::Tuned,
    ids::DriftId,
    item::{Item, ItemKind},
    offer::{Offer, QuantityMeaning, Suppression},
    order::Order,
    rules::{self, Case},
    stock::{Cause, Claim, Condition, LocationId, Movement, Stock},
};
use store::{Row, StoreError};

use crate::{
    Engine,
    account::Mode,
    rows,
    rows::prefix,
    views::{
        Level, Sellable, Units, Walk,
        listings::{self, ListingView},
        read, sellable, words,
    },
};

/// How many of the latest movements are told one by one; the older ones in one sentence.
const MOVEMENTS_TOLD: usize = 20;
/// How many promises are told one by one.
const CLAIMS_TOLD: usize = 20;

/// Says it; nothing when there is no such item.
pub async fn explain(engine: &Engine, sku: &Sku) -> Result<Option<Vec<String>>, StoreError> {
    let item: Option<Item> = read(engine, rows::ITEMS, &[sku.as_str()]).await?;
    let Some(item) = item else { return Ok(None) };
    let found = sellable(engine, &item).await?;
    let mut said = vec![what_it_is(&item)];
    match &item.kind {
        ItemKind::Good => {
            said.extend(movements(engine, &item, found.stock.as_ref()).await?);
            said.extend(claims(engine, &item, found.stock.as_ref()).await?);
            said.extend(owed(engine, &item, found.stock.as_ref()).await?);
            said.extend(lying(engine, &item, found.stock.as_ref()));
            said.push(good_sum(&item, found.stock.as_ref()));
        }
        ItemKind::Kit(_) => said.extend(kit_sum(&item, &found)),
        ItemKind::Service => {}
    }
    said.extend(by_account(engine, &item, &found));
    let listings = listings::of_item(engine, sku).await?;
    if listings.is_empty() {
        said.push("It is offered nowhere: no listing has this SKU.".to_owned());
    }
    for listing in listings {
        let at = [listing.account.as_str(), listing.listing.as_str()];
        let offer: Option<Offer> = read(engine, rows::OFFERS, &at).await?;
        let is_doubted = offer.as_ref().is_some_and(|offer| offer.is_doubted);
        let tuned = offer.and_then(|offer| offer.tuned);
        said.extend(tell_listing(engine, &item, &listing, tuned.as_ref()));
        if is_doubted {
            said.push(DOUBTED.to_owned());
        } else if is_in_doubt(engine, &listing) {
            said.push(IN_DOUBT.to_owned());
        }
        said.extend(drifting(engine, &listing, item.scale).await?);
        said.extend(throttled(engine, &listing));
        said.extend(formula_error(
            engine,
            &item,
            &listing,
            tuned.as_ref(),
            found.on(&item, &engine.decider.policy().locations, &listing.account),
        ));
    }
    Ok(Some(said))
}

fn what_it_is(item: &Item) -> String {
    let title = if item.title.is_empty() {
        String::new()
    } else {
        format!(" ({})", item.title)
    };
    let sku = &item.sku;
    match &item.kind {
        ItemKind::Good if item.scale > 0 => {
            let scale = item.scale;
            format!("{sku}{title} is a good, counted with {scale} decimals.")
        }
        ItemKind::Good => format!("{sku}{title} is a good, counted in pieces."),
        ItemKind::Kit(_) => {
            format!("{sku}{title} is a kit: it has no stock of its own, it takes its components.")
        }
        ItemKind::Service => {
            format!("{sku}{title} is a service: it has no stock, and selling it takes none.")
        }
    }
}

async fn movements(
    engine: &Engine,
    item: &Item,
    stock: Option<&Stock>,
) -> Result<Vec<String>, StoreError> {
    let below = prefix(&[item.sku.as_str()]);
    let mut walk = Walk::new(engine, rows::MOVEMENTS, below.clone(), None);
    let Some((begin, row)) = walk.next().await? else {
        let said = "Nothing of it was ever counted, received or shipped.";
        return Ok(vec![said.to_owned()]);
    };
    let decode = |row: &Row| rows::decode::<Movement>(rows::MOVEMENTS, &row.value);
    // The first one says where the number began, so it is always told.
    let first = decode(&row)?;
    let mut walk = Walk::new(engine, rows::MOVEMENTS, below, None).back();
    let (mut latest, mut older_count, mut is_all) = (Vec::new(), 0_usize, false);
    while let Some((key, row)) = walk.next().await? {
        if key == begin {
            is_all = true;
            break;
        }
        match latest.len() < MOVEMENTS_TOLD - 1 {
            true => latest.push(decode(&row)?),
            false => older_count += 1,
        }
    }
    latest.reverse();
    let mut said = vec![tell_movement(engine, item, &first, true).await?];
    if older_count > 0 {
        // What lies there is the sum of all.
        let told = latest.iter().map(|movement| movement.delta);
        let told: Quantity = told.chain([first.delta]).sum();
        let lying = stock.iter().flat_map(|stock| stock.positions.values());
        let all: Quantity = lying.flat_map(|here| here.values().copied()).sum();
        let sum = signed(Units::new(all.minus(told), item.scale));
        let count = at_least(older_count, is_all);
        said.push(format!("Then {count} older movements came to {sum}."));
    }
    for movement in &latest {
        said.push(tell_movement(engine, item, movement, false).await?);
    }
    Ok(said)
}

/// How many, where perhaps not all were counted.
fn at_least(count: usize, is_all: bool) -> String {
    match is_all {
        true => count.to_string(),
        false => format!("{count} or more"),
    }
}

async fn tell_movement(
    engine: &Engine,
    item: &Item,
    movement: &Movement,
    is_first: bool,
) -> Result<String, StoreError> {
    let units = Units::new(movement.delta, item.scale);
    let (at, location) = (movement.at, &movement.location);
    Ok(match &movement.cause {
        Cause::Opening { account } if is_first => format!(
            "On {at} counting began with {units} at {location}: that is what {account} showed, and what it \
             had already taken off for orders that had not left."
        ),
        Cause::Opening { account } => {
            let change = signed(units);
            format!(
                "On {at} it was counted, which changed it by {change} at {location}: to what {account} showed, \
                 and what it had already taken off for orders that had not left."
            )
        }
        Cause::Adjustment { reason, by } => {
            let change = signed(units);
            format!("On {at} {by} changed it by {change} at {location}: {reason}.")
        }
        Cause::Shipped { order, line } => {
            let order = order_name(engine, order.to_string()).await?;
            let left = Units::new(movement.delta.negated(), item.scale);
            format!("On {at} {left} left {location} for {order}, line {line}.")
        }
        Cause::Returned { order, line } => {
            let order = order_name(engine, order.to_string()).await?;
            format!("On {at} {units} came back to {location}, of {order}, line {line}.")
        }
        Cause::Scrapped {
            order, reason, by, ..
        } => {
            let order = order_name(engine, order.to_string()).await?;
            let gone = Units::new(movement.delta.negated(), item.scale);
            format!(
                "On {at} {by} threw {gone} away at {location} that had come back of {order}: {reason}."
            )
        }
        Cause::Voided { order, line } => {
            let order = order_name(engine, order.to_string()).await?;
            format!("On {at} {units} came back to {location}: {order}, line {line}, had not left.")
        }
        Cause::LeftBeforeCount { order, as_of } => {
            let order = order_name(engine, order.to_string()).await?;
            format!(
                "On {at} {units} were put back at {location}: {order} had left before it was counted as of \
                 {as_of}, so the count had taken them off already."
            )
        }
        cause @ (Cause::Transferred { .. }
        | Cause::Received { .. }
        | Cause::Sorted { .. }
        | Cause::Counted { .. }) => {
            let (change, why) = (signed(units), words::cause(cause));
            let condition = match movement.condition {
                Condition::Sellable => String::new(),
                other
                @ (Condition::Damaged | Condition::Quality | Condition::ReturnedUnchecked) => {
                    format!(" ({})", other.words())
                }
            };
            format!("On {at} it changed by {change} at {location}{condition}: {why}.")
        }
    })
}

async fn order_name(engine: &Engine, id: String) -> Result<String, StoreError> {
    let order: Option<Order> = read(engine, rows::ORDERS, &[&id]).await?;
    Ok(match order {
        Some(order) => format!("order {} of {}", order.number, order.account),
        None => format!("order {id}"),
    })
}

async fn claims(
    engine: &Engine,
    item: &Item,
    stock: Option<&Stock>,
) -> Result<Vec<String>, StoreError> {
    let below = prefix(&[item.sku.as_str()]);
    let mut walk = Walk::new(engine, rows::CLAIMS, below, None);
    let mut said = Vec::new();
    let (mut told, mut more_count) = (Quantity::ZERO, 0_usize);
    while let Some((_, row)) = walk.next().await? {
        if said.len() >= CLAIMS_TOLD {
            more_count += 1;
            continue;
        }
        let claim: Claim = rows::decode(rows::CLAIMS, &row.value)?;
        told = told.plus(claim.open());
        let order = order_name(engine, claim.order.to_string()).await?;
        let units = Units::new(claim.open(), item.scale);
        let place = place_of(&claim, item.scale);
        let line = claim.line;
        said.push(format!(
            "{units} are promised to {order}, line {line}: {place}."
        ));
    }
    if more_count > 0 {
        // What is promised is the sum of all open claims.
        let all = stock.map(|stock| stock.allocated_total().plus(stock.pending));
        let units = Units::new(all.unwrap_or_default().minus(told), item.scale);
        let is_all = walk.rest().await?.is_none();
        let count = at_least(more_count, is_all);
        said.push(format!(
            "{units} more are promised to {count} more order lines."
        ));
    }
    Ok(said)
}

/// What is owed of an item, order by order, the oldest first.
async fn owed(
    engine: &Engine,
    item: &Item,
    stock: Option<&Stock>,
) -> Result<Vec<String>, StoreError> {
    let Some(all) = stock
        .map(|stock| stock.owed)
        .filter(|all| all.is_positive())
    else {
        return Ok(Vec::new());
    };
    let mut walk = Walk::summing(engine, rows::SHORT_ORDERS, prefix(&[item.sku.as_str()]));
    let mut said = Vec::new();
    let mut more = all;
    while let Some((key, _)) = walk.next().await? {
        if said.len() >= CLAIMS_TOLD {
            break;
        }
        let order: Option<Order> = read(engine, rows::ORDERS, &[&rows::last_part(&key)]).await?;
        let Some(order) = order else { continue };
        for line in &order.lines {
            let per_unit = line.item.as_ref().and_then(|one| one.bill.get(&item.sku));
            let (Some(promise), Some(per_unit)) = (line.owed, per_unit) else {
                continue;
            };
            let units = per_unit.times(promise.units.units());
            more = more.minus(units);
            said.push(format!(
                "{} are owed to order {} of {}, line {}, until {}, {}.",
                Units::new(units, item.scale),
                order.number,
                order.account,
                line.number,
                promise.until,
                words::owed(promise.kind)
            ));
        }
    }
    if more.is_positive() {
        let more = Units::new(more, item.scale);
        said.push(format!("{more} more are owed to younger orders."));
    }
    let all = Units::new(all, item.scale);
    said.push(format!(
        "So {all} are owed in all: sold before they are there, and no incident before their dates. What \
         comes in covers the oldest order first."
    ));
    Ok(said)
}

/// What lies at each location, where several are declared.
fn lying(engine: &Engine, item: &Item, stock: Option<&Stock>) -> Vec<String> {
    let policy = engine.decider.policy();
    let Some(stock) = stock.filter(|_| !policy.locations.declared().is_empty()) else {
        return Vec::new();
    };
    let tell = |location: &LocationId| {
        let units = |quantity| Units::new(quantity, item.scale);
        let here = stock.on_hand_at(location);
        let mut said = match here < Quantity::ZERO {
            true => format!(
                "From {location} {} more have left than were known to lie there, or where they could \
                 have come from: count {location}",
                units(here.negated())
            ),
            false => format!("At {location} lie {}", units(here)),
        };
        let bound = stock.allocated.get(location).copied().unwrap_or_default();
        if bound.is_positive() {
            said.push_str(&format!(", {} of them to leave from there", units(bound)));
        }
        let positions = stock.positions.get(location).into_iter().flatten();
        for (condition, quantity) in positions {
            if *condition != Condition::Sellable && !quantity.is_zero() {
                let words = condition.words();
                said.push_str(&format!(", and {} that are {words}", units(*quantity)));
            }
        }
        if policy.locations.get(location).is_none() {
            said.push_str("; it is not declared in [[locations]], so it serves every account");
        }
        let incoming = stock.incoming_at(location);
        if incoming.is_positive() {
            said.push_str(&format!(
                "; {} more are on their way there",
                units(incoming)
            ));
        }
        format!("{said}.")
    };
    stock.places().into_iter().map(tell).collect()
}

/// What can be sold on each account, where some are served from fewer locations than others.
fn by_account(engine: &Engine, item: &Item, found: &Sellable) -> Vec<String> {
    let policy = engine.decider.policy();
    let locations = &policy.locations;
    let accounts = engine.accounts.keys();
    if locations.count_areas(accounts.clone()) < 2 {
        return Vec::new();
    }
    let tell = |account: &AccountId| {
        let units = Units::new(found.on(item, locations, account)?, item.scale);
        let serving = locations
            .declared()
            .iter()
            .filter(|one| one.serves(account));
        let serving: Vec<&str> = serving.map(|one| one.id.as_str()).collect();
        Some(match serving.as_slice() {
            [] => format!("On {account} {units} can be sold: no location serves it."),
            [only] => format!("On {account} {units} can be sold: only {only} serves it."),
            several => {
                let several = several.join(", ");
                format!("On {account} {units} can be sold: {several} serve it.")
            }
        })
    };
    accounts.filter_map(tell).collect()
}

/// Where promised units leave from.
fn place_of(claim: &Claim, scale: u8) -> String {
    let mut places: Vec<String> = claim
        .places
        .iter()
        .map(|(location, units)| match *units == claim.open() {
            true => format!("to leave from {location}"),
            false => format!("{} to leave from {location}", Units::new(*units, scale)),
        })
        .collect();
    if places.is_empty() {
        return "no location is chosen yet".to_owned();
    }
    if claim.pending().is_positive() {
        let pending = Units::new(claim.pending(), scale);
        places.push(format!("for {pending} no location is chosen yet"));
    }
    places.join(", ")
}

fn good_sum(item: &Item, stock: Option<&Stock>) -> String {
    let units = |quantity| Units::new(quantity, item.scale);
    match stock.filter(|stock| stock.is_counted) {
        Some(stock) => {
            let on_hand = units(stock.on_hand());
            let (allocated, pending) = (units(stock.allocated_total()), units(stock.pending));
            let sellable = units(stock.sellable());
            let missing = match stock.missing.is_positive() {
                true => format!(
                    " {} more were sold and are not there: `oneshelf incidents` shows the ways out.",
                    units(stock.missing)
                ),
                false => String::new(),
            };
            format!(
                "So {on_hand} are there, {allocated} of them are promised with a location and {pending} \
                 without, and {sellable} can still be sold.{missing}"
            )
        }
        None => "It was never counted, so it is not known how many can be sold. Unknown is not zero: no \
                 channel is told anything before it is counted."
            .to_owned(),
    }
}

fn kit_sum(item: &Item, found: &Sellable) -> Vec<String> {
    let mut said = Vec::new();
    for part in &found.components {
        let (sku, per_kit) = (&part.sku, Units::new(part.per_kit, part.scale));
        said.push(match (part.sellable, part.kits) {
            (Some(can_be_sold), Some(kits)) => {
                let can_be_sold = Units::new(can_be_sold, part.scale);
                format!(
                    "A kit takes {per_kit} of {sku}; {can_be_sold} of it can be sold, enough for {kits} kits."
                )
            }
            (None, _) | (_, None) => {
                format!("A kit takes {per_kit} of {sku}, which was never counted.")
            }
        });
    }
    let scarcest = found
        .components
        .iter()
        .filter(|part| part.kits.is_some())
        .min_by_key(|part| part.kits);
    said.push(match (found.units, scarcest) {
        (Some(units), Some(scarcest)) => {
            let units = Units::new(units, item.scale);
            let scarcest = &scarcest.sku;
            format!("The scarcest is {scarcest}, so {units} kits can still be sold.")
        }
        (None, _) | (_, None) => {
            "So it is not known how many kits can be sold, and no channel is told anything."
                .to_owned()
        }
    });
    said
}

fn tell_listing(
    engine: &Engine,
    item: &Item,
    listing: &ListingView,
    tuned: Option<&Tuned>,
) -> Vec<String> {
    let (account, id) = (&listing.account, &listing.listing);
    let name = format!("Listing {id} on {account}");
    if let Some(suppressed) = &listing.suppressed {
        let reason = suppressed.reason;
        return vec![match &listing.wanted {
            Some(wanted) => format!(
                "{name} may show {} since {}, and no more for now: {reason}.",
                wanted.quantity, wanted.at
            ),
            None => format!("{name} is told nothing: {reason}."),
        }];
    }
    let policy = engine.decider.policy();
    let mut rule = policy.rules.find(account, item, &listing.categories);
    if !item.is_stocked() {
        // What is owed are its components, by their own rules.
        rule.owing = domain::owed::Owing::default();
    }
    let buffer = words::buffer(&rule, tuned, item.scale);
    let rule = words::rule(&rule, tuned, item.scale, engine.ports.clock.now());
    let mut said = vec![match &listing.offer {
        Some(offer) => format!(
            "{name} may show {rule}: {} since {}.",
            offer.quantity, offer.at
        ),
        None => format!("{name} may show {rule}."),
    }];
    said.extend(buffer);
    if listing.owed.quantity().is_positive() {
        let why = match item.kind {
            ItemKind::Kit(_) => "what each is made of may be owed",
            ItemKind::Good | ItemKind::Service => "they may be owed",
        };
        said.push(format!(
            "{} of what it may show are not there: {why}.",
            listing.owed
        ));
    }
    said.extend(why_zero(listing));
    if let (Some(offer), Some(wanted)) = (&listing.offer, &listing.wanted)
        && offer.quantity != wanted.quantity
    {
        let meaning = policy.accounts.get(account).map(|terms| terms.meaning);
        let why = match meaning {
            Some(QuantityMeaning::OnHand) => {
                "there the number means what lies on the shelf, promised units included"
            }
            Some(QuantityMeaning::Available | QuantityMeaning::Unreserved) | None => {
                "it will itself take off units of orders that it has not counted yet"
            }
        };
        let (quantity, at) = (wanted.quantity, wanted.at);
        said.push(format!("It is told {quantity} since {at}, because {why}."));
    }
    said.extend(told(listing));
    said.extend(under_way(engine, listing));
    said
}

/// What is said of a listing that answered a write with another level than we believed.
const DOUBTED: &str = "The channel refused the last write, because it shows something else than we believed: \
                       its orders and its level are read first, and then it is written again.";

/// What is said of one whose level was read and is neither what we believe nor what we may have written.
const IN_DOUBT: &str = "The channel shows something else than we believe: its orders are being read to find \
                        out why, and then it is written.";

/// Whether a listing waits for its level to be explained, or it is just being.
fn is_in_doubt(engine: &Engine, listing: &ListingView) -> bool {
    let account = engine.accounts.get(&listing.account);
    account.is_some_and(|account| account.doubts.has(&listing.listing))
}

/// The open case of drift of a listing.
async fn drifting(
    engine: &Engine,
    listing: &ListingView,
    scale: u8,
) -> Result<Option<String>, StoreError> {
    let at = [listing.account.as_str(), listing.listing.as_str()];
    let open: Option<DriftId> = read(engine, rows::OPEN_DRIFTS, &at).await?;
    let Some(id) = open else { return Ok(None) };
    let drift: Option<Drift> = read(engine, rows::DRIFTS, &[&id.to_string()]).await?;
    Ok(drift.map(|drift| {
        let units = |quantity| Units::new(quantity, scale);
        let (shows, should) = (units(drift.observed), units(drift.expected));
        let account = engine.accounts.get(&listing.account);
        let fate = if drift.is_held {
            "The breaker holds it: nothing is written before a person looks"
        } else if account.is_some_and(|account| !account.may_write_levels()) {
            "Ours will be written over it, but nothing is written to this account now"
        } else {
            "Ours is written over it"
        };
        format!(
            "It shows {shows} and should show {should}, which is explained by no order that we know: case {id} \
             is open since {}. {fate}; `oneshelf drift show {id}` has the evidence.",
            drift.opened_at
        )
    }))
}

/// Whether the channel asked us to wait.
fn throttled(engine: &Engine, listing: &ListingView) -> Option<String> {
    let account = engine.accounts.get(&listing.account)?;
    let until = account
        .levels_wait_until()
        .filter(|until| *until > engine.ports.clock.now())?;
    let is_due =
        listing.wanted.map(|level| level.quantity) != listing.believed.map(|level| level.quantity);
    is_due.then(|| format!("The channel asked us to wait: nothing is sent to it before {until}."))
}

/// Why the formula of a listing gives no number.
fn formula_error(
    engine: &Engine,
    item: &Item,
    listing: &ListingView,
    tuned: Option<&Tuned>,
    sellable: Option<Quantity>,
) -> Option<String> {
    if listing.suppressed.as_ref()?.code != Suppression::Formula {
        return None;
    }
    let policy = engine.decider.policy();
    let rule = policy
        .rules
        .find(&listing.account, item, &listing.categories);
    let case = Case {
        account: &listing.account,
        tuned,
        has_ended: listing.ended.is_some(),
        room: Quantity::ZERO,
        scale: item.scale,
    };
    let error = rules::compute(sellable?, &rule, case)?.err()?;
    let formula = rule.formula?;
    Some(format!(
        "The formula `{}` gives no number: {error}. Until it does, what is shown there falls with what can be \
         sold, and never rises.",
        formula.0.text()
    ))
}

/// Which rule made it zero, if one did.
fn why_zero(listing: &ListingView) -> Option<String> {
    let (account, id) = (&listing.account, &listing.listing);
    match (&listing.ended, &listing.zeroed) {
        (Some(ended), _) => Some(format!(
            "It ended on {}, when {} could be sold. It shows 0 until stock is received or counted, or a \
             person says `oneshelf listings lift {account} {id}`.",
            ended.at, ended.quantity
        )),
        (None, Some(zeroed)) => Some(format!("It shows 0 because {}.", zeroed.reason)),
        (None, None) => None,
    }
}

fn told(listing: &ListingView) -> Vec<String> {
    let mut said = Vec::new();
    match (&listing.sent, &listing.acknowledged) {
        (None, _) => said.push("It was never written to.".to_owned()),
        (Some(sent), Some(acknowledged)) if acknowledged.at >= sent.at => said.push(format!(
            "It was last told {} on {}, and the channel took it on {}.",
            sent.quantity, sent.at, acknowledged.at
        )),
        (Some(sent), Some(acknowledged)) => said.push(format!(
            "It was last told {} on {}; the last level that the channel took was {} on {}.",
            sent.quantity, sent.at, acknowledged.quantity, acknowledged.at
        )),
        (Some(sent), None) => said.push(format!(
            "It was last told {} on {}, and the channel has not taken it yet.",
            sent.quantity, sent.at
        )),
    }
    if let Some(read_back) = &listing.read_back {
        let (quantity, at) = (read_back.quantity, read_back.at);
        said.push(format!("It was last seen to show {quantity} on {at}."));
    }
    if let Some(edit) = &listing.edit {
        let by = edit.by.as_deref().unwrap_or("somebody");
        let fate = if edit.is_taken {
            "and the stock followed, because that account decides about stock"
        } else {
            "and ours was written again, because the ledger decides about stock"
        };
        let (from, to, at) = (edit.from, edit.to, edit.at);
        said.push(format!(
            "On {at} it was seen that {by} had changed it there from {from} to {to}, {fate}."
        ));
    }
    if let Some(reason) = listing.held {
        said.push(format!("The breaker holds it: {reason}."));
    }
    said
}

fn under_way(engine: &Engine, listing: &ListingView) -> Vec<String> {
    let mut said = Vec::new();
    if let Some(reason) = &listing.parked {
        said.push(format!("It waits for a person: {reason}."));
    }
    if let Some(attempt) = &listing.attempt {
        let outcome = if attempt.is_ambiguous {
            ", and the outcome of the last try is unknown"
        } else {
            ""
        };
        said.push(format!(
            "A push of {} is under way, tried {} times{outcome}; not sent again before {}.",
            attempt.quantity, attempt.tries, attempt.next_at
        ));
    }
    if let Some(until) = listing.spared_until {
        let limit = engine.accounts.get(&listing.account);
        let limit = limit.and_then(|account| account.descriptor().writes_per_listing_per_day);
        said.push(format!(
            "The channel takes {} writes of a listing in a day; to keep some for later, nothing is written \
             before {until}.",
            limit.map_or_else(String::new, |limit| limit.to_string())
        ));
    }
    if let Some(would) = &listing.would_write {
        let account = engine.accounts.get(&listing.account);
        let why = match account {
            Some(account) if account.is_frozen() => "the account is frozen".to_owned(),
            Some(account) if account.may_write() => "writing its stock is paused".to_owned(),
            Some(account) if account.mode() == Mode::Live => {
                "its levels are compared first, because history may have been lost".to_owned()
            }
            Some(account) => format!("the account is in mode {}", words::mode(account.mode())),
            None => "the account is not configured any more".to_owned(),
        };
        let from = would
            .from
            .map_or_else(|| "an unknown level".to_owned(), |from| from.to_string());
        let to = would.to;
        said.push(format!(
            "Nothing is written because {why}; otherwise it would be set from {from} to {to}."
        ));
    } else if listing.attempt.is_none() && listing.parked.is_none() && listing.held.is_none() {
        let of = |level: Option<Level>| level.map(|level| level.quantity);
        let (shows, should) = (of(listing.believed), of(listing.wanted));
        said.push(match (shows, should) {
            (shows, should) if shows == should => "It shows what it should.".to_owned(),
            (Some(shows), Some(should)) => {
                format!("It shows {shows} by what we know; writing {should} waits for its turn.")
            }
            (_, _) => "What it shows is read before anything is written.".to_owned(),
        });
    }
    said
}

fn signed(units: Units) -> String {
    if units.quantity().is_positive() {
        format!("+{units}")
    } else {
        units.to_string()
    }
}
