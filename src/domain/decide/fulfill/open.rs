//! Opening tasks: which units are worked on where.

use crate::{
    Decimal, Quantity,
    fulfillment::{FulfillmentRefusal, TASKS_MAX, Task, TaskLine, Work},
    ids::{OrderId, TaskId},
    order::Order,
    stock::LocationId,
};

use super::{
    super::{
        Desk, Undecided, Verdict,
        command::{named_units, refuse, refuse_unless_ours},
        places,
        ship::refuse_unless_ready,
    },
    Parts, refuse_beyond,
};

pub(super) fn open(
    desk: &mut Desk<'_>,
    id: OrderId,
    location: Option<&LocationId>,
    asked: &[(u32, Decimal)],
    by: &str,
) -> Result<Verdict, Undecided> {
    refuse_unless_ready(desk, id)?;
    if let Some(location) = location {
        refuse_unless_ours(desk, id, location)?;
    }
    let mut free = read_free(desk.order(id)?, asked)?;
    bind(desk, id, location, by)?;
    let order = desk.order(id)?;
    let tasks_left = TASKS_MAX.saturating_sub(order.tasks.len());
    let mut opened = Vec::new();
    for at in work_places(desk, order, location) {
        let lines = take_free(&mut free, &there(desk, order, &at));
        if !lines.is_empty() {
            opened.push((at, lines));
        }
    }
    take_services(desk, id, &mut free, &mut opened, location)?;
    if opened.is_empty() {
        return refuse(why_nothing_opens(desk, id, location, &free)?.into());
    }
    if opened.len() > tasks_left {
        return refuse(FulfillmentRefusal::TooMany(TASKS_MAX, "tasks").into());
    }
    for (at, lines) in opened {
        begin(desk, id, at, lines, by)?;
    }
    Ok(Verdict::New)
}

/// Units of each line that no task has: those that are named, or all.
fn read_free(order: &Order, asked: &[(u32, Decimal)]) -> Result<Parts, Undecided> {
    let free = |number: u32| {
        let line = order.line(number).filter(|line| line.item.is_some());
        let left = line.map(|line| line.counters.to_ship());
        left.unwrap_or_default().minus(order.in_tasks(number))
    };
    if asked.is_empty() {
        let all = order
            .lines
            .iter()
            .map(|line| (line.number, free(line.number)));
        return Ok(all.filter(|(_, units)| units.is_positive()).collect());
    }
    let units = named_units(order, asked)?;
    for (line, units) in &units {
        refuse_beyond(
            order,
            *line,
            (*units, free(*line)),
            "to leave that no task has",
        )?;
    }
    Ok(units)
}

/// Gives units that are promised a place to leave from, where they have none.
fn bind(
    desk: &mut Desk<'_>,
    id: OrderId,
    location: Option<&LocationId>,
    by: &str,
) -> Result<(), Undecided> {
    let order = desk.order(id)?;
    if !places::has_pending(desk, order) {
        return Ok(());
    }
    let is_bound = !places::bound_places(desk, order).is_empty();
    let is_one_place = desk.context.policy.locations.declared().len() < 2;
    match location {
        // What is bound elsewhere stays there: somebody chose that.
        Some(_) if is_bound && !is_one_place => Ok(()),
        Some(location) => places::bind_pending(desk, id, Some(location), by),
        None if is_one_place => {
            let home = home_of(desk, order);
            places::bind_pending(desk, id, Some(&home), by)
        }
        None => places::bind_pending(desk, id, None, by),
    }
}

fn home_of(desk: &Desk<'_>, order: &Order) -> LocationId {
    let policy = &desk.context.policy;
    let home = policy.locations.home_of(&order.account);
    home.unwrap_or(&policy.home).clone()
}

fn work_places(desk: &Desk<'_>, order: &Order, location: Option<&LocationId>) -> Vec<LocationId> {
    match location {
        Some(location) => vec![location.clone()],
        None => places::bound_places(desk, order).into_iter().collect(),
    }
}

/// Whole units that are bound to a location, and that no task has.
fn there(desk: &Desk<'_>, order: &Order, at: &LocationId) -> Parts {
    let has = |number: u32| -> Quantity {
        let tasks = order.tasks.iter();
        let tasks = tasks.filter(|task| task.is_open() && task.location == *at);
        let parts = tasks.filter_map(|task| task.line(number));
        parts.map(TaskLine::to_leave).sum()
    };
    let whole = places::whole_units_at(desk, order, at).into_iter();
    let whole = whole.map(|(line, units)| (line, units.minus(has(line))));
    whole.filter(|(_, units)| units.is_positive()).collect()
}

/// Takes as much of what lies somewhere as is free.
fn take_free(free: &mut Parts, there: &Parts) -> Parts {
    let mut taken = Vec::new();
    for (line, lies) in there {
        for (_, units) in free.iter_mut().filter(|(number, _)| number == line) {
            let part = (*lies).min(*units);
            *units = units.minus(part);
            taken.push((*line, part));
        }
    }
    taken.retain(|(_, units): &(u32, Quantity)| units.is_positive());
    free.retain(|(_, units)| units.is_positive());
    taken
}

/// What takes nothing from stock (a service, a gift wrap) is done with the first task.
fn take_services(
    desk: &Desk<'_>,
    id: OrderId,
    free: &mut Parts,
    opened: &mut Vec<(LocationId, Parts)>,
    location: Option<&LocationId>,
) -> Result<(), Undecided> {
    let order = desk.order(id)?;
    let is_service = |number: u32| {
        let line = order.line(number);
        let item = line.and_then(|line| line.item.as_ref());
        item.is_some_and(|item| item.bill.is_empty())
    };
    let services = free.iter().filter(|(line, _)| is_service(*line));
    let services: Parts = services.copied().collect();
    if services.is_empty() {
        return Ok(());
    }
    free.retain(|(line, _)| !is_service(*line));
    match opened.first_mut() {
        Some((_, lines)) => lines.extend(services),
        None => {
            let at = location.cloned();
            let at = at.unwrap_or_else(|| home_of(desk, order));
            opened.push((at, services));
        }
    }
    Ok(())
}

fn why_nothing_opens(
    desk: &Desk<'_>,
    id: OrderId,
    location: Option<&LocationId>,
    free: &Parts,
) -> Result<FulfillmentRefusal, Undecided> {
    let order = desk.order(id)?;
    let apart = free.iter().find(|(number, _)| {
        let item = order.line(*number).and_then(|line| line.item.as_ref());
        item.is_some_and(|item| item.bill.len() > 1)
            && desk.book.claimed_units(order, *number).is_positive()
    });
    Ok(match (apart, location) {
        (Some((line, _)), None) => FulfillmentRefusal::ComponentsApart(*line),
        (_, Some(location)) => FulfillmentRefusal::NothingToOpen(format!(" at {location}")),
        (None, None) => FulfillmentRefusal::NothingToOpen(String::new()),
    })
}

pub(super) fn begin(
    desk: &mut Desk<'_>,
    id: OrderId,
    location: LocationId,
    lines: Parts,
    by: &str,
) -> Result<TaskId, Undecided> {
    let task = TaskId::next(&mut desk.ids);
    let opened_at = desk.now();
    let parts = lines.iter().map(|(line, units)| TaskLine {
        line: *line,
        units: *units,
        ..TaskLine::default()
    });
    let row = Task {
        id: task,
        location: location.clone(),
        opened_at,
        by: by.to_owned(),
        lines: parts.collect(),
        parcels: Vec::new(),
        parcels_made: 0,
        closed_at: None,
    };
    desk.order_mut(id)?.tasks.push(row);
    for (line, units) in lines {
        let location = location.clone();
        let work = Work::Opened {
            location,
            line,
            units,
        };
        desk.record_work(id, task, work, by);
    }
    Ok(task)
}
