//! Requests as they come in, checked.

use kernel::{Id, Refusal, time::from_micros};
use platform::status;
use proto::promo as p;
use tonic::Status;

use crate::{
    app::{orders::Posted, purchase},
    domain::order::{Item, Status as OrderStatus},
    wire::{id_of, money_from},
};

const ITEMS_MAX: usize = 500;
const TOKEN_BYTES_MAX: usize = 256;

/// The id of a thing that is asked for: what is no id names nothing.
pub(super) fn found<Kind>(bytes: &[u8]) -> Result<Id<Kind>, Status> {
    id_of(bytes).ok_or_else(|| status(Refusal::not_found()))
}

/// An id in a field.
pub(super) fn field<Kind>(bytes: &[u8], pointer: &str) -> Result<Id<Kind>, Refusal> {
    id_of(bytes).ok_or_else(|| Refusal::field(pointer, "malformed", "an id has 16 bytes"))
}

pub(super) fn order(request: p::RecordOrderRequest) -> Result<Posted, Refusal> {
    let order_ref = purchase::order_ref(&request.order_id, "/order_id")?;
    let order_status = OrderStatus::parse(&request.status)
        .ok_or_else(|| Refusal::field("/status", "unknown_value", "placed, paid, cancelled or refunded"))?;
    let amount = purchase::basket(request.amount.as_ref(), "/amount")?;
    let refunded_minor = match &request.refunded_amount {
        None => None,
        Some(refunded) => {
            let refunded = purchase::basket(Some(refunded), "/refunded_amount")?;
            if refunded.currency != amount.currency {
                let detail = "not the order's currency";
                return Err(Refusal::field("/refunded_amount/currency", "currency_mismatch", detail));
            }
            Some(refunded.amount_minor)
        }
    };
    if request.items.len() > ITEMS_MAX {
        return Err(Refusal::field("/items", "too_many", format!("at most {ITEMS_MAX}")));
    }
    let items =
        request.items.into_iter().enumerate().map(|(index, it)| item(index, it)).collect::<Result<_, _>>()?;
    for (text, pointer) in [(&request.click_token, "/click_token"), (&request.code, "/code")] {
        if text.len() > TOKEN_BYTES_MAX {
            return Err(Refusal::field(pointer, "too_long", format!("at most {TOKEN_BYTES_MAX} bytes")));
        }
    }
    Ok(Posted {
        order_ref,
        status: order_status,
        amount,
        items,
        refunded_minor,
        at: request.at_us.map(from_micros),
        click_token: request.click_token,
        code: request.code,
    })
}

fn item(index: usize, item: p::OrderItem) -> Result<Item, Refusal> {
    let pointer = format!("/items/{index}");
    if !(1..=100).contains(&item.product_id.len()) || item.product_id.chars().any(char::is_control) {
        let pointer = format!("{pointer}/product_id");
        return Err(Refusal::field(&pointer, "out_of_range", "1 to 100 bytes without control characters"));
    }
    let amount = match &item.amount {
        None => None,
        Some(money) => {
            let parsed = money_from(money).filter(|it| it.amount_minor >= 0);
            let wrong =
                || Refusal::field(&format!("{pointer}/amount"), "out_of_range", "an amount of 0 or more");
            Some(parsed.ok_or_else(wrong)?)
        }
    };
    Ok(Item { product_id: item.product_id, quantity: item.quantity, amount })
}
