//! What a verified access token costs each request: the first time, and from then on.

use std::{hint::black_box, sync::Arc};

use async_trait::async_trait;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use kernel::{Refusal, time::ManualClock};
use serde_json::json;
use stadion_gateway::{Expectations, Gate, KeySource, Keys};
use uuid::Uuid;

const NOW_S: i64 = 1_777_600_800;

struct One(Vec<u8>);

#[async_trait]
impl KeySource for One {
    async fn keys(&self) -> Result<Keys, Refusal> {
        let key = stadion_gateway::public_key(&self.0).expect("a key of 32 bytes");
        Ok(Keys::from([("k1".to_owned(), key)]))
    }
}

/// A token of somebody in the app, never seen before.
fn fresh(key: &Ed25519KeyPair) -> String {
    let header = json!({"alg": "EdDSA", "typ": "at+jwt", "kid": "k1"}).to_string();
    let claims = json!({
        "iss": "stadion", "aud": "stadion", "sub": Uuid::new_v4(), "sid": Uuid::new_v4(), "jti": Uuid::new_v4(),
        "iat": NOW_S, "exp": NOW_S + 600, "scope": "account", "client_id": "stadion-app",
    });
    let signed = format!("{}.{}", BASE64.encode(header), BASE64.encode(claims.to_string()));
    let signature = key.sign(signed.as_bytes());
    format!("{signed}.{}", BASE64.encode(signature.as_ref()))
}

fn token(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let key = Ed25519KeyPair::generate().expect("a key");
    let expected = Expectations { issuer: "stadion".to_owned(), audience: "stadion".to_owned() };
    let clock = Arc::new(ManualClock::at(kernel::time::from_micros(NOW_S * 1_000_000)));
    let gate = Gate::new(expected, clock, Box::new(One(key.public_key().as_ref().to_vec())));

    let gate = &gate;

    let mut group = criterion.benchmark_group("access token");
    group.bench_function("first time", |bencher| {
        bencher.to_async(&runtime).iter_batched(
            || fresh(&key),
            |token| async move { gate.admit(black_box(&token)).await.expect("a valid token") },
            BatchSize::SmallInput,
        );
    });
    let known = fresh(&key);
    group.bench_function("known", |bencher| {
        bencher
            .to_async(&runtime)
            .iter(|| async { gate.admit(black_box(&known)).await.expect("a valid token") });
    });
    group.finish();
}

criterion_group!(benches, token);
criterion_main!(benches);
