//! A look at a peer's addresses beside all traffic, for whoever asks what is wrong.

use std::{io, net::SocketAddr};

use futures::future::join_all;

use super::{Address, endpoint::Endpoint};

pub use super::endpoint::Looked;

/// Every place that `address` stands for, with what it says of `service` when it is asked for its health.
///
/// # Errors
/// A name that is not resolved.
pub async fn probe(address: &Address, service: &str) -> io::Result<Vec<(SocketAddr, Looked)>> {
    let places = address.resolve().await?;
    let looks = places.into_iter().map(|place| async move {
        let looked = match Endpoint::new(address, place) {
            Ok(endpoint) => endpoint.look(service).await,
            Err(error) => Looked::Silent(format!("is no address: {error}")),
        };
        (place, looked)
    });
    Ok(join_all(looks).await)
}
