//! Running the rules of orders at the end of what a signal changed, before locations are chosen.
//!
//! A rule runs once for each of its moments in the life of an order, and again only when a channel changes the
//! order and the rule waits for that. What holds, tags and routes is part of the same decision, so nothing is
//! sent in between. A rule whose condition fails does nothing, and is shown.

use std::collections::BTreeMap;

use crate::{
    fact::Event,
    ids::OrderId,
    order::Hold,
    order_rules::{Moment, OrderRule, Outcome, RUNS_MAX, Run, Standing, TAGS_MAX, Then, ask, seen},
};

use super::{Desk, Undecided};

/// Where the orders of a book stood before a decision, where there are rules that ask.
pub(super) fn standings(desk: &Desk<'_>) -> BTreeMap<OrderId, Standing> {
    if desk.context.policy.order_rules.is_empty() {
        return BTreeMap::new();
    }
    let orders = desk.book.orders.iter();
    orders
        .map(|(id, order)| (*id, Standing::of(order, &desk.book)))
        .collect()
}

impl Desk<'_> {
    /// Runs the rules whose moment has come.
    pub(super) fn run_rules(
        &mut self,
        before: &BTreeMap<OrderId, Standing>,
    ) -> Result<(), Undecided> {
        let policy = std::sync::Arc::clone(&self.context.policy);
        if policy.order_rules.is_empty() {
            return Ok(());
        }
        let ids: Vec<OrderId> = self.book.orders.keys().copied().collect();
        for id in ids {
            for moment in Moment::ALL {
                // What an earlier moment held is not ready any more.
                let now = Standing::of(self.order(id)?, &self.book);
                if !Standing::has_come(moment, before.get(&id), &now) {
                    continue;
                }
                for rule in policy.order_rules.iter().filter(|rule| rule.on == moment) {
                    self.run_rule(id, rule, before.contains_key(&id))?;
                }
            }
        }
        Ok(())
    }

    fn run_rule(&mut self, id: OrderId, rule: &OrderRule, is_known: bool) -> Result<(), Undecided> {
        let (order, at) = (self.order(id)?, self.now());
        let mut runs = order.runs.iter();
        let has_run = runs.any(|run| run.rule == rule.name && run.on == rule.on);
        if has_run && !rule.on.comes_again() {
            return Ok(());
        }
        let (answer, saw) = ask(rule, &seen(order, &self.book));
        let (name, on) = (rule.name.clone(), rule.on);
        let outcome = match answer {
            Ok(true) => {
                let did = self.act(id, rule, is_known)?;
                let event = Event::RuleMatched {
                    rule: name.clone(),
                    on,
                    saw: saw.clone(),
                    did: did.clone(),
                };
                self.record_for(id, event);
                Outcome::Matched { did }
            }
            Ok(false) => Outcome::NotMatched,
            Err(error) => {
                let event = Event::RuleFailed {
                    rule: name.clone(),
                    on,
                    error: error.clone(),
                };
                self.record_for(id, event);
                Outcome::Failed { error }
            }
        };
        let runs = &mut self.order_mut(id)?.runs;
        runs.retain(|run| run.rule != name || run.on != on);
        if runs.len() >= RUNS_MAX {
            runs.remove(0);
        }
        runs.push(Run {
            rule: name,
            on,
            at,
            saw,
            outcome,
        });
        Ok(())
    }

    /// Does what a rule says, and says what that was.
    fn act(
        &mut self,
        id: OrderId,
        rule: &OrderRule,
        is_known: bool,
    ) -> Result<Vec<String>, Undecided> {
        let Then {
            hold: _,
            tag,
            route,
            priority,
            notify,
        } = &rule.then;
        let mut did = Vec::new();
        did.extend(self.hold_by_rule(id, rule)?);
        let order = self.order_mut(id)?;
        for tag in tag {
            let has_room = order.tags.len() < TAGS_MAX;
            if has_room && order.tags.insert(tag.clone()) {
                did.push(format!("tagged {tag}"));
            }
        }
        if let Some(location) = route {
            order.route = Some(location.clone());
            order.routed_by = Some(rule.name.clone());
            did.push(format!("routed to {location}"));
        }
        if let Some(priority) = priority {
            order.priority = *priority;
            did.push(format!("given priority {priority}"));
        }
        for notice in notify {
            did.push(self.tell_by_rule(id, notice, is_known)?);
        }
        Ok(did)
    }

    fn hold_by_rule(&mut self, id: OrderId, rule: &OrderRule) -> Result<Option<String>, Undecided> {
        let Some(asked) = &rule.then.hold else {
            return Ok(None);
        };
        let owner = format!("rule:{}", rule.name);
        let since = self.now();
        let order = self.order_mut(id)?;
        if !order.needs_person() {
            return Ok(Some(
                "not held, as nothing of it is left to be sent".to_owned(),
            ));
        }
        let is_so = |hold: &Hold| hold.owner == owner && hold.reason == asked.reason;
        if order.active_holds().any(is_so) {
            return Ok(Some("held already".to_owned()));
        }
        order.holds.push(Hold {
            reason: asked.reason.clone(),
            owner: owner.clone(),
            since,
            until: asked.settle_within.map(|within| since.plus(within)),
            keeps_claim: asked.keeps_claim,
            released_at: None,
            released_by: None,
            asked: None,
        });
        let reason = asked.reason.clone();
        self.record_for(id, Event::HoldPlaced { reason, owner });
        self.settle_claims(id)?;
        let Some(notice) = &asked.ask else {
            return Ok(Some("held".to_owned()));
        };
        self.ask(id, &asked.reason, notice)?;
        Ok(Some(format!(
            "held, and `{}` is to be sent",
            notice.message
        )))
    }
}
