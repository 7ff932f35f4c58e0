//! The other messages that carry a whole activity, to and from the part that they share: under the same numbers the same
//! fields, so that the bytes of the one are the other, and what only one of them has is passed over.

use eventing::DecodeError;
use prost::Message;

use super::Whole;

pub(super) fn shaped<M: Message + Default>(whole: &Whole) -> M {
    M::decode(whole.encode_to_vec().as_slice()).unwrap_or_default()
}

pub(super) fn of<M: Message>(message: &M) -> Result<Whole, DecodeError> {
    Whole::decode(message.encode_to_vec().as_slice()).map_err(|error| DecodeError(error.to_string()))
}
