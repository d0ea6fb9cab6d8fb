//! `oneshelf people`: which orders somebody has, and forgetting them.

use clap::Subcommand;
use serde_json::{Value, json};

use super::{
    client::{Client, Connect},
    orders::find,
    out::{Out, show},
};
use crate::exit::Exit;

/// Finds the orders of somebody, and erases what orders say of people.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    pub(super) connect: Connect,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Lists the orders of somebody, by an e-mail address or a phone number.
    Find {
        /// The e-mail address, or the phone number.
        contact: String,
    },
    /// Erases what orders say of somebody; shows what it would do, and does it with --yes.
    Erase(Erase),
}

#[derive(Debug, clap::Args)]
struct Erase {
    /// The e-mail address, or the phone number.
    #[arg(required_unless_present = "order", conflicts_with = "order")]
    contact: Option<String>,
    /// Only of this order: our id of it, or its id on its channel.
    #[arg(long)]
    order: Option<String>,
    /// Who asks for it.
    #[arg(long)]
    by: Option<String>,
    /// Do it: nothing brings it back.
    #[arg(long)]
    yes: bool,
}

pub(super) async fn run(args: &Args, client: &Client, out: &mut Out<'_>) -> anyhow::Result<Exit> {
    match &args.what {
        What::Find { contact } => {
            let orders = of(contact, client).await?;
            list(&orders, out)?;
            Ok(Exit::Good)
        }
        What::Erase(asked) => erase(asked, client, out).await,
    }
}

async fn of(contact: &str, client: &Client) -> anyhow::Result<Vec<Value>> {
    let body = json!({ "contact": contact });
    let found = client.post("/people/orders", &body).await?;
    Ok(found["items"].as_array().cloned().unwrap_or_default())
}

fn list(orders: &[Value], out: &mut Out<'_>) -> anyhow::Result<()> {
    out.table(
        orders,
        &[
            ("ORDER", &|order| show(order, "id")),
            ("NUMBER", &|order| show(order, "number")),
            ("ACCOUNT", &|order| show(order, "account")),
            ("PHASE", &|order| show(order, "phase")),
            ("PLACED", &|order| show(order, "placed_at")),
        ],
    )?;
    Ok(())
}

async fn erase(asked: &Erase, client: &Client, out: &mut Out<'_>) -> anyhow::Result<Exit> {
    let ids = match (&asked.order, &asked.contact) {
        (Some(order), _) => vec![find(order, client).await?],
        (None, contact) => {
            let orders = of(contact.as_deref().unwrap_or_default(), client).await?;
            if !asked.yes {
                list(&orders, out)?;
            }
            orders.iter().map(|order| show(order, "id")).collect()
        }
    };
    if ids.is_empty() {
        anyhow::bail!(
            "no order names this contact; what is erased is not found any more, and a contact that was \
             written differently is another one"
        );
    }
    if !asked.yes {
        if !out.is_json() {
            out.line(&format!(
                "Names, addresses, contacts and notes of {} would be erased for good, also in the hooks that \
                 brought them; money, stock and history stay. Say --yes to do it.",
                orders(ids.len())
            ))?;
        }
        return Ok(Exit::Finding);
    }
    let mut body = json!({});
    if let Some(by) = &asked.by {
        body["by"] = json!(by);
    }
    let mut waiting = 0;
    for id in &ids {
        client.post(&format!("/orders/{id}/erasure"), &body).await?;
        let order = client.get(&format!("/orders/{id}")).await?;
        if out.is_json() {
            let told = json!({ "order": order["id"], "erasure": order["erasure"] });
            out.objects([&told])?;
        }
        waiting += usize::from(order["erasure"]["done_at"].is_null());
    }
    if !out.is_json() {
        let erased = ids.len() - waiting;
        if erased > 0 {
            out.line(&format!("Erased in {}.", orders(erased)))?;
        }
        if waiting > 0 {
            out.line(&format!(
                "{} must still be sent and needs the address: it is erased when that is done.",
                orders(waiting)
            ))?;
        }
    }
    Ok(Exit::Good)
}

fn orders(count: usize) -> String {
    match count {
        1 => "1 order".to_owned(),
        many => format!("{many} orders"),
    }
}
