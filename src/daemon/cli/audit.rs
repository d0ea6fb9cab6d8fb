//! `oneshelf listings audit`: what each channel shows, beside what the items say.

use serde_json::Value;

use super::{
    client::{Client, query},
    out::{Out, count, show},
};

pub(super) async fn run(
    account: Option<&str>,
    what: Option<&str>,
    client: &Client,
    out: &mut Out<'_>,
) -> anyhow::Result<()> {
    let path = query(&[
        ("account", account.map(str::to_owned)),
        ("what", what.map(str::to_owned)),
    ]);
    let audit = client.get(&format!("/listings/audit{path}")).await?;
    if out.is_json() {
        return out.objects([&audit]);
    }
    let differences = list(&audit, "differences");
    let accounts = list(&audit, "accounts");
    if !differences.is_empty() {
        out.table(
            differences,
            &[
                ("ACCOUNT", &|one| show(one, "account")),
                ("SKU", &|one| show(one, "sku")),
                ("LISTING", &|one| show(one, "listing")),
                ("WHAT", &|one| show(one, "what")),
                ("ITEM", &|one| show(one, "item")),
                ("SHOWN", &|one| show(one, "shown")),
                ("MORE BY", &more_by),
            ],
        )?;
    }
    let differ = count(&differences.len().to_string(), "difference");
    let more = match audit["left_off"].as_u64() {
        None | Some(0) => String::new(),
        Some(more) => format!(", and {more} more that are not shown"),
    };
    let listings = count(&show(&audit, "listings"), "listing");
    out.line(&format!(
        "{differ}{more}; {listings} compared. Nothing was written."
    ))?;
    if differences
        .iter()
        .any(|one| one["how"] == "listings_differ")
    {
        out.line(
            "Where ITEM is -, the item says nothing and its listings differ among themselves: `[[items]]`, or PUT \
             /api/v1/items/SKU, says what is right.",
        )?;
    }
    for account in accounts {
        for reason in list(account, "not_compared") {
            let reason = reason.as_str().unwrap_or_default();
            out.line(&format!("{}: {reason}", show(account, "id")))?;
        }
    }
    Ok(())
}

/// By how much a price is higher than that of the item; lower is negative.
fn more_by(difference: &Value) -> String {
    match &difference["by"] {
        Value::Null => "-".to_owned(),
        _ => super::out::money(difference, "by"),
    }
}

fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}
