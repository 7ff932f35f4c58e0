//! Several services on one gRPC address: the metadata `stadion-to`, or else the package in the path, says which is
//! meant.

use std::{collections::HashMap, sync::Arc};

use axum::{Router, body::Body as HttpBody, response::IntoResponse};
use http::{Request, Response};
use tonic::{Status, body::Body, service::Routes};
use tower::{Service, service_fn};

use super::TO;
use crate::guard::Guarded;

/// A router over these services; what belongs to none of them (health, reflection) goes to `open`.
pub fn dispatch(services: Vec<(&'static str, Guarded)>, open: Routes) -> Router {
    let services: Arc<HashMap<&'static str, Guarded>> = Arc::new(services.into_iter().collect());
    let open = open.prepare();
    Router::new().fallback_service(service_fn(move |request: Request<HttpBody>| {
        let services = services.clone();
        let open = open.clone();
        async move { Ok::<_, std::convert::Infallible>(route(&services, open, request.map(Body::new)).await) }
    }))
}

/// `open` with gRPC reflection: the whole contract, whoever serves it.
///
/// # Errors
/// Descriptors that are not readable: a fault of the build.
pub fn reflected(open: Routes) -> Result<Routes, tonic_reflection::server::Error> {
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(proto::DESCRIPTORS)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .build_v1()?;
    Ok(open.add_service(reflection))
}

async fn route(
    services: &HashMap<&'static str, Guarded>,
    mut open: Routes,
    request: Request<Body>,
) -> axum::response::Response {
    let Some(meant) = meant(&request) else { return never(open.call(request).await).into_response() };
    match services.get(meant) {
        Some(guarded) => never(guarded.clone().call(request).await).into_response(),
        None => Status::unimplemented("this service is not served here").into_http::<Body>().into_response(),
    }
}

/// `/grpc.…` is nobody's; everything else says whose it is.
fn meant(request: &Request<Body>) -> Option<&str> {
    let path = request.uri().path();
    if !path.starts_with("/stadion.") {
        return None;
    }
    let named = request.headers().get(&TO).and_then(|value| value.to_str().ok());
    named.or_else(|| path.split('.').nth(1))
}

fn never(answer: Result<Response<Body>, std::convert::Infallible>) -> Response<Body> {
    match answer {
        Ok(response) => response,
        Err(never) => match never {},
    }
}
